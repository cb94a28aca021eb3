//! Federated credentials: tokens of another issuer stand for the application, and there is nothing
//! to keep.

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::bare;
use super::application::Application;
use super::arguments::{New, Trust};
use super::az::word;
use super::change::Change;
use super::credential::Held;
use super::error::Error;
use super::report::{Outcome, Report};
use super::rest::Service;

/// Trust in this subject of this issuer.
pub(super) async fn have(
    graph: &Service,
    application: &Application,
    (new, trust): (&New, &Trust),
    report: &mut Report,
) -> Result<Held, Error> {
    let path = format!("/applications/{}/federatedIdentityCredentials", application.id);
    let audience = config::exchange_audience_at(&new.authority_host);
    let Trust { issuer, subject } = trust;
    let what = format!("trust in {subject} of {issuer}");
    let all = if application.is_new { Vec::new() } else { graph.list(&path).await? };
    // Both are compared exactly, and with regard to case.
    let same = |it: &&Value| it["issuer"] == issuer.as_str() && it["subject"] == subject.as_str();
    match all.iter().find(same) {
        Some(it) if it["audiences"][0] == audience => report.done(Outcome::Kept, &what),
        Some(it) => {
            return Err(Error::Missing(format!(
                "the application trusts {subject} of {issuer} already, for another audience than \
                 {audience}: take that away first (dicom-gateway register remove --credential {} --yes)",
                it["id"].as_str().unwrap_or_default()
            )));
        }
        None => {
            let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{issuer}|{subject}").as_bytes());
            let body = json!({
                "name": format!("dicom-gateway-{}", &name.simple().to_string()[..8]),
                "issuer": issuer,
                "subject": subject,
                "audiences": [audience],
                "description": "made by dicom-gateway register",
            });
            let az = format!(
                "az ad app federated-credential create --id {} --parameters {}",
                word(&application.app_id),
                word(&body.to_string())
            );
            let change = Change::new(Method::POST, path, Some(body)).az(az).only_once();
            match graph.change(change).await {
                Err(error) if error.is_taken() => report.done(Outcome::Kept, &what),
                made => {
                    drop(made?);
                    report.done(Outcome::Made, &what);
                }
            }
        }
    }
    // Of the tenants' own tokens, only those of managed identities may stand for an application.
    let host = format!("{}/", bare(&new.authority_host));
    Ok(if issuer.starts_with(&host) {
        Held::ManagedIdentity { object_id: subject.clone() }
    } else {
        Held::Token { file: new.federated_token_file.clone() }
    })
}
