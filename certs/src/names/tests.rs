#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use rcgen::{CertificateParams, CustomExtension, DnType, DnValue, KeyPair, SanType};

use super::*;

#[test]
fn alternative_names_are_read_as_they_are_compared() {
    let names = of(|params| {
        params.subject_alt_names = vec![
            SanType::DnsName("CT1.Example".try_into().unwrap()),
            SanType::DnsName("*.ct.example".try_into().unwrap()),
            SanType::DnsName("ct2.example\0.evil.example".try_into().unwrap()),
            SanType::DnsName("".try_into().unwrap()),
            SanType::IpAddress([127, 0, 0, 1].into()),
            SanType::URI("spiffe://Hospital/ct".try_into().unwrap()),
            SanType::URI("spiffe://hospital/ct\n".try_into().unwrap()),
            SanType::URI("".try_into().unwrap()),
            SanType::Rfc822Name("ct3.example".try_into().unwrap()),
        ];
    });
    assert_eq!(names.dns, ["ct1.example"]);
    assert_eq!(names.uris, ["spiffe://Hospital/ct"]);
}

#[test]
fn a_common_name_counts_if_it_is_plain_and_the_only_one() {
    for (value, expected) in [
        (DnValue::Utf8String("Gerät 1".into()), Some("Gerät 1")),
        (DnValue::PrintableString("CT 1".try_into().unwrap()), Some("CT 1")),
        (DnValue::Utf8String("CT 1\0.evil".into()), None),
        (DnValue::Utf8String("CT\n1".into()), None),
        (DnValue::Utf8String("".into()), None),
        (DnValue::TeletexString("CT 1".try_into().unwrap()), None),
        (DnValue::BmpString("CT 1".try_into().unwrap()), None),
    ] {
        let names = of(|params| params.distinguished_name.push(DnType::CommonName, value.clone()));
        assert_eq!(names.common_name.as_deref(), expected, "{value:?}");
        assert_eq!(names.subject.is_some(), expected.is_some(), "{value:?}");
    }
    let odd = DnValue::UniversalString("CT 1".try_into().unwrap());
    let odd = certificate(|params| params.distinguished_name.push(DnType::CommonName, odd));
    assert!(Names::of(&odd).is_none());
    let several = of(|params| {
        params.distinguished_name.push(DnType::CommonName, "CT1");
        params.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), "CT2");
    });
    assert_eq!(several.common_name, None);
    let none = of(|params| params.distinguished_name = rcgen::DistinguishedName::new());
    assert_eq!((none.common_name, none.subject), (None, None));
}

#[test]
fn a_subject_is_the_same_however_an_operator_writes_it() {
    let names = of(|params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CountryName, "DE");
        params.distinguished_name.push(DnType::OrganizationName, "Klinik, \"Süd\" + Nord");
        params.distinguished_name.push(DnType::CommonName, "CT1");
    });
    let subject = names.subject.unwrap();
    for written in [
        subject.as_str(),
        r#"CN=CT1,O=Klinik\, \"Süd\" \+ Nord,C=DE"#,
        r#"cn=CT1,o=Klinik\2C \22S\C3\BCd\22 \2B Nord,c=DE"#,
    ] {
        assert_eq!(Names::subject(written).as_ref(), Some(&subject), "{written}");
    }
    for other in [
        r#"C=DE,O=Klinik\, \"Süd\" \+ Nord,CN=CT1"#,
        r#"CN=ct1,O=Klinik\, \"Süd\" \+ Nord,C=DE"#,
        r#"CN=CT1,O=Klinik\, \"Süd\",C=DE"#,
        "CN=CT1",
        "",
    ] {
        assert_ne!(Names::subject(other).as_ref(), Some(&subject), "{other}");
    }
    assert_eq!(Names::subject("nonsense"), None);
}

#[test]
fn what_looks_like_two_attributes_is_one() {
    let forged = of(|params| {
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "CT1,O=Hospital");
    });
    assert_ne!(forged.subject, Names::subject("CN=CT1,O=Hospital"));
    assert_eq!(forged.subject, Names::subject(r"CN=CT1\,O\=Hospital"));
}

#[test]
fn a_thumbprint_is_that_of_the_whole_certificate() {
    let certificate = certificate(|_| {});
    let names = Names::of(&certificate).unwrap();
    assert_eq!(names.thumbprint, digest::digest(&digest::SHA256, &certificate).as_ref());
    assert_eq!(Some(names.not_after), crate::not_after(&certificate));
}

#[test]
fn what_is_no_certificate_names_nobody() {
    let whole = certificate(|_| {});
    assert!(Names::of(&CertificateDer::from(&whole[..whole.len() - 1])).is_none());
    assert!(Names::of(&CertificateDer::from(&b"certificate"[..])).is_none());
    let twice = certificate(|params| {
        params.subject_alt_names = vec![SanType::DnsName("ct1.example".try_into().unwrap())];
        let more = CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 0]);
        params.custom_extensions = vec![more];
    });
    assert!(Names::of(&twice).is_none());
}

fn of(change: impl FnOnce(&mut CertificateParams)) -> Names {
    Names::of(&certificate(change)).unwrap()
}

fn certificate(change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let mut params = CertificateParams::default();
    change(&mut params);
    params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
}
