//! Files with secrets in them, which others must not be able to read or change.
//!
//! Fine is what only its owner may use (0600, 0400), and what a group of ours may read besides (0440,
//! 0640): so Kubernetes gives a secret to a container by `fsGroup`, and a package to its service. Leave
//! for everyone is never fine, nor leave for a group to write. Where the file has an access control
//! list, as systemd gives its credentials, the group bits of its mode are the list's mask, and the list
//! says who is meant.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::fgetxattr;
use rustix::process::{getegid, geteuid, getgroups};
use secrecy::zeroize::Zeroizing;

/// A file with a secret in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PrivateFile {
    path: PathBuf,
    may_be_open: bool,
}

/// That a file with a secret in it is open to others than the gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Exposed {
    mode: u32,
}

impl PrivateFile {
    /// A file that must not be open to others.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), may_be_open: false }
    }

    /// The same, where the operator lets it be open to others.
    pub(crate) fn may_be_open(mut self) -> Self {
        self.may_be_open = true;
        self
    }

    /// Where it is. Who opens it by that looks at [`Self::check`] first.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether others can read or change it, and must not. Not of a file that cannot be looked at.
    pub fn check(&self) -> Result<(), Exposed> {
        match exposure(&self.path) {
            Ok(Some(exposed)) if !self.may_be_open => Err(exposed),
            _ => Ok(()),
        }
    }

    /// What it holds; an error that says so if others can read or change it, and must not.
    pub fn read(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut file = open(&self.path)?;
        if let (false, Some(exposed)) = (self.may_be_open, exposure_of(&file)?) {
            return Err(exposed.into());
        }
        let mut content = Zeroizing::new(Vec::new());
        file.read_to_end(&mut content)?;
        Ok(content)
    }
}

impl fmt::Display for Exposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "is open to other users (its mode is {:04o})", self.mode)
    }
}

impl std::error::Error for Exposed {}

impl From<Exposed> for io::Error {
    fn from(exposed: Exposed) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, format!("it {exposed}"))
    }
}

/// How a file, symbolic links followed, is open to others than us.
pub(crate) fn exposure(path: &Path) -> io::Result<Option<Exposed>> {
    exposure_of(&open(path)?)
}

/// Opens what is no pipe or device, which would keep us waiting and cannot be read again.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    File::open(path)
}

fn exposure_of(file: &File) -> io::Result<Option<Exposed>> {
    let metadata = file.metadata()?;
    let mut list = [0; MOST_LIST_BYTES];
    // Without a list, or on a file system without such lists, the mode says all.
    let length = fgetxattr(file, "system.posix_acl_access", &mut list).unwrap_or(0);
    let us = Us {
        user: geteuid().as_raw(),
        groups: [getegid()].into_iter().chain(getgroups()?).map(|group| group.as_raw()).collect(),
    };
    let mode = metadata.mode() & 0o7777;
    let is_exposed = us.shares(mode, metadata.gid(), &list[..length]);
    Ok(is_exposed.then_some(Exposed { mode }))
}

/// Whom nothing is kept from.
struct Us {
    user: u32,
    groups: Vec<u32>,
}

impl Us {
    /// Whether a file of this mode, group and access control list lets others in.
    fn shares(&self, mode: u32, group: u32, list: &[u8]) -> bool {
        if mode & (READ | WRITE) != 0 {
            return true;
        }
        let bits = (mode >> 3) & 0o7;
        let Some(entries) = entries(list) else { return self.shares_with_group(bits, group) };
        entries.into_iter().any(|(tag, permissions, id)| match tag {
            // What the mask takes away, nobody has; the mode's group bits are the mask.
            GROUP_OF_FILE => self.shares_with_group(permissions & bits, group),
            GROUP => self.shares_with_group(permissions & bits, id),
            USER => permissions & bits & (READ | WRITE) != 0 && id != self.user,
            _ => false,
        })
    }

    fn shares_with_group(&self, permissions: u32, group: u32) -> bool {
        permissions & WRITE != 0 || permissions & READ != 0 && !self.groups.contains(&group)
    }
}

/// The entries of an access control list as Linux stores it: tag, permissions, and who.
fn entries(list: &[u8]) -> Option<Vec<(u16, u32, u32)>> {
    let (version, entries) = list.split_first_chunk::<4>()?;
    let (entries, rest) = entries.as_chunks::<8>();
    let known = u32::from_le_bytes(*version) == LIST_VERSION && rest.is_empty();
    let entry = |&[t0, t1, p0, p1, i0, i1, i2, i3]: &[u8; 8]| {
        let permissions = u16::from_le_bytes([p0, p1]);
        (u16::from_le_bytes([t0, t1]), permissions.into(), u32::from_le_bytes([i0, i1, i2, i3]))
    };
    known.then(|| entries.iter().map(entry).collect())
}

const READ: u32 = 0o4;
const WRITE: u32 = 0o2;

/// `posix_acl_xattr.h` of Linux.
const LIST_VERSION: u32 = 2;
const USER: u16 = 0x02;
const GROUP_OF_FILE: u16 = 0x04;
const GROUP: u16 = 0x08;

/// What ext4 has room for; a longer list is not read, and then the mask speaks for it.
const MOST_LIST_BYTES: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_lets_others_in_or_it_does_not() {
        for (mode, ours, strangers) in [
            (0o600, false, false),
            (0o400, false, false),
            (0o700, false, false),
            (0o711, false, false),
            (0o440, false, true),
            (0o640, false, true),
            (0o660, true, true),
            (0o420, true, true),
            (0o604, true, true),
            (0o602, true, true),
            (0o644, true, true),
            (0o444, true, true),
            (0o777, true, true),
        ] {
            for group in [100, 2000] {
                assert_eq!(us().shares(mode, group, &[]), ours, "{mode:o} of our group");
            }
            assert_eq!(us().shares(mode, 0, &[]), strangers, "{mode:o} of another group");
        }
    }

    #[test]
    fn a_list_says_who_is_meant() {
        let (owner, mask, other) = ((0x01, 4, ANYONE), (0x10, 4, ANYONE), (0x20, 0, ANYONE));
        // As systemd gives its credentials: root's, and readable by the service.
        for (name, entry, mode, shares) in [
            ("us to read", (USER, 4, 1000), 0o440, false),
            ("another to read", (USER, 4, 1001), 0o440, true),
            ("another, masked", (USER, 4, 1001), 0o400, false),
            ("another to execute", (USER, 1, 1001), 0o450, false),
            ("our group to read", (GROUP, 4, 2000), 0o440, false),
            ("our group to write", (GROUP, 6, 2000), 0o460, true),
            ("another group to read", (GROUP, 4, 7), 0o440, true),
            ("everyone", (USER, 4, 1000), 0o444, true),
        ] {
            let list = list(&[owner, entry, (GROUP_OF_FILE, 0, ANYONE), mask, other]);
            assert_eq!(us().shares(mode, 0, &list), shares, "{name}");
        }
        let of_group = |permissions| list(&[owner, (GROUP_OF_FILE, permissions, ANYONE), other]);
        assert!(us().shares(0o440, 0, &of_group(4)), "the file's own group, and not ours");
        assert!(!us().shares(0o440, 100, &of_group(4)));
    }

    #[test]
    fn a_list_that_nobody_understands_says_nothing() {
        let good = list(&[(USER, 4, 1000)]);
        assert!(!us().shares(0o440, 0, &good));
        for bad in [&good[..good.len() - 1], &good[..3], &[9; 12]] {
            assert!(us().shares(0o440, 0, bad), "{bad:?}");
        }
    }

    fn us() -> Us {
        Us { user: 1000, groups: vec![100, 2000] }
    }

    fn list(entries: &[(u16, u16, u32)]) -> Vec<u8> {
        let mut list = LIST_VERSION.to_le_bytes().to_vec();
        for (tag, permissions, id) in entries {
            list.extend(tag.to_le_bytes());
            list.extend(permissions.to_le_bytes());
            list.extend(id.to_le_bytes());
        }
        list
    }

    const ANYONE: u32 = u32::MAX;
}
