//! The credentials of a registration, and how long they are good.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::arguments::Target;
use super::credential::Credential;
use super::error::Error;
use super::expiry::{day, days_left};
use super::report::Report;
use super::settled::Settled;

/// Lists them.
pub(super) async fn list(target: &Target, report: &mut Report) -> Result<(), Error> {
    let settled = Settled::read(target)?;
    let (graph, application, _) = settled.open(target, report).await?;
    let in_use = settled.in_use(&graph, &application).await?.map(|it| it.id);
    let keys = application.keys(&graph).await?;
    let path = format!("/applications/{}/federatedIdentityCredentials", application.id);
    let federated = graph.list(&path).await?;
    let now = SystemTime::now();
    report.line(&format!("application {:?} ({})", application.name, application.app_id));
    let mut told = Vec::new();
    let secrets = application.secrets.iter().map(|it| ("secret", it));
    for (kind, it) in secrets.chain(keys.iter().map(|it| ("certificate", it))) {
        let of = Credential::read(it);
        let left = of.ends.map(|ends| days_left(ends, now));
        let life = match left {
            None => "no end is known".to_owned(),
            Some(None) => "expired".to_owned(),
            Some(Some(days)) => format!("{days} days left"),
        };
        let mark = if in_use.as_ref() == Some(&of.id) { "in use here" } else { "" };
        let name = name(it);
        let ends = of.ends.map(day).unwrap_or_default();
        report.print(format!("{kind}\t{}\t{name}\t{ends}\t{life}\t{mark}", of.id).trim_end());
        told.push(json!({
            "kind": kind,
            "id": of.id,
            "name": name,
            "ends": ends,
            "days_left": left.map(|left| left.unwrap_or_default()),
            "in_use_here": !mark.is_empty(),
        }));
    }
    for it in &federated {
        let text = |name: &str| it[name].as_str().unwrap_or_default();
        let (id, issuer, subject) = (text("id"), text("issuer"), text("subject"));
        report.print(&format!("federated\t{id}\t{subject} of {issuer}"));
        told.push(json!({ "kind": "federated", "id": id, "issuer": issuer, "subject": subject }));
    }
    report.tell("app_id", application.app_id);
    report.tell("credentials", told);
    Ok(())
}

/// What somebody called it, on one line.
fn name(credential: &Value) -> String {
    let name = credential["displayName"].as_str().unwrap_or_default();
    name.chars().filter(|c| !c.is_control()).collect()
}
