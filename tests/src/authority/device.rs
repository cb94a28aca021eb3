//! Device codes (RFC 8628): how people sign in to programs without a browser.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use super::form::Form;
use super::refusal::Refusal;
use super::settings::Settings;

/// The codes that were given out, and what polls are answered.
pub(crate) struct Devices {
    /// By device code: the scope that was asked for, and the time of the last poll.
    codes: HashMap<String, (String, Instant)>,
    refresh_tokens: Vec<String>,
    /// What the next polls are answered, before there is a token.
    pub(super) polls: VecDeque<&'static str>,
    pub(super) interval: Duration,
}

impl Devices {
    /// A new code.
    pub(super) fn begin(
        &mut self,
        form: &Form,
        settings: &Settings,
        origin: &str,
    ) -> Result<Value, Refusal> {
        known_tenant(form, settings)?;
        for name in ["client_id", "scope"] {
            form.field(name).ok_or_else(|| Refusal::missing(name))?;
        }
        let scope = form.field("scope").unwrap_or_default();
        audience(scope, settings)?;
        let code = Uuid::new_v4().simple().to_string();
        self.codes.insert(code.clone(), (scope.to_owned(), Instant::now()));
        let uri = format!("{origin}/devicelogin");
        Ok(json!({
            "device_code": code,
            "user_code": "E7W4-T2QK",
            "verification_uri": uri,
            "expires_in": 900,
            "interval": self.interval.as_secs(),
            "message": format!("Open {uri} and enter E7W4-T2QK to sign in."),
        }))
    }

    /// The audience of the token that a poll, or a refresh token, has a right to; and a refresh
    /// token where that was asked for.
    pub(super) fn redeem(
        &mut self,
        form: &Form,
        settings: &Settings,
    ) -> Result<(String, Option<String>), Refusal> {
        known_tenant(form, settings)?;
        form.field("client_id").ok_or_else(|| Refusal::missing("client_id"))?;
        if let Some(token) = form.field("refresh_token") {
            if !self.refresh_tokens.iter().any(|it| it == token) {
                return Err(Refusal::bad_grant("This refresh token is not known."));
            }
            let scope = form.field("scope").ok_or_else(|| Refusal::missing("scope"))?;
            return Ok((audience(scope, settings)?, None));
        }
        let code = form.field("device_code").ok_or_else(|| Refusal::missing("device_code"))?;
        let code_is_unknown = || Refusal::plain("bad_verification_code", "No such device code.");
        let (scope, last) = self.codes.get_mut(code).ok_or_else(code_is_unknown)?;
        // A little less: a timer may be early by what the clock's resolution is.
        let too_soon = last.elapsed() + Duration::from_millis(50) < self.interval;
        *last = Instant::now();
        if too_soon {
            return Err(Refusal::plain("slow_down", "It was asked too soon."));
        }
        if let Some(error) = self.polls.pop_front() {
            if error == "slow_down" {
                // RFC 8628, section 3.5: and so for all polls to come.
                self.interval += Duration::from_secs(5);
            }
            return Err(Refusal::plain(error, "Not yet, or never."));
        }
        let (scope, wants_refresh) = (scope.clone(), scope.contains("offline_access"));
        self.codes.remove(code);
        let refresh_token = wants_refresh.then(|| Uuid::new_v4().to_string());
        self.refresh_tokens.extend(refresh_token.clone());
        Ok((audience(&scope, settings)?, refresh_token))
    }
}

impl Default for Devices {
    fn default() -> Self {
        Self {
            codes: HashMap::new(),
            refresh_tokens: Vec::new(),
            polls: VecDeque::new(),
            interval: Duration::from_secs(1),
        }
    }
}

fn known_tenant(form: &Form, settings: &Settings) -> Result<(), Refusal> {
    let is_known = settings.knows(&form.tenant) || form.tenant == "organizations";
    if is_known { Ok(()) } else { Err(Refusal::unknown_tenant(&form.tenant)) }
}

fn audience(scope: &str, settings: &Settings) -> Result<String, Refusal> {
    let asked = scope.split(' ').find(|scope| scope.ends_with("/.default"));
    let asked = asked.and_then(|scope| scope.strip_suffix("/.default")).unwrap_or_default();
    let known = settings.registrations.first_party.iter().find(|it| *it == asked);
    known.cloned().ok_or_else(|| Refusal::unknown_resource(asked, &settings.tenant))
}
