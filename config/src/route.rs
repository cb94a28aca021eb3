//! `[[route]]`.

use std::collections::BTreeMap;

use toml::de::DeValue;
use url::Url;

use crate::model::{Address, Callers, Client, Profile, Route, TokenEndpoint, Transaction, Urls};
use crate::options::{CALLERS, CLIENT_CREDENTIALS};
use crate::table::Table;
use crate::words::unknown;
use crate::{entra, web};

/// Reads routes, with what has to be known for it.
pub(crate) struct Routes<'a> {
    /// Where callers connect.
    pub(crate) address: &'a Address,
    /// The clients' names, and what could be read of them.
    pub(crate) clients: &'a [(String, Option<Client>)],
    /// The prefixes so far, with their lines.
    prefixes: BTreeMap<String, usize>,
}

impl<'a> Routes<'a> {
    /// Nothing read yet.
    pub(crate) fn new(address: &'a Address, clients: &'a [(String, Option<Client>)]) -> Self {
        Self { address, clients, prefixes: BTreeMap::new() }
    }

    /// Reads one route.
    pub(crate) fn read(&mut self, table: &Table<'_>) -> Option<Route> {
        let prefix = table.parsed("prefix", prefix);
        if let Some(prefix) = &prefix {
            self.check_prefix(table, prefix);
        }
        let origin = origin(table);
        let anchors = table.file("anchors");
        let profile = table.one("profile", &Profile::ALL, Profile::name)?;
        let client = self.client(table);
        let scope = self.scope(table, profile, client);
        table.one("grant", &[()], |()| CLIENT_CREDENTIALS);
        let callers = self.callers(table);
        let allow = table.many("allow", &Transaction::ALL, Transaction::name);
        let public_url = table.parsed("public_url", web::url).map(web::without_slash);
        let urls = urls(table, profile);
        let max_body_bytes = table.count("max_body_bytes");
        let http2 = table.flag("http2");
        let max_idle_connections = table.count("max_idle_connections")?;
        Some(Route {
            connect_timeout: table.seconds("connect_timeout_secs"),
            response_timeout: table.seconds("response_timeout_secs"),
            body_timeout: table.seconds("body_timeout_secs"),
            idle_timeout: table.seconds("idle_timeout_secs"),
            prefix: prefix?,
            origin: web::origin(&origin?, anchors),
            profile,
            client: client?,
            scope: scope?,
            callers: callers?,
            allow,
            public_url,
            urls,
            max_body_bytes,
            max_idle_connections,
            http2,
        })
    }

    fn check_prefix(&mut self, table: &Table<'_>, prefix: &str) {
        let line = table.line("prefix");
        match self.prefixes.get(prefix) {
            Some(first) => table.problem(
                "prefix",
                format!("the route of line {first} has the same; each route needs its own"),
            ),
            None => {
                self.prefixes.insert(prefix.to_owned(), line);
            }
        }
    }

    fn client(&self, table: &Table<'_>) -> Option<usize> {
        let names = self.clients.iter().map(|(name, _)| name.as_str());
        match table.text("client") {
            Some(name) => {
                let found = names.clone().position(|known| known == name);
                // Without any client, that is the problem, and it is reported.
                if found.is_none() && !self.clients.is_empty() {
                    table.problem("client", unknown("client", &name, names));
                }
                found
            }
            None if self.clients.len() > 1 && !table.has("client") => {
                let names = names.collect::<Vec<_>>().join(", ");
                table.missing("client", format!("say which of the clients is meant: {names}"));
                None
            }
            None => Some(0),
        }
    }

    fn scope(&self, table: &Table<'_>, profile: Profile, client: Option<usize>) -> Option<String> {
        let Some(scope) = table.text("scope") else {
            if profile == Profile::Azure {
                return Some(entra::DICOM_SCOPE.to_owned());
            }
            // With a profile that is misspelt, nobody knows whether there is a default.
            if !table.has("scope") && table.is_fine("profile") {
                table.missing(
                    "scope",
                    "write scope = \"…\", as the authority knows the origin server (only profile \
                     azure has a default)",
                );
            }
            return None;
        };
        let client = client.and_then(|index| self.clients.get(index)?.1.as_ref());
        if let Some(Client { endpoint: TokenEndpoint::At(endpoint), .. }) = client
            && entra::is_entra(endpoint)
            && let Err(message) = entra::check_scope(&scope)
        {
            table.problem("scope", message);
        }
        Some(scope)
    }

    fn callers(&self, table: &Table<'_>) -> Option<Callers> {
        let dangerous = table.flag("danger_anyone_on_public_address");
        if let Some(value) = table.entry("callers")
            && let DeValue::Table(entries) = value.get_ref()
        {
            if entries.is_empty() {
                table.problem("callers", "is an empty table; write callers = \"anyone\"");
            }
            table.open("callers", &CALLERS, value);
            return None;
        }
        let callers = table.one("callers", &Callers::ALL, Callers::name)?;
        if callers == Callers::Anyone && !self.address.is_local() && !dangerous {
            table.problem(
                "callers",
                format!(
                    "\"anyone\", and other machines can reach {}; listen on loopback or a Unix \
                     socket, or say danger_anyone_on_public_address = true",
                    self.address
                ),
            );
        }
        Some(callers)
    }
}

fn origin(table: &Table<'_>) -> Option<Url> {
    let dangerous = table.flag("danger_plain_http");
    let origin = table.parsed("origin", web::url)?;
    if !dangerous && !web::is_private(&origin) {
        table.problem("origin", web::exposed("the token and the images"));
    }
    Some(origin)
}

fn urls(table: &Table<'_>, profile: Profile) -> Urls {
    let public = table.has("public_url");
    match table.one("urls", &Urls::ALL, Urls::name) {
        Some(Urls::Ask) if !public => {
            table.problem(
                "urls",
                "\"ask\" tells the origin server the public_url, which is missing; add it, or \
                 write \"keep\"",
            );
            Urls::Ask
        }
        Some(urls) => urls,
        None if public && matches!(profile, Profile::Azure | Profile::Orthanc) => Urls::Ask,
        None => Urls::Keep,
    }
}

/// What callers' paths start with: in one form only, so that no two routes can mean the same.
fn prefix(text: &str) -> Result<String, String> {
    if matches!(text, "" | "/") {
        return Ok(String::new());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if !text.chars().all(plain) {
        return Err(
            "has characters that a prefix cannot have; use letters, digits, - . _ ~ and /, \
                    such as \"/dicom-web\""
                .to_owned(),
        );
    }
    let segments = text.split('/').filter(|segment| !segment.is_empty());
    if segments.clone().any(|segment| matches!(segment, "." | "..")) {
        return Err("has a segment of dots, which callers cannot send; leave it out".to_owned());
    }
    let right = segments.fold(String::new(), |path, segment| path + "/" + segment);
    if right == text {
        return Ok(right);
    }
    let right = if right.is_empty() { "/" } else { &right };
    Err(format!("must start with one slash, and have none at its end or twice; write {right:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_one_form() {
        for (written, read) in
            [("/dicom-web", "/dicom-web"), ("/a/b.c~d_e", "/a/b.c~d_e"), ("/", ""), ("", "")]
        {
            assert_eq!(prefix(written).as_deref(), Ok(read));
        }
        for (bad, why) in [
            ("dicom-web", "write \"/dicom-web\""),
            ("/dicom-web/", "write \"/dicom-web\""),
            ("/a//b", "write \"/a/b\""),
            ("//", "write \"/\""),
            ("/a/../b", "segment of dots"),
            ("/./a", "segment of dots"),
            ("/a b", "characters"),
            ("/a%20b", "characters"),
            ("/a?b", "characters"),
            ("/ä", "characters"),
        ] {
            let message = prefix(bad).unwrap_err();
            assert!(message.contains(why), "{bad}: {message}");
        }
    }
}
