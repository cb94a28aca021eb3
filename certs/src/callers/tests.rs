#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    CrlDistributionPoint, CrlIssuingDistributionPoint, CrlScope, DnType, IsCa, KeyIdMethod,
    KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
};
use tempfile::TempDir;

use super::*;
use crate::Error;

#[test]
fn a_judgement_holds_until_the_first_of_what_it_rests_on_ends() {
    let root = root("root");
    let middle = ca_below(&root, "middle", |params| params.not_after = at(500).into());
    let leaf = leaf(&middle, 7, |params| params.not_after = at(600).into());
    let (other, chain) = (self::root("other"), [leaf.clone(), middle.der().clone()]);
    let judge = |lists: &[String]| trust(&root, lists).unwrap().judge(&chain, at(100));
    assert_eq!(judge(&[]), Ok(at(500)));
    assert_eq!(judge(&[list(&root, &[], 0..300)]), Ok(at(300)));
    assert_eq!(judge(&[list(&middle, &[], 0..200)]), Ok(at(200)));
    assert_eq!(judge(&[list(&other, &[], 0..50)]), Ok(at(500)), "nothing rests on it");

    let trust = trust(&root, &[]).unwrap();
    assert_eq!(trust.judge(&chain, at(501)), Err(Distrust::Expired));
    assert_eq!(trust.judge(&chain[..1], at(100)), Err(Distrust::UnknownIssuer));
    assert_eq!(trust.judge(&[], at(100)), Err(Distrust::Unreadable));
    assert_eq!(trust.judge(&[root.der().clone()], at(100)), Err(Distrust::UnknownIssuer));
}

#[test]
fn a_list_tells_of_all_certificates_of_its_issuer_and_of_no_others() {
    let root = root("root");
    let middle = ca_below(&root, "middle", |params| params.serial_number = Some(9.into()));
    let chain = [leaf(&middle, 7, |_| {}), middle.der().clone()];
    for (lists, expected) in [
        (vec![list(&middle, &[7], 0..200)], Err(Distrust::Revoked)),
        (vec![list(&middle, &[9], 0..200)], Ok(())),
        (vec![list(&root, &[9], 0..200)], Err(Distrust::Revoked)),
        (vec![list(&root, &[7], 0..200), list(&middle, &[], 0..200)], Ok(())),
        (vec![list(&root, &[], 0..100)], Err(Distrust::StaleList)),
        (vec![list(&middle, &[], 0..100)], Err(Distrust::StaleList)),
        (vec![list(&self::root("root"), &[], 0..200)], Err(Distrust::Signature)),
    ] {
        let judged = trust(&root, &lists).unwrap().judge(&chain, at(100));
        assert_eq!(judged.map(drop), expected, "{lists:?}");
    }
}

#[test]
fn of_several_lists_of_one_issuer_the_newest_counts() {
    let root = root("root");
    let chain = [leaf(&root, 7, |_| {})];
    let (old, new) = (list(&root, &[], 10..200), list(&root, &[7], 20..200));
    for lists in [[old.clone(), new.clone()], [new.clone(), old.clone()]] {
        let judged = trust(&root, &lists).unwrap().judge(&chain, at(100));
        assert_eq!(judged, Err(Distrust::Revoked));
    }
    let both = trust(&root, &[old + &new]).unwrap();
    assert_eq!(both.judge(&chain, at(100)), Err(Distrust::Revoked), "in one file");
}

#[test]
fn a_certificate_that_would_stand_in_another_part_of_a_list_is_refused() {
    let root = root("root");
    let part = |uri: &str| {
        let scope = CrlIssuingDistributionPoint {
            distribution_point: CrlDistributionPoint { uris: vec![uri.into()] },
            scope: Some(CrlScope::UserCertsOnly),
        };
        written(&root, &[], 0..200, Some(scope))
    };
    let chain = [leaf(&root, 7, |params| {
        params.crl_distribution_points =
            vec![CrlDistributionPoint { uris: vec!["http://ca.example/2".into()] }];
    })];
    let judge = |lists: &[String]| trust(&root, lists).unwrap().judge(&chain, at(100)).map(drop);
    assert_eq!(judge(&[part("http://ca.example/1")]), Err(Distrust::Unlisted));
    assert_eq!(judge(&[part("http://ca.example/1"), part("http://ca.example/2")]), Ok(()));
    assert_eq!(judge(&[part("http://ca.example/1"), list(&root, &[], 0..200)]), Ok(()));
}

#[test]
fn lists_that_cannot_be_used_are_refused_with_their_file() {
    let root = root("root");
    let good = list(&root, &[], 0..200);
    for (text, expected) in [
        (String::new(), "crl0.pem holds no certificate revocation list in PEM form"),
        (root.pem(), "crl0.pem holds no certificate revocation list in PEM form"),
        (
            good[..good.len() / 2].into(),
            "crl0.pem holds something that is no certificate revocation list",
        ),
        (
            "-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n".into(),
            "crl0.pem holds something that is no certificate revocation list",
        ),
        (
            format!("{good}-----BEGIN X509 CRL-----\n?\n-----END X509 CRL-----\n"),
            "crl0.pem holds something that is no certificate revocation list",
        ),
    ] {
        let error = trust(&root, &[text]).unwrap_err().to_string();
        assert!(error.ends_with(expected), "{error}");
    }
    let missing = RevocationLists::load(&["/nowhere/crl.pem".into()]).unwrap_err();
    assert!(matches!(missing, Error::Unreadable { .. }));
}

#[test]
fn the_list_that_ends_first_is_told() {
    let root = root("root");
    let folder = tempfile::tempdir().unwrap();
    let paths = files(&folder, &[list(&root, &[], 0..200), list(&root, &[], 100..150)]);
    let life = RevocationLists::load(&paths).unwrap().life().unwrap();
    assert_eq!(life, crate::ListLife { ends: at(150), lasts: Duration::from_secs(50) });
    assert_eq!(RevocationLists::default().life(), None);
}

type Ca = CertifiedIssuer<'static, KeyPair>;

fn root(name: &str) -> Ca {
    Ca::self_signed(ca(name), KeyPair::generate().unwrap()).unwrap()
}

fn ca_below(issuer: &Ca, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Ca {
    let mut params = ca(name);
    change(&mut params);
    Ca::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(
    issuer: &Ca,
    serial: u64,
    change: impl FnOnce(&mut CertificateParams),
) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    params.serial_number = Some(serial.into());
    change(&mut params);
    params.signed_by(&KeyPair::generate().unwrap(), issuer).unwrap().der().clone()
}

fn list(issuer: &Ca, revoked: &[u64], life: std::ops::Range<u64>) -> String {
    written(issuer, revoked, life, None)
}

fn written(
    issuer: &Ca,
    revoked: &[u64],
    life: std::ops::Range<u64>,
    part: Option<CrlIssuingDistributionPoint>,
) -> String {
    let revoked = revoked.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from(*serial),
        revocation_time: at(0).into(),
        reason_code: None,
        invalidity_date: None,
    });
    let list = CertificateRevocationListParams {
        this_update: at(life.start).into(),
        next_update: at(life.end).into(),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: part,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(issuer).unwrap().pem().unwrap()
}

fn trust(root: &Ca, lists: &[String]) -> Result<CallerTrust, Error> {
    let folder = tempfile::tempdir().unwrap();
    let anchors = folder.path().join("anchors.pem");
    fs::write(&anchors, root.pem()).unwrap();
    let anchors = TrustAnchors::load(Some(&anchors))?;
    Ok(CallerTrust::new(anchors, RevocationLists::load(&files(&folder, lists))?))
}

fn files(folder: &TempDir, lists: &[String]) -> Vec<PathBuf> {
    let write = |(number, text)| {
        let path = folder.path().join(format!("crl{number}.pem"));
        fs::write(&path, text).unwrap();
        path
    };
    lists.iter().enumerate().map(write).collect()
}

fn at(secs: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + secs)
}
