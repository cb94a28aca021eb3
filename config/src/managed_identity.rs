//! `managed_identity`: who on this machine gives its tokens, and which identity is meant.

use std::path::Path;

use url::Url;

use crate::credential::{
    Credential, IdentitySource, ManagedIdentity, TokenEndpoint, WhichIdentity,
};
use crate::table::Table;
use crate::{entra, web};

/// Reads it; a federated one is for the authority whose endpoint this is.
pub(crate) fn managed_identity(
    table: &Table<'_>,
    endpoint: Option<&TokenEndpoint>,
) -> Option<Credential> {
    let source = source(&|name| table.variable(name));
    let source = source.map_err(|message| table.problem_here(&message)).ok();
    let which = which(table);
    let federated = table.flag("federated");
    let audience = table.text("audience");
    if audience.is_some() && !federated {
        table.problem("audience", "is for federated = true; leave it out");
    }
    let (source, which) = (source?, which?);
    if matches!(source, IdentitySource::Arc { .. }) && which != WhichIdentity::Only {
        table.problem_here(
            "names an identity, but this is a machine of Azure Arc, which has one; write {}",
        );
    }
    let identity = ManagedIdentity { source, which };
    Some(if federated {
        let audience = audience.unwrap_or_else(|| entra::exchange_audience(endpoint).to_owned());
        Credential::FederatedIdentity { identity, audience }
    } else {
        Credential::ManagedIdentity(identity)
    })
}

fn which(table: &Table<'_>) -> Option<WhichIdentity> {
    let named = [
        table.text("client_id").map(WhichIdentity::ClientId),
        table.text("object_id").map(WhichIdentity::ObjectId),
        table.text("resource_id").map(WhichIdentity::ResourceId),
    ];
    let mut named = named.into_iter().flatten();
    let which = named.next().unwrap_or(WhichIdentity::Only);
    if named.next().is_some() {
        table.problem_here("names the identity more than once; keep one of its ids");
        return None;
    }
    Some(which)
}

/// In the order in which Microsoft's libraries look.
fn source(variable: &dyn Fn(&str) -> Option<String>) -> Result<IdentitySource, String> {
    let url = |name: &str, value: &str| {
        web::url(value).map_err(|message| format!("{name} (a variable) {message}"))
    };
    let header = variable("IDENTITY_HEADER");
    if let Some(endpoint) = variable("IDENTITY_ENDPOINT") {
        let endpoint = url("IDENTITY_ENDPOINT", &endpoint)?;
        if variable("IDENTITY_SERVER_THUMBPRINT").is_some() {
            return Err("cannot be had from Service Fabric; use another credential".to_owned());
        }
        if let Some(header) = header {
            return Ok(IdentitySource::AppService { endpoint, header: header.into() });
        }
        if variable("IMDS_ENDPOINT").is_some() {
            return Ok(IdentitySource::Arc { endpoint, folder: ARC_FOLDER.into() });
        }
    }
    if variable("MSI_ENDPOINT").is_some() && variable("MSI_SECRET").is_some() {
        return Err("cannot be had from Azure Machine Learning; use another credential".to_owned());
    }
    if Path::new(ARC_AGENT).exists() {
        let endpoint = url("the agent's address", ARC_ENDPOINT)?;
        return Ok(IdentitySource::Arc { endpoint, folder: ARC_FOLDER.into() });
    }
    let base = variable(IMDS_HOST).unwrap_or_else(|| IMDS.to_owned());
    let base = url(IMDS_HOST, &base)?;
    if !is_near(&base) {
        return Err(format!(
            "{IMDS_HOST} (a variable) is neither on loopback nor link-local; tokens would be \
             asked of a stranger"
        ));
    }
    Ok(IdentitySource::Imds(base))
}

/// Where nobody but this machine and its host can answer.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// The Instance Metadata Service is there on every virtual machine of Azure.
const IMDS: &str = "http://169.254.169.254";
/// The variable by which MSAL lets it be elsewhere.
const IMDS_HOST: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
const ARC_AGENT: &str = "/opt/azcmagent/bin/himds";
const ARC_ENDPOINT: &str = "http://127.0.0.1:40342/metadata/identity/oauth2/token";
const ARC_FOLDER: &str = "/var/opt/azcmagent/tokens";

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Result<String, String> {
        let find = |name: &str| variables.iter().find(|(known, _)| *known == name);
        let source = source(&|name| find(name).map(|(_, value)| (*value).to_owned()))?;
        Ok(format!("{source:?}"))
    }

    #[test]
    fn the_platform_is_known_by_its_variables() {
        let endpoint = ("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token");
        let header = ("IDENTITY_HEADER", "canary");
        let arc = ("IMDS_ENDPOINT", "http://127.0.0.1:2");
        let app = of(&[endpoint, header, arc]).unwrap();
        assert_eq!(app, r#"AppService("http://127.0.0.1:1/msi/token")"#);
        let found = of(&[endpoint, arc]).unwrap();
        assert_eq!(found, r#"Arc("http://127.0.0.1:1/msi/token", "/var/opt/azcmagent/tokens")"#);
        assert_eq!(of(&[]).unwrap(), r#"Imds("http://169.254.169.254/")"#);
        let elsewhere = of(&[(IMDS_HOST, "http://127.0.0.1:3/")]).unwrap();
        assert_eq!(elsewhere, r#"Imds("http://127.0.0.1:3/")"#);
    }

    #[test]
    fn platforms_that_are_not_served_are_named() {
        let fabric = [
            ("IDENTITY_ENDPOINT", "https://127.0.0.1:1"),
            ("IDENTITY_HEADER", "canary"),
            ("IDENTITY_SERVER_THUMBPRINT", "00"),
        ];
        assert!(of(&fabric).unwrap_err().contains("Service Fabric"));
        let learning = [("MSI_ENDPOINT", "http://127.0.0.1:1"), ("MSI_SECRET", "canary")];
        assert!(of(&learning).unwrap_err().contains("Machine Learning"));
    }

    #[test]
    fn no_stranger_is_asked_for_tokens() {
        for far in ["http://imds.example", "http://10.0.0.1", "https://[2001:db8::1]"] {
            assert!(of(&[(IMDS_HOST, far)]).unwrap_err().contains("stranger"), "{far}");
        }
        assert!(of(&[("IDENTITY_ENDPOINT", "nonsense")]).unwrap_err().contains("not a URL"));
    }
}
