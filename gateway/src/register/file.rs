//! The configuration: written once, and later changed only where a credential was replaced.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use config::{Config, load};

use super::access::bare;
use super::api::Api;
use super::arguments::New;
use super::credential::{Credential, Held, is_there};
use super::error::Error;
use super::expiry::day;
use super::settled::Settled;
use super::slot::Slot;

/// The configuration that is there already, if it may stay.
pub(super) enum Before {
    /// There is none, or it will be replaced.
    Nothing,
    /// It is of the client with this id.
    Of(Vec<String>),
}

impl Before {
    /// Looks at it before anything is made.
    pub(super) fn at(new: &New) -> Result<Self, Error> {
        if new.force || !is_there(&new.file) {
            return Ok(Self::Nothing);
        }
        let clients = Settled::all(&new.file).map_err(|error| {
            let advice =
                "is there already: --file names another file, --force replaces it and keeps a copy";
            Error::Configuration(format!("{} {advice} ({error})", new.file.display()))
        })?;
        Ok(Self::Of(clients.into_iter().map(|client| client.app_id).collect()))
    }

    /// Whether a configuration of this application is there; an error if it is of others.
    pub(super) fn is_of(&self, app_id: Option<&str>, file: &Path) -> Result<bool, Error> {
        match self {
            Self::Nothing => Ok(false),
            Self::Of(ids) if ids.iter().any(|id| Some(&**id) == app_id) => Ok(true),
            Self::Of(ids) => Err(Error::Configuration(format!(
                "{} is there already, for another application ({}): --file names another file, --force \
                 replaces it and keeps a copy, --app-id registers for that one",
                file.display(),
                ids.join(", ")
            ))),
        }
    }
}

/// A configuration that is good.
pub(super) fn read(file: &Path) -> Result<Config, Error> {
    load(file).map(|loaded| loaded.config).map_err(|error| Error::Configuration(error.to_string()))
}

/// Where a credential goes whose place nobody says: beside the configuration.
pub(super) fn beside(new: &New, name: &str) -> PathBuf {
    new.credential_file.clone().unwrap_or_else(|| new.file.with_file_name(name))
}

/// Writes a configuration for this client of this tenant.
pub(super) fn write(
    new: &New,
    (app_id, tenant, origin): (&str, &str, &str),
    api: &Api,
    held: &Held,
) -> Result<(), Error> {
    let text = text(new, (app_id, tenant, origin), api, held);
    if new.force {
        keep_copy(&new.file)?;
        let mut slot = Slot::of_configuration(&new.file)?;
        slot.write(text.as_bytes())?;
        return slot.place();
    }
    let mut options = OpenOptions::new();
    let failed = |source| Error::File { path: new.file.clone(), source };
    let mut file =
        options.write(true).mode(0o640).create_new(true).open(&new.file).map_err(failed)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    written.map_err(|source| {
        // Half of one is none, and the next run would take it for somebody's.
        let _ = fs::remove_file(&new.file);
        failed(source)
    })
}

/// Keeps what is in this file, if it is there, beside it: in the first `.before-1`, `.before-2` … that
/// is free.
pub(super) fn keep_copy(path: &Path) -> Result<(), Error> {
    if !path.exists() {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut copies = (1..).map(|nth| path.with_file_name(format!("{name}.before-{nth}")));
    let free = copies.find(|copy| !is_there(copy)).unwrap_or_default();
    let copied = File::open(path).and_then(|mut from| {
        // Made here, and nobody's link; as secret as what it is a copy of.
        let mode = from.metadata()?.mode() & 0o777;
        let mut to = OpenOptions::new().write(true).create_new(true).mode(mode).open(&free)?;
        io::copy(&mut from, &mut to)?;
        to.sync_all()
    });
    copied.map_err(|source| Error::File { path: free, source })
}

/// Whether what [`write`] is going to write can be served from, its credential aside, which is not
/// there yet.
pub(super) fn foresee(new: &New, (tenant, origin): (&str, &str), api: &Api) -> Result<(), Error> {
    let id = "00000000-0000-0000-0000-000000000000";
    let held = if new.federated.is_some() {
        Held::Token { file: new.federated_token_file.clone() }
    } else {
        let of = Credential { id: id.to_owned(), ends: Some(new.expires.from(SystemTime::now())) };
        Held::Secret { file: beside(new, "client-secret"), of }
    };
    let Err(problems) = config::parse(&text(new, (id, tenant, origin), api, &held), &new.file)
    else {
        return Ok(());
    };
    let others = problems.iter().filter(|it| !it.key.starts_with("client.credential"));
    let others = others.map(|it| format!("{} {}", it.key, it.message)).collect::<Vec<_>>();
    if others.is_empty() {
        return Ok(());
    }
    let text = format!("what is asked for makes no configuration: {}", others.join("; "));
    Err(Error::Usage(text))
}

/// What became of a credential's id and end in a configuration.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Renewed {
    Kept,
    Changed,
    /// They are not where [`write`] puts them.
    NotFound,
}

/// Puts the new credential's id and end where those of the old one stand in the section of this
/// client, if they are where [`write`] puts them. Owner, mode and links stay.
pub(super) fn renew(
    file: &Path,
    app_id: &str,
    (old, new): (Option<&str>, &Credential),
) -> Result<Renewed, Error> {
    let failed = |source| Error::File { path: file.to_owned(), source };
    let text = fs::read_to_string(file).map_err(failed)?;
    let Some(section) = section(&text, app_id) else { return Ok(Renewed::NotFound) };
    let before = &text[section.clone()];
    let Some(renewed) = renewed(before, (old, new)) else { return Ok(Renewed::NotFound) };
    if renewed == before {
        return Ok(Renewed::Kept);
    }
    let mut slot = Slot::of_configuration(file)?;
    let text = format!("{}{renewed}{}", &text[..section.start], &text[section.end..]);
    slot.write(text.as_bytes())?;
    slot.place()?;
    Ok(Renewed::Changed)
}

/// From the head of the table in which this client's id stands to the next one.
fn section(text: &str, app_id: &str) -> Option<Range<usize>> {
    let id = quoted(app_id);
    let mut lines = text.split_inclusive('\n').scan(0, |at, line| {
        *at += line.len();
        Some((*at - line.len(), line))
    });
    let (mut start, mut found) = (0, false);
    let end = lines.find_map(|(at, line)| {
        if line.starts_with('[') {
            if found {
                return Some(at);
            }
            start = at;
        }
        let value = line.trim().strip_prefix("id").map(str::trim_start);
        found |= value.and_then(|it| it.strip_prefix('=')).is_some_and(|it| it.trim() == id);
        None
    });
    found.then(|| start..end.unwrap_or(text.len()))
}

fn renewed(section: &str, (old, new): (Option<&str>, &Credential)) -> Option<String> {
    let mut section = section.to_owned();
    if !section.contains(&new.id) {
        let noted = section.split_once(KNOWN_BY).and_then(|(_, rest)| rest.lines().next());
        let old = old.filter(|old| section.contains(old)).or(noted).map(str::trim);
        let old = old.filter(|old| !old.is_empty())?.to_owned();
        section = section.replacen(&old, &new.id, 1);
    }
    let expires = "credential.expires = \"";
    let found = section.find(expires).map(|found| found + expires.len());
    if let (Some(ends), Some(at)) = (new.ends, found)
        && section.get(at + 10..=at + 10) == Some("\"")
    {
        section.replace_range(at..at + 10, &day(ends));
    }
    Some(section)
}

fn text(new: &New, (app_id, tenant, origin): (&str, &str, &str), api: &Api, held: &Held) -> String {
    let folder = new.file.parent().unwrap_or_else(|| Path::new(""));
    // As the configuration reads it: relative to its own folder.
    let quoted = |path: &Path| quoted(&path.strip_prefix(folder).unwrap_or(path).to_string_lossy());
    let absolute = |path: &Path| {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        quoted(&whole)
    };
    let credential_path = |path: &Path| {
        if path.starts_with(folder) { quoted(path) } else { absolute(path) }
    };
    let mut text = format!(
        "# The gateway of application {}, as `dicom-gateway register` made it.\n\n\
         [listener]\naddress = \"127.0.0.1:8080\"\n\n\
         [client]\nauthority = {}\nid = {}\n",
        self::quoted(&new.name),
        self::quoted(&format!("{}/{tenant}", bare(&new.authority_host))),
        self::quoted(app_id),
    );
    if !config::is_entra(&new.authority_host) {
        // Of another host the gateway would not know that it is Entra's, and discover it.
        let endpoint = format!("{}/{tenant}/oauth2/v2.0/token", bare(&new.authority_host));
        let _ = writeln!(text, "token_endpoint = {}", self::quoted(&endpoint));
    }
    let _ = match held {
        Held::Secret { file, of } => writeln!(
            text,
            "# The secret's ID, {KNOWN_BY}{}\n\
             credential.secret_file = {}\ncredential.expires = \"{}\"",
            of.id,
            credential_path(file),
            of.ends.map(day).unwrap_or_default()
        ),
        Held::Certificate { file, of } => writeln!(
            text,
            "# The certificate's ID, {KNOWN_BY}{}\n\
             credential.certificate = {{ chain = {1}, key = {1} }}",
            of.id,
            credential_path(file)
        ),
        Held::Token { file } => {
            writeln!(text, "credential.federated_token_file = {}", credential_path(file))
        }
        Held::ManagedIdentity { object_id } => writeln!(
            text,
            "credential.managed_identity = {{ object_id = {}, federated = true }}",
            self::quoted(object_id)
        ),
    };
    if let Some(anchors) = &new.access.anchors {
        let _ = writeln!(text, "anchors = {}", absolute(anchors));
    }
    let _ =
        write!(text, "\n[[route]]\nprefix = \"/dicom-web\"\norigin = {}\n", self::quoted(origin));
    if api.is_azure() {
        text.push_str("profile = \"azure\"\n");
    }
    let _ = writeln!(text, "scope = {}", self::quoted(&api.token_scope));
    if let Some(anchors) = &new.origin_anchors {
        let _ = writeln!(text, "anchors = {}", absolute(anchors));
    }
    text.push_str(
        "# Anyone who can connect, which is this machine alone. Before the address is one that others \
         reach, say who\n# may call: with a key (callers.api_keys), a token (callers.bearer) or a \
         certificate (callers.certificates).\n\
         callers = \"anyone\"\nallow = [\"search\", \"retrieve\"]\n",
    );
    text
}

/// A string of TOML, which JSON's are but for one control character.
fn quoted(text: &str) -> String {
    let text = text.replace('\u{7f}', "");
    serde_json::to_string(&text).unwrap_or_default()
}

/// What stands before a credential's id.
const KNOWN_BY: &str = "by which the authority knows it: ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credential_of_one_client_is_renewed_and_nobody_else_s() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        let of = |app: &str, id: &str| {
            format!(
                "[client.{app}]\nid = \"{app}\"\n# {KNOWN_BY}{id}\ncredential.secret_file = \"s\"\n"
            )
        };
        let end = "credential.expires = \"2020-01-01\"\n";
        fs::write(&file, format!("{}{}{end}", of("a", "old"), of("b", "old"))).unwrap();
        let ends = super::super::expiry::read("2099-01-31T00:00:00Z");
        let new = Credential { id: "new".to_owned(), ends };
        assert_eq!(renew(&file, "a", (None, &new)).unwrap(), Renewed::Changed);
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, format!("{}{}{end}", of("a", "new"), of("b", "old")));
        assert_eq!(renew(&file, "b", (Some("old"), &new)).unwrap(), Renewed::Changed);
        assert_eq!(renew(&file, "b", (None, &new)).unwrap(), Renewed::Kept);
        assert!(fs::read_to_string(&file).unwrap().contains("expires = \"2099-01-31\""));
        assert_eq!(renew(&file, "c", (None, &new)).unwrap(), Renewed::NotFound);
    }
}
