//! The sidecar's configuration: no file, but the variables that Azure's own tools use.
//!
//! The variables are turned into the text of a file, and that is read like any other: so what
//! `--print-config` shows is what runs, by construction. Problems are told by variable.

use std::path::Path;

use secrecy::SecretString;

use crate::document;
use crate::files::Files;
use crate::model::{Config, Credential};
use crate::problem::{Problem, Problems};
use crate::{entra, web};

/// What the variables amount to.
#[derive(Clone, Debug)]
pub struct Sidecar {
    /// What the operator asked for; its one client has the secret itself.
    pub config: Config,
    /// The file that would say the same, but for the secret, for which it names a file.
    pub file: String,
}

/// Reads the sidecar's configuration from variables, empty ones being none: `DICOM_SERVICE_URL`,
/// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`; optional `AZURE_AUTHORITY_HOST`,
/// `DICOM_GATEWAY_ALLOW`, `DICOM_GATEWAY_LISTEN`, `DICOM_GATEWAY_ADMIN`.
pub fn sidecar(env: impl Fn(&str) -> Option<String>) -> Result<Sidecar, Problems> {
    let mut variables = Variables { env: &env, problems: Vec::new() };
    let secret = variables.secret();
    let file = file(&mut variables);
    let mut problems = variables.problems;
    match document::read(&file, Path::new(""), Files::Unchecked) {
        Ok(loaded) if problems.is_empty() => {
            let mut config = loaded.config;
            for (client, secret) in config.clients.iter_mut().zip(secret) {
                client.credential = Credential::Secret(secret);
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

    fn secret(&mut self) -> Option<SecretString> {
        if let Some(secret) = (self.env)(SECRET).filter(|secret| !secret.trim().is_empty()) {
            return Some(secret.trim_end_matches(['\r', '\n']).into());
        }
        let others = ["AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE"];
        match others.iter().find(|name| self.optional(name).is_some()) {
            Some(other) => self.problem(
                other,
                format!("known, but not available in this version; set {SECRET} instead"),
            ),
            None => self.problem(
                SECRET,
                "missing; set it to a client secret of the application (a managed identity, which \
                 needs none, is not available in this version)"
                    .to_owned(),
            ),
        }
        None
    }

    /// What says where tokens are requested, as a line of the file.
    fn authority(&mut self) -> String {
        let tenant = self.required(TENANT, "tenant", "the tenant's id or domain");
        if let Err(message) = entra::check_tenant(&tenant) {
            self.problem(TENANT, message);
            return entry("authority", FALLBACK_AUTHORITY);
        }
        let host = self.optional(AUTHORITY_HOST).unwrap_or_else(|| PUBLIC_CLOUD.to_owned());
        // Azure's tools take a bare host as well.
        let host = if host.contains("://") { host } else { format!("https://{host}") };
        let base = host.trim_end_matches('/');
        match web::url(&host) {
            Ok(url) if entra::is_entra(&url) => entry("authority", &format!("{base}/{tenant}")),
            // The variable means Entra's shape, whatever the host.
            Ok(_) => entry("token_endpoint", &format!("{base}/{tenant}/oauth2/v2.0/token")),
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
    let authority = variables.authority();
    let id = variables.required(ID, "id", "the application (client) id");
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
        &authority,
        &entry("id", &id),
        "# Put the secret into this file, beside this one, readable by the gateway only (chmod 600).",
        "credential.secret_file = \"client-secret\"",
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
const AUTHORITY_HOST: &str = "AZURE_AUTHORITY_HOST";
const ALLOW: &str = "DICOM_GATEWAY_ALLOW";
const LISTEN: &str = "DICOM_GATEWAY_LISTEN";
const ADMIN: &str = "DICOM_GATEWAY_ADMIN";

const PUBLIC_CLOUD: &str = "https://login.microsoftonline.com";
/// Stands in where the right one cannot be told, so that the rest is still read.
const FALLBACK_AUTHORITY: &str = "https://login.microsoftonline.com/tenant";
