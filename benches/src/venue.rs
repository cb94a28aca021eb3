//! What all peers share: a folder, certificates, the token endpoint and the origin server.

use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;

use crate::Result;
use crate::machine::Cores;
use crate::origin::Origin;
use crate::token;

/// Where a race is held.
pub struct Venue {
    folder: tempfile::TempDir,
    /// For callers who speak TLS.
    pub tls: Arc<ClientConfig>,
    /// The token that the origin server wants.
    pub token: String,
    /// Plain HTTP.
    pub token_endpoint: SocketAddr,
    /// The origin server.
    pub origin: Origin,
}

impl Venue {
    /// Starts everything but the peers, on `cores`.
    pub fn open(cores: Cores) -> Result<Self> {
        cores.keep_this_thread()?;
        let folder = tempfile::Builder::new().prefix("race-").tempdir()?;
        let tls = certify(folder.path())?;
        let token = token::token();
        let token_endpoint = token::serve()?;
        let origin = Origin::start(folder.path(), &token, cores)?;
        Ok(Self { folder, tls, token, token_endpoint, origin })
    }

    /// A file of this race.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of this race and says where it is.
    pub fn write(&self, name: &str, text: &str) -> Result<String> {
        let path = self.path(name);
        write_private(&path, text)?;
        Ok(path.display().to_string())
    }
}

/// An address on loopback where nobody listens.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// Writes `ca.pem`, `chain.pem`, `key.pem` and `both.pem`; gives what trusts them.
fn certify(folder: &Path) -> Result<Arc<ClientConfig>> {
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // With the leaf's name, it would look like the leaf's own issuer to OpenSSL.
    ca.distinguished_name.push(DnType::CommonName, "the race's authority");
    let ca_certificate = ca.self_signed(&ca_key)?;
    let key = KeyPair::generate()?;
    let names = ["127.0.0.1".to_owned(), "localhost".to_owned()];
    let leaf = CertificateParams::new(names)?.signed_by(&key, &Issuer::new(ca, ca_key))?;
    write_private(&folder.join("ca.pem"), ca_certificate.pem())?;
    write_private(&folder.join("chain.pem"), leaf.pem())?;
    write_private(&folder.join("key.pem"), key.serialize_pem())?;
    write_private(&folder.join("both.pem"), leaf.pem() + &key.serialize_pem())?;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(ca_certificate.der().to_vec()))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The gateway takes no key and no secret that others can read.
fn write_private(path: &Path, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    file?.write_all(content.as_ref())
}
