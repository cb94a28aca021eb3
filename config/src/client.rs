//! `[client]` and `[client.NAME]`.

use toml::de::{DeTable, DeValue};
use url::Url;

use crate::credential::TokenEndpoint;
use crate::credentials::{credential, stands_alone};
use crate::keys::{Kind, Section};
use crate::model::{Capability, Client};
use crate::options::ROOT;
use crate::table::Table;
use crate::{entra, web};

/// Reads every client, in the order of the file: its name, and what could be read of it.
pub(crate) fn clients(root: &Table<'_>) -> Vec<(String, Option<Client>)> {
    let Kind::Named(section) = ROOT.key(KEY).kind else { return Vec::new() };
    let Some(value) = root.entry(KEY) else {
        root.missing(KEY, "write a table [client] with authority, id and credential");
        return Vec::new();
    };
    let named = value.get_ref().as_table().filter(|entries| is_of_named(entries, section));
    let Some(entries) = named else {
        if let Some(stranger) = named_stranger(value.get_ref(), section) {
            let advice = "with several clients, each has a name and its keys under it";
            root.problem(KEY, format!("has both keys and [client.{stranger}]; {advice}"));
        }
        let only = root.open(KEY, section, value).and_then(|table| client(ONLY, &table));
        return vec![(ONLY.to_owned(), only)];
    };
    let mut entries = entries.iter().collect::<Vec<_>>();
    entries.sort_by_key(|(name, _)| name.span().start);
    let read = |name: &str, value| {
        let table = root.open(&format!("{KEY}.{name}"), section, value)?;
        let client = client(name, &table);
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            table.problem_here("is not a client's name; use letters, digits, - and _");
        }
        client
    };
    entries
        .into_iter()
        .map(|(name, value)| (name.get_ref().to_string(), read(name.get_ref(), value)))
        .collect()
}

/// Reports the clients that nothing uses.
pub(crate) fn warn_of_unused(root: &Table<'_>, clients: &[Client], used: &[usize]) {
    for (index, client) in clients.iter().enumerate() {
        if !used.contains(&index) {
            let advice = "name it in a route (client = …), or leave it out";
            root.warning(KEY, format!("nothing uses the client {:?}; {advice}", client.name));
        }
    }
}

/// `[client.NAME]` tables and nothing else. A plain `[client]` has keys that we know, `credential`
/// among them, or has something beside tables.
fn is_of_named(entries: &DeTable<'_>, section: &Section) -> bool {
    let known = |name: &str| section.keys.iter().any(|key| key.name == name);
    !entries.is_empty()
        && entries.values().all(|value| matches!(value.get_ref(), DeValue::Table(_)))
        && !entries.keys().any(|name| known(name.get_ref()))
}

/// The name of a further client beside a plain `[client]`.
fn named_stranger<'v>(value: &'v DeValue<'_>, section: &Section) -> Option<&'v str> {
    let known = |name: &str| section.keys.iter().any(|key| key.name == name);
    let is_client =
        |value: &DeValue<'_>| ["id", "credential"].iter().any(|key| value.get(key).is_some());
    let mut entries = value.as_table()?.iter();
    let found = entries.find(|(name, value)| !known(name.get_ref()) && is_client(value.get_ref()));
    found.map(|(name, _)| &**name.get_ref())
}

fn client(name: &str, table: &Table<'_>) -> Option<Client> {
    let tables = table.one_or_more("credential");
    let standing = if !tables.is_empty() && tables.iter().all(stands_alone) {
        Standing::Alone
    } else if tables.iter().any(|table| table.has("workload_identity")) {
        Standing::ByVariables
    } else {
        Standing::Registered
    };
    let endpoint = endpoint(table, standing);
    let id = id(table, standing);
    let anchors = table.file("anchors");
    let count = tables.len();
    let read = tables.iter().filter_map(|table| credential(table, endpoint.as_ref()));
    let credentials = read.collect::<Vec<_>>();
    let parameters = table.parameters("parameters", parameter);
    if credentials.is_empty() || credentials.len() < count {
        return None;
    }
    Some(Client {
        name: name.to_owned(),
        endpoint: endpoint?,
        id: id?,
        anchors,
        credentials,
        parameters,
        capabilities: table.many("capabilities", &Capability::ALL, Capability::name),
        timeout: table.seconds("timeout_secs"),
        refresh_percent: table.count("refresh_percent")?,
    })
}

/// What a client's credentials say of its authority.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Standing {
    /// It is registered at an authority.
    Registered,
    /// The same; what the file does not say stands in the variables of a workload identity.
    ByVariables,
    /// It needs none.
    Alone,
}

fn id(table: &Table<'_>, standing: Standing) -> Option<String> {
    match (table.text("id"), standing) {
        (Some(id), _) => Some(id),
        (None, _) if table.has("id") => None,
        (None, Standing::Alone) => Some(String::new()),
        (None, Standing::ByVariables) => table.variable("AZURE_CLIENT_ID").or_else(|| {
            table.missing("id", "write it here, or set AZURE_CLIENT_ID");
            None
        }),
        (None, Standing::Registered) => {
            let key = CLIENT_ID;
            table.missing("id", format!("write id = {key}: how the authority knows the gateway"));
            None
        }
    }
}

fn endpoint(table: &Table<'_>, standing: Standing) -> Option<TokenEndpoint> {
    let dangerous = table.flag("danger_plain_http");
    let read = |name| -> Option<Url> {
        let url = table.parsed(name, web::url)?;
        if !dangerous && !web::is_private(&url) {
            table.problem(name, web::exposed("the credential and the token"));
        }
        Some(url)
    };
    let (authority, token_endpoint) = (read("authority"), read("token_endpoint"));
    if !table.has("authority") && !table.has("token_endpoint") {
        return match standing {
            Standing::Alone => Some(TokenEndpoint::OfCredential),
            Standing::ByVariables => of_variables(table),
            Standing::Registered => {
                table.missing(
                    "authority",
                    "write authority = \"https://login.microsoftonline.com/<tenant>\", or another \
                     authority's issuer, or token_endpoint = …",
                );
                None
            }
        };
    }
    let authority = authority.and_then(|url| {
        if !entra::is_entra(&url) {
            return Some(TokenEndpoint::Of(url));
        }
        let derived = entra::token_endpoint(&url).map(TokenEndpoint::At);
        derived.map_err(|message| table.problem("authority", message)).ok()
    });
    token_endpoint.map(TokenEndpoint::At).or(authority)
}

/// Entra's token endpoint, whatever its host: that is what the variables mean.
fn of_variables(table: &Table<'_>) -> Option<TokenEndpoint> {
    let Some(tenant) = table.variable("AZURE_TENANT_ID") else {
        table.missing("authority", "write it here, or set AZURE_TENANT_ID");
        return None;
    };
    let host = table.variable("AZURE_AUTHORITY_HOST");
    let endpoint = entra::endpoint_at(host.as_deref(), &tenant);
    let endpoint = endpoint.and_then(|url| {
        if web::is_private(&url) { Ok(url) } else { Err(web::exposed("the credential")) }
    });
    let variables = "AZURE_TENANT_ID and AZURE_AUTHORITY_HOST (variables)";
    endpoint
        .map(TokenEndpoint::At)
        .map_err(|message| table.problem_here(&format!("{variables}: {message}")))
        .ok()
}

fn parameter(name: &str) -> Result<(), String> {
    if RESERVED.contains(&name.to_lowercase().as_str()) {
        return Err("is the gateway's own to write; leave it out".to_owned());
    }
    if name.is_empty() {
        return Err("is no parameter's name".to_owned());
    }
    Ok(())
}

const KEY: &str = "client";
/// The name of the client that needs none.
const ONLY: &str = "default";
const CLIENT_ID: &str = "\"<application id>\"";

/// What grants and credentials write into a token request.
const RESERVED: [&str; 17] = [
    "actor_token",
    "assertion",
    "claims",
    "client_assertion",
    "client_assertion_type",
    "client_id",
    "client_secret",
    "code",
    "code_verifier",
    "grant_type",
    "password",
    "redirect_uri",
    "refresh_token",
    "requested_token_use",
    "scope",
    "subject_token",
    "username",
];
