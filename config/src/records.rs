//! `[audit]`.

use std::net::Ipv6Addr;

use crate::audit::{Audit, AuditFhir, AuditSyslog, Durability, OnFailure};
use crate::listener::identity;
use crate::model::{Client, IdentityFiles};
use crate::table::Table;
use crate::web;
use crate::words::{known, unknown};

/// Reads `[audit]`, of a file with these clients.
pub(crate) fn audit(table: &Table<'_>, clients: &[(String, Option<Client>)]) -> Option<Audit> {
    let sinks = |name| if table.has(name) { table.one_or_more(name) } else { Vec::new() };
    let (syslog, fhir) = (sinks("syslog"), sinks("fhir"));
    check_sinks(table);
    let (file, queue) = (table.own_file("file"), table.own_folder("queue"));
    let chain_key = table.private_file("chain_key_file");
    if table.has("chain_key_file") && !table.has("file") {
        table.problem("chain_key_file", "is for the hashes in `file`; add file, or leave it out");
    }
    let site = table.parsed("site", name);
    let syslog = syslog.iter().map(self::syslog).collect::<Option<Vec<_>>>();
    let fhir = fhir.iter().map(|sink| self::fhir(sink, clients)).collect::<Option<Vec<_>>>();
    Some(Audit {
        file,
        chain_key,
        queue,
        max_queue_bytes: table.count("max_queue_bytes")?,
        max_waiting: table.count("max_waiting")?,
        durability: table.one("durability", &Durability::ALL, Durability::name)?,
        on_failure: table.one("on_failure", &OnFailure::ALL, OnFailure::name)?,
        source: table.parsed("source", name)?,
        site,
        alert_after: table.count("alert_after")?,
        syslog: syslog?,
        fhir: fhir?,
    })
}

/// What is sent waits on disk, and nothing else does.
fn check_sinks(table: &Table<'_>) {
    let is_sent = table.has("syslog") || table.has("fhir");
    if !table.has("file") && !is_sent {
        if !table.has_stranger() {
            let all = known(["file", "syslog", "fhir"].into_iter());
            table.problem_here(&format!("keeps no record; write any of these: {all}"));
        }
    } else if is_sent && !table.has("queue") {
        table.missing(
            "queue",
            "write queue = \"audit-queue\": the folder where records wait for syslog and fhir",
        );
    } else if table.has("queue") && !is_sent {
        table.problem("queue", "is for records on their way to syslog or fhir; leave it out");
    }
}

fn syslog(table: &Table<'_>) -> Option<AuditSyslog> {
    let address = table.parsed("address", host_and_port);
    let (anchors, identity) = (table.file("anchors"), own_identity(table));
    let (host, port) = address?;
    let (timeout, bare_end) = (table.seconds("timeout_secs"), table.flag("danger_bare_end"));
    Some(AuditSyslog { host, port, anchors, identity, timeout, danger_bare_end: bare_end })
}

fn fhir(table: &Table<'_>, clients: &[(String, Option<Client>)]) -> Option<AuditFhir> {
    let dangerous = table.flag("danger_plain_http");
    let url = table.parsed("url", web::url);
    if let Some(url) = &url
        && !dangerous
        && !web::is_private(url)
    {
        table.problem("url", web::exposed("records and token"));
    }
    let (anchors, identity) = (table.file("anchors"), own_identity(table));
    let (client, scope) = (client(table, clients), table.text("scope"));
    for (one, other, advice) in [
        ("client", "scope", "write scope = \"…\", as the authority knows the server"),
        ("scope", "client", "write client = \"…\", the client whose token is sent"),
    ] {
        if table.has(one) && !table.has(other) {
            table.missing(other, advice);
        }
    }
    Some(AuditFhir {
        url: web::without_slash(url?),
        anchors,
        identity,
        token: client.zip(scope),
        timeout: table.seconds("timeout_secs"),
    })
}

fn client(table: &Table<'_>, clients: &[(String, Option<Client>)]) -> Option<usize> {
    let name = table.text("client")?;
    let names = clients.iter().map(|(name, _)| name.as_str());
    let found = names.clone().position(|known| known == name);
    // Without any client, that is the problem, and it is reported.
    if found.is_none() && !clients.is_empty() {
        table.problem("client", unknown("client", &name, names));
    }
    found
}

fn own_identity(table: &Table<'_>) -> Option<IdentityFiles> {
    table.has("identity").then(|| table.table("identity")).and_then(identity)
}

/// `arr.hospital.example:6514`
fn host_and_port(text: &str) -> Result<(String, u16), String> {
    const RIGHT: &str = "write host and port, arr.hospital.example:6514 or [::1]:6514";
    let read = || {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
        // An address of IPv6 without brackets has a colon at its end that is none before a port.
        let is_torn = host.contains(':') && !host.starts_with('[');
        (!is_torn).then_some((host, port))
    };
    let Some((host, port)) = read().filter(|_| text.parse::<Ipv6Addr>().is_err()) else {
        return Err(format!("is no host with its port; {RIGHT}"));
    };
    let host = web::host_name(host).map_err(|message| format!("{message}; {RIGHT}"))?;
    Ok((host, port))
}

/// What stands in each record: on one line, and short.
fn name(text: &str) -> Result<String, String> {
    let is_long = text.chars().count() > LONGEST_NAME;
    if is_long || text.trim() != text || text.chars().any(char::is_control) {
        return Err(format!(
            "is no name for records; write at most {LONGEST_NAME} characters, without control \
             characters or spaces at its ends"
        ));
    }
    Ok(text.to_owned())
}

/// As long as a label in DNS, and more than a station's name in DICOM.
const LONGEST_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_a_host_and_a_port() {
        for (written, host, port) in [
            ("Arr.Example:6514", "arr.example", 6514),
            ("192.0.2.1:514", "192.0.2.1", 514),
            ("[::1]:6514", "::1", 6514),
        ] {
            assert_eq!(host_and_port(written), Ok((host.to_owned(), port)));
        }
        for bad in [
            "arr.example",
            "arr.example:",
            "arr.example:0",
            "arr.example:65536",
            ":6514",
            "::1",
            "::1:6514",
            "tls://arr.example:6514",
            "arr.example:6514/",
            "*:6514",
        ] {
            assert!(host_and_port(bad).unwrap_err().contains("[::1]:6514"), "{bad}");
        }
    }
}
