//! What sinks are believed by, and show: read once when a generation is built, so that a start, a
//! reload and `check` refuse what could never be used. Sinks read it anew at each connect.

use std::path::{Path, PathBuf};

use certs::TrustAnchors;
use config::{Audit, IdentityFiles};
use rustls::pki_types::ServerName;

use crate::build::{BuildError, certs_error, note};
use crate::identity;
use crate::life::Life;

/// The files of it.
pub(crate) fn files(audit: &Audit) -> impl Iterator<Item = &Path> {
    let sinks = sinks(audit);
    sinks.flat_map(|sink| {
        let own = sink.identity.into_iter().flat_map(|own| [own.chain.as_path(), own.key.path()]);
        sink.anchors.map(PathBuf::as_path).into_iter().chain(own)
    })
}

/// All that is wrong with it; what of it ends is noted in `lives`.
pub(crate) fn check(audit: &Audit, lives: &mut Vec<Life>) -> Vec<BuildError> {
    let names = audit.syslog.iter().enumerate().filter_map(|(index, sink)| {
        let is_wrong = ServerName::try_from(sink.host.as_str()).is_err();
        is_wrong.then(|| BuildError::SinkName { key: format!("audit.syslog[{index}].address") })
    });
    let mut problems = names.collect::<Vec<_>>();
    for sink in sinks(audit) {
        // Over plain HTTP nobody asks for them.
        if sink.is_tls {
            let key = format!("{}.anchors", sink.key);
            match TrustAnchors::load(sink.anchors.map(PathBuf::as_path)) {
                Ok(anchors) => note(&key, anchors.not_after(), lives),
                Err(error) => problems.push(certs_error(&key, error)),
            }
        }
        if let Some(files) = sink.identity {
            let key = format!("{}.identity", sink.key);
            match identity::load(files) {
                Ok(identity) => note(&key, identity.not_after(), lives),
                Err(error) => problems.push(certs_error(&key, error)),
            }
        }
    }
    problems
}

/// What is the same of every sink that is reached by the network.
struct Sink<'c> {
    key: String,
    is_tls: bool,
    anchors: Option<&'c PathBuf>,
    identity: Option<&'c IdentityFiles>,
}

fn sinks(audit: &Audit) -> impl Iterator<Item = Sink<'_>> {
    let syslog = audit.syslog.iter().enumerate().map(|(index, sink)| Sink {
        key: format!("audit.syslog[{index}]"),
        is_tls: true,
        anchors: sink.anchors.as_ref(),
        identity: sink.identity.as_ref(),
    });
    let fhir = audit.fhir.iter().enumerate().map(|(index, sink)| Sink {
        key: format!("audit.fhir[{index}]"),
        is_tls: sink.url.scheme() == "https",
        anchors: sink.anchors.as_ref(),
        identity: sink.identity.as_ref(),
    });
    syslog.chain(fhir)
}
