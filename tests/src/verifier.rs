//! How a DICOM service judges the bearer token of a request.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde::Deserialize;

use crate::authority::shared::Shared;
use crate::authority::token::SIGNING_KEY;

/// Knows which tokens its authority has issued and still stands by.
///
/// Asks nobody: it works whether or not the authority can be reached, as services do that hold the
/// authority's keys.
#[derive(Clone)]
pub struct Verifier {
    shared: Arc<Shared>,
}

/// What a good token says.
#[derive(Clone, Debug, Deserialize)]
pub struct Claims {
    /// For which service it was issued.
    pub aud: String,
    /// Who issued it.
    pub iss: String,
    /// When it ends, in seconds since 1970.
    pub exp: u64,
    /// The tenant.
    pub tid: String,
    /// The object id of the principal.
    pub oid: String,
    /// The client that asked for it.
    pub azp: String,
    /// A name of this token alone.
    pub uti: String,
}

/// Why a request is not let in; answer it with 401 and [`Rejection::www_authenticate`].
#[derive(Clone, Debug)]
pub struct Rejection {
    reason: Reason,
    authorization_uri: String,
}

/// The kinds of rejection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is no `Authorization` header.
    NoToken,
    /// There is one, but it is not one bearer token.
    NotBearer,
    /// The token is not a JWT, or not one signed by the authority.
    Signature,
    /// Another authority or tenant issued it.
    Issuer,
    /// It is for another service.
    Audience,
    /// Its time is over, or has not begun.
    Lifetime,
    /// The authority has revoked it.
    Revoked,
}

impl Verifier {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Judges the value of a request's only `Authorization` header.
    pub fn verify(&self, authorization: Option<&HeaderValue>) -> Result<Claims, Rejection> {
        let outcome = self.judge(authorization);
        self.shared.verdicts.count(outcome.is_ok());
        outcome.map_err(|reason| Rejection {
            reason,
            authorization_uri: self.shared.authorization_uri(),
        })
    }

    /// How many requests were let in so far, counted over all clones.
    pub fn accepted(&self) -> usize {
        self.shared.verdicts.accepted()
    }

    /// How many requests were not let in so far, counted over all clones.
    pub fn rejected(&self) -> usize {
        self.shared.verdicts.rejected()
    }

    fn judge(&self, authorization: Option<&HeaderValue>) -> Result<Claims, Reason> {
        let token = authorization
            .ok_or(Reason::NoToken)?
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or(Reason::NotBearer)?;

        let (issuers, audience) = self.shared.issuers_and_audience();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = 0;
        validation.validate_nbf = true;
        validation.set_issuer(&issuers);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud"]);
        let claims = decode::<Claims>(token, &SIGNING_KEY.public, &validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature | ErrorKind::ImmatureSignature => Reason::Lifetime,
                ErrorKind::InvalidIssuer => Reason::Issuer,
                ErrorKind::InvalidAudience => Reason::Audience,
                _ => Reason::Signature,
            })?
            .claims;
        if self.shared.is_revoked(token) { Err(Reason::Revoked) } else { Ok(claims) }
    }
}

impl Rejection {
    /// What is wrong.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The challenge as Azure words it.
    pub fn www_authenticate(&self) -> HeaderValue {
        let mut challenge = format!("Bearer authorization_uri=\"{}\"", self.authorization_uri);
        if self.reason != Reason::NoToken {
            challenge.push_str(&format!(
                ", error=\"invalid_token\", error_description=\"{}\"",
                self.reason
            ));
        }
        HeaderValue::try_from(challenge).expect("visible characters only")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoToken => "There is no token",
            Self::NotBearer => "The authorization is not a bearer token",
            Self::Signature => "The signature is invalid",
            Self::Issuer => "The issuer is invalid",
            Self::Audience => "The audience is invalid",
            Self::Lifetime => "The token is expired or not yet valid",
            Self::Revoked => "The token has been revoked",
        })
    }
}
