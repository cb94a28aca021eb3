//! From a configuration to a generation: everything that requests need, built whole or not at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use certs::{Contents, H2, HTTP_11, Identity, TrustAnchors};
use config::{Address, AppOnly, Config};
use http::HeaderValue;
use rustls::pki_types::ServerName;
use tokio::runtime::Handle;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::audit::entry::{Entry, Event};
use crate::audit::{Alert, Alerts, Audit, Pieces, material};
use crate::caller::{self, Callers, Failures, KeyFileError, KeySources, Passwords};
use crate::cors::Pages;
use crate::emergency::Emergencies;
use crate::identity;
use crate::life::Life;
use crate::metrics::Metrics;
use crate::origin::{OriginSpec, SharedSpec};
use crate::permit::Rights;
use crate::rewrite;
use crate::rotation;
use crate::route::{Route, Routes, forwarding};
use crate::source::Source;
use crate::token::{ConfidentialClient, Slot, Tokens, UserTokens};
use crate::wire::Rules;

/// What outlives every configuration.
pub(crate) struct Shared {
    pub(crate) metrics: Metrics,
    pub(crate) tokens: Tokens,
    pub(crate) user_tokens: Arc<UserTokens>,
    /// Who failed to prove who it is, of late.
    pub(crate) failures: Arc<Failures>,
    /// Which passwords of callers were found right.
    pub(crate) passwords: Arc<Passwords>,
    /// By which callers' tokens are known.
    pub(crate) keys: KeySources,
    /// Who asserts an emergency, or did of late.
    pub(crate) emergencies: Emergencies,
    /// This process' name in `Via`: unlike any other, so that a chain of gateways is no loop.
    pub(crate) pseudonym: Arc<str>,
    /// Where records of accesses go, if they are kept.
    pub(crate) audit: Option<Arc<Audit>>,
    /// Who is refused again and again, if records are kept.
    pub(crate) alerts: Option<Alerts>,
    draining: AtomicBool,
}

impl Shared {
    pub(crate) fn new(runtime: Handle) -> Self {
        let metrics = Metrics::default();
        Self {
            failures: Arc::new(Failures::new(metrics.authentications_failed.clone())),
            passwords: Arc::new(Passwords::new()),
            metrics,
            tokens: Tokens::new(runtime.clone()),
            // A configuration says how much it may hold before it holds anything.
            user_tokens: Arc::new(UserTokens::new(runtime.clone(), 0)),
            keys: KeySources::new(runtime),
            emergencies: Emergencies::default(),
            pseudonym: format!("dicom-gateway-{:016x}", fastrand::u64(..)).into(),
            audit: None,
            alerts: None,
            draining: AtomicBool::new(false),
        }
    }

    /// Puts alerts on record.
    pub(crate) fn alert(&self, due: Vec<Alert>) {
        if let Some(audit) = &self.audit {
            due.iter().for_each(|alert| audit.enter(&alert.entry()));
        }
    }

    /// Puts on record what happens to the gateway itself.
    pub(crate) fn put_on_record(&self, event: Event) {
        if let Some(audit) = &self.audit {
            let version = Some(env!("CARGO_PKG_VERSION").to_owned());
            audit.enter(&Entry { version, ..Entry::now(event) });
        }
    }

    /// Puts the last on record: the workers have ended.
    pub(crate) fn close_records(&self) {
        if let Some(alerts) = &self.alerts {
            self.alert(alerts.rest());
        }
        self.put_on_record(Event::Stop);
        if let Some(audit) = &self.audit {
            audit.close();
        }
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// One configuration, built. Immutable; a request sees one and the same from its head to its end.
pub(crate) struct Generation {
    pub(crate) config: Config,
    pub(crate) routes: Routes,
    pub(crate) rules: Rules,
    /// What proxies may ask about.
    pub(crate) proxy_rules: Rules,
    pub(crate) acceptor: Option<TlsAcceptor>,
    /// What the files of its key material held.
    pub(crate) contents: Contents,
    /// What of it ends.
    pub(crate) lives: Vec<Life>,
    /// Where the tokens for FHIR servers that take records come from, in the order of `[[audit.fhir]]`.
    pub(crate) record_tokens: Vec<Option<Arc<Slot>>>,
}

/// What is wrong with a configuration that no file shows: key material, mostly.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Key material cannot be used.
    #[error("{key}: {error}{}", source_of(.error))]
    Certs {
        /// The option that names it.
        key: String,
        /// What is wrong with it.
        error: Box<certs::Error>,
    },
    /// An origin server's name is none that TLS knows.
    #[error("route \"{prefix}\": origin: its host is no name for TLS")]
    ServerName {
        /// The route's prefix.
        prefix: String,
    },
    /// A repository of records has a name that is none that TLS knows.
    #[error("{key}: its host is no name for TLS")]
    SinkName {
        /// The option that names it.
        key: String,
    },
    /// Callers' keys cannot be used.
    #[error("route \"{prefix}\": callers.api_keys: {error}")]
    Keys {
        /// The route's prefix.
        prefix: String,
        /// What is wrong with their file.
        error: KeyFileError,
    },
    /// An issuer of callers' tokens cannot be asked for its keys.
    #[error("route \"{prefix}\": callers.bearer: {error}{}", sources_of(&**.error))]
    Issuer {
        /// The route's prefix.
        prefix: String,
        /// What is wrong.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A client of an authority cannot be made, of its credentials mostly.
    #[error("client \"{name}\": {error}{}", sources_of(&**.error))]
    Client {
        /// The client's name.
        name: String,
        /// What is wrong.
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Generation {
    /// Builds everything, or says all that is wrong. Opens no socket; slots of new clients begin to
    /// acquire their tokens.
    pub(crate) fn build(
        config: Config,
        shared: &Shared,
        before: Option<&Self>,
    ) -> Result<Self, Vec<BuildError>> {
        // Before they are read: what changes meanwhile is seen as a change.
        let contents = Contents::of(rotation::files(&config));
        let (mut problems, mut lives) = (Vec::new(), Vec::new());
        let identity = config.listener.identity.as_ref().and_then(|files| {
            identity::load(files)
                .inspect(|identity| note("listener.identity", identity.not_after(), &mut lives))
                .map_err(|error| problems.push(certs_error("listener.identity", error)))
                .ok()
        });
        let sinks = config.audit.iter().flat_map(|audit| material::check(audit, &mut lives));
        problems.extend(sinks);
        let clients = config.clients.iter().map(|c| client(c, &mut lives)).collect();
        let mut reached = before.map_or_else(Vec::new, Self::origins);
        let origins = config.routes.iter().map(|r| origin(r, &mut reached, &mut lives)).collect();
        let callers = config.routes.iter().map(|r| (&config, r));
        let callers = callers.map(|r| caller::callers(r, shared, &mut lives)).collect();
        let (clients, origins) = (sound(clients, &mut problems), sound(origins, &mut problems));
        let callers = sound::<Callers>(callers, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        shared.user_tokens.limit(config.runtime.max_user_tokens_bytes);
        let acceptor = identity.map(|identity| acceptor(&identity, &callers));
        let routes = config
            .routes
            .iter()
            .zip(origins.into_iter().zip(callers))
            .map(|(route, (origin, callers))| {
                let label = Arc::<str>::from(route.prefix.as_str());
                let name = if label.is_empty() { "/" } else { &label };
                let client = &config.clients[route.client].name;
                Route {
                    config: route.clone(),
                    callers,
                    rights: Rights::new(route),
                    source: source(route, &clients[route.client], shared),
                    origin,
                    forwarding: forwarding(route),
                    pages: Pages::new(route),
                    links: rewrite::links(route),
                    pieces: Pieces::new(name, &route.origin.authority, client),
                    metrics: shared.metrics.route(&label),
                    label,
                }
            })
            .collect();
        let rules = Rules {
            hosts: config.listener.hosts.clone(),
            max_head_bytes: config.listener.max_head_bytes,
            pseudonym: shared.pseudonym.to_string(),
        };
        let proxy_rules = Rules { hosts: proxy_hosts(&config), ..rules.clone() };
        let routes = Routes::new(routes);
        let record_tokens = config.audit.iter().flat_map(|audit| &audit.fhir).map(|sink| {
            let (client, scope) = sink.token.as_ref()?;
            Some(shared.tokens.slot(&clients[*client], scope))
        });
        let record_tokens = record_tokens.collect();
        Ok(Self { config, routes, rules, proxy_rules, acceptor, contents, lives, record_tokens })
    }

    fn origins(&self) -> Vec<SharedSpec> {
        self.routes.iter().map(|route| route.origin.clone()).collect()
    }
}

/// Where a route's tokens come from. What was got before under the same terms is still there.
fn source(route: &config::Route, client: &Arc<ConfidentialClient>, shared: &Shared) -> Source {
    let own = || shared.tokens.slot(client, &route.scope);
    let config::Grant::OnBehalfOf(terms) = route.grant else { return Source::Application(own()) };
    let users = shared.user_tokens.users(client, &route.scope, terms.exchange);
    let others = (terms.app_only == AppOnly::ClientCredentials).then(own);
    Source::Users { users: Arc::new(users), others }
}

/// The hosts that proxies may ask under. They pass on the host that callers address, or name ours.
///
/// Where anyone may call, no credential is needed for a token, and a page of a stranger whose name
/// suddenly resolves to loopback (DNS rebinding) could ask for one: then there is no leaving it open.
fn proxy_hosts(config: &Config) -> Vec<String> {
    let needs_no_proof = config.routes.iter().any(|r| r.callers == config::Callers::Anyone);
    let listed = &config.listener.hosts;
    if listed.is_empty() && !needs_no_proof {
        return Vec::new();
    }
    let own = config.forward_auth.iter().filter_map(|forward_auth| match &forward_auth.address {
        Address::Tcp(address) => Some(address.ip().to_string()),
        Address::Unix(_) => None,
    });
    let public = config.routes.iter().filter_map(|route| route.public_url.as_ref());
    let public = public.filter_map(|url| url.host_str());
    let public = public.map(|host| host.trim_matches(['[', ']']).to_owned());
    let always = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    listed.iter().cloned().chain(always).chain(own).chain(public).collect()
}

fn sound<T>(built: Vec<Result<T, BuildError>>, problems: &mut Vec<BuildError>) -> Vec<T> {
    built.into_iter().filter_map(|one| one.map_err(|error| problems.push(error)).ok()).collect()
}

/// A listener that asks for certificates where any route takes them. What a session was opened with is
/// not asked for again when it is resumed, so sessions end with the generation.
fn acceptor(identity: &Identity, callers: &[Callers]) -> TlsAcceptor {
    let trusts = callers.iter().filter_map(Callers::trust).cloned().collect::<Vec<_>>();
    let mut config = identity.server_config(&[H2, HTTP_11], &trusts);
    // Two tickets would cost a write and half a kilobyte more for each connection.
    config.send_tls13_tickets = 1;
    TlsAcceptor::from(Arc::new(config))
}

/// Notes when something ends, if it does.
pub(crate) fn note(key: &str, ends: Option<SystemTime>, lives: &mut Vec<Life>) {
    let warned_within = Duration::MAX;
    lives.extend(ends.map(|ends| Life { key: key.to_owned(), ends, warned_within }));
}

/// A client, and what of it ends.
pub(crate) fn client(
    config: &config::Client,
    lives: &mut Vec<Life>,
) -> Result<Arc<ConfidentialClient>, BuildError> {
    let key = || format!("client \"{}\": anchors", config.name);
    let anchors = TrustAnchors::load(config.anchors.as_deref())
        .map_err(|error| certs_error(&key(), error))?;
    note(&format!("client.{}.anchors", config.name), anchors.not_after(), lives);
    let tls = anchors.client_config(&[H2, HTTP_11]);
    let client =
        ConfidentialClient::new(config.clone(), &tls, anchors.fingerprint()).map_err(|error| {
            BuildError::Client { name: config.name.clone(), error: Box::new(error) }
        })?;
    for (index, way) in client.ways().iter().enumerate() {
        let key = format!("client.{}.credential", config.name);
        let several = client.ways().len() > 1;
        let key = if several { format!("{key}[{index}]") } else { key };
        note(&key, way.ends(), lives);
    }
    Ok(Arc::new(client))
}

/// How a route's origin server is reached: as it was or is by another route, where nothing differs, so
/// that they share connections, and these and TLS sessions outlive a configuration.
pub(crate) fn origin(
    route: &config::Route,
    reached: &mut Vec<SharedSpec>,
    lives: &mut Vec<Life>,
) -> Result<SharedSpec, BuildError> {
    let prefix = &route.prefix;
    let server_name = || BuildError::ServerName { prefix: prefix.clone() };
    let mut anchors_fingerprint = 0;
    let tls = if route.origin.tls {
        let key = || format!("route \"{prefix}\": anchors");
        let anchors = TrustAnchors::load(route.origin.anchors.as_deref())
            .map_err(|error| certs_error(&key(), error))?;
        anchors_fingerprint = anchors.fingerprint();
        let name = if prefix.is_empty() { "/" } else { prefix };
        note(&format!("route.{name}.anchors"), anchors.not_after(), lives);
        let name = ServerName::try_from(route.origin.host.clone()).map_err(|_| server_name())?;
        let alpn: &[&[u8]] = if route.http2 { &[H2, HTTP_11] } else { &[HTTP_11] };
        Some((TlsConnector::from(Arc::new(anchors.client_config(alpn))), name))
    } else {
        None
    };
    let authority = route.origin.authority.as_str();
    let spec = OriginSpec {
        origin: route.origin.clone(),
        authority: authority.parse().map_err(|_| server_name())?,
        host: HeaderValue::from_str(authority).map_err(|_| server_name())?,
        tls,
        anchors: anchors_fingerprint,
        http2: route.http2,
        connect_timeout: route.connect_timeout,
        response_timeout: route.response_timeout,
        body_timeout: route.body_timeout,
        idle_timeout: route.idle_timeout,
        max_idle_connections: route.max_idle_connections,
    };
    if let Some(same) = reached.iter().find(|other| other.is_same(&spec)) {
        return Ok(same.clone());
    }
    let spec = Arc::new(spec);
    reached.push(spec.clone());
    Ok(spec)
}

pub(crate) fn certs_error(key: &str, error: certs::Error) -> BuildError {
    BuildError::Certs { key: key.to_owned(), error: Box::new(error) }
}

fn sources_of(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(error.source(), |source| source.source());
    sources.map(|source| format!(": {source}")).collect()
}

fn source_of(error: &certs::Error) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(String::new, |source| format!(": {source}"))
}
