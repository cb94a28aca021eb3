//! The configuration: written once, and later changed only where a credential was replaced.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use config::{Config, load};

use super::access::bare;
use super::api::Api;
use super::arguments::New;
use super::credential::{Credential, Held, is_there};
use super::error::Error;
use super::expiry::day;
use super::settled::Settled;

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
            let advice = "is there already: --file names another file, --force replaces it";
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
                 replaces it, --app-id registers for that one",
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
    let mut options = OpenOptions::new();
    options.write(true).mode(0o640);
    let options =
        if new.force { options.create(true).truncate(true) } else { options.create_new(true) };
    let written = options.open(&new.file).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| Error::File { path: new.file.clone(), source })
}

/// Puts the new credential's id and end where those of the old one stood, if they are where
/// [`write`] puts them. Says whether all of it was found.
pub(super) fn renew(file: &Path, (old, new): (&str, &Credential)) -> io::Result<bool> {
    let text = fs::read_to_string(file)?;
    let Some((at, _)) = text.match_indices(old).find(|_| !old.is_empty()) else { return Ok(false) };
    let rest = text[at..].replacen(old, &new.id, 1);
    let expires = "credential.expires = \"";
    let ended = new.ends.map(day).unwrap_or_default();
    // The first one behind the id: that of the same client.
    let rest = match rest.find(expires).map(|found| found + expires.len()) {
        Some(found) if rest.get(found + 10..=found + 10) == Some("\"") => {
            format!("{}{ended}{}", &rest[..found], &rest[found + 10..])
        }
        _ => rest,
    };
    let beside = file.with_extension("toml.new");
    fs::write(&beside, format!("{}{rest}", &text[..at]))?;
    fs::set_permissions(&beside, fs::metadata(file)?.permissions())?;
    fs::rename(beside, file)?;
    Ok(true)
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
    let host = new.authority_host.host_str().unwrap_or_default();
    if !ENTRA.contains(&host) {
        // Of another host the gateway would not know that it is Entra's, and discover it.
        let endpoint = format!("{}/{tenant}/oauth2/v2.0/token", bare(&new.authority_host));
        let _ = writeln!(text, "token_endpoint = {}", self::quoted(&endpoint));
    }
    let _ = match held {
        Held::Secret { file, of } => writeln!(
            text,
            "# The secret's ID, by which the authority knows it: {}\n\
             credential.secret_file = {}\ncredential.expires = \"{}\"",
            of.id,
            credential_path(file),
            of.ends.map(day).unwrap_or_default()
        ),
        Held::Certificate { file, of } => writeln!(
            text,
            "# The certificate's ID, by which the authority knows it: {}\n\
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

/// The login hosts of the clouds, which a configuration tells from other authorities.
const ENTRA: [&str; 8] = [
    "login.microsoftonline.com",
    "login.microsoft.com",
    "login.microsoftonline.us",
    "login.partner.microsoftonline.cn",
    "login.chinacloudapi.cn",
    "login.sovcloud-identity.fr",
    "login.sovcloud-identity.de",
    "login.sovcloud-identity.sg",
];
