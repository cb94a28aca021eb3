//! Client secrets: from Graph's answer into a private file, and nowhere else.

use std::path::Path;
use std::time::SystemTime;

use config::PrivateFile;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::application::Application;
use super::az::word;
use super::change::Change;
use super::credential::{Credential, Held, is_there};
use super::error::Error;
use super::expiry::{day, written};
use super::file;
use super::report::{Outcome, Report};
use super::rest::Service;
use super::slot::Slot;

/// A secret to be made.
pub(super) struct Wanted<'a> {
    pub(super) file: &'a Path,
    pub(super) description: &'a str,
    pub(super) ends: SystemTime,
}

/// A secret in this file: the one that is there if it is one of the application's, else a new one.
pub(super) async fn have(
    graph: &Service,
    application: &Application,
    (wanted, replace): (&Wanted<'_>, Replace),
    report: &mut Report,
) -> Result<(Held, Option<SecretString>), Error> {
    let path = wanted.file;
    if is_there(path) {
        let value = read(path)?;
        let known = belonging(&application.secrets, &value, None);
        let over = known.as_ref().filter(|it| it.is_over(SystemTime::now()));
        if let (Some(known), None) = (&known, over) {
            report.done(Outcome::Kept, &format!("secret {} in {}", known.text(), path.display()));
            return Ok((Held::Secret { file: path.to_owned(), of: known.clone() }, None));
        }
        if replace == Replace::Nothing {
            let what = match over {
                Some(over) => format!("holds a secret that has ended ({})", over.text()),
                None => "is there already, and is no secret of this application".to_owned(),
            };
            return Err(Error::Configuration(format!(
                "{} {what}: dicom-gateway register rotate puts a new one in its place where a \
                 configuration names it; --credential-file names another file",
                path.display()
            )));
        }
        if !graph.changes_nothing() {
            file::keep_copy(path)?;
        }
    }
    let is_called_so = |it: &&Value| {
        it["displayName"].as_str().is_some_and(|it| it.starts_with(wanted.description))
    };
    let same = application.secrets.iter().filter(is_called_so);
    for lost in same {
        let of = Credential::read(lost);
        report.note(&format!(
            "a secret called {:?} is there ({}), but its value is not here. If nobody else has it, take it \
             away: dicom-gateway register remove --credential {} --yes",
            wanted.description,
            of.text(),
            of.id
        ));
    }
    if graph.changes_nothing() {
        let value = add(graph, application, wanted, report).await?;
        return Ok((Held::Secret { file: path.to_owned(), of: value.0 }, None));
    }
    let mut slot = Slot::open(path)?;
    let (of, value) = add(graph, application, wanted, report).await?;
    slot.write(value.expose_secret().as_bytes())?;
    slot.place()?;
    report.done(Outcome::Made, &format!("secret {}, in {}", of.text(), path.display()));
    Ok((Held::Secret { file: path.to_owned(), of }, Some(value)))
}

/// Whether files may be replaced.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Replace {
    Nothing,
    Files,
}

/// Makes a secret.
pub(super) async fn add(
    graph: &Service,
    application: &Application,
    wanted: &Wanted<'_>,
    report: &mut Report,
) -> Result<(Credential, SecretString), Error> {
    let path = format!("/applications/{}/addPassword", application.id);
    let az = format!(
        "(umask 077; az ad app credential reset --id {} --append --display-name {} --end-date {} \
         --query password --output tsv > {})",
        word(&application.app_id),
        word(wanted.description),
        day(wanted.ends),
        word(&wanted.file.to_string_lossy())
    );
    for attempt in 0.. {
        // If its value is lost on the way, no other secret is taken for it.
        let name = format!("{} {}", wanted.description, &Uuid::new_v4().to_string()[..8]);
        let body = json!({ "passwordCredential": {
            "displayName": name,
            "endDateTime": written(wanted.ends),
        } });
        let change = Change::new(Method::POST, path.clone(), Some(body)).az(az.clone());
        match graph.change(change.giving(&[("keyId", "{secret-id}")])).await {
            Err(error) if error.is_unanswered() && attempt < ATTEMPTS => {
                forget_lost(graph, application, &name, report).await.map_err(|_| error)?;
            }
            Err(error) => return Err(error),
            Ok(mut made) => {
                let of = Credential::read(&made);
                let Value::String(value) = made["secretText"].take() else {
                    let request = format!("POST {path}");
                    if graph.changes_nothing() {
                        return Ok((of, SecretString::default()));
                    }
                    return Err(Error::Malformed { service: "Microsoft Graph", request });
                };
                return Ok((of, SecretString::from(value)));
            }
        }
    }
    unreachable!("the last attempt returns")
}

/// Takes a secret away; one that is not there is none.
pub(super) async fn remove(
    graph: &Service,
    application: &Application,
    id: &str,
) -> Result<(), Error> {
    let path = format!("/applications/{}/removePassword", application.id);
    let change = Change::new(Method::POST, path, Some(json!({ "keyId": id })));
    match graph.change(change).await {
        // Graph says 400 of a secret that it does not know, and of much else.
        Err(error) if error.has_status(400) || error.has_status(404) => {
            let now = application.again(graph).await?;
            if ids(&now.secrets).iter().any(|it| it == id) { Err(error) } else { Ok(()) }
        }
        removed => removed.map(drop),
    }
}

/// Which of the application's secrets this value is, as far as can be told by the beginning that
/// Graph shows: the one of this id if several begin so, or the only one that is still good.
pub(super) fn belonging(
    secrets: &[Value],
    value: &SecretString,
    id: Option<&str>,
) -> Option<Credential> {
    let value = value.expose_secret();
    let fits = |it: &&Value| {
        it["hint"].as_str().is_some_and(|hint| !hint.is_empty() && value.starts_with(hint))
    };
    let now = SystemTime::now();
    let found = secrets.iter().filter(fits).map(Credential::read).collect::<Vec<_>>();
    let good = found.iter().filter(|it| !it.is_over(now)).collect::<Vec<_>>();
    let named = found.iter().find(|it| Some(&*it.id) == id);
    let only = match (&found[..], &good[..]) {
        ([only], _) => Some(only),
        (_, [only]) => Some(*only),
        _ => None,
    };
    named.or(only).cloned()
}

/// The value in a private file.
pub(super) fn read(path: &Path) -> Result<SecretString, Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let content = PrivateFile::new(path).read().map_err(failed)?;
    let text = std::str::from_utf8(&content).unwrap_or_default();
    Ok(SecretString::from(text.strip_suffix('\n').unwrap_or(text)))
}

/// A secret whose value was lost on the way is nobody's.
async fn forget_lost(
    graph: &Service,
    application: &Application,
    name: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let now = application.again(graph).await?;
    for it in &now.secrets {
        let of = Credential::read(it);
        if it["displayName"] == name {
            remove(graph, application, &of.id).await?;
            report.note(&format!(
                "the value of secret {} was lost on its way here: it is taken away, and another one made",
                of.id
            ));
        }
    }
    Ok(())
}

fn ids(secrets: &[Value]) -> Vec<String> {
    secrets.iter().map(|it| Credential::read(it).id).collect()
}

/// How often a secret is asked for whose value does not come.
const ATTEMPTS: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_told_by_its_beginning_and_among_several_by_its_id() {
        let secret = |id: &str, hint: &str, end: &str| json!({ "keyId": id, "hint": hint, "endDateTime": end });
        let late = "2999-01-01T00:00:00Z";
        let all = [
            secret("a", "abc", late),
            secret("b", "abc", late),
            secret("c", "xyz", late),
            secret("d", "old", "2020-01-01T00:00:00Z"),
            secret("f", "xyz", "2020-01-01T00:00:00Z"),
            json!({ "keyId": "e", "hint": null, "endDateTime": late }),
        ];
        let of =
            |value: &str, id| belonging(&all, &SecretString::from(value), id).map(|found| found.id);
        assert_eq!(of("xyz~1", None).as_deref(), Some("c"));
        assert_eq!(of("abc~1", None), None);
        assert_eq!(of("abc~1", Some("b")).as_deref(), Some("b"));
        assert_eq!(of("old~1", None).as_deref(), Some("d"));
        assert_eq!(of("none", None), None);
    }
}
