//! `[client]` and `[client.NAME]`.

use std::time::SystemTime;

use time::{Date, Month};
use toml::de::{DeTable, DeValue};
use url::Url;

use crate::keys::{Kind, Section};
use crate::model::{Capability, Client, Credential, TokenEndpoint};
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

/// Reports the clients that no route uses.
pub(crate) fn warn_of_unused(root: &Table<'_>, clients: &[Client], used: &[usize]) {
    for (index, client) in clients.iter().enumerate() {
        if !used.contains(&index) {
            let advice = "name it in a route (client = …), or leave it out";
            root.warning(KEY, format!("no route uses the client {:?}; {advice}", client.name));
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
    let endpoint = endpoint(table);
    let id = table.text("id");
    let anchors = table.file("anchors");
    let credential =
        table.has_or_missing("credential").then(|| credential(&table.table("credential")));
    let (credential, credential_ends) = credential.unzip();
    Some(Client {
        name: name.to_owned(),
        endpoint: endpoint?,
        id: id?,
        anchors,
        credential: credential??,
        credential_ends: credential_ends?,
        capabilities: table.many("capabilities", &Capability::ALL, Capability::name),
        timeout: table.seconds("timeout_secs"),
        refresh_percent: table.count("refresh_percent")?,
    })
}

fn endpoint(table: &Table<'_>) -> Option<TokenEndpoint> {
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
        table.missing(
            "authority",
            "write authority = \"https://login.microsoftonline.com/<tenant>\", or another \
             authority's issuer, or token_endpoint = …",
        );
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

/// The credential, and when it ends.
fn credential(table: &Table<'_>) -> (Option<Credential>, Option<SystemTime>) {
    let ends = table.parsed("expires", date);
    // What is asked for instead was reported already; a missing secret file would confuse.
    if table.has_later() && !table.has("secret_file") {
        return (None, ends);
    }
    (table.file("secret_file").map(Credential::SecretFile), ends)
}

/// The beginning of a day in UTC: where it ends during the day, that is the safe side.
fn date(text: &str) -> Result<SystemTime, String> {
    let parsed = || {
        let [year, month, day] = text.split('-').collect::<Vec<_>>()[..] else { return None };
        if (year.len(), month.len(), day.len()) != (4, 2, 2) {
            return None;
        }
        let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
        Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()
    };
    let right = "write year, month and day, such as \"2027-01-31\"";
    let date = parsed().ok_or_else(|| format!("is no date; {right}"))?;
    Ok(date.midnight().assume_utc().into())
}

const KEY: &str = "client";
/// The name of the client that needs none.
const ONLY: &str = "default";
