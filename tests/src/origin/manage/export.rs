//! Export: objects copied to a blob container that the request names. Here the objects are counted and
//! nothing leaves; the log of errors has the URL it would have there, which is not this service's.

use http::header::LOCATION;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::operations::{self, Outcome, Work};
use super::told;
use crate::origin::Asked;
use crate::origin::answer::{self, Answer, Refusal};
use crate::origin::multipart::Incoming;
use crate::origin::route::{self, Scope};
use crate::origin::store::Store;

/// An export, understood.
#[derive(Debug, Clone)]
pub(super) struct Export {
    partition: String,
    scopes: Vec<Scope>,
    container: String,
}

/// Starts one: 202 and the operation.
pub(in crate::origin) async fn start(
    asked: &Asked<'_>,
    body: Incoming,
) -> Result<Response<Answer>, Refusal> {
    let wanted: Specification = told(asked, body).await?;
    let export = wanted.understood(asked.partition)?;
    let id = asked.service.managed.lock().start(asked, Work::Export(export));
    let response = answer::json(StatusCode::ACCEPTED, &operations::reference(&asked.links, &id));
    Ok(answer::with_field(response, LOCATION, &asked.links.operation(&id)))
}

impl Export {
    pub(super) fn perform(&self, store: &Store, id: &str) -> Outcome {
        let counts = self.scopes.iter().map(|scope| store.within(&self.partition, scope).len());
        let counts: Vec<usize> = counts.collect();
        Ok(Some(json!({
            "exported": counts.iter().sum::<usize>(),
            "skipped": counts.iter().filter(|count| **count == 0).count(),
            "errorHref": format!("{}/{id}/errors.log", self.container),
        })))
    }
}

#[derive(Deserialize)]
struct Specification {
    source: Source,
    destination: Destination,
}

#[derive(Deserialize)]
struct Source {
    #[serde(rename = "type")]
    kind: String,
    settings: Identifiers,
}

#[derive(Deserialize)]
struct Identifiers {
    #[serde(alias = "Values")]
    values: Vec<String>,
}

#[derive(Deserialize)]
struct Destination {
    #[serde(rename = "type")]
    kind: String,
    settings: Container,
}

#[derive(Deserialize)]
struct Container {
    #[serde(rename = "blobContainerUri", alias = "BlobContainerUri")]
    uri: String,
}

impl Specification {
    fn understood(self, partition: &str) -> Result<Export, Refusal> {
        let Self { source, destination } = self;
        let known = source.kind.eq_ignore_ascii_case("identifiers")
            && destination.kind.eq_ignore_ascii_case("azureblob");
        let container = destination.settings.uri;
        if !known || !url::Url::parse(&container).is_ok_and(|url| url.scheme() == "https") {
            let text = "An export is from identifiers to a blob container, by its URL.";
            return Err(Refusal::bad_request(text));
        }
        let scopes: Option<Vec<Scope>> =
            source.settings.values.iter().map(|value| scope(value)).collect();
        let scopes = scopes.filter(|scopes| !scopes.is_empty()).ok_or_else(|| {
            Refusal::bad_request("The values are UIDs of study, series, instance, with slashes.")
        })?;
        let container = container.trim_end_matches('/').to_owned();
        Ok(Export { partition: partition.to_owned(), scopes, container })
    }
}

fn scope(value: &str) -> Option<Scope> {
    let uids: Vec<&str> = value.split('/').collect();
    if uids.len() > 3 || !uids.iter().all(|uid| route::is_uid(uid)) {
        return None;
    }
    let mut uids = uids.into_iter().map(str::to_owned);
    Some(Scope { study: uids.next(), series: uids.next(), instance: uids.next() })
}
