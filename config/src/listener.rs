//! `[listener]` and `[admin]`.

use crate::address::{address, clash};
use crate::caller::{DescribedBy, ForwardAuth};
use crate::model::{Address, Admin, IdentityFiles, Listener, Route};
use crate::table::Table;
use crate::web;

/// Reads `[listener]`; without `hosts`, any are let in until [`default_hosts`] has been asked.
pub(crate) fn listener(table: &Table<'_>) -> Option<Listener> {
    let read = |name| table.parsed(name, |text| address(text, table.folder()));
    Some(Listener {
        address: read("address")?,
        identity: table.has("identity").then(|| table.table("identity")).and_then(identity),
        hosts: hosts(table),
        max_connections: table.count("max_connections")?,
        max_head_bytes: table.count("max_head_bytes")?,
        max_streams: table.count("max_streams")?,
        handshake_timeout: table.seconds("handshake_timeout_secs"),
        first_byte_timeout: table.seconds("first_byte_timeout_secs"),
        head_timeout: table.seconds("head_timeout_secs"),
        idle_timeout: table.seconds("idle_timeout_secs"),
        body_timeout: table.seconds("body_timeout_secs"),
        max_failed_attempts: table.count("max_failed_attempts")?,
    })
}

/// Reads `[admin]`.
pub(crate) fn admin(table: &Table<'_>, listener: &Listener) -> Option<Admin> {
    let address = table.parsed("address", |text| address(text, table.folder()))?;
    if table.is_fine("address") && clash(&address, &listener.address) {
        table.problem(
            "address",
            format!(
                "{address} and listener.address, {}, clash; use another port",
                listener.address
            ),
        );
    }
    Some(Admin { address })
}

/// Reads `[forward_auth]`, if it is there.
pub(crate) fn forward_auth(table: &Table<'_>, taken: [&Address; 2]) -> Option<ForwardAuth> {
    let dangerous = table.flag("danger_public_address");
    let address = table.parsed("address", |text| address(text, table.folder()))?;
    if let Some(other) = taken.into_iter().find(|other| clash(&address, other)) {
        let message = format!("{address} and {other}, another listener's, clash; use another port");
        table.problem("address", message);
    }
    if !address.is_local() && !dangerous {
        table.problem(
            "address",
            format!(
                "its answers hold tokens, and other machines can reach {address}; listen on loopback \
                 or a Unix socket, or say danger_public_address = true"
            ),
        );
    }
    let described_by = table.one("described_by", &DescribedBy::ALL, DescribedBy::name)?;
    Some(ForwardAuth { address, described_by })
}

/// The hosts that callers may address if the file names none.
///
/// On loopback the address is what keeps strangers out, and a web page of a stranger whose name
/// suddenly resolves to loopback (DNS rebinding) would be let in: so the names are checked.
pub(crate) fn default_hosts(address: &Address, routes: &[Route]) -> Vec<String> {
    let Address::Tcp(address) = address else { return Vec::new() };
    if !address.ip().is_loopback() {
        return Vec::new();
    }
    let mut hosts = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    hosts.push(address.ip().to_string());
    hosts.extend(routes.iter().filter_map(|route| route.public_url.as_ref()).map(web::host));
    once(hosts)
}

fn hosts(table: &Table<'_>) -> Vec<String> {
    let any = |text: &str| text == "*";
    let read = |text: &str| if any(text) { Ok(text.to_owned()) } else { web::host_name(text) };
    let Some(hosts) = table.list("hosts", read) else { return Vec::new() };
    if hosts.is_empty() {
        table.problem(
            "hosts",
            r#"is empty, and lets nobody in; leave it out, or write ["*"] for any"#,
        );
    }
    if !hosts.iter().any(|host| any(host)) {
        return once(hosts);
    }
    if hosts.len() > 1 {
        table.problem("hosts", r#""*" is any host, so no other is needed; write ["*"], or no "*""#);
    }
    Vec::new()
}

/// Reads a certificate with its key.
pub(crate) fn identity(table: Table<'_>) -> Option<IdentityFiles> {
    let (chain, key) = (table.file("chain"), table.private_file("key"));
    Some(IdentityFiles { chain: chain?, key: key? })
}

fn once(hosts: Vec<String>) -> Vec<String> {
    let mut unique = Vec::with_capacity(hosts.len());
    for host in hosts {
        if !unique.contains(&host) {
            unique.push(host);
        }
    }
    unique
}
