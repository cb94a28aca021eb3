//! Who stands behind a request.
//!
//! A connection gives a [`Peer`], a request at most one credential, and a route says which kinds of
//! them it takes ([`Callers`]). A credential that is wrong is refused: none falls back to another, and
//! none is taken for what it looks like.

use std::net::IpAddr;
use std::sync::Arc;

use certs::CallerTrust;
use http::header;
use http::request::Parts;
use rustls::pki_types::CertificateDer;
use uuid::Uuid;

mod attempts;
mod bearer;
mod build;
mod certificate;
mod credential;
mod keys;
mod stranger;

pub(crate) use self::attempts::{Attempts, Failures, Source};
pub(crate) use self::bearer::{Issuers, KeySources, User};
pub(crate) use self::build::callers;
pub(crate) use self::certificate::{Certificates, Names, Verdicts};
pub use self::keys::{KeyFile, KeyFileError, KeyName, LastDay, ListedKey, Wrong};
pub(crate) use self::keys::{Keys, Passwords};
pub(crate) use self::stranger::{Accepted, Stranger, Why};

use self::credential::Credential;
use crate::error::Error;

/// Who is at the other end of a connection.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    /// Where from; `None` on a Unix socket.
    pub address: Option<IpAddr>,
    /// What it showed in the TLS handshake, leaf first; empty for nothing.
    pub certificates: Vec<CertificateDer<'static>>,
    /// What routes said of that.
    pub verdicts: Verdicts,
}

/// Who stands behind a request.
#[derive(Clone, Debug)]
pub(crate) enum Principal {
    /// Anyone who could connect.
    Anyone,
    /// Who an issuer's access token was given to.
    Bearer(Arc<User>),
    /// Who has the key of this name.
    ApiKey(Arc<str>),
    /// Whom a certificate names.
    Certificate(Arc<Names>),
}

/// Who may call a route, and how they are known.
#[derive(Clone, Debug)]
pub(crate) enum Callers {
    /// Anyone who can connect.
    Anyone,
    /// Those who prove who they are.
    Known(Arc<Known>),
}

/// The ways in which callers prove who they are; at least one.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) bearer: Option<Issuers>,
    pub(crate) keys: Option<Arc<Keys>>,
    pub(crate) certificates: Option<Certificates>,
    pub(crate) attempts: Attempts,
}

impl Callers {
    /// The issuers whose tokens are taken, if any are.
    pub(crate) fn issuers(&self) -> Option<&Issuers> {
        match self {
            Self::Anyone => None,
            Self::Known(known) => known.bearer.as_ref(),
        }
    }

    /// Learns who sent this request.
    pub(crate) async fn authenticate(&self, head: &Parts, peer: &Peer) -> Result<Principal, Error> {
        let refused = |why| Error::Stranger(Stranger { why, accepted: self.accepted(head, why) });
        if credential::has_token_in_query(head) {
            return Err(refused(Why::Ambiguous));
        }
        match self {
            Self::Anyone => Ok(Principal::Anyone),
            Self::Known(known) => known.authenticate(head, peer).await.map_err(refused),
        }
    }

    /// What would be taken instead. A browser would ask its user for a password of its own accord, and
    /// send that with requests of any page from then on: so it is not told that one will do, nor is
    /// who came with a token.
    fn accepted(&self, head: &Parts, why: Why) -> Accepted {
        let Self::Known(known) = self else { return Accepted::default() };
        let (bearer, keys) = (known.bearer.is_some(), known.keys.is_some());
        let is_page = head.headers.contains_key(header::ORIGIN)
            || head.headers.contains_key("sec-fetch-site");
        Accepted { bearer, keys, passwords: keys && !is_page && !matches!(why, Why::Token(_)) }
    }
}

impl Callers {
    /// Which certificates are worth a handshake; none for a route that takes none.
    pub(crate) fn trust(&self) -> Option<&Arc<CallerTrust>> {
        match self {
            Self::Anyone => None,
            Self::Known(known) => known.certificates.as_ref().map(Certificates::trust),
        }
    }
}

impl Known {
    async fn authenticate(&self, head: &Parts, peer: &Peer) -> Result<Principal, Why> {
        self.prove(head, peer).await.inspect_err(|why| self.attempts.count(*why))
    }

    async fn prove(&self, head: &Parts, peer: &Peer) -> Result<Principal, Why> {
        let from = (peer.address, &self.attempts);
        let credential = Credential::of(head)?;
        match (&credential, &self.bearer, &self.keys) {
            (Credential::None, ..) => match &self.certificates {
                Some(certificates) if !peer.certificates.is_empty() => {
                    certificates.verify(peer).map(Principal::Certificate)
                }
                _ => Err(Why::Nothing),
            },
            (Credential::Bearer(token), Some(issuers), keys)
                if keys.is_none() || bearer::is_jwt(token) =>
            {
                let verified = issuers.verify(token, peer).await;
                verified
                    .map(Principal::Bearer)
                    .map_err(|why| self.attempts.failed(why, peer.address))
            }
            (Credential::Bearer(key), _, Some(keys)) => {
                keys.find(key, from).await.map(Principal::ApiKey)
            }
            (Credential::Key(key), _, Some(keys)) => {
                keys.find(key, from).await.map(Principal::ApiKey)
            }
            (Credential::Password(key), _, Some(keys)) => {
                keys.find(key, from).await.map(Principal::ApiKey)
            }
            (Credential::Bearer(_), ..) => Err(Why::Token("no token is taken here")),
            (Credential::Key(_) | Credential::Password(_), ..) => Err(Why::Key),
        }
    }
}

impl Principal {
    /// Who it is among its kind: a token's `oid` or `sub`, a key's name, a certificate's name.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Anyone => None,
            Self::Bearer(user) => Some(&user.subject),
            Self::ApiKey(name) => Some(name),
            Self::Certificate(names) => Some(names.best()),
        }
    }

    /// Who says so, where that is nobody of the gateway's own: a token's `iss`.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.user().map(|user| user.issuer.as_str())
    }

    /// The tenant of Entra's that it is of (`tid`).
    pub(crate) fn tenant(&self) -> Option<Uuid> {
        self.user().and_then(User::tenant)
    }

    /// The application that it uses (`azp`, `appid` or `client_id`).
    pub(crate) fn application(&self) -> Option<&str> {
        self.user().map(|user| user.application.as_str()).filter(|id| !id.is_empty())
    }

    fn user(&self) -> Option<&User> {
        if let Self::Bearer(user) = self { Some(user) } else { None }
    }

    /// All kinds, in words.
    pub(crate) const KINDS: [&str; 4] = [
        ANYONE,
        config::CallerKind::Bearer.name(),
        config::CallerKind::ApiKey.name(),
        config::CallerKind::Certificate.name(),
    ];

    /// How it proved who it is, one of [`Self::KINDS`].
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Anyone => ANYONE,
            Self::Bearer(_) => config::CallerKind::Bearer.name(),
            Self::ApiKey(_) => config::CallerKind::ApiKey.name(),
            Self::Certificate(_) => config::CallerKind::Certificate.name(),
        }
    }
}

/// For who needs to prove nothing.
const ANYONE: &str = "anyone";
