//! What the configuration names and keeps secret: whether it can be used, and for how long.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::SystemTime;

use config::{Config, Credential, KeyFiles, PrivateFile, Secret, SecretSource, TokenEndpoint};
use uuid::Uuid;

use super::finding::{Finding, Said, Section, chain, plain};
use super::life::{days, left};
use super::token::Decoded;
use crate::build::{BuildError, Generation, Shared};
use crate::life::Life;
use crate::token::CredentialError;

/// Builds the configuration as a start would, and tells what speaks against that, and what will.
pub(super) fn look(
    config: &Config,
    shared: &Shared,
    tell: &mut dyn FnMut(Finding),
) -> Option<Generation> {
    let mut section = Section::new("keys", tell);
    for client in &config.clients {
        for credential in &client.credentials {
            match credential {
                Credential::Secret(Secret { source: SecretSource::File(file), .. }) => {
                    section.say("secret", secret(&client.name, &client.endpoint, file));
                }
                Credential::FederatedToken(path) => {
                    section.say("federated", federated(&client.name, path));
                }
                _ => {}
            }
        }
    }
    match Generation::build(config.clone(), shared, None) {
        Ok(generation) => {
            for (key, words) in pairs(config) {
                section.say("pair", Said::ok(format!("{key}: {words}")));
            }
            let now = SystemTime::now();
            for life in &generation.lives {
                section.say("end", end(life, now));
            }
            Some(generation)
        }
        Err(problems) => {
            for problem in &problems {
                let (says, remedy) = (plain(&problem.to_string()), remedy(problem));
                section.say("material", Said::fail(says, remedy));
            }
            None
        }
    }
}

/// A client secret's file. The reader of the configuration has seen that it is there, holds
/// something, and is nobody else's.
fn secret(client: &str, endpoint: &TokenEndpoint, file: &PrivateFile) -> Said {
    let path = file.path().display();
    let mode = std::fs::metadata(file.path()).map(|it| it.permissions().mode() & 0o7777);
    let mode = mode.map_or_else(|_| String::new(), |mode| format!(", mode {mode:04o}"));
    let is_entra = matches!(endpoint, TokenEndpoint::At(url) if url.path().ends_with(ENTRA));
    let content = file.read().unwrap_or_default();
    let is_guid = str::from_utf8(&content).is_ok_and(|text| Uuid::try_parse(text.trim()).is_ok());
    if is_entra && is_guid {
        return Said::warn(
            format!("client.{client}.credential: {path} holds a GUID, as the ID of a secret is"),
            "Entra's secrets are no GUIDs: copy the secret's Value, which is shown once when it is \
             made, and not its ID",
        );
    }
    Said::ok(format!("client.{client}.credential: {path} is there{mode}"))
}

/// The token that stands for a client: what the authority compares, to the letter, and its end.
fn federated(client: &str, path: &Path) -> Said {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let token = Decoded::read(&text);
    let name = format!("client.{client}.credential: {}", path.display());
    if token.is_opaque() {
        return Said::fail(
            format!("{name} holds no JSON Web Token"),
            "have the platform write its token there: in Kubernetes a projected service account \
             token",
        );
    }
    let claim = |name| token.claim(name).unwrap_or_else(|| "(none)".to_owned());
    let says = format!("{name}: iss {}, sub {}, aud {}", claim("iss"), claim("sub"), claim("aud"));
    let now =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let ends = token.claim("exp").and_then(|ends| ends.parse::<u64>().ok());
    let said = match ends {
        Some(ends) if ends <= now => Said::fail(
            format!("{says}; it has ended"),
            "whoever writes that file has stopped: see that it is mounted as a projected volume, \
             and not copied or mounted with subPath",
        ),
        _ => Said::ok(says),
    };
    said.fact("iss", claim("iss")).fact("sub", claim("sub")).fact("aud", claim("aud"))
}

/// Pairs of keys and certificates, which belong together or would not have been built.
fn pairs(config: &Config) -> Vec<(String, String)> {
    let pem = |files: &config::IdentityFiles| {
        format!("{} is the key of {}", shown(files.key.path()), shown(&files.chain))
    };
    let identity = config.listener.identity.iter();
    let identity = identity.map(|files| ("listener.identity".to_owned(), pem(files)));
    let sinks = config.audit.iter().flat_map(|audit| {
        let syslog = audit.syslog.iter().map(|sink| &sink.identity).enumerate();
        let syslog = syslog.map(|(index, own)| (format!("audit.syslog[{index}].identity"), own));
        let fhir = audit.fhir.iter().map(|sink| &sink.identity).enumerate();
        let fhir = fhir.map(|(index, own)| (format!("audit.fhir[{index}].identity"), own));
        syslog.chain(fhir)
    });
    let sinks = sinks.filter_map(|(key, own)| own.as_ref().map(|files| (key, pem(files))));
    let credentials = config.clients.iter().flat_map(|client| {
        client.credentials.iter().filter_map(move |credential| {
            let keys = match credential {
                Credential::Certificate(certificate) => &certificate.keys,
                Credential::TlsCertificate(keys) => keys,
                _ => return None,
            };
            let words = match keys {
                KeyFiles::Pem(files) => pem(files),
                KeyFiles::Pkcs12 { store, .. } => {
                    format!("{} opens, and its key and certificate fit", shown(store.path()))
                }
            };
            Some((format!("client.{}.credential", client.name), words))
        })
    });
    identity.chain(credentials).chain(sinks).collect()
}

fn end(life: &Life, now: SystemTime) -> Said {
    let key = &life.key;
    let left = left(life.ends, now);
    let says = format!("{key}: {left}");
    let days = days(life.ends, now);
    let said = if life.has_ended(now) {
        Said::fail(says, "replace it: nobody takes it any more")
    } else if days < SOON_DAYS {
        Said::warn(
            says,
            "have the next one made, and put it in its place while this one is still good",
        )
    } else {
        Said::ok(says)
    };
    said.fact("days_left", days)
}

fn remedy(problem: &BuildError) -> String {
    match problem {
        BuildError::Certs { error, .. } => of_certs(error),
        BuildError::Client { error, .. } => {
            let mut causes = std::iter::successors(error.source(), |error| error.source());
            match causes.find_map(|cause| cause.downcast_ref::<CredentialError>()) {
                Some(CredentialError::Certs(error)) => of_certs(error),
                Some(CredentialError::Unreadable(_)) => READABLE.to_owned(),
                Some(CredentialError::Algorithm { .. }) => {
                    "take `algorithm` out, or name one that goes with the key; RSA keys need 2048 \
                     bits"
                        .to_owned()
                }
                Some(CredentialError::ServiceAccount { .. }) => {
                    "download the account's key anew, as JSON".to_owned()
                }
                None => chain(&**error),
            }
        }
        BuildError::ServerName { .. } => "write another host in `origin`".to_owned(),
        BuildError::SinkName { .. } => "write another host in `address`".to_owned(),
        BuildError::Keys { .. } => {
            "see `dicom-gateway key list --file FILE`, and have keys added by `dicom-gateway key \
             new`"
                .to_owned()
        }
        BuildError::Issuer { .. } => "see `issuer` and `jwks_uri`".to_owned(),
    }
}

fn of_certs(error: &certs::Error) -> String {
    match error {
        certs::Error::Unreadable { .. } => READABLE.to_owned(),
        certs::Error::Mismatch { chain, key, .. } => format!(
            "put the key there that the certificate was asked for with, or a certificate for this \
             key; these two commands print the same for a pair:\n\
             openssl x509 -pubkey -noout -in {}\n\
             openssl pkey -pubout -in {}",
            chain.display(),
            key.display(),
        ),
        certs::Error::Empty { wanted, .. } | certs::Error::Malformed { wanted, .. } => format!(
            "write a {wanted} there as PEM, the one that begins with -----BEGIN; DER is turned \
             into it by openssl"
        ),
        certs::Error::Pkcs12 { .. } => {
            "see whether the password file is the right one; try openssl pkcs12 -info -noout"
                .to_owned()
        }
        certs::Error::NoSystemAnchors => {
            "install the package ca-certificates, or name a PEM file of roots with `anchors`"
                .to_owned()
        }
        _ => "have it made anew".to_owned(),
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

const READABLE: &str = "have the file there, readable by the gateway's user and closed to all \
                        others (chmod 600)";

/// Where token requests go at Entra.
const ENTRA: &str = "/oauth2/v2.0/token";

/// When a warning begins, as while the gateway serves.
const SOON_DAYS: i64 = 30;
