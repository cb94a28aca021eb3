//! `credential`: one way for a client to prove itself, or several in their order.

use std::time::SystemTime;

use time::{Date, Month};
use toml::Spanned;
use toml::de::DeValue;

use crate::credential::{
    Certificate, Credential, KeyFiles, Secret, SecretMethod, SecretSource, SigningAlgorithm,
    TokenEndpoint,
};
use crate::managed_identity::managed_identity;
use crate::model::IdentityFiles;
use crate::table::Table;
use crate::words::known;

/// Reads one credential of a client whose tokens are requested there.
pub(crate) fn credential(
    table: &Table<'_>,
    endpoint: Option<&TokenEndpoint>,
) -> Option<Credential> {
    let method = table.one("secret_method", &SecretMethod::ALL, SecretMethod::name);
    let ends = table.parsed("expires", date);
    let mut kinds = KINDS.into_iter().filter(|kind| table.has(kind));
    let Some(kind) = kinds.next() else {
        if table.has_stranger() {
            // It was meant to be the kind, most likely, and is reported.
            return None;
        }
        table.problem_here(&format!("says nothing to prove; {}", known(KINDS.into_iter())));
        return None;
    };
    if let Some(other) = kinds.next() {
        table.problem(
            other,
            format!("stands beside {kind}; for both, write a list: [{{ … }}, {{ … }}]"),
        );
        return None;
    }
    for option in ["secret_method", "expires"] {
        if kind != "secret_file" && table.has(option) {
            table.problem(option, "is for secret_file; leave it out");
        }
    }
    Some(match kind {
        "secret_file" => Credential::Secret(Secret {
            source: SecretSource::File(table.private_file(kind)?),
            method: method?,
            ends,
        }),
        "certificate" => certificate(&table.table(kind))?,
        "federated_token_file" => Credential::FederatedToken(table.file(kind)?),
        "workload_identity" => workload_identity(table)?,
        "managed_identity" => managed_identity(&table.table(kind), endpoint)?,
        "service_account" => Credential::ServiceAccount(table.private_file(kind)?),
        _ => Credential::TlsCertificate(key_files(&table.table(kind))?),
    })
}

/// Whether this credential needs neither authority nor client id. Looks at keys only, so that it can
/// be told while other things are wrong.
pub(crate) fn stands_alone(table: &Table<'_>) -> bool {
    let federated = |identity: &Spanned<DeValue<'_>>| {
        let flag = identity.get_ref().get("federated");
        flag.is_some_and(|flag| flag.get_ref().as_bool() == Some(true))
    };
    table.has("service_account") || table.entry("managed_identity").is_some_and(|it| !federated(it))
}

fn certificate(table: &Table<'_>) -> Option<Credential> {
    let algorithm = table.one("algorithm", &SigningAlgorithm::ALL, SigningAlgorithm::name);
    let (x5c, audience) = (table.flag("x5c"), table.text("audience"));
    Some(Credential::Certificate(Certificate { keys: key_files(table)?, algorithm, x5c, audience }))
}

fn key_files(table: &Table<'_>) -> Option<KeyFiles> {
    if table.has("pkcs12") {
        for pem in ["chain", "key"] {
            if table.has(pem) {
                table.problem(pem, "stands beside pkcs12, which has it inside; keep one of them");
            }
        }
        let (store, password) = (table.private_file("pkcs12"), table.private_file("password_file"));
        return Some(KeyFiles::Pkcs12 { store: store?, password });
    }
    if table.has("password_file") {
        table.problem("password_file", "is for pkcs12; a PEM key must not be encrypted");
    }
    for (pem, example) in [("chain", "client.crt"), ("key", "client.key")] {
        if !table.has(pem) {
            table.missing(pem, format!("write {pem} = \"{example}\", or pkcs12 = \"client.pfx\""));
        }
    }
    let (chain, key) = (table.file("chain"), table.private_file("key"));
    Some(KeyFiles::Pem(IdentityFiles { chain: chain?, key: key? }))
}

fn workload_identity(table: &Table<'_>) -> Option<Credential> {
    // Opened for what may not stand in it.
    table.table("workload_identity");
    let path = table.variable(TOKEN_FILE);
    if path.is_none() {
        let advice = "set it, or name the file with federated_token_file";
        table.problem(
            "workload_identity",
            format!("{TOKEN_FILE} (a variable) is not set; {advice}"),
        );
    }
    path.map(|path| Credential::FederatedToken(path.into()))
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

/// The file that the workload identity webhook of Kubernetes projects.
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";

const KINDS: [&str; 7] = [
    "secret_file",
    "certificate",
    "federated_token_file",
    "workload_identity",
    "managed_identity",
    "service_account",
    "tls_certificate",
];
