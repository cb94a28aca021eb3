//! Microsoft Graph and Azure Resource Manager: small JSON calls to services that are slow to agree
//! with themselves.
//!
//! What is throttled is tried again when the service wants it. What changes nothing by being done
//! twice is tried again after a passing failure; of anything else whoever asked has to find out
//! whether it was done. An object that was just made is waited for: a
//! directory has many copies, and the next call may be answered by one that does not have it yet.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;
use url::Url;

use super::api::encoded;
use super::az::word;
use super::change::{ASSIGNMENT_ID, CLIENT_ID, Change, OBJECT_ID, PRINCIPAL_ID};
use super::error::Error;
use super::shown::{Kind, Requests, Shown};
use crate::token::exchange;

/// One of the two services, and who speaks to it.
pub(super) struct Service {
    name: &'static str,
    base: Url,
    http: reqwest::Client,
    authorization: HeaderValue,
    /// What would be done, where nothing is.
    shown: Option<Requests>,
}

/// Status and body.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

impl Service {
    /// A service at this URL.
    pub(super) fn new(
        (name, base): (&'static str, Url),
        http: reqwest::Client,
        token: &SecretString,
    ) -> Result<Self, Error> {
        let text = Zeroizing::new(format!("Bearer {}", token.expose_secret().trim()));
        let mut authorization = HeaderValue::from_str(&text)
            .map_err(|_| Error::SignIn(name, "what was given is no token".to_owned()))?;
        authorization.set_sensitive(true);
        Ok(Self { name, base, http, authorization, shown: None })
    }

    /// The same, which changes nothing and notes here what it would have done.
    pub(super) fn that_shows(self, requests: &Requests) -> Self {
        Self { shown: Some(requests.clone()), ..self }
    }

    pub(super) fn changes_nothing(&self) -> bool {
        self.shown.is_some()
    }

    /// The same for the Azure CLI, where it has no command that says all of it.
    pub(super) fn az(&self, method: &Method, path: &str, body: &Value) -> String {
        let base = self.base.as_str().trim_end_matches('/');
        let resource = base.trim_end_matches("/v1.0");
        format!(
            "az rest --method {method} --url {} --resource {} --body {}",
            word(&format!("{base}{path}")),
            word(resource),
            word(&body.to_string())
        )
    }

    /// An object, if it is there.
    pub(super) async fn find(&self, path: &str) -> Result<Option<Value>, Error> {
        self.show_read(path);
        if is_imagined(path) {
            return Ok(None);
        }
        let answer = self.call(&Change::new(Method::GET, path, None), Missing::Is).await;
        match answer {
            Err(error) if error.has_status(404) => Ok(None),
            answer => answer.map(Some),
        }
    }

    /// An object that is there, even if not everybody has heard of it.
    pub(super) async fn read(&self, path: &str) -> Result<Value, Error> {
        self.show_read(path);
        if is_imagined(path) {
            return Ok(json!({}));
        }
        self.call(&Change::new(Method::GET, path, None), Missing::Comes).await
    }

    /// All objects of a collection, page by page.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, Error> {
        self.show_read(path);
        let mut all = Vec::new();
        let mut next = (!is_imagined(path)).then(|| path.to_owned());
        while let Some(path) = next {
            let change = Change::new(Method::GET, path, None);
            let mut page = self.call(&change, Missing::Comes).await?;
            let Some(values) = page["value"].as_array_mut() else {
                let request = change.title();
                return Err(Error::Malformed { service: self.name, request });
            };
            all.append(values);
            // Graph's name of it, and Resource Manager's.
            let link = ["@odata.nextLink", "nextLink"].iter().find_map(|name| page[*name].as_str());
            next = link.map(|link| self.below(link)).transpose()?;
        }
        Ok(all)
    }

    /// Does it, and gives what the service says; what would be said where nothing is done.
    pub(super) async fn change(&self, change: Change) -> Result<Value, Error> {
        if let Some(shown) = &self.shown {
            shown.borrow_mut().push(Shown {
                title: change.title(),
                body: change.body.clone(),
                az: change.az.clone(),
                kind: Kind::Change,
            });
            return Ok(change.imagined());
        }
        let missing = if change.method == Method::DELETE { Missing::Is } else { Missing::Comes };
        self.call(&change, missing).await
    }

    /// Takes something away; what is not there any more is gone as well.
    pub(super) async fn remove(&self, change: Change) -> Result<(), Error> {
        match self.change(change).await {
            Err(error) if error.has_status(404) => Ok(()),
            removed => removed.map(drop),
        }
    }

    async fn call(&self, change: &Change, missing: Missing) -> Result<Value, Error> {
        let (mut tried, began) = (0, Instant::now());
        loop {
            let answer = match self.once(change).await {
                Ok(answer) if answer.status.is_success() => return Ok(answer.body),
                answer => answer,
            };
            let pause = self.pause(change, missing, (&answer, tried));
            tried += 1;
            let failed = match answer {
                Err(error) => error,
                Ok(answer) => self.refusal(change, &answer),
            };
            match pause {
                Some(pause) if began.elapsed() + pause < PATIENCE => {
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(failed),
            }
        }
    }

    /// How long to wait before the same is asked again, if that makes sense.
    fn pause(
        &self,
        change: &Change,
        missing: Missing,
        (answer, tried): (&Result<Answer, Error>, u32),
    ) -> Option<Duration> {
        let back_off = (FIRST_PAUSE * 2u32.pow(tried.min(5))).min(LONGEST_PAUSE);
        let is_repeatable = change.is_repeatable;
        let answer = match answer {
            Ok(answer) => answer,
            // What never left was not done.
            Err(error) if is_repeatable || !error.is_unanswered() => {
                return (tried < ATTEMPTS).then_some(back_off);
            }
            Err(_) => return None,
        };
        let asked = answer.headers.get(header::RETRY_AFTER);
        let asked = asked.and_then(|value| value.to_str().ok()?.parse().ok());
        let asked = asked.map(Duration::from_secs);
        match answer.status.as_u16() {
            429 => Some(asked.unwrap_or(LONGEST_PAUSE)),
            // With or without a time to come back: Graph throttles with 429, and this can be said by
            // its front while what is behind has begun. What must not be done twice is looked for.
            503 if is_repeatable && asked.is_some() => asked,
            500..=599 if is_repeatable && tried < ATTEMPTS => Some(back_off),
            404 if matches!(missing, Missing::Comes) => Some(back_off),
            400 if refers_to_what_comes(&answer.body) => Some(back_off),
            _ => None,
        }
    }

    async fn once(&self, change: &Change) -> Result<Answer, Error> {
        let unreachable = |source: Option<reqwest::Error>| Error::Unreachable {
            service: self.name,
            request: change.title(),
            source: source.map(reqwest::Error::without_url),
        };
        let mut request = self
            .http
            .request(change.method.clone(), self.url(&change.path)?)
            .header(header::AUTHORIZATION, self.authorization.clone())
            .header(header::ACCEPT, "application/json");
        if let Some(body) = &change.body {
            request = request.json(body);
        }
        let exchange = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            Ok((status, headers, exchange::at_most(ANSWER_MOST, response).await?))
        };
        let exchanged = tokio::time::timeout(ANSWER_TIME, exchange).await;
        let (status, headers, body) =
            exchanged.map_err(|_| unreachable(None))?.map_err(|error| unreachable(Some(error)))?;
        // It may hold a secret.
        let body = Zeroizing::new(body.unwrap_or_default());
        let malformed = || Error::Malformed { service: self.name, request: change.title() };
        let body = if body.is_empty() {
            Value::Null
        } else {
            match serde_json::from_slice(&body) {
                Ok(body) => body,
                Err(_) if !status.is_success() => Value::Null,
                Err(_) => return Err(malformed()),
            }
        };
        Ok(Answer { status, headers, body })
    }

    fn refusal(&self, change: &Change, answer: &Answer) -> Error {
        let text = |name: &str| {
            let text = answer.body["error"][name].as_str().unwrap_or_default();
            // One line, of a length that people read.
            text.chars().filter(|c| !c.is_control()).take(500).collect::<String>()
        };
        Error::Refused {
            service: self.name,
            request: change.title(),
            status: answer.status.as_u16(),
            code: text("code"),
            message: text("message"),
        }
    }

    /// What of this link is below the base. A token goes nowhere else.
    fn below(&self, link: &str) -> Result<String, Error> {
        let base = self.base.as_str().trim_end_matches('/');
        let path = link.strip_prefix(base).filter(|path| path.starts_with('/'));
        let malformed = || Error::Malformed { service: self.name, request: "a list".to_owned() };
        path.map(str::to_owned).ok_or_else(malformed)
    }

    fn url(&self, path: &str) -> Result<Url, Error> {
        let text = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        Url::parse(&text).map_err(|_| Error::Usage(format!("{text} is no URL")))
    }

    fn show_read(&self, path: &str) {
        if let Some(shown) = &self.shown {
            let (title, az) = (format!("GET {path}"), String::new());
            let kind = if is_imagined(path) { Kind::ReadOfNothing } else { Kind::Read };
            shown.borrow_mut().push(Shown { title, body: None, az, kind });
        }
    }
}

/// What it means that an object is not there.
#[derive(Clone, Copy)]
enum Missing {
    /// That it is not there.
    Is,
    /// That this copy of the directory does not have it yet.
    Comes,
}

/// Whether a new object refers to one that this copy of the directory does not have yet.
fn refers_to_what_comes(body: &Value) -> bool {
    let details = body["error"]["details"].as_array().into_iter().flatten();
    let mut codes =
        details.chain([&body["error"]]).map(|it| it["code"].as_str().unwrap_or_default());
    codes.any(|code| ["NoBackingApplicationObject", "PrincipalNotFound"].contains(&code))
}

/// Whether it names something that was never made.
fn is_imagined(path: &str) -> bool {
    let all = [OBJECT_ID, CLIENT_ID, PRINCIPAL_ID, ASSIGNMENT_ID];
    // In a filter it is encoded.
    all.iter().any(|it| path.contains(it) || path.contains(&encoded(it)))
}

/// How often what failed in passing is tried again.
const ATTEMPTS: u32 = 3;

const FIRST_PAUSE: Duration = Duration::from_millis(250);

const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// After that long all copies of a directory show what was made: they mostly agree within half a
/// minute.
pub(super) const LATE: Duration = Duration::from_secs(40);

/// What is waited for comes later than that only where something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

const ANSWER_TIME: Duration = Duration::from_secs(60);

/// A page of a hundred applications with their certificates.
const ANSWER_MOST: usize = 8 << 20;

/// How long a connection may take.
pub(super) const CONNECT_TIME: Duration = Duration::from_secs(20);
