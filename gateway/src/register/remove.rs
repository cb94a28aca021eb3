//! A registration taken back.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use http::Method;

use super::application::Application;
use super::arguments::Remove;
use super::change::Change;
use super::error::Error;
use super::replaced::Replaced;
use super::report::{Outcome, Report};
use super::rest::Service;
use super::role::{self, Resource};
use super::settled::{Here, Settled};
use super::shown::show;
use super::slot::Slot;
use super::{certificate, secret};

/// Takes it away, or one of its credentials.
pub(super) async fn remove(remove: &Remove, report: &mut Report) -> Result<(), Error> {
    let settled = Settled::read(&remove.target)?;
    let resource = remove.resource.as_deref().map(Resource::read).transpose()?;
    if remove.dry_run {
        report.imagine();
    }
    let (graph, application, mut signed_in) = settled.open(&remove.target, report).await?;
    let in_use = settled.in_use(&graph, &application).await?;
    if let Some(id) = &remove.credential {
        // Its file may be elsewhere, or not be told from others.
        if in_use.is_some_and(|it| it.id == *id) || settled.names(id) {
            return Err(Error::Usage(format!(
                "--credential {id}: that is the one in use here; dicom-gateway register rotate replaces \
                 it, register makes a new one where its file is lost, and remove without --credential takes all away"
            )));
        }
        sure(remove, &format!("credential {id} of {:?}", application.name))?;
        one(&graph, &application, id, report).await?;
        if remove.dry_run {
            show(&signed_in.requests, report);
        }
        return Ok(());
    }
    sure(remove, &format!("application {:?} ({})", application.name, application.app_id))?;
    let path = format!("/servicePrincipals(appId='{}')?$select=id", application.app_id);
    let principal = graph.find(&path).await?;
    let principal = principal.and_then(|it| it["id"].as_str().map(str::to_owned));
    match (&principal, &resource) {
        (Some(principal), Some(resource)) => {
            let manager = signed_in.resource_manager(report).await?;
            role::withdraw(&manager, (principal, resource), report).await?;
        }
        (None, Some(_)) => report.note(
            "the application has no service principal any more: roles that it had are shown by Azure as \
             those of an unknown identity, and stay",
        ),
        _ => {}
    }
    let path = format!("/applications/{}", application.id);
    graph.remove(Change::new(Method::DELETE, path, None)).await?;
    let text = format!("application {:?} ({})", application.name, application.app_id);
    report.done(Outcome::Removed, &format!("{text}, its service principal and consent"));
    if let Some(Here::Secret(path) | Here::Certificate { key: path, .. }) = &settled.here
        && in_use.is_some()
    {
        if !remove.dry_run {
            delete(path)?;
        }
        report.done(Outcome::Removed, &path.display().to_string());
    }
    if remove.dry_run {
        show(&signed_in.requests, report);
        return Ok(());
    }
    report.note(&format!(
        "{} stays as it is. For 30 days the directory can restore the application: its id is {}",
        remove.target.file.display(),
        application.id
    ));
    Ok(())
}

/// With what a rotation may have left beside it.
fn delete(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    Replaced::of(path).forget()?;
    if let Some(left) = Slot::left_behind(path) {
        fs::remove_file(left.new_path()).map_err(failed)?;
    }
    // What a link leads to is what is secret.
    let real = fs::canonicalize(path).map_err(failed)?;
    fs::remove_file(&real).map_err(failed)?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

async fn one(
    graph: &Service,
    application: &Application,
    id: &str,
    report: &mut Report,
) -> Result<(), Error> {
    let keys = application.keys(graph).await?;
    if application.secrets.iter().any(|it| it["keyId"] == id) {
        secret::remove(graph, application, id).await?;
    } else if keys.iter().any(|it| it["keyId"] == id) {
        certificate::remove(graph, application, (id, None)).await?;
    } else {
        let path = format!("/applications/{}/federatedIdentityCredentials", application.id);
        let federated = graph.list(&path).await?;
        if !federated.iter().any(|it| it["id"] == id) {
            return Err(Error::Missing(format!(
                "--credential {id}: the application has no such one"
            )));
        }
        graph.remove(Change::new(Method::DELETE, format!("{path}/{id}"), None)).await?;
    }
    report.done(Outcome::Removed, &format!("credential {id}"));
    Ok(())
}

fn sure(remove: &Remove, what: &str) -> Result<(), Error> {
    let text = format!("this takes {what} away for good; add --yes if that is meant");
    if remove.yes || remove.dry_run { Ok(()) } else { Err(Error::Usage(text)) }
}
