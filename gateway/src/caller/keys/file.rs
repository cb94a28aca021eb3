//! The file of keys: a line for each, `NAME HASH [expires=DATE]`, with comments behind `#`.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{generated, password};

/// Why a file of keys cannot be used. Says nothing of its hashes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("{} cannot be read: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It cannot be written.
    #[error("{} cannot be written: {error}", .path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Lines of it are wrong; all of them are named, with what would be right.
    #[error("{}", lines(.path, .problems))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Lines, counted from one, and what is wrong with them.
        problems: Vec<(usize, String)>,
    },
    /// There is such a key already.
    #[error("a key called {0} is there already; take another name, or remove that one first")]
    Taken(KeyName),
    /// There is no such key.
    #[error("there is no key called {0}")]
    NoSuchKey(KeyName),
}

/// What a key is called: letters, digits, `.`, `-`, `_` and `@`, 64 at most.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct KeyName(pub(super) Arc<str>);

/// The last day on which a key is good, in UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LastDay(SystemTime);

/// Why a text is no name of a key, or no day. Its words say what would be right.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Wrong(&'static str);

/// One key of a file.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its line, counted from one.
    pub line: usize,
    pub name: KeyName,
    pub hash: Hash,
    pub last_day: Option<LastDay>,
}

/// What a key is known by.
#[derive(Clone, Eq, PartialEq)]
pub(super) enum Hash {
    /// Of a generated key.
    Sha256([u8; 32]),
    /// Of a password, with salt and costs: a PHC string.
    Argon2(Arc<str>),
}

/// Reads a file's text.
pub(super) fn text(path: &Path) -> Result<String, KeyFileError> {
    let unreadable = |error| KeyFileError::Unreadable { path: path.to_owned(), error };
    // A pipe or a device would keep us waiting.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(unreadable(io::Error::other("it is not a regular file")));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(MOST_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(unreadable(io::Error::other("it is larger than 4 MiB")));
    }
    Ok(text)
}

/// The keys of a file's text, or all that is wrong with it.
pub(super) fn entries(path: &Path, text: &str) -> Result<Vec<Entry>, KeyFileError> {
    let (mut entries, mut problems) = (Vec::<Entry>::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        match entry(index + 1, line) {
            Err(Wrong(message)) => problems.push((index + 1, message.to_owned())),
            Ok(entry) => {
                if let Some(message) = entries.iter().find_map(|other| clash(&entry, other)) {
                    problems.push((index + 1, message));
                }
                entries.push(entry);
            }
        }
    }
    let mut passwords = entries.iter().filter(|entry| matches!(entry.hash, Hash::Argon2(_)));
    if let Some(entry) = passwords.nth(password::MOST) {
        let most = password::MOST;
        let message =
            format!("more than {most} passwords: each wrong one costs as many; make keys");
        problems.push((entry.line, message));
    }
    if problems.is_empty() {
        Ok(entries)
    } else {
        Err(KeyFileError::Malformed { path: path.to_owned(), problems })
    }
}

fn entry(line: usize, text: &str) -> Result<Entry, Wrong> {
    let mut words = text.split_whitespace();
    let name = words.next().unwrap_or_default().parse()?;
    let hash = hash(words.next().unwrap_or_default())?;
    let last_day = words.next().map(|word| {
        let date = word.strip_prefix("expires=");
        date.ok_or(Wrong("after the hash comes nothing but expires=DATE"))?.parse()
    });
    let entry = Entry { line, name, hash, last_day: last_day.transpose()? };
    words.next().map_or(Ok(entry), |_| Err(Wrong("a line is NAME HASH, or NAME HASH expires=DATE")))
}

fn hash(word: &str) -> Result<Hash, Wrong> {
    if let Some(digits) = word.strip_prefix("sha256:") {
        let hash = bytes(digits).ok_or(Wrong("behind sha256: come 64 hexadecimal digits"))?;
        return Ok(Hash::Sha256(hash));
    }
    if word.starts_with("$argon2") {
        return password::check(word).map(|()| Hash::Argon2(word.into())).map_err(Wrong);
    }
    Err(Wrong(if generated::hash(word).is_some() {
        "here stands a key, and not its hash: it is no secret any more; make another"
    } else {
        "behind the name comes sha256: and 64 hexadecimal digits, or $argon2id$…; \
         `dicom-gateway key` writes such lines"
    }))
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let is_right = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let mut hash = [0; 32];
    for (index, byte) in hash.iter_mut().enumerate().filter(|_| is_right) {
        *byte = u8::from_str_radix(&digits[2 * index..2 * index + 2], 16).ok()?;
    }
    is_right.then_some(hash)
}

fn clash(entry: &Entry, other: &Entry) -> Option<String> {
    let line = other.line;
    if entry.name == other.name {
        Some(format!("{} stands in line {line} already; names are for one key each", entry.name))
    } else if entry.hash == other.hash {
        Some(format!("this hash stands in line {line} already; each caller has a key of its own"))
    } else {
        None
    }
}

fn lines(path: &Path, problems: &[(usize, String)]) -> String {
    let line = |(line, message): &(usize, String)| format!("{}:{line}: {message}", path.display());
    problems.iter().map(line).collect::<Vec<_>>().join("; ")
}

impl LastDay {
    /// When the key is no longer good.
    pub(super) fn end(self) -> SystemTime {
        self.0 + DAY
    }

    /// Whether it is over.
    pub fn is_over(self, now: SystemTime) -> bool {
        self.end() <= now
    }
}

impl FromStr for KeyName {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_@".contains(&byte);
        if (1..=64).contains(&text.len()) && text.bytes().all(plain) {
            Ok(Self(text.into()))
        } else {
            Err(Wrong("a key's name has letters, digits, . - _ and @, 64 at most"))
        }
    }
}

impl FromStr for LastDay {
    type Err = Wrong;

    fn from_str(text: &str) -> Result<Self, Wrong> {
        let day = humantime::parse_rfc3339(&format!("{text}T00:00:00Z"));
        day.map(Self).map_err(|_| Wrong("a date is written like 2027-01-31"))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LastDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = humantime::format_rfc3339_seconds(self.0).to_string();
        f.write_str(text.split('T').next().unwrap_or_default())
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.name)?;
        match &self.hash {
            Hash::Sha256(bytes) => {
                f.write_str("sha256:")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
            }
            Hash::Argon2(text) => f.write_str(text)?,
        }
        self.last_day.map_or(Ok(()), |day| write!(f, " expires={day}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256(_) => "Sha256(***)",
            Self::Argon2(_) => "Argon2(***)",
        })
    }
}

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Some forty thousand keys; a disk image given by mistake is larger.
const MOST_BYTES: u64 = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_blank_lines_and_both_kinds_of_hashes_are_read() {
        let text = format!(
            "# who\n\nward-7 sha256:{A}\r\n  ct@3.west\t{PASSWORD}  expires=2027-01-31 # bought 2026\n"
        );
        let entries = read(&text).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].line, &*entries[0].name.0), (3, "ward-7"));
        assert_eq!(entries[0].hash, Hash::Sha256([0xaa; 32]));
        assert_eq!((entries[1].line, &*entries[1].name.0), (4, "ct@3.west"));
        assert_eq!(entries[1].to_string(), format!("ct@3.west {PASSWORD} expires=2027-01-31"));
        assert!(read("# nobody\n").unwrap().is_empty(), "the last key can be taken away");
    }

    #[test]
    fn the_last_day_is_a_good_one() {
        let day = "2027-01-31".parse::<LastDay>().unwrap();
        let at = |text| humantime::parse_rfc3339(text).unwrap();
        assert!(!day.is_over(at("2027-01-31T23:59:59Z")));
        assert!(day.is_over(at("2027-02-01T00:00:00Z")));
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_with_its_lines_and_without_hashes() {
        let key = generated::generate();
        let c = "c".repeat(63);
        let weak = PASSWORD.replace("m=19456", "m=64");
        let dear = PASSWORD.replace("m=19456", "m=4194304");
        let text = [
            format!("ward/7 sha256:{A}"),
            "ward-8".into(),
            format!("ward-9 sha256:{c}"),
            format!("ward-10 {}", *key),
            format!("a sha256:{A}"),
            format!("a sha256:{B}"),
            format!("b sha256:{A}"),
            format!("c sha256:{} until=2027", "d".repeat(64)),
            format!("d sha256:{} expires=2027-02-30", "e".repeat(64)),
            format!("e {weak}"),
            format!("f {dear}"),
            format!("g {}", PASSWORD.replace("argon2id", "argon2i")),
            "h $2y$05$bvIG6Nmid91Mu9RcmmWZfO5HJIMCT8riNW0hEp8f6/FuA2/mHZFpe".into(),
        ];
        let told = read(&text.join("\n")).unwrap_err().to_string();
        for (line, part) in [
            (1, "letters, digits"),
            (2, "behind the name comes"),
            (3, "64 hexadecimal digits"),
            (4, "a key, and not its hash"),
            (6, "line 5 already"),
            (7, "line 5 already"),
            (8, "nothing but expires="),
            (9, "2027-01-31"),
            (10, "guessed"),
            (11, "256 MiB"),
            (12, "argon2id"),
            (13, "behind the name comes"),
        ] {
            let begin = format!("{line}: ");
            let found = told.split("keys:").find(|problem| problem.starts_with(&begin));
            assert!(found.is_some_and(|problem| problem.contains(part)), "{line}\n{told}");
        }
        assert_eq!(told.matches("keys:").count(), 12, "{told}");
        for secret in [&key[..12], "cccccc", "aaaaaa", "YWJj", "bvIG6"] {
            assert!(!told.contains(secret), "{told}");
        }
    }

    #[test]
    fn too_many_passwords_are_refused() {
        let lines = |count| (0..count).map(move |n| format!("p{n} {}", with_salt(n)));
        let most = lines(password::MOST).collect::<Vec<_>>().join("\n");
        assert_eq!(read(&most).unwrap().len(), password::MOST);
        let more = lines(password::MOST + 1).collect::<Vec<_>>().join("\n");
        assert!(read(&more).unwrap_err().to_string().starts_with("keys:17: more than 16"));
    }

    fn read(text: &str) -> Result<Vec<Entry>, KeyFileError> {
        entries(Path::new("keys"), text)
    }

    fn with_salt(number: usize) -> String {
        let letter = char::from(b'a' + number as u8);
        PASSWORD.replace("YWJj", &format!("{letter}WJj"))
    }

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    const PASSWORD: &str = "$argon2id$v=19$m=19456,t=2,p=1$YWJjZGVmZ2hpamtsbW5vcA\
                            $AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
}
