//! Users, and the tokens with which they call the application.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use uuid::Uuid;

use super::settings::Settings;
use super::token;

/// Somebody who signed in to a viewer, which got a token for the application.
#[derive(Clone, Debug)]
pub struct User {
    /// The object id.
    pub oid: String,
    /// The tenant that the user signed in to; the authority's own at first.
    pub tenant: String,
    /// A name to show.
    pub name: String,
    /// `scp`: what the viewer may do in the user's name.
    pub scopes: String,
    /// `roles`: the app roles of the user.
    pub roles: Vec<String>,
    /// `groups`: the user's groups.
    pub groups: Vec<String>,
    /// `aud`; the application's id at first.
    pub audience: String,
    /// `azp`: the viewer's own id.
    pub viewer: String,
    /// How long a token lives, in whole seconds, and up to one less.
    pub lifetime: Duration,
    /// Whether its tokens are of Entra's first version.
    pub of_v1: bool,
    /// `acrs`: the authentication contexts that the user has shown.
    pub contexts: Vec<String>,
}

/// Whom a token stands for.
#[derive(Clone, Debug)]
pub(crate) enum Subject {
    /// The application itself.
    Application,
    /// This user, of this tenant.
    User { oid: String, tenant: String, name: String },
}

impl User {
    /// The one of this name: always the same, with no roles and no groups.
    pub(super) fn named(name: &str, settings: &Settings) -> Self {
        Self {
            oid: Uuid::new_v5(&Uuid::NAMESPACE_DNS, name.as_bytes()).to_string(),
            tenant: settings.tenant.clone(),
            name: name.to_owned(),
            scopes: "Dicom.Access".to_owned(),
            roles: Vec::new(),
            groups: Vec::new(),
            audience: settings.client_id.clone(),
            viewer: Uuid::new_v5(&Uuid::NAMESPACE_URL, b"viewer").to_string(),
            lifetime: Duration::from_secs(5400),
            of_v1: false,
            contexts: Vec::new(),
        }
    }

    /// A guest of another tenant.
    #[must_use]
    pub fn of_tenant(mut self, tenant: &str) -> Self {
        tenant.clone_into(&mut self.tenant);
        self
    }

    /// The same, whose token lives for so long.
    #[must_use]
    pub fn for_only(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The same, after the second factor that [`Authority::demand_second_factor`] demands.
    ///
    /// [`Authority::demand_second_factor`]: super::Authority::demand_second_factor
    #[must_use]
    pub fn with_second_factor(mut self) -> Self {
        self.contexts.push(SECOND_FACTOR.to_owned());
        self
    }

    /// A token for the application, signed by an authority at `origin`. No two are alike.
    pub(super) fn token(&self, origin: &str) -> String {
        let (tenant, now) = (&self.tenant, now());
        let mut claims = json!({
            "aud": self.audience,
            "iss": format!("{origin}/{tenant}/v2.0"),
            "iat": now.as_secs() - 300,
            "nbf": now.as_secs() - 300,
            "exp": (now + self.lifetime).as_secs(),
            "azp": self.viewer,
            "azpacr": "0",
            "name": self.name,
            "oid": self.oid,
            "preferred_username": format!("{}@hospital.example", self.name),
            "rh": Uuid::new_v4().simple().to_string(),
            "scp": self.scopes,
            "sub": self.pairwise(&self.audience),
            "tid": tenant,
            "uti": Uuid::new_v4().simple().to_string(),
            "ver": "2.0",
        });
        for (name, values) in
            [("roles", &self.roles), ("groups", &self.groups), ("acrs", &self.contexts)]
        {
            if !values.is_empty() {
                claims[name] = json!(values);
            }
        }
        if self.of_v1 {
            self.put_into_v1(&mut claims);
        }
        token::sign(&claims)
    }

    fn put_into_v1(&self, claims: &mut Value) {
        claims["ver"] = "1.0".into();
        claims["iss"] = format!("https://sts.windows.net/{}/", self.tenant).into();
        claims["aud"] = format!("api://{}", self.audience).into();
        claims["appid"] = claims["azp"].take();
        claims["appidacr"] = claims["azpacr"].take();
        claims["upn"] = claims["preferred_username"].take();
        claims["unique_name"] = claims["upn"].clone();
        let claims = claims.as_object_mut().expect("an object");
        for name in ["azp", "azpacr", "preferred_username"] {
            claims.remove(name);
        }
    }

    fn pairwise(&self, audience: &str) -> String {
        pairwise(&self.oid, audience)
    }
}

/// A user's name in one application only.
pub(super) fn pairwise(oid: &str, audience: &str) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{oid} {audience}").as_bytes()).simple().to_string()
}

/// Since 1970.
pub(super) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970")
}

/// The authentication context that stands for it.
pub(super) const SECOND_FACTOR: &str = "c1";
