//! From nothing to a configuration: the steps of a registration, in their order.

use std::env;
use std::time::SystemTime;

use url::Url;

use super::access::SignedIn;
use super::api::Api;
use super::application::Application;
use super::arguments::{New, Role};
use super::credential::Held;
use super::error::Error;
use super::expiry::day;
use super::file::{self, Before, Renewed};
use super::report::{Outcome, Report};
use super::rest::Service;
use super::role::{self, Resource};
use super::secret::{self, Replace, Wanted};
use super::shown::show;
use super::{az, certificate, federated, fit, principal, probe};

/// Registers, or goes on with a registration.
pub(super) async fn register(new: &New, report: &mut Report) -> Result<(), Error> {
    let (resource, origin) = check(new)?;
    let before = Before::at(new)?;
    let mut signed_in = SignedIn::at(new.authority_host.clone(), new.tenant.clone(), &new.access)?;
    if new.dry_run {
        report.imagine();
    }
    let graph = signed_in.graph(report).await?;
    let tenant = tenant(&graph, &signed_in).await?;
    report.begin("the API of the DICOM service");
    let api = Api::find(&graph, &new.api, new.scope.as_deref()).await?;
    report.begin("the application");
    let found = Application::find(&graph, new).await?;
    let has_file = before.is_of(found.as_ref().map(|it| &*it.app_id), &new.file)?;
    match &found {
        Some(found) if has_file => fit::fits(new, &found.app_id, (&origin, &api.token_scope))?,
        _ => file::foresee(new, (&tenant, &origin), &api)?,
    }
    let application = match found {
        Some(application) => {
            application.adjust(&graph, (new, &api), report).await?;
            application
        }
        None => {
            let made = Application::make(&graph, (new, &api), report).await?;
            report.done(Outcome::Made, &format!("application {:?} ({})", made.name, made.app_id));
            made
        }
    };
    // By its name a directory that is late would not find it.
    report.goes_on(resumed(&application.app_id));
    report.tell("tenant", tenant.as_str());
    report.tell("app_id", application.app_id.as_str());
    report.tell("object_id", application.id.as_str());
    report.begin("the service principal");
    let principal = principal::principal(&graph, &application, report).await?;
    report.tell("principal_id", principal.as_str());
    let held = credential(&graph, &application, new, report).await?;
    report.tell("credential", held.told());
    if has_file {
        keep(new, &application, &held, report)?;
    } else {
        if !new.dry_run {
            file::write(new, (&application.app_id, &tenant, &origin), &api, &held)?;
        }
        report.done(Outcome::Made, &format!("configuration in {}", new.file.display()));
    }
    report.tell("file", new.file.display().to_string());
    if new.admin_consent {
        report.begin("admin consent");
        let us = (&*principal, &*application.app_id);
        principal::consent(&graph, us, &api, report).await?;
    }
    if let (Some(role), Some(resource)) = (new.role, &resource) {
        report.begin("the role");
        let manager = signed_in.resource_manager(report).await?;
        role::assign(&manager, role, (&principal, resource), report).await?;
    }
    if new.dry_run {
        show(&signed_in.requests, report);
        return Ok(());
    }
    prove(new, &application.app_id, report).await?;
    what_next(new, (&principal, resource.as_ref()), &api, report);
    Ok(())
}

/// This very command, for this application.
fn resumed(app_id: &str) -> String {
    let mut words = vec!["dicom-gateway".to_owned()];
    let mut given = env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned());
    while let Some(it) = given.next() {
        if it == "--app-id" {
            given.next();
        } else if !it.starts_with("--app-id=") {
            words.push(az::word(&it));
        }
    }
    words.extend(["--app-id".to_owned(), az::word(app_id)]);
    words.join(" ")
}

/// Keeps the configuration, with the id and the end of the credential that it has by now.
fn keep(
    new: &New,
    application: &Application,
    held: &Held,
    report: &mut Report,
) -> Result<(), Error> {
    let what = format!("configuration in {}", new.file.display());
    let renewed = match held {
        Held::Secret { of, .. } | Held::Certificate { of, .. } if !new.dry_run => {
            file::renew(&new.file, &application.app_id, (None, of))?
        }
        _ => Renewed::Kept,
    };
    if renewed == Renewed::Changed {
        report.done(Outcome::Changed, &format!("{what}: the id and the end of its credential"));
        return Ok(());
    }
    report.done(Outcome::Kept, &what);
    Ok(())
}

/// What can be told without asking anybody.
fn check(new: &New) -> Result<(Option<Resource>, String), Error> {
    for uri in &new.redirect_uri {
        let url = Url::parse(uri).ok();
        let fits = url.as_ref().is_some_and(|url| match url.scheme() {
            "https" => true,
            "http" => url.host_str() == Some("localhost"),
            _ => false,
        });
        if !fits {
            let text = format!("--redirect-uri {uri}: it is https://, or http:// on localhost");
            return Err(Error::Usage(text));
        }
    }
    if new.expires.from(SystemTime::now()) <= SystemTime::now() {
        return Err(Error::Usage("--expires: that is over already".to_owned()));
    }
    let resource = new.resource.as_deref().map(Resource::read).transpose()?;
    let public = new.access.arm_url.host_str() == Some("management.azure.com");
    let origin = match (&new.origin, &resource) {
        (Some(origin), _) => origin.clone(),
        (None, Some(resource)) if public => resource.url(),
        _ => {
            let text = "--origin: the URL of the DICOM service is needed; only in the public cloud does \
                        it follow from --resource";
            return Err(Error::Usage(text.to_owned()));
        }
    };
    Ok((resource, origin))
}

/// The directory's tenant, by its id.
async fn tenant(graph: &Service, signed_in: &SignedIn<'_>) -> Result<String, Error> {
    if let Some(tenant) = &signed_in.tenant {
        return Ok(tenant.clone());
    }
    let found = graph.list("/organization?$select=id").await?;
    let id = found.first().and_then(|it| it["id"].as_str()).map(str::to_owned);
    id.ok_or_else(|| Error::Usage("--tenant: it cannot be told from who signed in".to_owned()))
}

async fn credential(
    graph: &Service,
    application: &Application,
    new: &New,
    report: &mut Report,
) -> Result<Held, Error> {
    report.begin("the credential");
    if let Some(trust) = &new.federated {
        return federated::have(graph, application, (new, trust), report).await;
    }
    let name = if new.certificate { "client-certificate.pem" } else { "client-secret" };
    let file = file::beside(new, name);
    let description = new.description.as_deref().unwrap_or(DESCRIPTION);
    let wanted = Wanted { file: &file, description, ends: new.expires.from(SystemTime::now()) };
    if new.certificate {
        return certificate::have(graph, application, &wanted, report).await;
    }
    let replace = if new.force { Replace::Files } else { Replace::Nothing };
    let (held, value) = secret::have(graph, application, (&wanted, replace), report).await?;
    if new.print_secret && !new.dry_run {
        // One that was made before is in its file.
        let value = value.map_or_else(|| secret::read(&file), Ok)?;
        report.print_secret(&value);
    }
    if let Held::Secret { of, .. } = &held
        && let Some(ends) = of.ends
    {
        report.tell("ends", day(ends));
    }
    Ok(held)
}

/// Asks for a token with it, where it is on this machine.
async fn prove(new: &New, app_id: &str, report: &Report) -> Result<(), Error> {
    if new.federated.is_some() {
        // The tokens are where the gateway will be.
        return Ok(());
    }
    let config = file::read(&new.file)?;
    let client = config.clients.iter().position(|client| client.id == app_id);
    let route = config.routes.iter().find(|route| Some(route.client) == client);
    if let (Some(index), Some(route)) = (client, route) {
        probe::accepted(&config.clients[index], &route.scope, report).await?;
        report.line("the authority gives tokens for it");
    }
    Ok(())
}

fn what_next(
    new: &New,
    (principal, resource): (&str, Option<&Resource>),
    api: &Api,
    report: &mut Report,
) {
    if api.is_azure() && new.role.is_none() {
        report.note(
            "the DICOM service answers 403 until the gateway has a role for it: DICOM Data Reader, or \
             DICOM Data Owner where callers store as well",
        );
        report.next(role::az(Role::Reader, principal, resource));
    }
    if new.federated.is_some() {
        report.note("the tokens that it trusts are where the gateway will be: check and doctor belong there");
    }
    let file = az::word(&new.file.to_string_lossy());
    for command in ["check", "doctor", "serve"] {
        report.next(format!("dicom-gateway {command} {file}"));
    }
}

/// What a credential is called at the authority, unless somebody says otherwise.
pub(super) const DESCRIPTION: &str = "dicom-gateway";
