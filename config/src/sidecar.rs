//! The sidecar's configuration: no file, but the variables that Azure's own tools use.
//!
//! The variables are turned into the text of a file, and that is read like any other: so what
//! `--print-config` shows is what runs, by construction. Problems are told by variable.

use std::path::Path;

use secrecy::SecretString;

use crate::credential::{Credential, SecretSource};
use crate::document;
use crate::entra;
use crate::files::{self, Content, Files};
use crate::model::Config;
use crate::problem::{Problem, Problems};

/// What the variables amount to.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// What the operator asked for; its one client has the secret itself, if that is its credential.
    pub config: Config,
    /// The file that would say the same, but for a secret, for which it names a file.
    pub file: String,
}

/// Reads the sidecar's configuration from variables, empty ones being none: `DICOM_SERVICE_URL`;
/// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and the first that is there of `AZURE_CLIENT_SECRET`,
/// `AZURE_CLIENT_CERTIFICATE_PATH` and `AZURE_FEDERATED_TOKEN_FILE`, or else a managed identity, whose
/// client id `AZURE_CLIENT_ID` may be; optional `AZURE_AUTHORITY_HOST`, `DICOM_GATEWAY_ALLOW`,
/// `DICOM_GATEWAY_LISTEN`, `DICOM_GATEWAY_ADMIN`.
pub fn sidecar(env: impl Fn(&str) -> Option<String>) -> Result<Sidecar, Problems> {
    let mut variables = Variables { env: &env, problems: Vec::new() };
    let file = file(&mut variables);
    let secret = variables.secret();
    let mut problems = variables.problems;
    match document::read(&file, Path::new(""), Files::Unchecked, &env) {
        Ok(loaded) if problems.is_empty() => {
            let mut config = loaded.config;
            let credentials = config.clients.iter_mut().flat_map(|it| &mut it.credentials);
            for (credential, secret) in credentials.zip(secret) {
                if let Credential::Secret(written) = credential {
                    written.source = SecretSource::Value(secret);
                }
            }
            Ok(Sidecar { config, file })
        }
        read => {
            problems.extend(read.err().iter().flatten().map(of_variable));
            Err(Problems::new(Path::new(""), problems))
        }
    }
}

/// The variables, and what is wrong with them.
struct Variables<'e> {
    env: &'e dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
}

impl Variables<'_> {
    fn optional(&self, name: &str) -> Option<String> {
        let value = (self.env)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A variable that must be there; if it is not, reading goes on with `instead`.
    fn required(&mut self, name: &str, instead: &str, advice: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problem(name, format!("missing; set it to {advice}"));
            instead.to_owned()
        })
    }

    fn problem(&mut self, name: &str, message: String) {
        self.problems.push(Problem { line: None, key: name.to_owned(), message });
    }

    fn secret(&self) -> Option<SecretString> {
        let secret = (self.env)(SECRET).filter(|secret| !secret.trim().is_empty())?;
        Some(secret.trim_end_matches(['\r', '\n']).into())
    }

    /// The lines of the client's table.
    fn client(&mut self) -> Vec<String> {
        if self.secret().is_some() {
            return self.registered(&[
                "# Put the secret into this file, beside this one, readable by the gateway only \
                 (chmod 600).",
                "credential.secret_file = \"client-secret\"",
            ]);
        }
        if let Some(path) = self.optional(CERTIFICATE) {
            let extension = Path::new(&path).extension().map(|it| it.to_ascii_lowercase());
            if extension.is_some_and(|it| it == "pfx" || it == "p12") {
                let advice = "write it as PEM, or use a file with credential.certificate.pkcs12";
                self.problem(CERTIFICATE, format!("is taken for PKCS#12 by its name; {advice}"));
            } else {
                self.check_file(CERTIFICATE, &path);
                if let Err(message) = files::check_privacy(Path::new(&path)) {
                    self.problem(CERTIFICATE, message);
                }
            }
            let path = quoted(&path);
            let line = format!("credential.certificate = {{ chain = {path}, key = {path} }}");
            return self.registered(&[&line]);
        }
        if let Some(path) = self.optional(TOKEN_FILE) {
            self.check_file(TOKEN_FILE, &path);
            return self.registered(&[&entry("credential.federated_token_file", &path)]);
        }
        // As Azure's own tools do: the identity of the machine, or the one with this id.
        let which = self.optional(ID).map(|id| format!(" {} ", entry("client_id", &id)));
        vec![format!("credential.managed_identity = {{{}}}", which.unwrap_or_default())]
    }

    fn check_file(&mut self, name: &str, path: &str) {
        if let Err(message) = files::check(Path::new(path), Content::Text) {
            self.problem(name, format!("the file it names {message}; write its path"));
        }
    }

    /// The lines of a client that is registered at an authority.
    fn registered(&mut self, credential: &[&str]) -> Vec<String> {
        let authority = self.authority();
        let id = self.required(ID, "id", "the application (client) id");
        let lines = [authority, entry("id", &id)].into_iter();
        lines.chain(credential.iter().map(|line| (*line).to_owned())).collect()
    }

    /// What says where tokens are requested, as a line of the file.
    fn authority(&mut self) -> String {
        let tenant = self.required(TENANT, "tenant", "the tenant's id or domain");
        if let Err(message) = entra::check_tenant(&tenant) {
            self.problem(TENANT, message);
            return entry("authority", FALLBACK_AUTHORITY);
        }
        let host = self.optional(AUTHORITY_HOST);
        match entra::endpoint_at(host.as_deref(), &tenant) {
            // The variable means Entra's shape, whatever the host.
            Ok(url) if !entra::is_entra(&url) => entry("token_endpoint", url.as_str()),
            Ok(url) => {
                let host = url.origin().ascii_serialization();
                entry("authority", &format!("{host}/{tenant}"))
            }
            Err(message) => {
                self.problem(AUTHORITY_HOST, message);
                entry("authority", FALLBACK_AUTHORITY)
            }
        }
    }
}

fn file(variables: &mut Variables<'_>) -> String {
    let or = |value: Option<String>, default: &str| value.unwrap_or_else(|| default.to_owned());
    let listen = or(variables.optional(LISTEN), "127.0.0.1:8080");
    let admin = or(variables.optional(ADMIN), "127.0.0.1:9090");
    let client = variables.client().join("\n");
    let service = variables.required(
        SERVICE,
        "https://host.example",
        "the URL of the DICOM service, \
         https://<workspace>-<service>.dicom.azurehealthcareapis.com/v2",
    );
    let allow = or(variables.optional(ALLOW), "search,retrieve");
    let allow = allow.split(',').map(str::trim).filter(|word| !word.is_empty()).map(quoted);
    let allow = allow.collect::<Vec<_>>().join(", ");
    [
        "[listener]",
        &entry("address", &listen),
        "",
        "[admin]",
        &entry("address", &admin),
        "",
        "[client]",
        &client,
        "",
        "[[route]]",
        "prefix = \"/dicom-web\"",
        &entry("origin", &service),
        "profile = \"azure\"",
        "callers = \"anyone\"",
        &format!("allow = [{allow}]"),
        "",
    ]
    .join("\n")
}

/// The same problem by the name of the variable that the key was made from.
fn of_variable(problem: &Problem) -> Problem {
    let variable = match problem.key.as_str() {
        "listener.address" | "route[0].callers" => LISTEN,
        "admin.address" => ADMIN,
        "client.authority" | "client.token_endpoint" => AUTHORITY_HOST,
        "client.id" => ID,
        "route[0].origin" => SERVICE,
        "route[0].allow" => ALLOW,
        key => key,
    };
    let mut message = problem.message.replace("listener.address", LISTEN);
    if message.contains("danger_") {
        message += " (which takes a file, and `serve`)";
    }
    Problem { line: None, key: variable.to_owned(), message }
}

fn entry(key: &str, value: &str) -> String {
    format!("{key} = {}", quoted(value))
}

/// A TOML string. JSON's escapes are TOML's too, but JSON leaves DEL as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

const SERVICE: &str = "DICOM_SERVICE_URL";
const TENANT: &str = "AZURE_TENANT_ID";
const ID: &str = "AZURE_CLIENT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";
const ALLOW: &str = "DICOM_GATEWAY_ALLOW";
const LISTEN: &str = "DICOM_GATEWAY_LISTEN";
const ADMIN: &str = "DICOM_GATEWAY_ADMIN";

/// Stands in where the right one cannot be told, so that the rest is still read.
const FALLBACK_AUTHORITY: &str = "https://login.microsoftonline.com/tenant";
