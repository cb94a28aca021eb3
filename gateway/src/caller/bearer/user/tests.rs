use rustls::pki_types::CertificateDer;

use super::*;

#[test]
fn a_bound_token_is_good_where_its_certificate_is_the_leaf() {
    let (leaf, issuer) = (b"the leaf's DER".as_slice(), b"its issuer's".as_slice());
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(digest(&SHA256, leaf).as_ref());
    let bound = User { certificate: Some(sha256), ..User::default() };
    let peer = |chain: &[&'static [u8]]| Peer {
        certificates: chain.iter().map(|der| CertificateDer::from(*der)).collect(),
        ..Peer::default()
    };
    assert!(bound.is_at(&peer(&[leaf, issuer])).is_ok());
    for chain in [&[][..], &[issuer], &[issuer, leaf]] {
        assert_eq!(bound.is_at(&peer(chain)), Err(Why::Token(flaw::CERTIFICATE)), "{chain:?}");
    }
    // One that is not bound may come beside any.
    assert!(User::default().is_at(&peer(&[issuer])).is_ok());
}

#[test]
fn debug_shows_nothing() {
    let subject = "canary".to_owned();
    let assertion = Arc::new(Assertion::new(Arc::new("canary".into()), SystemTime::now()));
    let user = User { subject, assertion, ..User::default() };
    assert_eq!(format!("{user:?}"), "User");
}
