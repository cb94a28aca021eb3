//! Client secrets: from Graph's answer into a private file, and nowhere else.

use std::path::Path;
use std::time::{Duration, SystemTime};

use config::PrivateFile;
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::application::Application;
use super::az::word;
use super::change::Change;
use super::credential::{Credential, Held, is_there};
use super::error::Error;
use super::expiry::{day, written};
use super::file;
use super::report::{Outcome, Report};
use super::rest::{LATE, Service};
use super::slot::Slot;

/// A secret to be made.
pub(super) struct Wanted<'a> {
    pub(super) file: &'a Path,
    pub(super) description: &'a str,
    pub(super) ends: SystemTime,
}

/// A secret that was made.
pub(super) struct Added {
    pub(super) of: Credential,
    pub(super) value: SecretString,
    /// What those are called that were perhaps made before it, and whose values did not come.
    lost: Vec<String>,
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
        let Added { of, .. } = add(graph, application, wanted, report).await?;
        return Ok((Held::Secret { file: path.to_owned(), of }, None));
    }
    let mut slot = Slot::open(path)?;
    let added = add(graph, application, wanted, report).await?;
    slot.write(added.value.expose_secret().as_bytes())?;
    slot.place()?;
    report.done(Outcome::Made, &format!("secret {}, in {}", added.of.text(), path.display()));
    added.forget_lost(graph, application, report).await;
    Ok((Held::Secret { file: path.to_owned(), of: added.of }, Some(added.value)))
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
) -> Result<Added, Error> {
    let path = format!("/applications/{}/addPassword", application.id);
    let file = wanted.file.to_string_lossy();
    let az = format!(
        "[ ! -e {0} ] || {{ echo {0} is there already >&2; exit 1; }}\n\
         (umask 077; az ad app credential reset --id {1} --append --display-name {2} --end-date {3} \
         --query password --output tsv > {4} && mv {4} {0})",
        word(&file),
        word(&application.app_id),
        word(wanted.description),
        day(wanted.ends),
        word(&format!("{file}.new"))
    );
    let mut lost = Vec::new();
    loop {
        // If its value is lost on the way, no other secret is taken for it.
        let name = format!("{} {}", wanted.description, &Uuid::new_v4().to_string()[..8]);
        let body = json!({ "passwordCredential": {
            "displayName": name,
            "endDateTime": written(wanted.ends),
        } });
        let change = Change::new(Method::POST, path.clone(), Some(body)).az(az.clone());
        let made =
            graph.change(change.giving(&[("keyId", "{secret-id}"), ("secretText", "")])).await;
        let made = made.and_then(|mut made| match made["secretText"].take() {
            Value::String(value) => Ok((Credential::read(&made), SecretString::from(value))),
            _ => Err(Error::bare(format!("POST {path}"))),
        });
        match made {
            Ok((of, value)) => return Ok(Added { of, value, lost }),
            Err(error) if error.is_unanswered() => {
                lost.push(name);
                if lost.len() > ATTEMPTS {
                    left(&lost, report);
                    return Err(error);
                }
                // Made or not, its value will not come: another one is needed in any case.
                report.note(
                    "no answer came: another secret is made, and none is to be left of this one",
                );
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => {
                left(&lost, report);
                return Err(error);
            }
        }
    }
}

impl Added {
    /// Takes away those before it whose values were lost. Where the directory cannot be made to, it is
    /// said which ones are left: this one is good, and the run need not fail for them.
    pub(super) async fn forget_lost(
        &self,
        graph: &Service,
        application: &Application,
        report: &mut Report,
    ) {
        if self.lost.is_empty() {
            return;
        }
        report.begin("the secret whose value was lost");
        match self.removed(graph, application).await {
            Ok(ids) => ids.iter().for_each(|id| {
                report.note(&format!(
                    "the value of secret {id} was lost on its way: it is taken away"
                ));
            }),
            Err(error) => {
                report.note(&error.text());
                left(&self.lost, report);
            }
        }
    }

    async fn removed(
        &self,
        graph: &Service,
        application: &Application,
    ) -> Result<Vec<String>, Error> {
        let began = Instant::now();
        // A copy of the directory that shows the last one shows what it was added to.
        let shown = loop {
            let now = application.again(graph).await?;
            if ids(&now.secrets).contains(&self.of.id) {
                break now.secrets;
            }
            if began.elapsed() > LATE {
                let text = "the directory does not show the new secret yet";
                return Err(Error::Missing(text.to_owned()));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        let is_lost = |it: &&Value| self.lost.iter().any(|name| it["displayName"] == name.as_str());
        let lost = shown.iter().filter(is_lost).map(|it| Credential::read(it).id);
        let lost = lost.collect::<Vec<_>>();
        for id in &lost {
            remove(graph, application, id).await?;
        }
        Ok(lost)
    }
}

/// Says which ones may be there that nobody has the value of.
fn left(lost: &[String], report: &mut Report) {
    if !lost.is_empty() {
        report.note(&format!(
            "secrets may be left whose values nobody has, called {}: dicom-gateway register list shows \
             their ids, and register remove --credential ID --yes takes one away",
            lost.join(", ")
        ));
    }
}

/// Takes a secret away; one that is not there is none.
pub(super) async fn remove(
    graph: &Service,
    application: &Application,
    id: &str,
) -> Result<(), Error> {
    let path = format!("/applications/{}/removePassword", application.id);
    let change = || Change::new(Method::POST, path.clone(), Some(json!({ "keyId": id })));
    let mut removed = graph.change(change()).await;
    let is_lost = matches!(&removed, Err(error) if error.is_unanswered());
    if is_lost {
        // To do it twice does no more.
        removed = graph.change(change().only_once()).await;
    }
    match removed {
        // Graph says 400 of a secret that it does not know, and of much else.
        Err(error) if error.has_status(400) || error.has_status(404) => {
            let began = Instant::now();
            loop {
                let now = application.again(graph).await?;
                if !ids(&now.secrets).iter().any(|it| it == id) {
                    return Ok(());
                }
                // Only what was removed a moment ago is shown for a while.
                if !is_lost || began.elapsed() > LATE {
                    return Err(error);
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
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

fn ids(secrets: &[Value]) -> Vec<String> {
    secrets.iter().map(|it| Credential::read(it).id).collect()
}

/// How often a secret is asked for whose value does not come.
const ATTEMPTS: usize = 2;

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
