//! The API of a DICOM service: who it is in this tenant, and what may be asked of it.

use serde_json::Value;
use url::form_urlencoded;
use uuid::Uuid;

use super::error::Error;
use super::rest::Service;

/// Azure API for DICOM, which has this application id in every tenant of every cloud.
pub(super) const AZURE_DICOM: &str = "75e725bf-66ce-4cea-9b9a-5c4caae57f33";

/// An API that a DICOM service has.
pub(super) struct Api {
    pub(super) app_id: String,
    pub(super) name: String,
    /// Its principal in the tenant.
    pub(super) principal: String,
    /// The delegated permission that is asked for: its id and its value.
    pub(super) permission: String,
    pub(super) scope: String,
    /// What tokens for the gateway itself are asked for with.
    pub(super) token_scope: String,
}

impl Api {
    /// The API of this id, URI or name, and its delegated permission: this one, or the one that it
    /// is known for.
    pub(super) async fn find(
        graph: &Service,
        wanted: &str,
        scope: Option<&str>,
    ) -> Result<Self, Error> {
        let found = if Uuid::try_parse(wanted).is_ok() {
            let path = format!("/servicePrincipals(appId='{wanted}')?$select={PROPERTIES}");
            graph.find(&path).await?.into_iter().collect()
        } else {
            let literal = literal(wanted);
            let filter = if wanted.contains("://") {
                format!("servicePrincipalNames/any(n:n eq {literal})")
            } else {
                format!("displayName eq {literal}")
            };
            let filter = encoded(&filter);
            let path = format!("/servicePrincipals?$filter={filter}&$select={PROPERTIES}");
            graph.list(&path).await?
        };
        match &found[..] {
            [] => Err(missing(wanted)),
            [one] => Self::read(one, scope),
            several => {
                let ids = several.iter().filter_map(|it| it["appId"].as_str());
                let ids = ids.collect::<Vec<_>>().join(", ");
                Err(Error::Usage(format!(
                    "--api {wanted}: there are several of this name; give an id: {ids}"
                )))
            }
        }
    }

    fn read(principal: &Value, wanted: Option<&str>) -> Result<Self, Error> {
        let text = |name: &str| principal[name].as_str().unwrap_or_default().to_owned();
        let (app_id, name) = (text("appId"), text("displayName"));
        if app_id.is_empty() || text("id").is_empty() {
            return Err(Error::bare("GET /servicePrincipals"));
        }
        let scopes = principal["oauth2PermissionScopes"].as_array().into_iter().flatten();
        let scopes = scopes.filter(|it| it["isEnabled"] != false).collect::<Vec<_>>();
        let of = |value: &str| scopes.iter().find(|it| it["value"] == value);
        let scope = match wanted {
            Some(wanted) => of(wanted),
            None => KNOWN.iter().find_map(|known| of(known)).or(match &scopes[..] {
                [only] => Some(only),
                _ => None,
            }),
        };
        let Some(scope) = scope else {
            let published = scopes.iter().filter_map(|it| it["value"].as_str());
            let published = published.collect::<Vec<_>>().join(", ");
            return Err(Error::Usage(format!(
                "--scope: {name} publishes no such delegated permission; it has: {}",
                if published.is_empty() { "none" } else { &published }
            )));
        };
        let names = principal["servicePrincipalNames"].as_array().into_iter().flatten();
        let uri = names.filter_map(Value::as_str).find(|name| name.contains("://"));
        let resource = uri.map_or(&*app_id, |uri| uri.trim_end_matches('/'));
        Ok(Self {
            token_scope: format!("{resource}/.default"),
            principal: text("id"),
            permission: scope["id"].as_str().unwrap_or_default().to_owned(),
            scope: scope["value"].as_str().unwrap_or_default().to_owned(),
            app_id,
            name,
        })
    }

    /// Whether it is the one of Azure Health Data Services.
    pub(super) fn is_azure(&self) -> bool {
        self.app_id == AZURE_DICOM
    }
}

/// A string of OData, for a filter.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value of a query.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn missing(wanted: &str) -> Error {
    Error::Missing(if wanted == AZURE_DICOM {
        format!(
            "Azure API for DICOM is not in this tenant yet: it comes with the first DICOM service that is \
             deployed into one of its subscriptions. Deploy one, or bring it in alone: az ad sp create \
             --id {AZURE_DICOM}"
        )
    } else {
        format!(
            "--api {wanted}: this tenant has no service principal of this id, name or URI; whoever runs the \
             DICOM service knows its application id (az ad sp list --display-name … shows those there are)"
        )
    })
}

/// What it publishes now, and what it and its like used to.
const KNOWN: [&str; 2] = ["Dicom.ReadWrite", "user_impersonation"];

const PROPERTIES: &str = "id,appId,displayName,servicePrincipalNames,oauth2PermissionScopes";
