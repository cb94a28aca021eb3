//! Key material that is replaced below a running gateway, without a signal and without an outage.
//!
//! Certificates and trust anchors are read when a generation is built. Here their files are looked at
//! again and again; when any holds something else, the same configuration is built anew, and
//! published whole if all of it is good: a chain whose key has not arrived yet changes nothing. Client
//! secrets and tokens are not among these files, since they are read for each token request.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use certs::Contents;
use config::{Callers, Config, Credential, IdentityFiles, KeyFiles, PrivateFile};

use crate::audit::material;
use crate::build::{BuildError, Generation, Shared};
use crate::life::Told;
use crate::server::Workers;

/// The files whose content a generation keeps in memory.
pub(crate) fn files(config: &Config) -> Vec<PathBuf> {
    let identity = config.listener.identity.iter().flat_map(of_identity);
    let anchors = config.clients.iter().filter_map(|client| client.anchors.as_deref());
    let origins = config.routes.iter().filter_map(|route| route.origin.anchors.as_deref());
    let credentials = config.clients.iter().flat_map(|client| &client.credentials);
    let credentials = credentials.flat_map(of_credential);
    let callers = config.routes.iter().flat_map(|route| of_callers(&route.callers));
    let sinks = config.audit.iter().flat_map(material::files);
    let files = identity.chain(anchors).chain(origins).chain(credentials).chain(callers);
    let files = files.chain(sinks);
    let mut files = files.map(Path::to_owned).collect::<Vec<_>>();
    files.sort_unstable();
    files.dedup();
    files
}

/// Those that callers are known by.
fn of_callers(callers: &Callers) -> Vec<&Path> {
    let Callers::Known(known) = callers else { return Vec::new() };
    let certificates = known.certificates.iter();
    certificates
        .flat_map(|taken| [&taken.anchors].into_iter().chain(&taken.revocation_lists))
        .map(PathBuf::as_path)
        .chain(known.api_keys.as_ref().map(PrivateFile::path))
        .chain(known.bearer.iter().filter_map(|issuer| issuer.anchors.as_deref()))
        .collect()
}

/// Those that have to be good for a client to be built. It reads them again for each token request.
fn of_credential(credential: &Credential) -> Vec<&Path> {
    let keys = match credential {
        Credential::Certificate(certificate) => &certificate.keys,
        Credential::TlsCertificate(keys) => keys,
        Credential::ServiceAccount(file) => return vec![file.path()],
        Credential::Secret(_)
        | Credential::FederatedToken(_)
        | Credential::FederatedIdentity { .. }
        | Credential::ManagedIdentity(_) => return Vec::new(),
    };
    match keys {
        KeyFiles::Pem(files) => of_identity(files).to_vec(),
        KeyFiles::Pkcs12 { store, password } => {
            [store].into_iter().chain(password).map(PrivateFile::path).collect()
        }
    }
}

fn of_identity(files: &IdentityFiles) -> [&Path; 2] {
    [&files.chain, files.key.path()]
}

/// Watches over the key material of whatever generation is current, until it is dropped.
pub(crate) async fn watch(shared: Arc<Shared>, workers: Arc<Workers>) {
    let mut told = Told::default();
    let mut refused = None;
    loop {
        let current = workers.current();
        told.tell(&current.lives, SystemTime::now());
        tokio::select! {
            () = tokio::time::sleep(current.config.runtime.watch_interval) => {}
            // It may have another interval.
            () = workers.published() => continue,
        }
        match look(&shared, &current, refused.take()).await {
            Seen::Same => {}
            Seen::Refused(contents) => refused = Some(contents),
            Seen::Good(next) => {
                // Unless a reload was quicker: then it has read the same files.
                if workers.replace(&current, next) {
                    shared.metrics.rotations.add(1);
                    tracing::info!("new key material is in use");
                }
            }
        }
    }
}

/// What the files hold.
enum Seen {
    /// What is in use.
    Same,
    /// Something that cannot be used, of which the operator is told.
    Refused(Contents),
    /// Something new.
    Good(Arc<Generation>),
}

/// Compares, and builds what is new; `refused` was found wanting before.
async fn look(shared: &Arc<Shared>, current: &Arc<Generation>, refused: Option<Contents>) -> Seen {
    let (shared, current) = (shared.clone(), current.clone());
    // Files may be on a disk that hangs, and tokens must still come.
    let seen = tokio::task::spawn_blocking(move || {
        let contents = current.contents.now();
        if contents.is_same(&current.contents) {
            return Seen::Same;
        }
        if refused.is_some_and(|refused| refused.is_same(&contents)) {
            return Seen::Refused(contents);
        }
        match Generation::build(current.config.clone(), &shared, Some(&current)) {
            Ok(next) => Seen::Good(Arc::new(next)),
            Err(problems) => {
                shared.metrics.rotations_refused.add(1);
                tell(&problems);
                Seen::Refused(contents)
            }
        }
    });
    seen.await.unwrap_or(Seen::Same)
}

fn tell(problems: &[BuildError]) {
    for problem in problems {
        tracing::warn!(%problem, "new key material cannot be used; the old stays in use");
    }
}
