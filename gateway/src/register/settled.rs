//! A registration that a configuration says it has.
//!
//! The file is read with less rigour than a gateway reads it: the machine that registers is not
//! always the one that serves, and a secret that was lost must not keep anyone from listing and
//! removing it.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};
use url::Url;

use super::access::SignedIn;
use super::application::Application;
use super::arguments::Target;
use super::credential::Credential;
use super::error::Error;
use super::report::Report;
use super::rest::Service;
use super::{certificate, secret};

/// One client of a configuration.
pub(super) struct Settled {
    pub(super) name: String,
    /// The application's client id.
    pub(super) app_id: String,
    /// What proves it, where that is a file here that can be replaced.
    pub(super) here: Option<Here>,
    endpoint: Option<String>,
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
        let mut all = Self::all(&target.file)?;
        let names = all.iter().map(|it| it.name.clone()).collect::<Vec<_>>().join(", ");
        let found = match &target.client {
            Some(wanted) => all.iter().position(|it| it.name == *wanted),
            None => (all.len() == 1).then_some(0),
        };
        let file = target.file.display();
        let which = || {
            Error::Configuration(format!(
                "{file}: say which client is meant with --client: {names}"
            ))
        };
        Ok(all.swap_remove(found.ok_or_else(which)?))
    }

    /// All clients of a configuration that are applications at an authority.
    pub(super) fn all(file: &Path) -> Result<Vec<Self>, Error> {
        let wrong = |why: String| Error::Configuration(format!("{}: {why}", file.display()));
        let text = fs::read_to_string(file).map_err(|error| wrong(error.to_string()))?;
        let table = text.parse::<Table>().map_err(|error| wrong(error.message().to_owned()))?;
        let client = table.get("client").and_then(Value::as_table);
        let client = client.ok_or_else(|| wrong("it has no [client]".to_owned()))?;
        let several = client.iter().filter_map(|(name, it)| Some((name, it.as_table()?)));
        let several = several.filter(|(name, _)| *name != "credential" && *name != "parameters");
        let several = several.map(|(name, it)| (name.as_str(), it));
        let all = [("default", client)].into_iter().chain(several);
        let all = all.filter_map(|(name, it)| Self::of(name, it, (file, &text)));
        let all = all.collect::<Vec<_>>();
        if all.is_empty() { Err(wrong("no client of it has an id".to_owned())) } else { Ok(all) }
    }

    /// Its directory, its application, and whoever signed in.
    pub(super) async fn open<'t>(
        &self,
        target: &'t Target,
        report: &mut Report,
    ) -> Result<(Service, Application, SignedIn<'t>), Error> {
        let file = target.file.display();
        let (host, tenant) = self.tenant().ok_or_else(|| {
            let text = "neither authority nor token_endpoint names a tenant of Entra ID";
            Error::Configuration(format!("{file}: {text}"))
        })?;
        let mut signed_in = SignedIn::at(host, Some(tenant), &target.access)?;
        let graph = signed_in.graph(report).await?;
        report.begin("the application");
        let found = Application::of(&graph, &self.app_id).await?;
        let missing =
            || Error::Missing(format!("{file}: its tenant has no application {}", self.app_id));
        Ok((graph, found.ok_or_else(missing)?, signed_in))
    }

    /// The application's credential whose private half is on this machine, if it can be told.
    pub(super) async fn in_use(
        &self,
        graph: &Service,
        application: &Application,
    ) -> Result<Option<Credential>, Error> {
        match &self.here {
            Some(Here::Secret(path)) => {
                let Ok(value) = secret::read(path) else { return Ok(None) };
                let known = &application.secrets;
                let ids = known.iter().map(|it| Credential::read(it).id);
                let named = ids.filter(|id| !id.is_empty()).find(|id| self.text.contains(&**id));
                Ok(secret::belonging(known, &value, named.as_deref()))
            }
            Some(Here::Certificate { chain, key }) => {
                let Ok(public) = certificate::public_half(chain, key) else { return Ok(None) };
                Ok(certificate::belonging(&application.keys(graph).await?, &public))
            }
            None => Ok(None),
        }
    }

    /// Whether its file names this credential.
    pub(super) fn names(&self, id: &str) -> bool {
        !id.is_empty() && self.text.contains(id)
    }

    fn of(name: &str, client: &Table, (file, text): (&Path, &str)) -> Option<Self> {
        let text_of = |name: &str| client.get(name).and_then(Value::as_str).map(str::to_owned);
        let credentials = match client.get("credential") {
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_table).collect(),
            Some(Value::Table(one)) => vec![one],
            _ => Vec::new(),
        };
        Some(Self {
            name: name.to_owned(),
            app_id: text_of("id")?,
            here: credentials.into_iter().find_map(|it| Here::read(it, file)),
            endpoint: text_of("token_endpoint").or_else(|| text_of("authority")),
            text: text.to_owned(),
        })
    }

    /// Login host and tenant.
    fn tenant(&self) -> Option<(Url, String)> {
        let url = Url::parse(self.endpoint.as_deref()?).ok()?;
        let tenant = url.path_segments()?.next().filter(|tenant| !tenant.is_empty())?.to_owned();
        let mut host = url;
        host.set_path("/");
        Some((host, tenant))
    }
}

impl Here {
    /// Paths are relative to the folder of the file.
    fn read(credential: &Table, file: &Path) -> Option<Self> {
        let path = |it: &Value| Some(file.with_file_name(it.as_str()?));
        if let Some(secret) = credential.get("secret_file") {
            return path(secret).map(Self::Secret);
        }
        let certificate = credential.get("certificate")?.as_table()?;
        let (chain, key) = (certificate.get("chain")?, certificate.get("key")?);
        Some(Self::Certificate { chain: path(chain)?, key: path(key)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_found_without_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gateway.toml");
        let one = "[client]\nauthority = \"https://login.microsoftonline.com/t.example\"\nid = \"a\"\n\
                   credential = [{ federated_token_file = \"x\" }, { secret_file = \"s\" }]\n\
                   parameters = { id = \"no client\" }";
        fs::write(&file, one).unwrap();
        let all = Settled::all(&file).unwrap();
        assert_eq!((all.len(), &*all[0].name, &*all[0].app_id), (1, "default", "a"));
        assert!(
            matches!(&all[0].here, Some(Here::Secret(path)) if *path == folder.path().join("s"))
        );
        assert_eq!(all[0].tenant().unwrap().1, "t.example");

        let two = "[client.ct]\nid = \"a\"\n[client.mr]\nid = \"b\"\n\
                   credential.certificate = { chain = \"c\", key = \"k\" }";
        fs::write(&file, two).unwrap();
        let all = Settled::all(&file).unwrap();
        assert_eq!(all.iter().map(|it| &*it.app_id).collect::<Vec<_>>(), ["a", "b"]);
        assert!(matches!(&all[1].here, Some(Here::Certificate { .. })));
        assert!(all[0].tenant().is_none());
    }
}
