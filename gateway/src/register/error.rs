//! Why a registration cannot go on, and what to do about it.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use crate::token::AcquireError;

/// Why it cannot go on. What Graph said is passed on: whoever reads it administers the directory.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The command makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A file does not.
    #[error("{0}")]
    Configuration(String),
    /// The directory lacks something that this command cannot bring.
    #[error("{0}")]
    Missing(String),
    /// Nobody signed in.
    #[error("no token for {0}: {1}")]
    SignIn(&'static str, String),
    /// No answer came.
    #[error("{service} cannot be reached ({request})")]
    Unreachable {
        service: &'static str,
        request: String,
        #[source]
        source: Option<reqwest::Error>,
    },
    /// It said no.
    #[error("{service} refuses {request}: {status} {code}: {message}{}", remedy(.code))]
    Refused { service: &'static str, request: String, status: u16, code: String, message: String },
    /// It said nothing that can be used.
    #[error("{service} answers {request} with nothing that can be used")]
    Malformed { service: &'static str, request: String },
    /// A file cannot be written or read.
    #[error("{}: {source}", .path.display())]
    File { path: PathBuf, source: io::Error },
    /// The authority does not take the credential.
    #[error("the authority does not take the new credential")]
    NotAccepted(#[source] Box<AcquireError>),
}

impl Error {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            Self::Configuration(_) => 78,
            _ => 1,
        }
    }

    /// Whether it may have been done all the same.
    pub(super) fn is_unanswered(&self) -> bool {
        match self {
            // Where there was no connection, nothing was asked.
            Self::Unreachable { source, .. } => {
                !source.as_ref().is_some_and(reqwest::Error::is_connect)
            }
            Self::Malformed { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
            _ => false,
        }
    }

    /// Graph answers this request without what has to be in the answer.
    pub(super) fn bare(request: impl Into<String>) -> Self {
        Self::Malformed { service: "Microsoft Graph", request: request.into() }
    }

    /// Whether the directory has such a one, and will have no second one.
    pub(super) fn is_taken(&self) -> bool {
        self.has_status(409) || self.has_code("Request_MultipleObjectsWithSameKeyValue")
    }

    pub(super) fn has_code(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    pub(super) fn has_status(&self, wanted: u16) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == wanted)
    }

    /// Itself and its sources, in a line; with what to do, where the authority's number is known.
    pub(super) fn text(&self) -> String {
        let mut text = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            text.push_str(&format!(": {error}"));
            source = error.source();
        }
        if let Self::NotAccepted(error) = self
            && let Some(advice) = error.said().and_then(|said| said.advice)
        {
            text.push_str(&format!(": {}", advice.remedy));
        }
        text
    }
}

/// What to do about one of Graph's and Resource Manager's codes.
fn remedy(code: &str) -> String {
    let known = REMEDIES.iter().find(|(known, _)| *known == code);
    known.map_or_else(String::new, |(_, remedy)| format!(" ({remedy})"))
}

const REMEDIES: [(&str, &str); 6] = [
    (
        "Authorization_RequestDenied",
        "who signs in needs the role Application Administrator or Cloud Application Administrator, or \
         the permission Application.ReadWrite.OwnedBy; to consent for all users, \
         DelegatedPermissionGrant.ReadWrite.All",
    ),
    (
        "InvalidAuthenticationToken",
        "the token is not for this service, or has ended: sign in again",
    ),
    (
        "CredentialInvalidLifetimeAsPerAppPolicy",
        "ask for less with --expires, such as --expires 90d",
    ),
    (
        "CredentialTypeNotAllowedAsPerAppPolicy",
        "the directory allows no credential of this kind: take --certificate or --federated",
    ),
    (
        "AuthorizationFailed",
        "who signs in needs the role Owner, User Access Administrator or Role Based Access Control \
         Administrator for the DICOM service",
    ),
    ("Request_ResourceNotFound", "it was removed meanwhile, or the directory is slow: try again"),
];
