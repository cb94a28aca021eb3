//! `[[route]]`.

use std::collections::BTreeMap;

use toml::de::DeValue;
use url::Url;

use crate::caller::Grant;
use crate::callers::{callers, grant, partition, permits};
use crate::credential::{Credential, TokenEndpoint};
use crate::emergency::{emergency, stamp_principal};
use crate::fix::Fix;
use crate::model::{
    Address, Client, Cors, Listener, Origin, Profile, ResourcePolicy, Route, Transaction, Urls,
};
use crate::table::Table;
use crate::words::unknown;
use crate::{entra, web};

/// Reads routes, with what has to be known for it.
pub(crate) struct Routes<'a> {
    /// Where callers connect.
    listener: &'a Listener,
    /// Whether other proxies may ask for leave and tokens.
    is_vouched_for: bool,
    /// The clients' names, and what could be read of them.
    clients: &'a [(String, Option<Client>)],
    /// The prefixes so far, with their lines.
    prefixes: BTreeMap<String, usize>,
}

impl<'a> Routes<'a> {
    /// Nothing read yet.
    pub(crate) fn new(
        (listener, is_vouched_for): (&'a Listener, bool),
        clients: &'a [(String, Option<Client>)],
    ) -> Self {
        Self { listener, is_vouched_for, clients, prefixes: BTreeMap::new() }
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
        let callers = callers(table, (self.listener, self.is_vouched_for));
        let grant = grant(table, callers.as_ref());
        let scope = self.scope(table, profile, (client, grant));
        let permits = permits(table, callers.as_ref());
        let emergency = emergency(table, callers.as_ref());
        let allow = allow(table);
        let partitions = table.texts("partitions", partition);
        let written = table.parsed("public_url", web::url).map(web::without_slash);
        let origin_aliases = table.list("origin_aliases", web::url).unwrap_or_default();
        let switches = table.table("fixes");
        let fixes = Fix::ALL.into_iter().fold(profile.fixes(), |fixes, fix| {
            let made = switches.choice(fix.name());
            made.map_or(fixes, |made| fixes.with(fix, made))
        });
        if let (Some(Grant::OnBehalfOf(_)), Some(client)) = (grant, client) {
            self.check_exchange(table, client);
        }
        let cors = table.has("cors").then(|| cors(&table.table("cors"))).flatten();
        let max_body_bytes = table.count("max_body_bytes");
        let http2 = table.flag("http2");
        let max_idle_connections = table.count("max_idle_connections")?;
        let (prefix, origin) = (prefix?, web::origin(&origin?, anchors));
        let own_url = own_url(self.listener, &prefix);
        let urls = urls(table, profile, (written.as_ref(), own_url.as_ref()), &origin);
        if urls != Urls::Rewrite && !origin_aliases.is_empty() && table.is_fine("urls") {
            let name = urls.name();
            table.problem(
                "origin_aliases",
                format!("are rewritten, and with urls = {name:?} nothing is; write \"rewrite\""),
            );
        }
        Some(Route {
            connect_timeout: table.seconds("connect_timeout_secs"),
            response_timeout: table.seconds("response_timeout_secs"),
            body_timeout: table.seconds("body_timeout_secs"),
            idle_timeout: table.seconds("idle_timeout_secs"),
            websocket_idle_timeout: table.seconds("websocket_idle_timeout_secs"),
            urls,
            public_url: written.or(own_url),
            prefix,
            origin,
            profile,
            client: client?,
            scope: scope?,
            grant: grant?,
            callers: callers?,
            allow,
            permits: permits?,
            partitions,
            search_needs_key: table.flag("search_needs_key"),
            emergency,
            stamp_principal: stamp_principal(table, profile),
            origin_aliases: origin_aliases.into_iter().map(web::without_slash).collect(),
            fixes,
            cors,
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

    /// Some credentials get tokens, and stand for no application that could exchange one.
    fn check_exchange(&self, table: &Table<'_>, client: usize) {
        let Some((name, Some(client))) = self.clients.get(client) else { return };
        let cannot = client.credentials.iter().find_map(|credential| match credential {
            Credential::ManagedIdentity(_) => Some("managed_identity without federated = true"),
            Credential::ServiceAccount(_) => Some("service_account"),
            _ => None,
        });
        if let Some(kind) = cannot {
            table.problem(
                "grant",
                format!(
                    "\"on_behalf_of\" needs an application that proves itself, and the client \
                     {name:?} has a credential that gets tokens of its own ({kind}); use another one"
                ),
            );
        }
    }

    fn scope(
        &self,
        table: &Table<'_>,
        profile: Profile,
        (client, grant): (Option<usize>, Option<Grant>),
    ) -> Option<String> {
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
            && grant == Some(Grant::ClientCredentials)
            && let Err(message) = entra::check_scope(&scope)
        {
            table.problem("scope", message);
        }
        Some(scope)
    }
}

/// What every caller may do: nothing only where permits say what some may.
fn allow(table: &Table<'_>) -> Vec<Transaction> {
    let is_empty = |value: &DeValue<'_>| value.as_array().is_some_and(|list| list.is_empty());
    if table.has("permits") && table.entry("allow").is_some_and(|value| is_empty(value.get_ref())) {
        return Vec::new();
    }
    table.many("allow", &Transaction::ALL, Transaction::name)
}

fn origin(table: &Table<'_>) -> Option<Url> {
    let dangerous = table.flag("danger_plain_http");
    let origin = table.parsed("origin", web::url)?;
    if !dangerous && !web::is_private(&origin) {
        table.problem("origin", web::exposed("the token and the images"));
    }
    Some(origin)
}

/// Where asking is enough no byte is touched; else URLs are put right here, if it is known how.
fn urls(
    table: &Table<'_>,
    profile: Profile,
    (written, own): (Option<&Url>, Option<&Url>),
    origin: &Origin,
) -> Urls {
    let known = written.or(own);
    let read = table.one("urls", &Urls::ALL, Urls::name);
    if let Some(urls @ (Urls::Ask | Urls::Rewrite)) = read
        && known.is_none()
        && !table.has("public_url")
    {
        let name = urls.name();
        table.problem(
            "urls",
            format!("{name:?} needs the public_url, which is missing; add it, or write \"keep\""),
        );
    }
    read.unwrap_or_else(|| match (profile, known) {
        (_, None) => Urls::Keep,
        // It writes https whatever it is told.
        (Profile::Azure, Some(_)) if written.is_some_and(|url| url.scheme() == "https") => {
            Urls::Ask
        }
        // It takes scheme and host, and keeps its own path.
        (Profile::Orthanc, Some(url))
            if written.is_some() && url.path().trim_end_matches('/') == origin.base =>
        {
            Urls::Ask
        }
        (_, Some(_)) => Urls::Rewrite,
    })
}

/// How callers reach a prefix if nobody says otherwise: known where only this machine can connect.
fn own_url(listener: &Listener, prefix: &str) -> Option<Url> {
    let Address::Tcp(address) = &listener.address else { return None };
    if !address.ip().is_loopback() || address.port() == 0 {
        return None;
    }
    let scheme = if listener.identity.is_some() { "https" } else { "http" };
    Url::parse(&format!("{scheme}://{address}{prefix}")).ok()
}

fn cors(table: &Table<'_>) -> Option<Cors> {
    let mut origins = table.list("origins", web::page_origin)?;
    if origins.is_empty() {
        table.problem("origins", "is empty, and lets no page in; leave `cors` out, or name some");
    }
    origins.sort_unstable();
    origins.dedup();
    let mut headers = table.list("headers", web::field_name).unwrap_or_default();
    headers.sort_unstable();
    headers.dedup();
    Some(Cors {
        origins,
        headers,
        credentials: table.flag("credentials"),
        max_age: table.seconds("max_age_secs"),
        resource_policy: table.one(
            "resource_policy",
            &ResourcePolicy::ALL,
            ResourcePolicy::name,
        )?,
    })
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
