//! A route: the way to its origin server, and one search there.

use config::Grant;

use super::Examination;
use super::client::Got;
use super::finding::{Said, Section};
use super::origin::Origin;
use super::reach::{Destination, reach};
use super::search;
use super::user::{self, Exchange};
use crate::caller::Issuers;
use certs::{H2, HTTP_11, TrustAnchors};

/// Looks at a route; `own` is the token that its client got for itself.
pub(super) async fn look(
    section: &mut Section<'_>,
    (route, client): (&config::Route, &config::Client),
    own: Option<&Got>,
    (issuers, asked): (Option<Issuers>, &Examination),
) {
    let is_reached = origin_server(section, route).await;
    let of_user = match route.grant {
        Grant::OnBehalfOf(terms) => {
            let exchange = Exchange { route, client, terms, issuers: issuers.as_ref() };
            user::token(section, asked.user_token.as_deref(), &exchange).await
        }
        Grant::ClientCredentials => None,
    };
    let own = own.filter(|_| match route.grant {
        Grant::ClientCredentials => true,
        Grant::OnBehalfOf(terms) => terms.app_only == config::AppOnly::ClientCredentials,
    });
    match of_user.as_ref().or(own) {
        _ if !is_reached => section.skip(&["search"], "there is no way to the origin server"),
        None => section.skip(&["search"], "there is no token"),
        Some(got) => match Origin::of(route) {
            Some(origin) => {
                let _ = section.check("search", search::search(&origin, route, got)).await;
            }
            None => section.skip(&["search"], "the origin server's `anchors` cannot be used"),
        },
    }
}

/// Whether there is a way to the origin server.
async fn origin_server(section: &mut Section<'_>, route: &config::Route) -> bool {
    let anchors =
        match route.origin.tls.then(|| TrustAnchors::load(route.origin.anchors.as_deref())) {
            Some(Err(_)) => {
                section.say("tls", Said::skip("its `anchors` cannot be used"));
                return false;
            }
            Some(Ok(anchors)) => Some(anchors),
            None => None,
        };
    let alpn: &[&[u8]] = if route.http2 { &[H2, HTTP_11] } else { &[HTTP_11] };
    let destination = Destination {
        host: &route.origin.host,
        port: route.origin.port,
        anchors: anchors.as_ref(),
        anchors_file: route.origin.anchors.as_deref(),
        presented: None,
        alpn,
        key: "`origin`",
        is_authority: false,
        limit: route.connect_timeout,
    };
    reach(section, &destination).await
}
