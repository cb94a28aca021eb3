//! Applications that somebody registered in the tenant's directory, beside the one that is always
//! there.

use std::collections::HashMap;
use std::sync::Arc;

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, Validation, decode};
use serde_json::Value;

use super::Authority;
use super::assertion::Federation;
use super::settings::Settings;
use super::shared::{Shared, lock};
use super::token;
use super::user::Subject;

/// What a directory beside it has to do with it.
impl Authority {
    /// Where registrations come from.
    pub(crate) fn registry(&self) -> Registry {
        Registry::new(self.shared.clone())
    }

    /// Gives people tokens for this resource.
    pub(crate) fn add_first_party(&self, resource: &str) {
        lock(&self.shared.settings).registrations.first_party.push(resource.to_owned());
    }

    /// Knows the keys of an issuer, as Entra would find out, for the federated credentials that
    /// applications are registered with.
    pub fn know_issuer(&self, issuer: &str, keys: JwkSet) {
        lock(&self.shared.settings).registrations.issuers.push((issuer.to_owned(), keys));
    }

    /// The object id of the principal of the application with this id: the subject of its tokens.
    pub fn principal_of(client_id: &str) -> String {
        token::principal(client_id)
    }

    /// Answers the next polls for a device code with these errors, and then with a token.
    pub fn answer_polls(&self, errors: &[&'static str]) {
        lock(&self.shared.devices).polls.extend(errors);
    }
}

/// What a directory says of a registered application.
#[derive(Default)]
pub(crate) struct Registered {
    /// Whether it may act in the tenant.
    pub(crate) has_principal: bool,
    pub(crate) secrets: Vec<String>,
    /// DER.
    pub(crate) certificates: Vec<Vec<u8>>,
    /// Issuer, subject and audience.
    pub(crate) federated: Vec<(String, String, String)>,
}

/// The directory's way to the authority.
#[derive(Clone)]
pub(crate) struct Registry(Arc<Shared>);

/// The registered applications, as the authority knows them.
#[derive(Clone, Default)]
pub(crate) struct Registrations {
    by_id: HashMap<String, Registration>,
    /// The keys of other issuers, which Entra would fetch.
    pub(crate) issuers: Vec<(String, JwkSet)>,
    /// Whom people get tokens for with a device code.
    pub(crate) first_party: Vec<String>,
}

#[derive(Clone, Default)]
struct Registration {
    has_principal: bool,
    secrets: Vec<New<String>>,
    certificates: Vec<New<Vec<u8>>>,
    federated: Vec<(String, String, String)>,
}

/// What is not known everywhere yet: the next so many token requests do not find it.
#[derive(Clone)]
struct New<T> {
    value: T,
    unseen: usize,
}

impl Registry {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    pub(crate) fn tenant(&self) -> String {
        lock(&self.0.settings).tenant.clone()
    }

    /// A token that says who administers the directory.
    pub(crate) fn administrator(&self, audience: &str) -> String {
        let settings = lock(&self.0.settings).clone();
        token::mint(&self.0.origin(), audience, &Subject::Application, &settings)
    }

    /// Knows this of an application from now on; of what is new, after `lag` more token requests.
    pub(crate) fn publish(&self, app_id: &str, registered: Registered, lag: usize) {
        let mut settings = lock(&self.0.settings);
        let known = settings.registrations.by_id.entry(app_id.to_owned()).or_default();
        *known = Registration {
            has_principal: registered.has_principal,
            secrets: published(&known.secrets, registered.secrets, lag),
            certificates: published(&known.certificates, registered.certificates, lag),
            federated: registered.federated,
        };
    }

    /// What is new is known from now on.
    pub(crate) fn settle(&self) {
        for known in lock(&self.0.settings).registrations.by_id.values_mut() {
            known.secrets.iter_mut().for_each(|it| it.unseen = 0);
            known.certificates.iter_mut().for_each(|it| it.unseen = 0);
        }
    }

    pub(crate) fn forget(&self, app_id: &str) {
        lock(&self.0.settings).registrations.by_id.remove(app_id);
    }

    /// The object id of an application's principal.
    pub(crate) fn principal_of(app_id: &str) -> String {
        token::principal(app_id)
    }

    /// Whether an authority of this process signed this token for this audience.
    pub(crate) fn knows_token(token: &str, audience: &str) -> bool {
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_audience(&[audience]);
        decode::<Value>(token, &token::SIGNING_KEY.public, &validation).is_ok()
    }
}

impl Settings {
    /// The settings as they are for one of the registered applications, if it is one.
    pub(super) fn as_known_to(&mut self, client_id: &str) -> Self {
        let mut theirs = self.clone();
        let Some(registration) = self.registrations.by_id.get_mut(client_id) else { return theirs };
        if !registration.has_principal {
            return theirs;
        }
        theirs.client_id = client_id.to_owned();
        theirs.secrets = seen(&mut registration.secrets);
        theirs.certificates = seen(&mut registration.certificates);
        theirs.tls_certificates.clear();
        let issuers = &theirs.registrations.issuers;
        let federations =
            registration.federated.iter().filter_map(|(issuer, subject, audience)| {
                let (_, keys) = issuers.iter().find(|(known, _)| known == issuer)?;
                let (issuer, subject) = (issuer.clone(), subject.clone());
                Some(Federation { issuer, subject, audience: audience.clone(), keys: keys.clone() })
            });
        theirs.federations = federations.collect();
        theirs
    }
}

fn published<T: PartialEq>(known: &[New<T>], values: Vec<T>, lag: usize) -> Vec<New<T>> {
    let new = |value| {
        let before = known.iter().find(|it| it.value == value);
        New { unseen: before.map_or(lag, |before| before.unseen), value }
    };
    values.into_iter().map(new).collect()
}

/// Those that are known by now; the others are one request nearer to it.
fn seen<T: Clone>(all: &mut [New<T>]) -> Vec<T> {
    let known = all.iter().filter(|it| it.unseen == 0).map(|it| it.value.clone()).collect();
    for it in all {
        it.unseen = it.unseen.saturating_sub(1);
    }
    known
}
