//! `callers`, `permits`, `grant` and `on_behalf_of` of a route.

use toml::de::DeValue;

use crate::caller::{
    AppOnly, Bearer, CallerCertificates, CallerKind, Callers, Exchange, Grant, JwsAlgorithm, Known,
    NameKind, NamePattern, OnBehalfOf, PermitRule, TokenType, Who,
};
use crate::model::{Listener, Transaction};
use crate::options::{ANYONE, CALLERS, GRANTS};
use crate::table::Table;
use crate::web;
use crate::words::{known, unknown, wrong};

/// Reads who may call a route of this listener.
pub(crate) fn callers(
    route: &Table<'_>,
    (listener, is_vouched_for): (&Listener, bool),
) -> Option<Callers> {
    let dangerous = route.flag("danger_anyone_on_public_address");
    if !route.has_or_missing("callers") {
        return None;
    }
    let value = route.entry("callers")?;
    match value.get_ref() {
        DeValue::Table(_) => known_callers(&route.open("callers", &CALLERS, value)?, listener),
        DeValue::String(word) if word == ANYONE => {
            if !listener.address.is_local() && !dangerous && !is_vouched_for {
                route.problem(
                    "callers",
                    format!(
                        "\"anyone\", and other machines can reach {}; say who may call \
                         ([route.callers]), listen on loopback or a Unix socket, or say \
                         danger_anyone_on_public_address = true",
                        listener.address
                    ),
                );
            }
            if is_vouched_for && !dangerous {
                route.problem(
                    "callers",
                    "\"anyone\", and at forward_auth other proxies get tokens for whomever they let \
                     in; say who may call ([route.callers]), or say \
                     danger_anyone_on_public_address = true",
                );
            }
            Some(Callers::Anyone)
        }
        DeValue::String(word) => {
            let message = unknown("kind of callers", word, [ANYONE].into_iter());
            route.problem("callers", format!("{message}, or a table [route.callers]"));
            None
        }
        other => {
            route.problem("callers", wrong(other, "\"anyone\" or a table [route.callers]"));
            None
        }
    }
}

/// Reads how a route whose callers are these gets its tokens.
pub(crate) fn grant(route: &Table<'_>, callers: Option<&Callers>) -> Option<Grant> {
    let on_behalf_of = route.table("on_behalf_of");
    let exchange = on_behalf_of.one("exchange", &Exchange::ALL, Exchange::name);
    let app_only = on_behalf_of.one("app_only", &AppOnly::ALL, AppOnly::name);
    if route.one("grant", &[false, true], |on_behalf| GRANTS[usize::from(on_behalf)])? {
        let has_token = match callers {
            Some(Callers::Known(known)) => !known.bearer.is_empty(),
            Some(Callers::Anyone) => false,
            None => true,
        };
        if !has_token {
            route.problem(
                "grant",
                "\"on_behalf_of\" exchanges the caller's access token, and no caller of this route \
                 has one; add bearer to [route.callers]",
            );
        }
        return Some(Grant::OnBehalfOf(OnBehalfOf { exchange: exchange?, app_only: app_only? }));
    }
    if route.has("on_behalf_of") {
        route.problem("on_behalf_of", "is for grant = \"on_behalf_of\"; leave it out");
    }
    Some(Grant::ClientCredentials)
}

/// Reads what some of these callers may do beside what all may.
pub(crate) fn permits(route: &Table<'_>, callers: Option<&Callers>) -> Option<Vec<PermitRule>> {
    let rules = route.tables("permits").iter().map(|table| permit(table, callers)).collect();
    if route.has("permits") && callers == Some(&Callers::Anyone) {
        let advice = "and nobody here proves who it is; write all of it into `allow`";
        route.problem("permits", format!("tell callers apart, {advice}"));
    }
    rules
}

fn known_callers(table: &Table<'_>, listener: &Listener) -> Option<Callers> {
    let bearer = if table.has("bearer") { table.one_or_more("bearer") } else { Vec::new() };
    let count = bearer.len();
    let bearer = bearer.iter().filter_map(self::bearer).collect::<Vec<_>>();
    for (index, one) in bearer.iter().enumerate() {
        if bearer[..index].iter().any(|other| other.issuer == one.issuer) {
            let advice = "write its audiences into one list";
            table.problem("bearer", format!("{:?} stands twice; {advice}", one.issuer));
        }
    }
    let api_keys = table.private_file("api_keys");
    let certificates =
        table.has("certificates").then(|| certificates(&table.table("certificates")));
    if certificates.is_some() && listener.identity.is_none() {
        table.problem(
            "certificates",
            "are shown in a TLS handshake, and the listener speaks plain HTTP; add listener.identity",
        );
    }
    let names = ["bearer", "api_keys", "certificates"];
    if !names.iter().any(|name| table.has(name)) {
        if !table.has_stranger() {
            let all = known(names.into_iter());
            table
                .problem_here(&format!("lets nobody in; write \"anyone\", or any of these: {all}"));
        }
        return None;
    }
    if bearer.len() < count || certificates.as_ref().is_some_and(Option::is_none) {
        return None;
    }
    Some(Callers::Known(Known { bearer, api_keys, certificates: certificates.flatten() }))
}

fn bearer(table: &Table<'_>) -> Option<Bearer> {
    let dangerous = table.flag("danger_plain_http");
    let jwks_uri = table.parsed("jwks_uri", web::url);
    let issuer = table.parsed("issuer", |text| Ok(text.to_owned()));
    let asked = match (&jwks_uri, &issuer) {
        (Some(url), _) => Some(("jwks_uri", Ok(url.clone()))),
        (None, Some(issuer)) => Some(("issuer", web::url(&issuer.replace(TENANT, "tenant")))),
        (None, None) => None,
    };
    match asked {
        Some((key, Ok(url))) if !dangerous && !web::is_private(&url) => {
            table.problem(key, web::exposed("the keys that callers are known by"));
        }
        Some((key, Err(message))) => {
            table.problem(key, format!("{message}; its keys are found there, or name jwks_uri"));
        }
        _ => {}
    }
    let tenants = table.texts("tenants", tenant);
    let issuer = issuer?;
    if issuer.contains(TENANT) && tenants.is_empty() && !table.has("tenants") {
        table.missing(
            "tenants",
            "list the tenants whose users may call: anyone can have a tenant of Entra's",
        );
    }
    Some(Bearer {
        issuer,
        audiences: table.text_or_texts("audience")?,
        tenants,
        algorithms: table.many("algorithms", &JwsAlgorithm::ALL, JwsAlgorithm::name),
        jwks_uri,
        scopes: table.texts("scopes", any),
        roles: table.texts("roles", any),
        token_type: table.one("token_type", &TokenType::ALL, TokenType::name)?,
        anchors: table.file("anchors"),
        leeway: table.seconds("leeway_secs"),
        keys_max_age: table.seconds("keys_max_age_secs"),
        keys_stale: table.seconds("keys_stale_secs"),
        keys_refetch: table.seconds("keys_refetch_secs"),
        keys_timeout: table.seconds("keys_timeout_secs"),
    })
}

fn certificates(table: &Table<'_>) -> Option<CallerCertificates> {
    let (names, lists) = (table.texts("names", name_pattern), table.files("revocation_lists"));
    Some(CallerCertificates { anchors: table.file("anchors")?, revocation_lists: lists, names })
}

fn permit(table: &Table<'_>, callers: Option<&Callers>) -> Option<PermitRule> {
    Some(PermitRule {
        to: to(table, callers),
        allow: table.many("allow", &Transaction::ALL, Transaction::name),
        partitions: table.texts("partitions", partition),
        audit_fields: table.flag("audit_fields"),
    })
}

/// Reads whom among these callers something is for.
pub(crate) fn to(table: &Table<'_>, callers: Option<&Callers>) -> Vec<Who> {
    let to = table.texts("to", who);
    if let Some(Callers::Known(known)) = callers {
        let by_token = |who: &Who| who.kind() == CallerKind::Bearer && !matches!(who, Who::Kind(_));
        if known.bearer.len() > 1 && to.iter().any(by_token) {
            table.problem(
                "to",
                "is what a token says, and each of this route's issuers could write it; give each \
                 issuer a route of its own",
            );
        }
        for who in &to {
            let kind = who.kind();
            if !known.has(kind) {
                let option = kind.option();
                table.problem(
                    "to",
                    format!("is for callers that this route does not have; add {option} to [route.callers]"),
                );
                break;
            }
        }
    }
    to
}

impl Who {
    /// The kind of callers that can be meant.
    fn kind(&self) -> CallerKind {
        match self {
            Self::Kind(kind) => *kind,
            Self::Role(_)
            | Self::Scope(_)
            | Self::Group(_)
            | Self::Subject(_)
            | Self::Application(_) => CallerKind::Bearer,
            Self::ApiKey(_) => CallerKind::ApiKey,
            Self::Certificate(_) => CallerKind::Certificate,
        }
    }
}

impl Known {
    fn has(&self, kind: CallerKind) -> bool {
        match kind {
            CallerKind::Bearer => !self.bearer.is_empty(),
            CallerKind::ApiKey => self.api_keys.is_some(),
            CallerKind::Certificate => self.certificates.is_some(),
        }
    }
}

impl CallerKind {
    const fn option(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::ApiKey => "api_keys",
            Self::Certificate => "certificates",
        }
    }
}

/// `role:Dicom.Writer`
///
/// What stands before the colon is told where it is wrong, and nothing else: keys are written here by
/// mistake.
fn who(text: &str) -> Result<Who, String> {
    let Some((name, value)) = text.split_once(':') else {
        return Err(format!("one of them is of no kind; {RIGHT_WHO}"));
    };
    let names = WHO.iter().map(|(name, _)| *name);
    let Some((_, make)) = WHO.iter().find(|(known, _)| *known == name) else {
        return Err(format!("{}; {RIGHT_WHO}", unknown("kind", name, names)));
    };
    if value.is_empty() {
        return Err(format!("{text:?} names nobody; {RIGHT_WHO}"));
    }
    make(value)
}

/// The name of a key, and never the key.
fn api_key(name: &str) -> Result<Who, String> {
    if name.starts_with(KEYS_BEGIN) {
        return Err(
            "a key stands behind api_key:, and not its name: it is no secret any more; make \
                    another, and write its name here"
                .to_owned(),
        );
    }
    Ok(Who::ApiKey(name.to_owned()))
}

fn caller_kind(text: &str) -> Result<Who, String> {
    let found = CallerKind::ALL.into_iter().find(|kind| kind.name() == text);
    let names = CallerKind::ALL.map(CallerKind::name);
    found.map(Who::Kind).ok_or_else(|| unknown("kind of caller", text, names.into_iter()))
}

/// `dns:*.ct.example`
fn name_pattern(text: &str) -> Result<NamePattern, String> {
    const RIGHT: &str = "write it like \"dns:ct1.example\" or \"cn:CT1\"";
    let (name, value) = text.split_once(':').unwrap_or((text, ""));
    let names = NameKind::ALL.map(NameKind::name);
    let kind = NameKind::ALL.into_iter().find(|kind| kind.name() == name);
    let kind = kind.ok_or_else(|| {
        format!("{text:?}: {}; {RIGHT}", unknown("kind of name", name, names.into_iter()))
    })?;
    if value.is_empty() {
        return Err(format!("{text:?} has no name; {RIGHT}"));
    }
    if kind != NameKind::Dns {
        return Ok(NamePattern { kind, value: value.to_owned() });
    }
    let value = value.to_ascii_lowercase();
    let host = value.strip_prefix("*.").unwrap_or(&value);
    let is_wide = value.starts_with('*') && !host.contains('.');
    if host.contains('*') || is_wide || web::host_name(host).is_err() {
        return Err(format!(
            "{text:?} is no name of hosts; write a name, or \"*.\" and at least two labels"
        ));
    }
    Ok(NamePattern { kind, value })
}

/// A tenant's id, in lower case; a domain is not what stands in `tid`.
fn tenant(text: &str) -> Result<String, String> {
    let parts = text.split('-').map(str::len).collect::<Vec<_>>();
    let is_id = parts == [8, 4, 4, 4, 12]
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if is_id {
        Ok(text.to_ascii_lowercase())
    } else {
        Err(format!(
            "{text:?} is no tenant's id; write it like 00000000-0000-0000-0000-000000000000"
        ))
    }
}

/// The name of a data partition (1 to 64 characters, as Azure has it).
pub(crate) fn partition(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if text.len() <= 64 && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{text:?} is no partition's name; it has letters, digits, . - and _, 64 at most"
        ))
    }
}

fn any(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// What stands for the tenant in the issuer of tokens of many tenants, as Entra's metadata write it.
const TENANT: &str = "{tenantid}";

const RIGHT_WHO: &str = "write it like \"role:Dicom.Writer\"";

/// How the keys that the program makes begin.
const KEYS_BEGIN: &str = "dgw_";

type MakeWho = fn(&str) -> Result<Who, String>;

const WHO: [(&str, MakeWho); 8] = [
    ("kind", caller_kind),
    ("role", |value| Ok(Who::Role(value.to_owned()))),
    ("scope", |value| Ok(Who::Scope(value.to_owned()))),
    ("group", |value| Ok(Who::Group(value.to_owned()))),
    ("subject", |value| Ok(Who::Subject(value.to_owned()))),
    ("application", |value| Ok(Who::Application(value.to_owned()))),
    ("api_key", api_key),
    ("certificate", |value| name_pattern(value).map(Who::Certificate)),
];
