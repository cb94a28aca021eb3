//! How callers reach the gateway: the names of its certificate, and `public_url`.

use std::time::Duration;

use certs::{HTTP_11, Identity, Names, TrustAnchors};
use config::Config;
use http::{Method, header};
use url::Url;

use super::finding::{Said, chain, plain};
use super::listener::Serving;
use super::reach::seconds;
use crate::token::exchange;

/// Whether the listener's certificate is for the hosts that callers address.
pub(super) fn names(config: &Config, routes: &[usize], identity: &Identity) -> Said {
    let leaf = &identity.chain()[0];
    let urls = routes.iter().filter_map(|index| config.routes[*index].public_url.as_ref());
    let urls = urls.filter(|url| url.scheme() == "https");
    let public = urls.filter_map(|url| url.host_str()).map(|host| host.trim_matches(['[', ']']));
    let listed = config.listener.hosts.iter().map(String::as_str);
    // Nobody has a certificate for these, and whoever uses them is on this machine.
    let is_local = |host: &&str| matches!(*host, "localhost" | "127.0.0.1" | "::1" | "*");
    let mut wanted = public.chain(listed).filter(|host| !is_local(host)).collect::<Vec<_>>();
    wanted.sort_unstable();
    wanted.dedup();
    let missing = wanted.iter().filter(|host| !certs::is_for(leaf, host)).copied();
    let missing = missing.collect::<Vec<_>>();
    if missing.is_empty() {
        return Said::ok(match wanted.as_slice() {
            [] => {
                "listener.identity: no host is named that its certificate should be for".to_owned()
            }
            [..] => format!("listener.identity: its certificate is for {}", wanted.join(", ")),
        });
    }
    let has = Names::of(leaf).map(|names| plain(&names.dns.join(", "))).unwrap_or_default();
    let has = if has.is_empty() { "no host".to_owned() } else { has };
    let lacks = missing.join(", ");
    Said::warn(
        format!("listener.identity: its certificate is for {has}, and not for {lacks}"),
        "callers who address the gateway by that name will not believe it: have a certificate \
         issued for it; if something before the gateway ends TLS, all is well",
    )
    .fact("missing", missing)
}

/// Whether anybody answers at `public_url`. What is asked of it ends at the gateway, and needs no
/// leave.
pub(super) async fn reach(url: &Url, serving: Serving) -> Result<(Said, ()), Said> {
    let told = plain(url.as_str());
    let failed = |why: String, remedy: &str| match serving {
        Serving::Yes => Said::warn(format!("{told}: {why}"), remedy),
        Serving::No => Said::skip(format!(
            "{told}: {why}; no gateway serves now: start it, and run this again"
        )),
    };
    let anchors = TrustAnchors::load(None).map_err(|error| Said::skip(chain(&error)))?;
    let http = exchange::http(anchors.client_config(&[HTTP_11]), LIMIT);
    let http = http.map_err(|error| Said::skip(chain(&error)))?;
    let target = format!("{}/studies", url.as_str().trim_end_matches('/'));
    // Nobody before the gateway has to pass it on, and the gateway answers it by itself (RFC 9110,
    // section 7.6.2).
    let asked = http.request(Method::OPTIONS, target).header(header::MAX_FORWARDS, "0").send();
    let answer = match tokio::time::timeout(LIMIT, asked).await {
        Err(_) => return Err(failed(format!("no answer within {}", seconds(LIMIT)), UNREACHABLE)),
        Ok(Err(error)) => return Err(failed(chain(&error.without_url()), UNREACHABLE)),
        Ok(Ok(answer)) => answer,
    };
    match answer.status().as_u16() {
        status @ (502..=504) => Err(failed(
            format!("{status}: something before the gateway answers, and does not reach it"),
            "see where that one sends to, and compare with `listener.address`",
        )),
        404 | 421 => Err(failed(
            format!("{}: what answers there does not have this path", answer.status().as_u16()),
            "what stands before the gateway has to pass the path on as `public_url` and `prefix` \
             have it",
        )),
        status => Ok((Said::ok(format!("{told} answers ({status})")).fact("status", status), ())),
    }
}

const UNREACHABLE: &str = "this machine does not get there; others may: a name that only they \
                           know, a certificate that only they trust, or a port that nobody \
                           forwards. See `public_url`, and what stands before the gateway";

const LIMIT: Duration = Duration::from_secs(5);
