//! Certificates of callers.
//!
//! The handshake takes what any route takes, and proves that the caller has the key. A route judges
//! what was shown by its own anchors and lists, once a connection: signatures are dear. So a
//! connection that outlives a configuration is judged again by the next one.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::SystemTime;

use certs::{CallerTrust, RevocationLists, TrustAnchors};
use config::{CallerCertificates, NameKind, NamePattern};
use rustls::pki_types::CertificateDer;

use super::{Peer, Why};
use crate::build::{BuildError, certs_error, note};
use crate::life::Life;

/// The certificates that a route takes.
#[derive(Clone, Debug)]
pub(crate) struct Certificates(Arc<Wanted>);

#[derive(Debug)]
struct Wanted {
    trust: Arc<CallerTrust>,
    /// What one of their names has to be; empty for any.
    names: Vec<NamePattern>,
}

/// The names in a certificate.
#[derive(Debug)]
pub(crate) struct Names {
    all: certs::Names,
    best: String,
}

/// What routes said of a connection's certificate.
#[derive(Debug, Default)]
pub(crate) struct Verdicts(Mutex<Vec<Verdict>>);

#[derive(Debug)]
struct Verdict {
    of: Weak<Wanted>,
    names: Result<Arc<Names>, Why>,
    /// When it is to be asked again; what was refused stays so.
    until: Option<SystemTime>,
}

impl Certificates {
    /// Reads whom the route with this prefix believes, and notes what of it ends.
    pub(crate) fn build(
        config: &CallerCertificates,
        prefix: &str,
        lives: &mut Vec<Life>,
    ) -> Result<Self, BuildError> {
        let error =
            |error| certs_error(&format!("route \"{prefix}\": callers.certificates"), error);
        let anchors = TrustAnchors::load(Some(&config.anchors)).map_err(error)?;
        let lists = RevocationLists::load(&config.revocation_lists).map_err(error)?;
        let name = if prefix.is_empty() { "/" } else { prefix };
        let key = format!("route.{name}.callers.certificates");
        note(&format!("{key}.anchors"), anchors.not_after(), lives);
        lives.extend(lists.life().map(|list| Life {
            key: format!("{key}.revocation_lists"),
            ends: list.ends,
            // It is always about to be replaced: only one that is late is worth a word.
            warned_within: list.lasts / 4,
        }));
        let trust = Arc::new(CallerTrust::new(anchors, lists));
        Ok(Self(Arc::new(Wanted { trust, names: config.names.clone() })))
    }

    /// Which certificates are worth a handshake.
    pub(crate) fn trust(&self) -> &Arc<CallerTrust> {
        &self.0.trust
    }

    /// Whom the peer's certificate names, if it is good now.
    pub(crate) fn verify(&self, peer: &Peer) -> Result<Arc<Names>, Why> {
        let now = SystemTime::now();
        let mut verdicts = peer.verdicts.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = verdicts.iter().find(|verdict| verdict.of.as_ptr() == Arc::as_ptr(&self.0));
        if let Some(known) = known.filter(|known| known.until.is_none_or(|until| now < until)) {
            return known.names.clone();
        }
        let (names, until) = match self.0.judge(&peer.certificates, now) {
            Ok((names, until)) => (Ok(Arc::new(names)), Some(until)),
            Err(why) => (Err(why), None),
        };
        verdicts.retain(|one| one.of.strong_count() > 0 && one.of.as_ptr() != Arc::as_ptr(&self.0));
        verdicts.push(Verdict { of: Arc::downgrade(&self.0), names: names.clone(), until });
        names
    }
}

impl Wanted {
    fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        now: SystemTime,
    ) -> Result<(Names, SystemTime), Why> {
        let until = self.trust.judge(chain, now);
        let until = until.map_err(|distrust| Why::Certificate(distrust.reason()))?;
        let names = chain.first().and_then(certs::Names::of).map(Names::new);
        let names = names.ok_or(Why::Certificate("The certificate cannot be read"))?;
        if self.names.is_empty() || self.names.iter().any(|pattern| names.is(pattern)) {
            Ok((names, until))
        } else {
            Err(Why::Certificate("The certificate has none of the names that the route takes"))
        }
    }
}

#[cfg(test)]
impl Names {
    /// Those of a certificate for this host.
    pub(crate) fn of_host(name: &str) -> Self {
        Self::new(certs::Names {
            dns: vec![name.to_owned()],
            uris: Vec::new(),
            common_name: None,
            subject: None,
            thumbprint: [0; 32],
            not_after: SystemTime::UNIX_EPOCH,
        })
    }
}

impl Names {
    fn new(all: certs::Names) -> Self {
        let named = all.subject.iter().chain(&all.dns).chain(&all.uris).next().cloned();
        let best = named.unwrap_or_else(|| {
            all.thumbprint
                .iter()
                .fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
        });
        Self { all, best }
    }

    /// The one that tells best whose certificate it is: its subject, else its first host or URI, else
    /// its fingerprint.
    pub(crate) fn best(&self) -> &str {
        &self.best
    }

    /// Whether one of them is this.
    pub(crate) fn is(&self, pattern: &NamePattern) -> bool {
        let (names, wanted) = (&self.all, pattern.value.as_str());
        match pattern.kind {
            NameKind::Dns => names.dns.iter().any(|name| is_host(name, wanted)),
            NameKind::Uri => names.uris.iter().any(|uri| uri == wanted),
            NameKind::CommonName => names.common_name.as_deref() == Some(wanted),
            NameKind::Subject => {
                names.subject.is_some() && names.subject == certs::Names::subject(wanted)
            }
        }
    }
}

/// Whether a host's name is this one; `*.` stands for exactly one label.
fn is_host(name: &str, wanted: &str) -> bool {
    match (wanted.strip_prefix("*."), name.split_once('.')) {
        (None, _) => name == wanted,
        (Some(domain), Some((_, rest))) => rest == domain,
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_called_by_the_name_that_tells_most() {
        let none = || Names::of_host("").all;
        let host = || vec!["ct1.example".to_owned()];
        for (names, best) in [
            (certs::Names { subject: Some("CN=CT 1".into()), dns: host(), ..none() }, "CN=CT 1"),
            (certs::Names { dns: host(), uris: vec!["urn:ct".into()], ..none() }, "ct1.example"),
            (certs::Names { dns: Vec::new(), uris: vec!["urn:ct".into()], ..none() }, "urn:ct"),
        ] {
            assert_eq!(Names::new(names).best(), best);
        }
        let nameless = certs::Names { dns: Vec::new(), thumbprint: [0xa0; 32], ..none() };
        assert_eq!(Names::new(nameless).best(), "sha256:".to_owned() + &"a0".repeat(32));
    }
}
