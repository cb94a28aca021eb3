//! The application's registration itself.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::api::{Api, encoded, literal};
use super::arguments::{AccountTypes, New};
use super::change::{CLIENT_ID, Change, OBJECT_ID};
use super::error::Error;
use super::report::{Outcome, Report};
use super::rest::{LATE, Service};

/// A registration, as the directory has it.
pub(super) struct Application {
    pub(super) id: String,
    pub(super) app_id: String,
    pub(super) name: String,
    /// Its secrets, without their values.
    pub(super) secrets: Vec<Value>,
    /// Whether it was there before.
    pub(super) is_new: bool,
    whole: Value,
}

impl Application {
    /// The one of this client id.
    pub(super) async fn of(graph: &Service, app_id: &str) -> Result<Option<Self>, Error> {
        let path = format!("/applications(appId='{}')?$select={PROPERTIES}", encoded(app_id));
        Ok(graph.find(&path).await?.map(Self::read))
    }

    /// The one that is meant, if it is there.
    pub(super) async fn find(graph: &Service, new: &New) -> Result<Option<Self>, Error> {
        if let Some(app_id) = &new.app_id {
            let began = Instant::now();
            while began.elapsed() < NEW {
                if let Some(found) = Self::of(graph, app_id).await? {
                    return Ok(Some(found));
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            return Err(Error::Missing(format!("--app-id {app_id}: there is no such application")));
        }
        Self::named(graph, &new.name).await
    }

    async fn named(graph: &Service, name: &str) -> Result<Option<Self>, Error> {
        let mut found = Self::all_named(graph, name).await?;
        match found.len() {
            0 => Ok(None),
            1 => Ok(found.pop().map(Self::read)),
            _ => {
                let ids = found.iter().filter_map(|it| it["appId"].as_str());
                let ids = ids.collect::<Vec<_>>().join(", ");
                let text = format!("there are several applications called {name:?}");
                Err(Error::Usage(format!("{text}; say which one with --app-id: {ids}")))
            }
        }
    }

    /// Makes it.
    pub(super) async fn make(
        graph: &Service,
        (new, api): (&New, &Api),
        report: &mut Report,
    ) -> Result<Self, Error> {
        let audience = new.account_types.unwrap_or(AccountTypes::MyOrganization).audience();
        // Tells it from others of its name, if no answer tells its ids.
        let tag = format!("dicom-gateway-{}", Uuid::new_v4());
        let body = json!({
            "displayName": new.name,
            "tags": [tag],
            // Graph's own default is not the portal's.
            "signInAudience": audience,
            "web": { "redirectUris": new.redirect_uri },
            // Tokens for the gateway itself, and the only version that personal accounts get.
            "api": { "requestedAccessTokenVersion": 2 },
            "requiredResourceAccess": [access(api)],
        });
        let mut untagged = body.clone();
        untagged.as_object_mut().map(|body| body.remove("tags"));
        let az = graph.az(&Method::POST, "/applications", &untagged);
        let az = format!("APP_ID=$({az} --query appId --output tsv)");
        let change = || {
            let change = Change::new(Method::POST, "/applications", Some(body.clone()));
            change.az(az.clone()).giving(&[("id", OBJECT_ID), ("appId", CLIENT_ID)])
        };
        let mut attempts = 1..=ATTEMPTS;
        let made = loop {
            let made = graph.change(change()).await.and_then(|made| match Self::read(made) {
                Self { id, app_id, .. } if id.is_empty() || app_id.is_empty() => {
                    Err(Error::bare("POST /applications"))
                }
                made => Ok(made),
            });
            match made {
                Err(error) if error.is_unanswered() && attempts.next().is_some() => {
                    report.note("no answer came: whether the application was made is looked up");
                    if let Some(found) = Self::awaited(graph, &new.name, &tag).await? {
                        break found;
                    }
                }
                made => break made?,
            }
        };
        Ok(Self { name: new.name.clone(), is_new: true, ..made })
    }

    /// Looks for what was perhaps made, for as long as a directory needs to show it.
    async fn awaited(graph: &Service, name: &str, tag: &str) -> Result<Option<Self>, Error> {
        let began = Instant::now();
        while began.elapsed() < LATE {
            let mut all = Self::all_named(graph, name).await?;
            let has_tag =
                |it: &Value| it["tags"].as_array().is_some_and(|it| it.contains(&json!(tag)));
            if let Some(found) = all.iter().position(has_tag) {
                return Ok(Some(Self::read(all.swap_remove(found))));
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(None)
    }

    async fn all_named(graph: &Service, name: &str) -> Result<Vec<Value>, Error> {
        let filter = encoded(&format!("displayName eq {}", literal(name)));
        graph.list(&format!("/applications?$filter={filter}&$select={PROPERTIES}")).await
    }

    /// Changes what differs from what is asked for, and nothing else.
    pub(super) async fn adjust(
        &self,
        graph: &Service,
        (new, api): (&New, &Api),
        report: &mut Report,
    ) -> Result<(), Error> {
        let (body, what) = self.difference(new, api);
        if what.is_empty() {
            report.done(Outcome::Kept, &format!("application {:?} ({})", self.name, self.app_id));
            return Ok(());
        }
        let path = format!("/applications/{}", self.id);
        let az = graph.az(&Method::PATCH, &path, &body);
        graph.change(Change::new(Method::PATCH, path, Some(body)).az(az)).await?;
        let what = what.join(", ");
        let text = format!("application {:?} ({}): {what}", self.name, self.app_id);
        report.done(Outcome::Changed, &text);
        Ok(())
    }

    fn difference(&self, new: &New, api: &Api) -> (Value, Vec<&'static str>) {
        let (mut body, mut what) = (json!({}), Vec::new());
        if let Some(types) = new.account_types
            && self.whole["signInAudience"] != types.audience()
        {
            body["signInAudience"] = types.audience().into();
            body["api"] = json!({ "requestedAccessTokenVersion": 2 });
            what.push("account types");
        }
        let known = self.whole["web"]["redirectUris"].as_array().cloned().unwrap_or_default();
        let is_known = |uri: &&String| known.iter().any(|known| known == uri.as_str());
        let missing = new.redirect_uri.iter().filter(|uri| !is_known(uri)).collect::<Vec<_>>();
        if !missing.is_empty() {
            let all = known.into_iter().chain(missing.into_iter().map(|uri| json!(uri)));
            let all = all.collect::<Vec<_>>();
            body["web"] = json!({ "redirectUris": all });
            what.push("redirect URIs");
        }
        let mut access_list =
            self.whole["requiredResourceAccess"].as_array().cloned().unwrap_or_default();
        let wanted = access(api);
        let theirs = access_list.iter_mut().find(|it| it["resourceAppId"] == api.app_id.as_str());
        let is_asked = theirs.as_ref().is_some_and(|it| {
            let asked = it["resourceAccess"].as_array().into_iter().flatten();
            asked.into_iter().any(|it| it["id"] == api.permission.as_str())
        });
        if !is_asked {
            match theirs.and_then(|it| it["resourceAccess"].as_array_mut()) {
                Some(asked) => asked.push(wanted["resourceAccess"][0].clone()),
                None => access_list.push(wanted),
            }
            body["requiredResourceAccess"] = access_list.into();
            what.push("API permission");
        }
        (body, what)
    }

    /// Its certificates, with what others must not be sent back without.
    pub(super) async fn keys(&self, graph: &Service) -> Result<Vec<Value>, Error> {
        if self.is_new {
            return Ok(Vec::new());
        }
        // Only so are the certificates themselves in it.
        let path = format!("/applications/{}?$select=keyCredentials", self.id);
        let mut read = graph.read(&path).await?;
        let Value::Array(keys) = read["keyCredentials"].take() else {
            // What is taken for none would be sent back as none.
            return Err(Error::bare(format!("GET {path}")));
        };
        Ok(keys)
    }

    /// The same with the secrets that it has by now.
    pub(super) async fn again(&self, graph: &Service) -> Result<Self, Error> {
        let path = format!("/applications/{}?$select={PROPERTIES}", self.id);
        Ok(Self::read(graph.read(&path).await?))
    }

    fn read(whole: Value) -> Self {
        let text = |name: &str| whole[name].as_str().unwrap_or_default().to_owned();
        Self {
            id: text("id"),
            app_id: text("appId"),
            name: text("displayName"),
            secrets: whole["passwordCredentials"].as_array().cloned().unwrap_or_default(),
            is_new: false,
            whole,
        }
    }
}

/// An entry of `requiredResourceAccess`.
fn access(api: &Api) -> Value {
    json!({
        "resourceAppId": api.app_id,
        "resourceAccess": [{ "id": api.permission, "type": "Scope" }],
    })
}

const PROPERTIES: &str = "id,appId,displayName,tags,signInAudience,web,api,requiredResourceAccess,\
                          passwordCredentials";

/// A run that went on with one that was just made has to find it, and nobody is to wait much longer to be
/// told of a wrong id.
const NEW: Duration = Duration::from_secs(15);

/// How often it is asked for again where no answer came and nothing is there.
const ATTEMPTS: u32 = 2;
