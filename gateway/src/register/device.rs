//! Signing in with a device code (RFC 8628): the code is shown here, and typed into a browser
//! anywhere.

use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::Instant;

use super::error::Error;
use super::report::Report;
use crate::token::{advice, exchange};

/// Somebody who signs in this way, once for all services.
pub(super) struct Device {
    endpoint: String,
    client_id: String,
    refresh_token: Option<SecretString>,
}

#[derive(Deserialize)]
struct Begun {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    #[serde(default = "a_quarter")]
    expires_in: u64,
    #[serde(default = "five")]
    interval: u64,
}

#[derive(Deserialize)]
struct Said {
    access_token: Option<SecretString>,
    refresh_token: Option<SecretString>,
    error: Option<String>,
    #[serde(default)]
    error_codes: Vec<u32>,
}

impl Device {
    /// At the authority's endpoint for a tenant.
    pub(super) fn new(endpoint: String, client_id: &str) -> Self {
        Self { endpoint, client_id: client_id.to_owned(), refresh_token: None }
    }

    /// A token for this scope. Only the first one takes somebody to sign in.
    pub(super) async fn token(
        &mut self,
        scope: &str,
        http: &reqwest::Client,
        (service, report): (&'static str, &mut Report),
    ) -> Result<SecretString, Error> {
        if let Some(token) = self.refresh_token.take() {
            let form = [("grant_type", "refresh_token"), ("refresh_token", token.expose_secret())];
            let said: Said =
                self.ask("token", &[&form[..], &[("scope", scope)]].concat(), http).await?;
            if let Some(found) = said.access_token {
                self.refresh_token = said.refresh_token.or(Some(token));
                return Ok(found);
            }
        }
        let wanted = format!("{scope} offline_access");
        let begun = self.ask::<Begun>("devicecode", &[("scope", &wanted)], http).await?;
        report.line(&format!(
            "To sign in, open {} and enter the code {} (good for {} minutes).",
            printable(&begun.verification_uri),
            printable(&begun.user_code),
            begun.expires_in.min(LONGEST) / 60,
        ));
        let said = self.poll(&begun, http, service).await?;
        self.refresh_token = said.refresh_token;
        said.access_token.ok_or_else(|| Error::SignIn(service, "it is empty".to_owned()))
    }

    /// Asks until somebody has signed in, or will not.
    async fn poll(
        &self,
        begun: &Begun,
        http: &reqwest::Client,
        service: &'static str,
    ) -> Result<Said, Error> {
        let mut interval = Duration::from_secs(begun.interval.clamp(1, 60));
        let ends = Instant::now() + Duration::from_secs(begun.expires_in.min(LONGEST));
        let code = begun.device_code.expose_secret();
        let form = [("grant_type", DEVICE_CODE), ("device_code", code)];
        while Instant::now() < ends {
            tokio::time::sleep(interval).await;
            let said = match self.ask::<Said>("token", &form, http).await {
                // RFC 8628, section 3.5: a time-out is answered by asking less often.
                Err(Error::Unreachable { .. }) => {
                    interval *= 2;
                    continue;
                }
                said => said?,
            };
            match said.error.as_deref() {
                None => return Ok(said),
                Some("authorization_pending") => {}
                Some("slow_down") => interval += SLOWER,
                Some("authorization_declined" | "access_denied") => {
                    return Err(Error::SignIn(service, "the sign-in was declined".to_owned()));
                }
                Some("expired_token" | "bad_verification_code") => break,
                Some(_) => {
                    let remedy = advice(&said.error_codes).unwrap_or("the authority refused it");
                    let codes = said.error_codes.iter().map(|code| format!(" AADSTS{code}"));
                    let text = format!("{remedy}{}", codes.collect::<String>());
                    return Err(Error::SignIn(service, text));
                }
            }
        }
        Err(Error::SignIn(service, "nobody signed in before the code ended".to_owned()))
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        endpoint: &str,
        form: &[(&str, &str)],
        http: &reqwest::Client,
    ) -> Result<T, Error> {
        let (service, request) = ("the authority", format!("POST {endpoint}"));
        let url = format!("{}/{endpoint}", self.endpoint);
        let form = form.iter().copied().chain([("client_id", &*self.client_id)]);
        let exchange = async {
            let form = form.collect::<Vec<_>>();
            let response = http.post(url).header("accept", "application/json").form(&form);
            exchange::at_most(1 << 20, response.send().await?).await
        };
        let unreachable = |source: Option<reqwest::Error>| {
            let (request, source) = (request.clone(), source.map(reqwest::Error::without_url));
            Error::Unreachable { service, request, source }
        };
        let body = tokio::time::timeout(ANSWER_TIME, exchange).await;
        let body =
            body.map_err(|_| unreachable(None))?.map_err(|error| unreachable(Some(error)))?;
        let body = Zeroizing::new(body.unwrap_or_default());
        let said = serde_json::from_slice(&body);
        said.map_err(|_| {
            let refused = serde_json::from_slice::<Said>(&body).ok();
            let codes = refused.map(|said| said.error_codes).unwrap_or_default();
            match advice(&codes) {
                Some(remedy) => Error::SignIn(service, remedy.to_owned()),
                None => Error::Malformed { service, request: request.clone() },
            }
        })
    }
}

/// What a terminal shows and does not obey.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn a_quarter() -> u64 {
    900
}

fn five() -> u64 {
    5
}

const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// RFC 8628, section 3.5.
const SLOWER: Duration = Duration::from_secs(5);

/// Longer than anybody's code is good, in seconds.
const LONGEST: u64 = 24 * 3600;

const ANSWER_TIME: Duration = Duration::from_secs(30);
