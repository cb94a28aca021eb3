//! One record, as file and queue hold it and as all sinks read it.

use std::fmt;
use std::net::IpAddr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::transaction::bounded;

/// One record: a JSON object on one line, of which absent fields are left out.
///
/// Requests write theirs by hand, byte for byte what [`serde_json`] would write. `Debug` shows the
/// event alone: UIDs, reasons and names are nobody's who reads a log.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// When it was over, in UTC (RFC 3339): `2026-11-23T14:00:00.123Z`.
    pub time: String,
    /// 16 hexadecimal digits; of a transaction, its request id.
    pub id: String,
    /// What happened.
    pub event: Event,
    /// How it ended.
    pub outcome: Outcome,
    /// Who stood behind it; absent for who proved nothing, and for the gateway's own doings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Principal>,
    /// Where the request came from; absent for a Unix socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// The prefix of the route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// Host and port of the origin server, as in its URL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The client, by its name in the configuration, whose right was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The transaction class, a word of [`config::Transaction::name`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction: Option<String>,
    /// The resource, a word of [`crate::transaction::Resource`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The HTTP method, of those that DICOMweb knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The data partition in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<String>,
    /// Study Instance UID (0020,000D) in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<String>,
    /// Series Instance UID (0020,000E) in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<String>,
    /// SOP Instance UID (0008,0018) in the path, that of a work item among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The status that the caller was answered with; 499 for one who had left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Whose fault a failure was, a word of [`crate::error::Blame`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blame: Option<String>,
    /// Why it failed, a word of the closed list that callers are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Bytes of the request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub received: Option<u64>,
    /// Bytes of the answer's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// How long it took, from its head to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_us: Option<u64>,
    /// The trace that it was part of (W3C Trace Context).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Whether another proxy asked, which then forwarded the request itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub vouched: bool,
    /// The emergency that it was done in: the reason that its principal gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub emergency: Option<String>,
    /// Of an alert: how many requests were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusals: Option<u64>,
    /// Of a start or stop: the program's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A request on a route, whatever became of it.
    #[default]
    Transaction,
    /// The gateway serves.
    Start,
    /// The gateway ends.
    Stop,
    /// The gateway serves under another configuration.
    Reload,
    /// Requests of one address were refused again and again.
    Alert,
    /// A principal asserted an emergency.
    EmergencyStart,
    /// An asserted emergency is over.
    EmergencyStop,
}

/// How it ended, in the words of PS3.15 (`EventOutcomeIndicator`).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// As it should (0).
    #[default]
    Success,
    /// Not done, and asking again may help: the caller's mistake, or one that left (4).
    MinorFailure,
    /// Not done, since it was refused: no proof, no leave (8).
    SeriousFailure,
    /// Not done, since the gateway, the authority or the origin server failed (12).
    MajorFailure,
}

impl Entry {
    /// That this happened just now, and no more.
    pub(crate) fn now(event: Event) -> Self {
        Self {
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            id: format!("{:016x}", fastrand::u64(..)),
            event,
            ..Self::default()
        }
    }
}

impl Outcome {
    /// Its name, as it is read and written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::MinorFailure => "minor-failure",
            Self::SeriousFailure => "serious-failure",
            Self::MajorFailure => "major-failure",
        }
    }
}

/// Who stood behind a request.
#[derive(Clone, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Principal {
    /// How it proved who it is, a word of [`crate::caller::Principal::KINDS`].
    pub kind: String,
    /// Who it is among its kind: a token's `oid` or `sub`, a key's name, a certificate's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Who says so: a token's `iss`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The tenant of Entra's (`tid`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<Uuid>,
    /// The application that the caller used (`azp`, `appid` or `client_id`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
}

impl Principal {
    /// The same of a caller that proved who it is, with no more of its names than a record takes.
    pub(crate) fn of(principal: &crate::caller::Principal) -> Self {
        let text = |text: Option<&str>| text.map(|text| bounded(text).to_owned());
        Self {
            kind: principal.kind().to_owned(),
            id: text(principal.id()),
            issuer: text(principal.issuer()),
            tenant: principal.tenant(),
            application: text(principal.application()),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry").field("event", &self.event).finish_non_exhaustive()
    }
}
