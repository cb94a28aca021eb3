//! A certificate authority that exists for one test.
//!
//! Nothing outside the test trusts it, so everything that talks to an emulator must be told to.

use std::sync::Arc;
use std::time::SystemTime;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RevokedCertParams, RsaKeySize,
    SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::crypto;

/// A root, or an authority below one, that issues ECDSA P-256 certificates.
pub struct Ca {
    pem: String,
    /// Its certificate, and those up to its root; of a root nothing.
    chain_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its chain and its private key.
#[derive(Clone)]
pub struct Issued {
    /// The certificates, leaf first, as PEM.
    pub chain_pem: String,
    /// The key, PKCS#8, as PEM.
    pub key_pem: String,
    serial: SerialNumber,
}

impl Ca {
    /// Makes a new root with a key of its own.
    #[expect(clippy::new_without_default, reason = "making a key is not a default")]
    pub fn new() -> Self {
        Self::named("dicom-gateway test root")
    }

    /// Makes a new root of this name, of which there may be others.
    pub fn named(name: &str) -> Self {
        let (params, key) = (authority(name), ecdsa_key());
        let root = params.self_signed(&key).expect("a root certificate");
        Self { pem: root.pem(), chain_pem: String::new(), issuer: Issuer::new(params, key) }
    }

    /// Makes an authority of this name below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        self.intermediate_as(name, |_| ())
    }

    /// The same after this was done to its certificate.
    pub fn intermediate_as(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let (mut params, key) = (authority(name), ecdsa_key());
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let chain_pem = certificate.pem() + &self.chain_pem;
        Self { pem: certificate.pem(), chain_pem, issuer: Issuer::new(params, key) }
    }

    /// Its own certificate as PEM: what a gateway's `anchors` file holds.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Issues a certificate that is valid now for `names`: DNS names and IP addresses.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.sign(leaf(names))
    }

    /// The same with an RSA key, whose making takes a moment.
    pub fn issue_rsa(&self, names: &[&str]) -> Issued {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048);
        self.sign_for(leaf(names), &key.expect("a key"))
    }

    /// The same with a key on P-384.
    pub fn issue_p384(&self, names: &[&str]) -> Issued {
        self.sign_for(leaf(names), &KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).expect("a key"))
    }

    /// Issues a certificate for `names` whose time is over.
    pub fn expired(&self, names: &[&str]) -> Issued {
        let mut params = leaf(names);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.sign(params)
    }

    /// Issues a certificate for `names` that ends then.
    pub fn ending(&self, names: &[&str], ends: SystemTime) -> Issued {
        let mut params = leaf(names);
        params.not_after = ends.into();
        self.sign(params)
    }

    /// Issues a certificate for `names` after this was done to it.
    pub fn issue_as(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Issued {
        let mut params = leaf(names);
        change(&mut params);
        self.sign(params)
    }

    /// A list, made today, that names these as revoked, and is over then; PEM.
    pub fn revocation_list(&self, revoked: &[&Issued], ends: SystemTime) -> String {
        let revoked_certs = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: date_time_ymd(2024, 2, 29),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: SystemTime::now().into(),
            next_update: ends.into(),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked_certs.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).and_then(|list| list.pem()).expect("a list")
    }

    /// A client's configuration that trusts this root and nothing else, and offers no ALPN.
    pub fn client_config(&self) -> ClientConfig {
        ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_root_certificates(self.roots())
            .with_no_client_auth()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("our own PEM");
        roots.add(root).expect("our own root");
        roots
    }

    fn sign(&self, params: CertificateParams) -> Issued {
        self.sign_for(params, &ecdsa_key())
    }

    fn sign_for(&self, mut params: CertificateParams, key: &KeyPair) -> Issued {
        let serial = SerialNumber::from(u64::from(uuid::Uuid::new_v4().as_fields().0) + 1);
        params.serial_number = Some(serial.clone());
        let certificate = params.signed_by(key, &self.issuer).expect("a certificate");
        let chain_pem = certificate.pem() + &self.chain_pem;
        Issued { chain_pem, key_pem: key.serialize_pem(), serial }
    }
}

impl Issued {
    /// One for `names` that no authority issued.
    pub fn signed_by_itself(names: &[&str]) -> Self {
        let (mut params, key) = (leaf(names), ecdsa_key());
        let serial = SerialNumber::from(1);
        params.serial_number = Some(serial.clone());
        let certificate = params.self_signed(&key).expect("a certificate");
        Self { chain_pem: certificate.pem(), key_pem: key.serialize_pem(), serial }
    }

    /// A server's configuration that shows this certificate and takes one of the protocols `alpn`.
    pub fn server_config(&self, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        self.server(alpn, WebPkiClientVerifier::no_client_auth())
    }

    /// The same, which asks callers for a certificate of `ca`, and does without.
    pub fn server_config_that_asks(&self, alpn: &[&[u8]], ca: &Ca) -> Arc<ServerConfig> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(ca.roots()), crypto());
        self.server(alpn, verifier.allow_unauthenticated().build().expect("a root"))
    }

    /// The same of this version alone, where nobody gets in without a certificate of `ca`: by TLS 1.2
    /// not through the handshake.
    pub fn server_config_that_insists(
        &self,
        alpn: &[&[u8]],
        ca: &Ca,
        version: &'static SupportedProtocolVersion,
    ) -> Arc<ServerConfig> {
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(ca.roots()), crypto());
        let (chain, key) = self.pair();
        let mut config = ServerConfig::builder_with_provider(crypto())
            .with_protocol_versions(&[version])
            .expect("TLS 1.2 or 1.3")
            .with_client_cert_verifier(verifier.build().expect("a root"))
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    /// A client's configuration of these versions that trusts `ca`, shows this certificate to whoever
    /// asks, and offers no ALPN.
    pub fn client_config(
        &self,
        ca: &Ca,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let (chain, key) = self.pair();
        ClientConfig::builder_with_provider(crypto())
            .with_protocol_versions(versions)
            .expect("TLS 1.2 or 1.3")
            .with_root_certificates(ca.roots())
            .with_client_auth_cert(chain, key)
            .expect("a certificate with its key")
    }

    /// The leaf, DER.
    pub fn leaf(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.chain_pem.as_bytes()).expect("our own PEM")
    }

    fn server(&self, alpn: &[&[u8]], verifier: Arc<dyn ClientCertVerifier>) -> Arc<ServerConfig> {
        let (chain, key) = self.pair();
        let mut config = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .expect("TLS 1.2 and 1.3")
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    fn pair(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_slice_iter(self.chain_pem.as_bytes());
        let chain = chain.collect::<Result<Vec<_>, _>>().expect("our own PEM");
        (chain, PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("our own key"))
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("DNS names or IP addresses");
    params.distinguished_name.push(DnType::CommonName, "dicom-gateway test server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    // Python's ssl refuses a certificate without it.
    params.use_authority_key_identifier_extension = true;
    params
}

fn ecdsa_key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key")
}
