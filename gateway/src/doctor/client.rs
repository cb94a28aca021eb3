//! A client: the way to its authority, the time there, and its tokens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use certs::{H2, HTTP_11, Presented, TrustAnchors};
use config::{Credential, TokenEndpoint};
use url::Url;

use super::clock;
use super::finding::{Said, Section, plain};
use super::reach::{Destination, reach};
use super::refusal;
use super::token::Decoded;
use crate::build;
use crate::token::{AccessToken, AcquireError, Class, Grant};

/// A token that is wanted of a client.
pub(super) struct Wish {
    pub(super) scope: String,
    /// Whether nobody but users ever gets such a token.
    pub(super) for_users_only: bool,
}

/// A token that was got.
pub(super) struct Got {
    pub(super) token: AccessToken,
    pub(super) decoded: Decoded,
}

/// The tokens that clients got for themselves, by client and scope.
#[derive(Default)]
pub(super) struct Tokens(Vec<((usize, String), Got)>);

impl Tokens {
    /// The one that this route would use.
    pub(super) fn of(&self, route: &config::Route) -> Option<&Got> {
        let is_its =
            |(client, scope): &(usize, String)| (*client, scope) == (route.client, &route.scope);
        self.0.iter().find(|(of, _)| is_its(of)).map(|(_, got)| got)
    }
}

/// Looks at a client, and keeps the tokens that it gets.
pub(super) async fn look(
    section: &mut Section<'_>,
    (index, client): (usize, &config::Client),
    wishes: &[Wish],
    tokens: &mut Tokens,
) {
    if let TokenEndpoint::At(url) | TokenEndpoint::Of(url) = &client.endpoint
        && !authority(section, client, url).await
    {
        section.skip(&["token"], "there is no way to the authority");
        return;
    }
    for wish in wishes {
        if let Some(got) = token(section, client, wish).await {
            tokens.0.push(((index, wish.scope.clone()), got));
        }
    }
}

/// Whether there is a way to the authority.
async fn authority(section: &mut Section<'_>, client: &config::Client, url: &Url) -> bool {
    let Ok(anchors) = TrustAnchors::load(client.anchors.as_deref()) else {
        section.skip(&["name", "tcp", "tls", "clock"], "its `anchors` cannot be used");
        return false;
    };
    let is_tls = url.scheme() == "https";
    let destination = Destination {
        host: url.host_str().unwrap_or_default().trim_matches(['[', ']']),
        port: url.port_or_known_default().unwrap_or_default(),
        anchors: is_tls.then_some(&anchors),
        anchors_file: client.anchors.as_deref(),
        presented: presented(client),
        alpn: &[H2, HTTP_11],
        key: "`authority` or `token_endpoint`",
        is_authority: true,
        limit: client.timeout.min(LIMIT),
    };
    if !reach(section, &destination).await {
        section.skip(&["clock"], "there is no way to the authority");
        return false;
    }
    let mut tls = anchors.client_config(destination.alpn);
    if let Some(presented) = destination.presented {
        tls.client_auth_cert_resolver = presented;
    }
    let _ = section.check("clock", clock::compare(url, tls, destination.limit)).await;
    true
}

/// The certificate of its first credential that is shown in handshakes: an authority may let nobody
/// in without one.
fn presented(client: &config::Client) -> Option<Arc<Presented>> {
    let mut shown =
        client.credentials.iter().filter(|it| matches!(it, Credential::TlsCertificate(_)));
    shown.find_map(|credential| {
        let one = config::Client { credentials: vec![credential.clone()], ..client.clone() };
        build::client(&one, &mut Vec::new()).ok()?.ways().first()?.presented()
    })
}

/// The token of the first credential that gets one; each is tried.
async fn token(section: &mut Section<'_>, client: &config::Client, wish: &Wish) -> Option<Got> {
    let mut tried = Vec::new();
    let mut got = None;
    for (index, credential) in client.credentials.iter().enumerate() {
        let began = Instant::now();
        let one = config::Client { credentials: vec![credential.clone()], ..client.clone() };
        let several = client.credentials.len() > 1;
        let number = if several { format!("[{index}]") } else { String::new() };
        let said = match build::client(&one, &mut Vec::new()) {
            Err(_) => Said::skip(format!("credential{number} cannot be used")),
            Ok(one) => {
                let kind = one.ways().first().map_or("", |way| way.kind());
                let way = format!("credential{number} ({kind})");
                match one.acquire(&wish.scope, &Grant::ClientCredentials, None).await {
                    Ok(token) => {
                        let decoded = Decoded::of(&token);
                        let said = granted(&way, &token, &decoded);
                        got = got.or(Some(Got { token, decoded }));
                        said
                    }
                    Err(error) if wish.for_users_only && !is_of_client(&error) => Said::skip(
                        "only users get tokens here, so the authority need not give the \
                         application one of its own; nothing speaks against the credential",
                    ),
                    Err(error) => refusal::of_token(&way, kind, &error),
                }
            }
        };
        tried.push((began.elapsed(), said.fact("scope", plain(&wish.scope))));
    }
    for (took, said) in tried {
        // The gateway goes on with the one that is taken.
        let said = if got.is_some() { said.made_up_for() } else { said };
        section.say_after("token", took, said);
    }
    got
}

fn granted(way: &str, token: &AccessToken, decoded: &Decoded) -> Said {
    let left = token.life_left(Instant::now());
    let words = decoded.words();
    let says = format!("{way}: {words}, usable for {}", life(left));
    let said = if left < SHORT {
        Said::warn(
            says,
            "its life is short, and an outage of the authority will soon be noticed: have the \
             authority give tokens for an hour",
        )
    } else {
        Said::ok(says)
    };
    decoded.facts(said, token)
}

/// Whether the client itself is at fault, or the way to the authority: not what was asked for.
fn is_of_client(error: &AcquireError) -> bool {
    match error.said().and_then(|said| said.advice) {
        Some(advice) => {
            matches!(
                advice.class,
                Class::Credential
                    | Class::Application
                    | Class::Tenant
                    | Class::Throttle
                    | Class::Transient
            )
        }
        None => true,
    }
}

/// How long a token is good, in words.
pub(super) fn life(left: Duration) -> String {
    // It is a moment old.
    match left.as_secs() + 1 {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// For each step of the way.
const LIMIT: Duration = Duration::from_secs(10);

/// Keycloak's tokens are of a minute.
const SHORT: Duration = Duration::from_secs(30);
