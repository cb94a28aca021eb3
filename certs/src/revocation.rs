//! Whom others believe no more.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject;
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_cert::crl::CertificateList;
use x509_cert::der::Decode;

use super::{Error, read};

/// Lists of revoked certificates (RFC 5280, section 5), each of one issuer.
#[derive(Debug, Default)]
pub struct RevocationLists {
    /// The newest first: of several of one issuer it is the one to ask.
    lists: Vec<List>,
}

/// How long a revocation list speaks for its issuer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ListLife {
    /// When the next one is to be there (`nextUpdate`). From then on nothing is believed that this
    /// list would have to tell of.
    pub ends: SystemTime,
    /// How long it was made to last.
    pub lasts: Duration,
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) list: CertRevocationList<'static>,
    pub(super) life: ListLife,
    issued: SystemTime,
}

impl RevocationLists {
    /// Reads the lists of these PEM files, one or several in each. All of them must be sound, and such
    /// that certificates can be checked by them: complete, direct, and with an end.
    pub fn load(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut lists = Vec::new();
        for path in paths {
            load(path, &mut lists)?;
        }
        lists.sort_by_key(|list| std::cmp::Reverse(list.issued));
        Ok(Self { lists })
    }

    /// The life of the list that ends first.
    pub fn life(&self) -> Option<ListLife> {
        self.lists.iter().map(|list| list.life).min()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &List> + Clone {
        self.lists.iter()
    }
}

fn load(path: &Path, lists: &mut Vec<List>) -> Result<(), Error> {
    const WANTED: &str = "certificate revocation list";
    let malformed = || Error::Malformed { path: path.to_owned(), wanted: WANTED };
    let before = lists.len();
    for der in CertificateRevocationListDer::pem_slice_iter(&read(path)?) {
        let der = der.map_err(|_| malformed())?;
        let plain: CertificateList = Decode::from_der(&der).map_err(|_| malformed())?;
        let plain = plain.tbs_cert_list;
        let list = OwnedCertRevocationList::from_der(&der).map_err(|error| {
            Error::RevocationList { path: path.to_owned(), source: Box::new(error) }
        })?;
        let issued = plain.this_update.to_system_time();
        let ends = plain.next_update.ok_or_else(malformed)?.to_system_time();
        let lasts = ends.duration_since(issued).unwrap_or_default();
        lists.push(List { list: list.into(), life: ListLife { ends, lasts }, issued });
    }
    if lists.len() == before {
        return Err(Error::Empty { path: path.to_owned(), wanted: WANTED });
    }
    Ok(())
}
