//! A new credential in place of the old one, while gateways serve.
//!
//! At every moment there is a credential in the file that the authority takes: the new one is put
//! there only once it is taken, and the old one goes only once nobody can be reading it any more.
//! What a run leaves undone, the next one finds and goes on with.

use std::path::Path;
use std::time::{Duration, SystemTime};

use config::{
    Client, Config, Credential as Configured, IdentityFiles, KeyFiles, PrivateFile, Secret,
    SecretSource,
};
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::access::SignedIn;
use super::application::Application;
use super::arguments::Rotate;
use super::credential::Credential;
use super::error::Error;
use super::file::Renewed;
use super::new::DESCRIPTION;
use super::replaced::Replaced;
use super::report::{Outcome, Report};
use super::rest::Service;
use super::secret::{self, Wanted};
use super::settled::{Here, Settled};
use super::shown::show;
use super::slot::Slot;
use super::{certificate, file, probe};

/// Replaces it.
pub(super) async fn rotate(rotate: &Rotate, report: &mut Report) -> Result<(), Error> {
    let settled = Settled::read(&rotate.target)?;
    let ends = rotate.expires.from(SystemTime::now());
    if ends <= SystemTime::now() {
        return Err(Error::Usage("--expires: that is over already".to_owned()));
    }
    let here = settled.here.as_ref().ok_or_else(|| {
        let file = rotate.target.file.display();
        Error::Configuration(format!(
            "{file}: this client has neither a secret in a file nor a certificate in PEM; tokens of \
             others and of platforms need no rotation"
        ))
    })?;
    let (client, scope) = client(rotate, &settled)?;
    if rotate.dry_run {
        report.imagine();
    }
    let (graph, application, signed_in) = settled.open(&rotate.target, report).await?;
    let old = settled.in_use(&graph, &application).await?;
    let (Here::Secret(file) | Here::Certificate { key: file, .. }) = here;
    let replaced = Replaced::of(file);
    if let Some(left) = replaced.read()?
        && let Some(in_use) = old.as_ref().filter(|it| it.id != left.id)
    {
        // An earlier run put the one in its place that is in use now, and ended there.
        report.line(&format!("an earlier run left the old credential {} to be removed", left.id));
        if !rotate.dry_run {
            note_in_file(rotate, &settled, (Some(&left), in_use), report);
        }
        retire(&graph, &application, (rotate, here, (&left, in_use)), report).await?;
    }
    let description = rotate.description.as_deref().unwrap_or(DESCRIPTION);
    let wanted = Wanted { file, description, ends };
    let new = match here {
        Here::Secret(path) => {
            let slot = open(&graph, path)?;
            let (new, slot) = new_secret(&graph, &application, (&wanted, slot), report).await?;
            if !rotate.dry_run {
                let client = with_secret(&client, slot.new_path());
                probe::accepted(&client, &scope, report).await?;
                replaced.note(old.as_ref())?;
                slot.place()?;
            }
            report.done(Outcome::Changed, &format!("{}: secret {}", path.display(), new.text()));
            new
        }
        Here::Certificate { chain, key } if chain == key => {
            let slot = open(&graph, chain)?;
            let (new, slot) =
                new_certificate(&graph, &application, (&wanted, slot), report).await?;
            if !rotate.dry_run {
                let client = with_certificate(&client, slot.new_path());
                probe::accepted(&client, &scope, report).await?;
                replaced.note(old.as_ref())?;
                slot.place()?;
            }
            let text = format!("{}: certificate {}", chain.display(), new.text());
            report.done(Outcome::Changed, &text);
            new
        }
        Here::Certificate { chain, key } => {
            return Err(Error::Configuration(format!(
                "{} and {} cannot be replaced in one step; put both into one file, and name it twice",
                chain.display(),
                key.display()
            )));
        }
    };
    if !rotate.dry_run {
        note_in_file(rotate, &settled, (old.as_ref(), &new), report);
    }
    report.tell("credential", new.id.as_str());
    let Some(old) = old else {
        report.note(
            "which credential was in the file before cannot be told, so none is taken away: see \
             dicom-gateway register list",
        );
        return shown(rotate, &signed_in, report);
    };
    retire(&graph, &application, (rotate, here, (&old, &new)), report).await?;
    shown(rotate, &signed_in, report)
}

fn shown(rotate: &Rotate, signed_in: &SignedIn<'_>, report: &mut Report) -> Result<(), Error> {
    if rotate.dry_run {
        show(&signed_in.requests, report);
    }
    Ok(())
}

/// The client as a gateway has it, and what its tokens are asked for.
fn client(rotate: &Rotate, settled: &Settled) -> Result<(Client, String), Error> {
    let Config { mut clients, routes, .. } = file::read(&rotate.target.file)?;
    let found = clients.iter().position(|it| it.name == settled.name);
    let route = routes.into_iter().find(|route| Some(route.client) == found);
    let file = rotate.target.file.display();
    let missing = || {
        let name = &settled.name;
        Error::Configuration(format!(
            "{file}: no route has client {name}: nobody can tell its scope"
        ))
    };
    let (index, route) = found.zip(route).ok_or_else(missing)?;
    Ok((clients.swap_remove(index), route.scope))
}

/// Takes the old one away, when it is nobody's any more.
async fn retire(
    graph: &Service,
    application: &Application,
    (rotate, here, (old, new)): (&Rotate, &Here, (&Credential, &Credential)),
    report: &mut Report,
) -> Result<(), Error> {
    if !old.is_over(SystemTime::now()) && !rotate.dry_run {
        wait(rotate.grace_secs, old, report).await;
    }
    report.begin("the old credential");
    let file = match here {
        Here::Secret(path) => {
            secret::remove(graph, application, &old.id).await?;
            path
        }
        Here::Certificate { key, .. } => {
            certificate::remove(graph, application, (&old.id, Some(&new.id))).await?;
            key
        }
    };
    if !rotate.dry_run {
        Replaced::of(file).forget()?;
    }
    report.done(Outcome::Removed, &format!("old credential {}", old.id));
    Ok(())
}

/// A slot beside this file: the one that an earlier run has filled, or a new one.
fn open(graph: &Service, path: &Path) -> Result<Slot, Error> {
    let new = || if graph.changes_nothing() { Ok(Slot::imagined(path)) } else { Slot::open(path) };
    Slot::left_behind(path).map_or_else(new, Ok)
}

async fn new_secret(
    graph: &Service,
    application: &Application,
    (wanted, mut slot): (&Wanted<'_>, Slot),
    report: &mut Report,
) -> Result<(Credential, Slot), Error> {
    // What an earlier run left there, if the application still has it.
    if let Ok(value) = secret::read(slot.new_path())
        && !value.expose_secret().is_empty()
        && let Some(known) = secret::belonging(&application.secrets, &value, None)
        && !known.is_over(SystemTime::now())
    {
        report.done(Outcome::Kept, &format!("secret {}, which an earlier run made", known.text()));
        return Ok((known, slot));
    }
    report.begin("a new secret");
    let added = secret::add(graph, application, wanted, report).await?;
    if !graph.changes_nothing() {
        slot.write(added.value.expose_secret().as_bytes())?;
    }
    report.done(Outcome::Made, &format!("secret {}", added.of.text()));
    added.forget_lost(graph, application, report).await;
    Ok((added.of, slot))
}

async fn new_certificate(
    graph: &Service,
    application: &Application,
    (wanted, mut slot): (&Wanted<'_>, Slot),
    report: &mut Report,
) -> Result<(Credential, Slot), Error> {
    let known = application.keys(graph).await?;
    let left = certificate::public_half(slot.new_path(), slot.new_path()).ok();
    if let Some(of) = left.as_ref().and_then(|left| certificate::belonging(&known, left)) {
        report
            .done(Outcome::Kept, &format!("certificate {}, which an earlier run made", of.text()));
        return Ok((of, slot));
    }
    report.begin("a new certificate");
    let mut public = Vec::new();
    if !graph.changes_nothing() {
        let (pem, made) = certificate::generate(&application.name, wanted.ends)?;
        slot.write(pem.as_bytes())?;
        public = made;
    }
    let new = certificate::upload(graph, application, &public, wanted).await?;
    report.done(Outcome::Made, &format!("certificate {}", new.text()));
    Ok((new, slot))
}

fn with_secret(client: &Client, path: &Path) -> Client {
    let mut client = client.clone();
    let method = client.credentials.iter().find_map(|it| match it {
        Configured::Secret(secret) => Some(secret.method),
        _ => None,
    });
    let source = SecretSource::File(PrivateFile::new(path));
    let secret = method.map(|method| Configured::Secret(Secret { source, method, ends: None }));
    client.credentials = secret.into_iter().collect();
    client
}

fn with_certificate(client: &Client, path: &Path) -> Client {
    let mut client = client.clone();
    client.credentials.retain(|it| matches!(it, Configured::Certificate(_)));
    client.credentials.truncate(1);
    for credential in &mut client.credentials {
        if let Configured::Certificate(certificate) = credential {
            let key = PrivateFile::new(path);
            certificate.keys = KeyFiles::Pem(IdentityFiles { chain: path.to_owned(), key });
        }
    }
    client
}

fn note_in_file(
    rotate: &Rotate,
    settled: &Settled,
    (old, new): (Option<&Credential>, &Credential),
    report: &mut Report,
) {
    let path = &rotate.target.file;
    match file::renew(path, &settled.app_id, (old.map(|it| &*it.id), new)) {
        Ok(Renewed::Changed | Renewed::Kept) => report.next(
            "kill -HUP the gateways, or let them be: the new end of the secret is for their warnings",
        ),
        _ => report.note(&format!(
            "the id of the old credential does not stand in {}: put the new one's end there, if it says \
             credential.expires",
            path.display()
        )),
    }
}

/// The grace time, in which gateways that have read the old one finish with it.
async fn wait(grace: Duration, old: &Credential, report: &Report) {
    let ends = Instant::now() + grace;
    if !grace.is_zero() {
        let text =
            format!("the old credential, {}, is good for {} s more", old.id, grace.as_secs());
        report.line(&text);
    }
    while let Some(left) = ends.checked_duration_since(Instant::now()).filter(|it| !it.is_zero()) {
        report.begin(&format!("the old credential goes in {} s", left.as_secs() + 1));
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
    }
}
