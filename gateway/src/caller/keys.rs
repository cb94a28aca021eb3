//! Keys of callers.
//!
//! A file has their hashes, never the keys themselves. What the gateway generated is found by one
//! round of SHA-256, compared with each hash in constant time; what people chose, by argon2id. Which
//! of the two a key can be is told by its form, so that nothing short is ever compared by the quick way.

use std::fmt;
use std::io;
use std::net::IpAddr;

use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::constant_time;
use config::PrivateFile;

mod edit;
mod file;
mod generated;
mod password;

pub use self::edit::{KeyFile, ListedKey};
pub use self::file::{KeyFileError, KeyName, LastDay, Wrong};
pub(crate) use self::password::Passwords;

use self::file::Hash;
use super::Why;
use super::attempts::Attempts;

/// The keys of a file.
pub(crate) struct Keys {
    generated: Vec<([u8; 32], Owner)>,
    /// In the order of `owners`.
    hashes: Vec<Arc<str>>,
    owners: Vec<Owner>,
    passwords: Arc<Passwords>,
}

#[derive(Debug)]
struct Owner {
    name: KeyName,
    last_day: Option<LastDay>,
}

impl Keys {
    /// Reads the file. No key at all is no error, for the last one can be taken away; no text at all is:
    /// an editor that writes in place leaves that for a moment.
    pub(crate) fn load(
        file: &PrivateFile,
        passwords: &Arc<Passwords>,
    ) -> Result<Self, KeyFileError> {
        let path = file.path();
        let mut keys = Self {
            generated: Vec::new(),
            hashes: Vec::new(),
            owners: Vec::new(),
            passwords: passwords.clone(),
        };
        file.check().map_err(|exposed| KeyFileError::Unreadable {
            path: path.to_owned(),
            error: exposed.into(),
        })?;
        let text = file::text(path)?;
        if text.trim().is_empty() {
            let error = io::Error::other("it is empty; where nobody has a key, a comment says so");
            return Err(KeyFileError::Unreadable { path: path.to_owned(), error });
        }
        for entry in file::entries(path, &text)? {
            let owner = Owner { name: entry.name, last_day: entry.last_day };
            match entry.hash {
                Hash::Sha256(hash) => keys.generated.push((hash, owner)),
                Hash::Argon2(hash) => {
                    keys.hashes.push(hash);
                    keys.owners.push(owner);
                }
            }
        }
        Ok(keys)
    }

    /// The name of this key, if it is good now. One that is not is counted for this address.
    pub(crate) async fn find(
        &self,
        key: &str,
        (address, attempts): (Option<IpAddr>, &Attempts),
    ) -> Result<Arc<str>, Why> {
        // Whose hash is known needs no look at its sum, which tells a wrong key from a password.
        let known = generated::hash_by_form(key).and_then(|hash| self.of_hash(&hash));
        let owner = match known {
            Some(owner) => Ok(owner),
            None if generated::hash(key).is_some() => Err(Why::Key),
            None => {
                let known = self.passwords.which(key, &self.hashes, (address, attempts)).await?;
                let index = self.hashes.iter().position(|hash| *hash == known);
                index.map(|index| &self.owners[index]).ok_or(Why::Key)
            }
        };
        let is_over = |owner: &Owner| owner.last_day.is_some_and(|d| d.is_over(SystemTime::now()));
        match owner {
            Ok(owner) if is_over(owner) => Err(attempts.failed(Why::KeyEnded, address)),
            Ok(owner) => Ok(owner.name.0.clone()),
            Err(why) => Err(attempts.failed(why, address)),
        }
    }

    /// Those of its keys that end, and when.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (&KeyName, SystemTime)> {
        let owners = self.generated.iter().map(|(_, owner)| owner).chain(&self.owners);
        owners.filter_map(|owner| owner.last_day.map(|day| (&owner.name, day.end())))
    }

    /// Who has the key of this hash. Takes as long for the first as for the last, and for none.
    fn of_hash(&self, hash: &[u8; 32]) -> Option<&Owner> {
        let mut found = None;
        for (one, owner) in &self.generated {
            if constant_time::verify_slices_are_equal(one, hash).is_ok() {
                found = Some(owner);
            }
        }
        found
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.generated.iter().map(|(_, owner)| owner).chain(&self.owners);
        f.debug_list().entries(names).finish()
    }
}
