//! One search, and what its answer means. Of the answer only its status, its kind and its length
//! count.

use config::Profile;
use http::{StatusCode, header};

use super::challenge;
use super::client::Got;
use super::finding::{Said, count, plain};
use super::origin::{Answer, BODY_MOST, Lost, Origin};
use super::published::Published;
use super::reach::seconds;
use super::{place, role};

/// Searches for a study, any.
pub(super) async fn search(
    origin: &Origin,
    route: &config::Route,
    got: &Got,
) -> Result<(Said, ()), Said> {
    let path = format!("{}{SEARCH}", origin.base);
    let answer = origin.get(&path, &got.token).await?;
    let status = answer.status.as_u16();
    judge(origin, route, (got, &answer)).await.map_or_else(
        |said| Err(said.fact("status", status)),
        |said| Ok((said.fact("status", status), ())),
    )
}

async fn judge(
    origin: &Origin,
    route: &config::Route,
    (got, answer): (&Got, &Answer),
) -> Result<Said, Said> {
    let kind = answer.media_type();
    let is_page = kind == "text/html" || kind == "application/xhtml+xml";
    match answer.status {
        status if status.is_success() => found(answer, &kind),
        status if status.is_redirection() => Err(elsewhere(answer)),
        StatusCode::UNAUTHORIZED => {
            let published = Published::of(origin, &answer.headers).await;
            Err(challenge::explain(route, &got.decoded, (&answer.headers, &published)))
        }
        StatusCode::FORBIDDEN if is_page => Err(Said::fail(
            "403 with a web page: what refuses is no DICOM service",
            "a firewall for web applications, or a gateway before the service, does not let this \
             through: have it let in the address of this machine, and queries like ?limit=1",
        )),
        StatusCode::FORBIDDEN => Err(role::missing(route, &got.decoded)),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => {
            Err(place::elsewhere(origin, route, (got, answer.status)).await)
        }
        StatusCode::BAD_REQUEST if route.profile == Profile::Azure => {
            Err(place::elsewhere(origin, route, (got, answer.status)).await)
        }
        StatusCode::NOT_ACCEPTABLE => Err(Said::fail(
            "406: the service does not give application/dicom+json",
            "that is what every DICOMweb service gives: something on the way takes the Accept \
             header off, or `origin` names another interface of the service",
        )),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Err(Said::fail(
            format!("{}: the service is too busy, or being changed", answer.status.as_u16()),
            "wait, and run this again; if it stays so, see the service's own health",
        )),
        status if status.is_server_error() => Err(Said::fail(
            format!("{}: the service, or what stands before it, is out of order", status.as_u16()),
            "see the service's own log at this time; of an Azure service also Resource Health, and \
             whether its storage account and key can be reached",
        )),
        status => Err(Said::fail(
            format!("{}: the service does not take a search with limit=1", status.as_u16()),
            "see whether `origin` ends where /studies begins",
        )),
    }
}

fn found(answer: &Answer, kind: &str) -> Result<Said, Said> {
    let status = answer.status.as_u16();
    if let Some(results) = answer.results() {
        let shown = if kind.is_empty() { String::new() } else { format!(", {}", plain(kind)) };
        let says = match results {
            0 => format!("{status}{shown}: the service has no study, or shows none"),
            results => format!("{status}{shown}: {}", count(results, "study")),
        };
        return Ok(Said::ok(says).fact("results", results));
    }
    if kind == "text/html" || kind == "application/xhtml+xml" {
        return Err(Said::fail(
            format!("{status} with a web page instead of DICOM JSON"),
            "a portal, a viewer or a page to sign in answers there: `origin` has to name the \
             service itself, for Azure \
             https://<workspace>-<service>.dicom.azurehealthcareapis.com/v2",
        ));
    }
    let shown = if kind.is_empty() { "no type".to_owned() } else { plain(kind) };
    if let Err(lost) = answer.body
        && (kind == "application/dicom+json" || kind == "application/json")
    {
        return Err(unread(lost, &format!("{status}, {shown}")));
    }
    Err(Said::fail(
        format!("{status} with {shown}, and no DICOM JSON"),
        "another service answers there, or another interface of this one: `origin` has to end \
         where /studies begins",
    ))
}

/// An answer that may well be the right one, and is not to be had.
fn unread(lost: Lost, shown: &str) -> Said {
    match lost {
        Lost::TooLarge => Said::fail(
            format!("{shown}: more than {} MiB for limit=1", BODY_MOST >> 20),
            "the service sends all that it has to whoever searches: see whether it knows `limit`, \
             or whether something on the way takes the query off",
        ),
        Lost::Late(limit) => Said::fail(
            format!("{shown}: the answer began, and did not end within {}", seconds(limit)),
            "see whether the service is overloaded, and whether something on the way holds back \
             what it sends",
        ),
        Lost::BrokeOff => Said::fail(
            format!("{shown}: the answer began, and broke off"),
            "see the service's own log at this time, and which limits of size and time there are \
             on the way",
        ),
    }
}

fn elsewhere(answer: &Answer) -> Said {
    let status = answer.status.as_u16();
    let location = answer.headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    // Queries of sign-in pages hold what is nobody's business.
    let to = location.and_then(|to| to.split(['?', '#']).next()).map(plain);
    let to = to.unwrap_or_else(|| "nowhere".to_owned());
    Said::fail(
        format!("{status}: it sends elsewhere, to {to}"),
        "a token is never taken along: if that is the service, write it in `origin`; if it is a \
         page to sign in, what answers there is a portal and no DICOM service",
    )
}

/// What is searched for.
pub(super) const SEARCH: &str = "/studies?limit=1";
