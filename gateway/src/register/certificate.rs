//! Certificates: the key pair is made here, and only its public half goes anywhere.

use std::path::Path;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use certs::Identity;
use http::Method;
use rcgen::{CertificateParams, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, RsaKeySize};
use secrecy::zeroize::Zeroizing;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::application::Application;
use super::az::word;
use super::change::Change;
use super::credential::{Credential, Held, is_there};
use super::error::Error;
use super::expiry::{day, days_left, written};
use super::report::{Outcome, Report};
use super::rest::{LATE, Service};
use super::secret::Wanted;
use super::slot::Slot;

/// A certificate in this file, with its key: the one that is there, or a new one; known to the
/// directory.
pub(super) async fn have(
    graph: &Service,
    application: &Application,
    wanted: &Wanted<'_>,
    report: &mut Report,
) -> Result<Held, Error> {
    let path = wanted.file;
    let known = application.keys(graph).await?;
    let made = if is_there(path) {
        let public = public_half(path, path)?;
        if let Some(ends) = certs::not_after(&public)
            && ends <= SystemTime::now()
        {
            return Err(Error::Configuration(format!(
                "{} holds a certificate that has ended ({}): dicom-gateway register rotate puts a new one \
                 in its place where a configuration names it; --credential-file names another file",
                path.display(),
                day(ends)
            )));
        }
        public
    } else if graph.changes_nothing() {
        Vec::new()
    } else {
        let (pem, public) = generate(&application.name, wanted.ends)?;
        let mut slot = Slot::open(path)?;
        slot.write(pem.as_bytes())?;
        slot.place()?;
        report.done(Outcome::Made, &format!("key and certificate, in {}", path.display()));
        public
    };
    let file = path.to_owned();
    if let Some(of) = belonging(&known, &made) {
        report.done(Outcome::Kept, &format!("certificate {} in {}", of.text(), path.display()));
        return Ok(Held::Certificate { file, of });
    }
    let ends = certs::not_after(&made).unwrap_or(wanted.ends);
    let wanted = Wanted { ends, ..*wanted };
    let of = upload(graph, application, &made, &wanted).await?;
    report.done(Outcome::Made, &format!("certificate {}, at the application", of.text()));
    Ok(Held::Certificate { file, of })
}

/// A key, and a certificate for it that ends then: both as PEM in one text, and the certificate as
/// DER.
pub(super) fn generate(
    name: &str,
    ends: SystemTime,
) -> Result<(Zeroizing<String>, Vec<u8>), Error> {
    let failed = |_| Error::Missing("no key pair can be made on this machine".to_owned());
    // Entra verifies assertions of RSA keys only.
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).map_err(failed)?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // The authority's clock may be behind ours.
    params.not_before = (SystemTime::now() - Duration::from_secs(300)).into();
    params.not_after = ends.into();
    let certificate = params.self_signed(&key).map_err(failed)?;
    let private = Zeroizing::new(key.serialize_pem());
    let pem = Zeroizing::new(format!("{}{}", *private, certificate.pem()));
    Ok((pem, certificate.der().to_vec()))
}

/// The certificate of this key.
pub(super) fn public_half(chain: &Path, key: &Path) -> Result<Vec<u8>, Error> {
    let identity = Identity::load(chain, key)
        .map_err(|error| Error::Configuration(format!("{}: {error}", chain.display())))?;
    Ok(identity.chain()[0].as_ref().to_vec())
}

/// The one of these that is this certificate.
pub(super) fn belonging(known: &[Value], public: &[u8]) -> Option<Credential> {
    let encoded = STANDARD.encode(public);
    known.iter().find(|it| it["key"] == encoded.as_str()).map(Credential::read)
}

/// Adds it to those that the application has: Graph takes no single one, but the whole list.
pub(super) async fn upload(
    graph: &Service,
    application: &Application,
    public: &[u8],
    wanted: &Wanted<'_>,
) -> Result<Credential, Error> {
    let id = if graph.changes_nothing() { IMAGINED.to_owned() } else { Uuid::new_v4().to_string() };
    // As late as can be: what somebody adds between this and the change is lost.
    let mut known = application.keys(graph).await?;
    known.push(json!({
        "keyId": id,
        "type": "AsymmetricX509Cert",
        "usage": "Verify",
        "displayName": wanted.description,
        // None where nothing is really done.
        "key": if public.is_empty() { IMAGINED.to_owned() } else { STANDARD.encode(public) },
        "startDateTime": written(SystemTime::now() - Duration::from_secs(60)),
        "endDateTime": written(wanted.ends),
    }));
    let days = days_left(wanted.ends, SystemTime::now()).unwrap_or_default();
    let file = wanted.file.to_string_lossy();
    let (new, public_half) = (word(&format!("{file}.new")), word(&format!("{file}.public")));
    let file = word(&file);
    let az = format!(
        "[ -e {file} ] || (umask 077; openssl req -x509 -newkey rsa:3072 -nodes -days {days} -subj {} \
         -keyout {new} -out {public_half} && cat {public_half} >> {new} && rm {public_half} && \
         mv {new} {file})\n\
         az ad app credential reset --id {} --append --display-name {} --cert \"$(openssl x509 -in {file})\"",
        word(&format!("/CN={}", application.name.replace('/', r"\/"))),
        word(&application.app_id),
        word(wanted.description)
    );
    replace(graph, application, known, az).await?;
    Ok(Credential { id, ends: Some(wanted.ends) })
}

/// Takes one away from the list, which has to show the other one by then: a copy of the directory that
/// has not heard of that one would have both taken away.
pub(super) async fn remove(
    graph: &Service,
    application: &Application,
    (id, stays): (&str, Option<&str>),
) -> Result<(), Error> {
    let began = Instant::now();
    let mut known = loop {
        let mut known = application.keys(graph).await?;
        if let (Some(id), true) = (stays, graph.changes_nothing()) {
            known.push(json!({ "keyId": id, "key": IMAGINED }));
        }
        let Some(stays) = stays.filter(|id| !known.iter().any(|it| it["keyId"] == *id)) else {
            break known;
        };
        if began.elapsed() > LATE {
            return Err(Error::Missing(format!(
                "the directory does not show the new certificate {stays} yet, so the old one stays"
            )));
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    known.retain(|it| it["keyId"] != id);
    replace(graph, application, known, String::new()).await
}

async fn replace(
    graph: &Service,
    application: &Application,
    keys: Vec<Value>,
    az: String,
) -> Result<(), Error> {
    let path = format!("/applications/{}", application.id);
    let body = json!({ "keyCredentials": keys });
    graph.change(Change::new(Method::PATCH, path, Some(body)).az(az)).await.map(drop)
}

/// Stands for a certificate where none is made.
const IMAGINED: &str = "{certificate}";
