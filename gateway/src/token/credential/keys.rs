//! A key and its certificate, as long as their files are good.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use certs::{Identity, Presented};
use config::KeyFiles;

use crate::identity;

/// The last good pair that its files held.
///
/// Files are replaced one after the other: who reads them between finds a key of another
/// certificate, and goes on with what there was.
#[derive(Debug)]
pub(in crate::token) struct Keys {
    files: KeyFiles,
    last: Mutex<Identity>,
    presented: Arc<Presented>,
}

impl Keys {
    /// Reads the files; they have to be good.
    pub(super) fn load(files: KeyFiles) -> Result<Self, certs::Error> {
        let identity = identity::load_either(&files)?;
        let presented = Arc::new(Presented::new(&identity));
        Ok(Self { files, last: Mutex::new(identity), presented })
    }

    /// What the files hold now, if it is good, else what they held before. Shown in handshakes from
    /// now on.
    pub(super) fn refresh(&self) -> Identity {
        let read = identity::load_either(&self.files);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(identity) => {
                self.presented.replace(&identity);
                *last = identity;
            }
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a credential's files are not good; what they held before is used on"
            ),
        }
        last.clone()
    }

    /// When the first certificate of the chain ends.
    pub(super) fn not_after(&self) -> Option<SystemTime> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).not_after()
    }

    /// What handshakes show.
    pub(super) fn presented(&self) -> Arc<Presented> {
        self.presented.clone()
    }

    /// Where it comes from.
    pub(super) fn files(&self) -> &KeyFiles {
        &self.files
    }
}
