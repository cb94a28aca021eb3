//! A registration that a configuration says it has.

use std::path::PathBuf;

use config::{Client, Config, Credential as Configured, KeyFiles, SecretSource, TokenEndpoint};
use url::Url;

use super::access::SignedIn;
use super::application::Application;
use super::arguments::Target;
use super::credential::Credential;
use super::error::Error;
use super::report::Report;
use super::rest::Service;
use super::{certificate, file, secret};

/// One client of a configuration.
pub(super) struct Settled {
    pub(super) client: Client,
    /// What its tokens are asked for.
    pub(super) scope: String,
    /// The ids that stand in the file, beside others.
    text: String,
}

/// Its own half of a credential, on this machine.
pub(super) enum Here {
    Secret(PathBuf),
    Certificate { chain: PathBuf, key: PathBuf },
}

impl Settled {
    /// The client that is meant.
    pub(super) fn read(target: &Target) -> Result<Self, Error> {
        let Config { clients, routes, .. } = file::read(&target.file)?;
        let names = clients.iter().map(|client| client.name.clone()).collect::<Vec<_>>().join(", ");
        let several = clients.len() > 1;
        let found = clients.into_iter().enumerate().find(|(_, client)| match &target.client {
            Some(wanted) => client.name == *wanted,
            None => !several,
        });
        let file = target.file.display();
        let (index, client) = found.ok_or_else(|| {
            Error::Configuration(format!(
                "{file}: say which client is meant with --client: {names}"
            ))
        })?;
        let scope = routes.into_iter().find(|route| route.client == index).map(|it| it.scope);
        let scope = scope.unwrap_or_default();
        let text = std::fs::read_to_string(&target.file).unwrap_or_default();
        Ok(Self { client, scope, text })
    }

    /// Its directory, its application, and whoever signed in.
    pub(super) async fn open<'t>(
        &self,
        target: &'t Target,
        report: &mut Report,
    ) -> Result<(Service, Application, SignedIn<'t>), Error> {
        let (host, tenant) = self.tenant()?;
        let mut signed_in = SignedIn::at(host, Some(tenant), &target.access)?;
        let graph = signed_in.graph(report).await?;
        report.begin("the application");
        let found = Application::of(&graph, &self.client.id).await?;
        let missing = || {
            Error::Missing(format!(
                "{}: its tenant has no application {}",
                target.file.display(),
                self.client.id
            ))
        };
        Ok((graph, found.ok_or_else(missing)?, signed_in))
    }

    /// What of its first credential is on this machine and can be replaced.
    pub(super) fn here(&self) -> Option<Here> {
        self.client.credentials.iter().find_map(|credential| match credential {
            Configured::Secret(secret) => match &secret.source {
                SecretSource::File(file) => Some(Here::Secret(file.path().to_owned())),
                SecretSource::Value(_) => None,
            },
            Configured::Certificate(certificate) => match &certificate.keys {
                KeyFiles::Pem(files) => Some(Here::Certificate {
                    chain: files.chain.clone(),
                    key: files.key.path().to_owned(),
                }),
                KeyFiles::Pkcs12 { .. } => None,
            },
            _ => None,
        })
    }

    /// The application's credential whose private half is on this machine, if it can be told.
    pub(super) async fn in_use(
        &self,
        graph: &Service,
        application: &Application,
    ) -> Result<Option<Credential>, Error> {
        match self.here() {
            Some(Here::Secret(path)) => {
                let Ok(value) = secret::read(&path) else { return Ok(None) };
                let known = &application.secrets;
                let ids = known.iter().map(|it| Credential::read(it).id);
                let named = ids.filter(|id| !id.is_empty()).find(|id| self.text.contains(&**id));
                Ok(secret::belonging(known, &value, named.as_deref()))
            }
            Some(Here::Certificate { chain, key }) => {
                let Ok(public) = certificate::public_half(&chain, &key) else { return Ok(None) };
                Ok(certificate::belonging(&application.keys(graph).await?, &public))
            }
            None => Ok(None),
        }
    }

    /// Login host and tenant.
    fn tenant(&self) -> Result<(Url, String), Error> {
        let (TokenEndpoint::At(url) | TokenEndpoint::Of(url)) = &self.client.endpoint else {
            return Err(Error::Configuration("this client has no registration".to_owned()));
        };
        let tenant = url.path_segments().and_then(|mut segments| segments.next());
        let tenant = tenant.filter(|tenant| !tenant.is_empty()).map(str::to_owned);
        let missing = || Error::Configuration(format!("{url} names no tenant of Entra ID"));
        let tenant = tenant.ok_or_else(missing)?;
        let mut host = url.clone();
        host.set_path("/");
        Ok((host, tenant))
    }
}
