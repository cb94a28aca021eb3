//! A folder with a configuration in it, and the shortest file that is right.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use config::{Config, Loaded, Problems};

/// A folder of its own that is gone afterwards; it has a `client-secret`.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!(
            "gateway-config-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = Self(std::env::temp_dir().join(name));
        fs::create_dir_all(&folder.0).unwrap();
        folder.write("client-secret", "s3cr3t\n");
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
        self.permit(name, 0o600);
    }

    pub(crate) fn permit(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn parse(&self, text: &str) -> Result<Loaded, Problems> {
        self.parse_with(text, &[])
    }

    /// The same, in an environment of these variables.
    pub(crate) fn parse_with(
        &self,
        text: &str,
        variables: &[(&str, &str)],
    ) -> Result<Loaded, Problems> {
        config::parse_with(text, &self.path("gateway.toml"), |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A configuration that is right, made of parts that a test can put something into.
pub(crate) fn file(parts: &Parts<'_>) -> String {
    let Parts { top, client, route } = parts;
    format!("{top}\n[client]\n{CLIENT}{client}\n[[route]]\n{ROUTE}{route}\n")
}

/// What a test adds to the shortest file.
#[derive(Default)]
pub(crate) struct Parts<'p> {
    pub(crate) top: &'p str,
    pub(crate) client: &'p str,
    pub(crate) route: &'p str,
}

/// The configuration that `text` amounts to.
#[track_caller]
pub(crate) fn right(text: &str) -> Config {
    Folder::new().parse(text).unwrap_or_else(|problems| panic!("{problems}\n{text}")).config
}

/// Asserts that `text` has one problem, with this key and this in its message.
#[track_caller]
pub(crate) fn wrong(text: &str, key: &str, message: &str) {
    wrong_in(&Folder::new(), text, key, message);
}

/// The same, with files around it.
#[track_caller]
pub(crate) fn wrong_in(folder: &Folder, text: &str, key: &str, message: &str) {
    let problems = folder.parse(text).expect_err(text);
    let found = problems.iter().collect::<Vec<_>>();
    assert!(
        matches!(found[..], [only] if only.key == key && only.message.contains(message)),
        "not the one problem with {key}, {message:?}:\n{problems}\n{text}"
    );
}

/// Replaces a part of a text that is certainly there.
#[track_caller]
pub(crate) fn replace(text: &str, old: &str, new: &str) -> String {
    assert!(text.contains(old), "{old} is not in {text}");
    text.replace(old, new)
}

/// The number of the first line that holds `part`.
pub(crate) fn line_of(text: &str, part: &str) -> usize {
    let found = text.lines().position(|line| line.contains(part));
    1 + found.unwrap_or_else(|| panic!("{part} is not in {text}"))
}

/// For tests that need no folder.
pub(crate) fn nowhere() -> &'static Path {
    Path::new("gateway.toml")
}

pub(crate) const CLIENT: &str = "authority = \"https://auth.example/realm\"
id = \"gateway\"
credential.secret_file = \"client-secret\"
";

pub(crate) const ROUTE: &str = "prefix = \"/dicom-web\"
origin = \"https://pacs.example/rs\"
scope = \"dicom\"
callers = \"anyone\"
";
