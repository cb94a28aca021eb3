//! Tokens for the two services: from a file, from the Azure CLI, or by a device code.

use std::path::Path;

use certs::{H2, HTTP_11, TrustAnchors};
use config::PrivateFile;
use secrecy::SecretString;
use url::Url;

use super::arguments::Access;
use super::cli::{self, Without};
use super::device::Device;
use super::error::Error;
use super::report::Report;
use super::rest::Service;
use super::shown::Requests;
use crate::token::exchange;

/// Whoever signed in.
pub(super) struct SignedIn<'a> {
    access: &'a Access,
    pub(super) http: reqwest::Client,
    /// Where people sign in.
    host: Url,
    /// The tenant, if it is known.
    pub(super) tenant: Option<String>,
    device: Option<Device>,
    /// What was asked, and would have been, where nothing is really done.
    pub(super) requests: Requests,
}

impl<'a> SignedIn<'a> {
    /// Nobody yet.
    pub(super) fn at(host: Url, tenant: Option<String>, access: &'a Access) -> Result<Self, Error> {
        let anchors = TrustAnchors::load(access.anchors.as_deref())
            .map_err(|error| Error::Configuration(format!("--anchors: {error}")))?;
        let http = exchange::http(anchors.client_config(&[H2, HTTP_11]), super::rest::CONNECT_TIME);
        let http = http.map_err(|_| Error::Usage("no HTTP client can be made".to_owned()))?;
        Ok(Self { access, http, host, tenant, device: None, requests: Requests::default() })
    }

    /// Microsoft Graph, and the tenant whose directory it is.
    pub(super) async fn graph(&mut self, report: &mut Report) -> Result<Service, Error> {
        let name = "Microsoft Graph";
        let file = self.access.graph_token_file.as_deref();
        let token = self.token(name, &self.access.graph_url, (file, report)).await?;
        let base = format!("{}/v1.0", bare(&self.access.graph_url));
        let base = Url::parse(&base).map_err(|error| Error::Usage(error.to_string()))?;
        self.service((name, base), &token, report)
    }

    /// Azure Resource Manager.
    pub(super) async fn resource_manager(&mut self, report: &mut Report) -> Result<Service, Error> {
        let name = "Azure Resource Manager";
        let file = self.access.arm_token_file.as_deref();
        let token = self.token(name, &self.access.arm_url, (file, report)).await?;
        self.service((name, self.access.arm_url.clone()), &token, report)
    }

    fn service(
        &self,
        at: (&'static str, Url),
        token: &SecretString,
        report: &Report,
    ) -> Result<Service, Error> {
        let service = Service::new(at, self.http.clone(), token)?;
        Ok(if report.imagines() { service.that_shows(&self.requests) } else { service })
    }

    async fn token(
        &mut self,
        service: &'static str,
        resource: &Url,
        (file, report): (Option<&Path>, &mut Report),
    ) -> Result<SecretString, Error> {
        if let Some(path) = file {
            return of_file(path);
        }
        let scope = format!("{}/.default", bare(resource));
        if !self.access.device_code && self.device.is_none() {
            report.begin("a token from the Azure CLI");
            match cli::token(&scope, self.tenant.as_deref()) {
                Ok(found) => {
                    self.tenant = self.tenant.take().or(found.tenant);
                    return Ok(found.token);
                }
                Err(Without::Program) => {}
                Err(Without::Token(why)) => {
                    report.note(&format!("the Azure CLI gives no token: {why}"));
                }
                Err(Without::End(why)) => return Err(Error::SignIn(service, why)),
            }
        }
        if self.device.is_none() {
            let tenant = self.tenant.as_deref().unwrap_or("organizations");
            let endpoint = format!("{}/{tenant}/oauth2/v2.0", bare(&self.host));
            self.device = Some(Device::new(endpoint, &self.access.sign_in_with));
        }
        let Some(device) = &mut self.device else { unreachable!("it was just made") };
        device.token(&scope, &self.http, (service, report)).await
    }
}

/// A URL as resources are named: without a slash at its end.
pub(super) fn bare(url: &Url) -> &str {
    url.as_str().trim_end_matches('/')
}

fn of_file(path: &Path) -> Result<SecretString, Error> {
    let wrong = |source| Error::File { path: path.to_owned(), source };
    let content = PrivateFile::new(path).read().map_err(wrong)?;
    let text = std::str::from_utf8(&content).unwrap_or_default().trim();
    Ok(SecretString::from(text))
}
