//! An emulated Microsoft Entra ID: the v2.0 token endpoint, discovery and keys, over TLS.
//!
//! It does the checks that Entra does and says no in Entra's words, so a client that is content
//! here has sent the right thing. And it can be told to fail in the ways in which authorities do:
//! late, throttled, broken, gone. Every wait is for a state, so that tests need no sleeps.

mod answer;
mod assertion;
mod check;
mod device;
mod endpoints;
mod form;
mod on_behalf_of;
mod refusal;
mod registry;
mod script;
mod service_account;
mod settings;
pub(crate) mod shared;
pub(crate) mod token;
mod user;

pub use self::answer::{Answer, Overrides, RetryAfter};
pub use self::form::Form;
pub use self::refusal::refusal;
pub(crate) use self::registry::{Registered, Registry};
pub use self::user::User;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonwebtoken::jwk::JwkSet;
use rustls::ServerConfig;

use self::assertion::Federation;
use self::script::{Gate, Script};
use self::service_account::ServiceAccount;
use self::settings::Settings;
use self::shared::{Shared, lock};
use self::user::Subject;
use crate::ca::{Ca, Issued};
use crate::server::{Port, Server};
use crate::verifier::Verifier;

/// A running authority on a port of 127.0.0.1, which knows one tenant and one client.
///
/// Its setters and controls take effect at the next request. It ends when dropped.
pub struct Authority {
    shared: Arc<Shared>,
    port: Port,
    tls: Arc<ServerConfig>,
    server: Mutex<Option<Server>>,
}

/// Who the authority is and whom it knows.
impl Authority {
    /// Starts an authority whose certificate, for `localhost` and `127.0.0.1`, is of `ca`.
    pub async fn start(ca: &Ca) -> Self {
        // Not during a request, where it would look like a slow authority.
        tokio::task::spawn_blocking(|| drop(token::jwks())).await.expect("a signing key");
        let port = Port::take();
        let authority = Self {
            shared: Arc::new(Shared::new(port.address())),
            port,
            tls: ca
                .issue(&["localhost", "127.0.0.1"])
                .server_config_that_asks(&[b"h2", b"http/1.1"], ca),
            server: Mutex::new(None),
        };
        authority.restart().await;
        authority
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The tenant's id, a GUID at first.
    pub fn tenant(&self) -> String {
        lock(&self.shared.settings).tenant.clone()
    }

    /// The application's id, a GUID at first.
    pub fn client_id(&self) -> String {
        lock(&self.shared.settings).client_id.clone()
    }

    /// The newest of the client's secrets.
    pub fn secret(&self) -> String {
        lock(&self.shared.settings).secrets.last().cloned().unwrap_or_default()
    }

    /// The scope that it grants, `https://dicom.healthcareapis.azure.com/.default` at first.
    pub fn scope(&self) -> String {
        lock(&self.shared.settings).scope.clone()
    }

    /// What stands as `authority` in the gateway's configuration: scheme, host, port and tenant.
    pub fn url(&self) -> String {
        self.shared.authorization_uri()
    }

    /// The issuer of its tokens and metadata.
    pub fn issuer(&self) -> String {
        self.shared.issuer()
    }

    /// Where it issues tokens.
    pub fn token_endpoint(&self) -> String {
        format!("{}/oauth2/v2.0/token", self.url())
    }

    /// Knows only this tenant from now on.
    pub fn set_tenant(&self, tenant: &str) {
        lock(&self.shared.settings).tenant = tenant.to_owned();
    }

    /// Knows only this client from now on.
    pub fn set_client_id(&self, client_id: &str) {
        lock(&self.shared.settings).client_id = client_id.to_owned();
    }

    /// Accepts only these secrets from now on; with none of them it refuses everyone.
    pub fn set_secrets(&self, secrets: &[&str]) {
        lock(&self.shared.settings).secrets = secrets.iter().map(|s| (*s).to_owned()).collect();
    }

    /// Accepts only the secret `new` from now on. Tokens issued before stay good.
    pub fn rotate_secret(&self, new: &str) {
        self.set_secrets(&[new]);
    }

    /// Takes client assertions that the key of this certificate signed, beside those of others.
    pub fn register_certificate(&self, certificate: &Issued) {
        lock(&self.shared.settings).certificates.push(certificate.leaf().to_vec());
    }

    /// Takes the client for who it is when it shows this certificate in the handshake.
    pub fn register_tls_certificate(&self, certificate: &Issued) {
        lock(&self.shared.settings).tls_certificates.push(certificate.leaf().to_vec());
    }

    /// Takes no certificate from now on.
    pub fn forget_certificates(&self) {
        let mut settings = lock(&self.shared.settings);
        settings.certificates.clear();
        settings.tls_certificates.clear();
    }

    /// Takes tokens of another issuer for this subject and audience as client assertions.
    pub fn federate(&self, issuer: &str, subject: &str, audience: &str, keys: JwkSet) {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        let trusted = Federation { issuer, subject, audience: audience.to_owned(), keys };
        lock(&self.shared.settings).federations.push(trusted);
    }

    /// Takes client assertions for this audience only from now on, instead of the token endpoint.
    pub fn set_assertion_audience(&self, audience: &str) {
        lock(&self.shared.settings).assertion_audience = Some(audience.to_owned());
    }

    /// Opens an account as Google has them, and gives its key file.
    pub fn open_service_account(&self, email: &str) -> String {
        let (account, file) = ServiceAccount::new(email, &self.token_endpoint());
        lock(&self.shared.settings).service_accounts.push(account);
        file
    }

    /// Knows no service account from now on.
    pub fn close_service_accounts(&self) {
        lock(&self.shared.settings).service_accounts.clear();
    }

    /// The keys of its own tokens.
    pub fn keys(&self) -> JwkSet {
        token::jwks()
    }

    /// Accepts no secret from now on, as when the registration has expired.
    pub fn reject_secret(&self) {
        self.set_secrets(&[]);
    }

    /// Grants only this scope, which ends in `/.default`, from now on; verifiers follow.
    pub fn set_scope(&self, scope: &str) {
        lock(&self.shared.settings).scope = scope.to_owned();
    }

    /// New tokens live this long, in whole seconds.
    pub fn set_lifetime(&self, lifetime: Duration) {
        lock(&self.shared.settings).lifetime = lifetime;
    }

    /// New tokens come with this `refresh_in`, or with none.
    pub fn set_refresh_in(&self, refresh_in: Option<Duration>) {
        lock(&self.shared.settings).refresh_in = refresh_in;
    }

    /// A judge of its tokens for an origin server.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(Arc::clone(&self.shared))
    }

    /// Verifiers refuse this token from now on.
    pub fn revoke(&self, token: &str) {
        self.shared.revoke(token);
    }

    /// Issues a token without a request, for a test that calls the origin server itself.
    ///
    /// It is not among [`Authority::tokens`].
    pub fn issue_token(&self) -> String {
        let settings = lock(&self.shared.settings).clone();
        let origin = self.shared.origin();
        token::mint(&origin, settings.audience(), &Subject::Application, &settings)
    }

    /// Issues a token for another audience to the application with this id.
    pub fn issue_token_to(&self, client_id: &str, audience: &str) -> String {
        let client_id = client_id.to_owned();
        let settings = Settings { client_id, ..lock(&self.shared.settings).clone() };
        token::mint(&self.shared.origin(), audience, &Subject::Application, &settings)
    }
}

/// The users that it knows: everyone.
impl Authority {
    /// The user of this name, who signed in to a viewer of this authority's tenant.
    pub fn user(&self, name: &str) -> User {
        User::named(name, &lock(&self.shared.settings))
    }

    /// Issues the token with which this user's viewer calls the application.
    pub fn issue_user_token(&self, user: &User) -> String {
        user.token(&self.shared.origin())
    }

    /// Issues the token with which the application of this id calls ours, on nobody's behalf; its
    /// only role is `Dicom.Reader`.
    pub fn issue_app_token(&self, application: &str) -> String {
        let settings = lock(&self.shared.settings).clone();
        let audience = settings.client_id.clone();
        let settings = Settings { client_id: application.to_owned(), ..settings };
        let origin = self.shared.origin();
        let mut claims = token::claims(&origin, &audience, &Subject::Application, &settings);
        claims["roles"] = serde_json::json!(["Dicom.Reader"]);
        token::sign(&claims)
    }

    /// Welcomes the application in this tenant as well.
    pub fn add_tenant(&self, tenant: &str) {
        lock(&self.shared.settings).tenants.push(tenant.to_owned());
    }

    /// Gives no token for this user from now on without [`User::with_second_factor`].
    pub fn demand_second_factor(&self, user: &User) {
        lock(&self.shared.settings).second_factor.insert(user.oid.clone());
    }

    /// Gives no token for this user from now on, who did not consent to it.
    pub fn withhold_consent(&self, user: &User) {
        lock(&self.shared.settings).without_consent.insert(user.oid.clone());
    }

    /// Gives tokens for this user again.
    pub fn consent(&self, user: &User) {
        lock(&self.shared.settings).without_consent.remove(&user.oid);
    }

    /// Answers `answer` where a token for this user is asked for, until told otherwise.
    pub fn answer_user(&self, user: &User, answer: Answer) {
        lock(&self.shared.script).to_user.insert(user.oid.clone(), answer);
    }

    /// Where it publishes its keys.
    pub fn jwks_uri(&self) -> String {
        format!("{}/discovery/v2.0/keys", self.url())
    }
}

/// What it does other than its duty.
impl Authority {
    /// Lets no answer out from now on; the requests wait.
    pub fn hold(&self) {
        self.shared.gate.send_modify(|gate| *gate = Gate { held: true, passes: 0 });
    }

    /// Lets `n` of the held answers out, those of later requests included.
    pub fn release(&self, n: usize) {
        self.shared.gate.send_modify(|gate| gate.passes += n);
    }

    /// Lets all held answers out, and holds no more.
    pub fn release_all(&self) {
        self.shared.gate.send_modify(|gate| *gate = Gate::default());
    }

    /// Answers `answer` to every request, until told otherwise.
    pub fn answer_with(&self, answer: Answer) {
        lock(&self.shared.script).otherwise = answer;
    }

    /// Answers `answer` to this client, whatever others are answered.
    pub fn answer_client(&self, id: &str, answer: Answer) {
        lock(&self.shared.script).to.insert(id.to_owned(), answer);
    }

    /// Answers `answer` to the next `n` requests, after those already so ordered.
    pub fn answer_next(&self, n: usize, answer: Answer) {
        lock(&self.shared.script).next.extend(std::iter::repeat_n(answer, n));
    }

    /// Does its duty again: takes back ordered answers and the delay.
    pub fn answer_well(&self) {
        *lock(&self.shared.script) = Script::default();
    }

    /// Answers this much later from now on.
    pub fn delay(&self, delay: Duration) {
        lock(&self.shared.script).delay = delay;
    }

    /// Closes its socket and all connections: who comes now is refused by the system.
    pub async fn stop(&self) {
        let running = lock(&self.server).take();
        if let Some(server) = running {
            server.close().await;
        }
    }

    /// Accepts connections from now on, and says nothing on them, not even of TLS.
    pub async fn black_hole(&self) {
        self.stop().await;
        *lock(&self.server) = Some(Server::silent(self.port.listen()));
    }

    /// Serves again after [`Authority::stop`] or [`Authority::black_hole`], on the same port.
    pub async fn restart(&self) {
        self.stop().await;
        let shared = Arc::clone(&self.shared);
        let server = Server::https(self.port.listen(), Arc::clone(&self.tls), move |request| {
            endpoints::answer(Arc::clone(&shared), request)
        });
        *lock(&self.server) = Some(server);
    }
}

/// What it has seen.
impl Authority {
    /// How many token requests have arrived, in whole, with whatever answer.
    pub fn requests(&self) -> usize {
        self.shared.traffic.borrow().arrived
    }

    /// How many token requests wait for their answer now.
    pub fn in_flight(&self) -> usize {
        self.shared.traffic.borrow().in_flight
    }

    /// The most token requests that ever waited at once.
    pub fn max_in_flight(&self) -> usize {
        self.shared.traffic.borrow().max_in_flight
    }

    /// Waits until `n` token requests have arrived since the start.
    pub async fn wait_for_requests(&self, n: usize) {
        self.wait_for(|traffic| traffic.arrived >= n).await;
    }

    /// Waits until exactly `n` token requests wait for their answer.
    pub async fn wait_for_in_flight(&self, n: usize) {
        self.wait_for(|traffic| traffic.in_flight == n).await;
    }

    /// All token requests, in the order of their arrival.
    pub fn forms(&self) -> Vec<Form> {
        lock(&self.shared.forms).clone()
    }

    /// All tokens issued to requests, in their order.
    pub fn tokens(&self) -> Vec<String> {
        lock(&self.shared.tokens).clone()
    }

    /// The newest token issued to a request.
    pub fn last_token(&self) -> Option<String> {
        lock(&self.shared.tokens).last().cloned()
    }

    async fn wait_for(&self, state: impl FnMut(&shared::Traffic) -> bool) {
        let mut traffic = self.shared.traffic.subscribe();
        let _ = traffic.wait_for(state).await;
    }
}
