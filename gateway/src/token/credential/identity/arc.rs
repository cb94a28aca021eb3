//! Azure Arc's challenge: who can read a file that only its agent's group can read, may ask.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use secrecy::zeroize::Zeroizing;

use super::super::{AcquireError, CredentialError};

/// What to answer to the challenge in this response: the content of the file that it names, which has
/// to lie in `folder`.
pub(super) async fn response(
    status: StatusCode,
    headers: &HeaderMap,
    folder: &Path,
) -> Result<HeaderValue, AcquireError> {
    let path = Some(headers)
        .filter(|_| status == StatusCode::UNAUTHORIZED)
        .and_then(challenged)
        .ok_or(AcquireError::Malformed("the Arc agent sent no challenge"))?;
    if !is_key_in(&path, folder) {
        return Err(AcquireError::Malformed("the Arc agent names a file outside of its folder"));
    }
    super::super::read(move || Ok::<_, CredentialError>(read(&path)?)).await
}

/// `WWW-Authenticate: Basic realm=<file>`
fn challenged(headers: &HeaderMap) -> Option<PathBuf> {
    let challenge = headers.get(header::WWW_AUTHENTICATE)?.to_str().ok()?;
    let (scheme, realm) = challenge.split_once(' ')?;
    let path = realm.trim().strip_prefix("realm=")?.trim_matches('"');
    scheme.eq_ignore_ascii_case("basic").then(|| path.into())
}

/// Whoever answers in the agent's place could name any file of ours, and read it in the next
/// request.
fn is_key_in(path: &Path, folder: &Path) -> bool {
    path.parent() == Some(folder)
        && path.extension().is_some_and(|extension| extension == "key")
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)))
}

fn read(path: &Path) -> io::Result<HeaderValue> {
    // A link may lead out of the folder.
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut content = Zeroizing::new(String::new());
    File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut content)?;
    if content.len() as u64 > MOST_BYTES {
        return Err(io::Error::other("it is larger than 4096 bytes"));
    }
    let shown = Zeroizing::new(format!("Basic {}", content.trim_end()));
    let mut shown = HeaderValue::from_str(&shown).map_err(|_| io::Error::other("it is no text"))?;
    shown.set_sensitive(true);
    Ok(shown)
}

const MOST_BYTES: u64 = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_right_in_the_folder_are_shown() {
        let folder = Path::new("/var/opt/azcmagent/tokens");
        assert!(is_key_in(Path::new("/var/opt/azcmagent/tokens/a.key"), folder));
        for path in [
            "/etc/shadow",
            "/etc/shadow.key",
            "/var/opt/azcmagent/tokens/a.txt",
            "/var/opt/azcmagent/tokens/b/a.key",
            "/var/opt/azcmagent/tokens/../a.key",
            "/var/opt/azcmagent/tokens/..",
            "a.key",
            "",
        ] {
            assert!(!is_key_in(Path::new(path), folder), "{path}");
        }
    }

    #[test]
    fn a_challenge_is_basic_and_names_a_file() {
        let of = |value| {
            challenged(&HeaderMap::from_iter([(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static(value),
            )]))
        };
        assert_eq!(of("Basic realm=/a/b.key"), Some(PathBuf::from("/a/b.key")));
        assert_eq!(of("basic realm=\"/a/b.key\""), Some(PathBuf::from("/a/b.key")));
        for none in ["Bearer realm=/a", "Basic", "Basic /a", ""] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
