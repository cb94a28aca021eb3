//! A chain of certificates that is not believed: which of them is at fault, and who can mend it.

use std::path::Path;
use std::time::SystemTime;

use certs::Link;
use rustls::CertificateError;

use super::finding::{Said, count, plain};
use super::handshake::Shown;
use super::life;

/// Why a server's certificate is not believed.
pub(super) fn broken(shown: &Shown<'_>, error: &CertificateError) -> Said {
    let links = shown.links();
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => ended(&links),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            early(&links)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            of_another(shown, &links)
        }
        CertificateError::UnknownIssuer => untrusted(shown, &links),
        CertificateError::BadSignature => forged(shown, &links),
        // It is not among rustls's own.
        other if other.to_string().contains("CaUsedAsEndEntity") => Said::fail(
            "its certificate is one of an authority, and not of a server",
            "a certificate that openssl made and that is signed by itself is often so: have it \
             made anew with -addext basicConstraints=critical,CA:FALSE and a subjectAltName, or \
             have an authority issue one",
        ),
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            Said::fail(
                "its certificate is not for servers (extended key usage)",
                "whoever runs that server has to have one issued for serverAuth",
            )
        }
        other => Said::fail(
            format!("its certificate is not good: {}", plain(&other.to_string())),
            "whoever runs that server has to have it issued anew",
        ),
    }
    .fact("issuer", shown.issuer())
    .fact("chain", links.len())
}

fn ended(links: &[Link]) -> Said {
    let now = SystemTime::now();
    let place = links.iter().position(|link| link.not_after < now);
    match place.map(|place| (place, &links[place])) {
        Some((0, leaf)) => Said::fail(
            format!("its certificate ended {}", life::date(leaf.not_after)),
            "whoever runs that server has to renew it; unless this machine's clock is ahead",
        ),
        Some((_, link)) => Said::fail(
            format!(
                "the chain of its certificate ended {}: that of {} did, which the server sends \
                 beside its own",
                life::date(link.not_after),
                plain(&link.subject)
            ),
            "whoever runs that server has to put the newer one of that authority into the file \
             with its chain; its own certificate may stay; unless this machine's clock is ahead",
        ),
        None => Said::fail(
            "a certificate on the way to its root ended",
            "whoever runs that server has to renew its chain; unless this machine's clock is ahead",
        ),
    }
}

fn early(links: &[Link]) -> Said {
    let now = SystemTime::now();
    let link = links.iter().find(|link| link.not_before > now);
    let begins = link.map_or_else(String::new, |link| {
        format!(": that of {} begins {}", plain(&link.subject), life::date(link.not_before))
    });
    Said::fail(
        format!("its certificate is not valid yet{begins}"),
        "this machine's clock is behind: set it (NTP); else whoever runs that server has to wait",
    )
}

fn of_another(shown: &Shown<'_>, links: &[Link]) -> Said {
    let host = shown.to.host;
    let names = links.first().map_or_else(Vec::new, |leaf| leaf.hosts.clone());
    let key = shown.to.key;
    if names.is_empty() {
        return Said::fail(
            format!("its certificate is for no host at all, and not for {host}"),
            "a common name does not count (RFC 9525): whoever runs that server has to have one \
             issued with a subjectAltName",
        );
    }
    Said::fail(
        format!("its certificate is for {}, and not for {host}", plain(&names.join(", "))),
        format!(
            "write the name that it is for in {key}, where this machine knows its address (DNS, \
             /etc/hosts); else whoever runs that server has to have one issued for {host}; or this \
             is another server than you think"
        ),
    )
    .fact("names", names)
}

/// Whose chain leads to nobody who is trusted.
fn untrusted(shown: &Shown<'_>, links: &[Link]) -> Said {
    let issuer = shown.issuer();
    let says = format!("its certificate, issued by {issuer}, leads to no root that is trusted");
    let Some((leaf, top)) = links.first().zip(top(links)) else {
        return Said::fail(says, anchors(shown, "its root"));
    };
    if let Some(why) = opened((shown.to.host, shown.to.anchors_file), links) {
        return Said::fail(
            format!("{says}: {why}"),
            format!(
                "have that box let {} through unopened, which is better for what is secret; or {}; \
                 if there should be no such box, do not trust what answers there",
                shown.to.host,
                anchors(shown, "its root, which whoever runs the box can give you")
            ),
        )
        .fact("fault", "opened");
    }
    let (says, remedy, fault) = if leaf.is_own_issuer() {
        let own = "the certificate itself, once you have compared its fingerprint with that which \
                   whoever runs the server tells you";
        (format!("{says}: it is signed by itself"), anchors(shown, own), "self_signed")
    } else if links.len() == 1 {
        let at = leaf.issuer_at.as_deref().map_or_else(String::new, |at| {
            format!(" (its certificate says that its issuer's is at {})", plain(at))
        });
        let root = format!("it, where {issuer} is itself a root of your own");
        let remedy = format!(
            "the server sends its own certificate alone: have it send those between as well, its \
             own first (the file is often called fullchain); browsers fetch what is missing{at}, \
             and the gateway never does. Or {}",
            anchors(shown, &root)
        );
        (format!("{says}, and it came alone"), remedy, "alone")
    } else {
        let says = format!("{says}: {} came, up to {}", links_of(links), plain(&top.subject));
        let root = match top.is_own_issuer() {
            true => plain(&top.subject),
            false => format!("{}, or have the server send what is between", plain(&top.issuer)),
        };
        (says, anchors(shown, &root), "unknown_root")
    };
    Said::fail(says, remedy).fact("fault", fault)
}

/// A root has the right name and another key.
fn forged(shown: &Shown<'_>, links: &[Link]) -> Said {
    let root = top(links).map_or_else(|| shown.issuer(), |top| plain(&top.issuer));
    let place = match shown.to.anchors_file {
        Some(file) => file.display().to_string(),
        None => "what the system trusts".to_owned(),
    };
    Said::fail(
        format!("its certificate is not signed by the {root} that is trusted, but by its namesake"),
        format!(
            "if that authority was made anew, put its new root beside the old one ({place}); if it \
             was not, do not trust what answers there"
        ),
    )
    .fact("fault", "namesake")
}

fn anchors(shown: &Shown<'_>, root: &str) -> String {
    match shown.to.anchors_file {
        Some(file) => format!(
            "add to {}, as PEM, {root}; or take `anchors` out, where the certificate is one that \
             the whole world trusts: it stands instead of the system's roots, and not beside them",
            file.display()
        ),
        None if among(&AUTHORITIES, &shown.links()).is_some() => {
            "that authority is one that the whole world trusts: this machine's roots are too old \
             or too few; install or update its package ca-certificates, and the image of a \
             container with it"
                .to_owned()
        }
        None => format!("name with `anchors` a PEM file that has {root}"),
    }
}

/// The last certificate that the leaf leads to among those that came.
fn top(links: &[Link]) -> Option<&Link> {
    let mut top = links.first()?;
    for _ in links {
        match links.iter().find(|link| link.subject == top.issuer) {
            Some(next) => top = next,
            None => break,
        }
    }
    Some(top)
}

/// Why one thinks that it is not the server that answers, but a box that opens TLS on the way. Where
/// anchors of one's own stand instead of the system's roots, a public certificate is not known either.
fn opened((host, anchors): (&str, Option<&Path>), links: &[Link]) -> Option<String> {
    if let Some(product) = among(&BOXES, links) {
        return Some(format!("a box on the way ({product}) opens TLS"));
    }
    let is_public = PUBLIC.iter().any(|zone| host.ends_with(zone));
    (is_public && anchors.is_none() && among(&AUTHORITIES, links).is_none()).then(|| {
        "whoever runs this host has certificates that the whole world trusts, so a box on the way \
         opens TLS"
            .to_owned()
    })
}

/// The first of these words that is in the names of a chain.
fn among(words: &[&'static str], links: &[Link]) -> Option<&'static str> {
    let names = links.iter().flat_map(|link| [&link.subject, &link.issuer]);
    let mut names = names.map(|name| name.to_ascii_lowercase());
    names.find_map(|name| words.iter().find(|word| name.contains(*word)).copied())
}

fn links_of(links: &[Link]) -> String {
    count(links.len(), "certificate")
}

/// What certificates of such boxes are known to have in their names, in lower case.
const BOXES: [&str; 22] = [
    "zscaler",
    "netskope",
    "fortinet",
    "fortigate",
    "palo alto",
    "blue coat",
    "bluecoat",
    "symantec web",
    "umbrella",
    "forcepoint",
    "websense",
    "sophos",
    "check point",
    "barracuda",
    "watchguard",
    "sonicwall",
    "skyhigh",
    "mcafee",
    "kaspersky",
    "eset ssl",
    "mitmproxy",
    "squid",
];

/// Whom every system trusts that is not too old.
const AUTHORITIES: [&str; 8] = [
    "digicert",
    "microsoft",
    "baltimore",
    "globalsign",
    "google trust",
    "amazon",
    "isrg",
    "sectigo",
];

/// Where no certificate is of an authority of one's own.
const PUBLIC: [&str; 8] = [
    ".microsoftonline.com",
    ".microsoftonline.us",
    ".chinacloudapi.cn",
    ".azurehealthcareapis.com",
    ".azurehealthcareapis.us",
    ".windows.net",
    ".googleapis.com",
    ".amazonaws.com",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_on_the_way_is_known_by_its_name_or_by_the_host() {
        let link = |issuer: &str| Link {
            subject: "CN=server".to_owned(),
            issuer: issuer.to_owned(),
            not_before: SystemTime::UNIX_EPOCH,
            not_after: SystemTime::UNIX_EPOCH,
            hosts: Vec::new(),
            issuer_at: None,
        };
        let own = Some(Path::new("ca.pem"));
        for (host, anchors, issuer, is) in [
            ("dicom.example", own, "CN=Zscaler Intermediate Root CA", true),
            ("dicom.example", None, "CN=FortiGate CA,O=Fortinet", true),
            ("login.microsoftonline.com", None, "CN=Clinic", true),
            ("login.microsoftonline.com", own, "CN=Clinic", false),
            ("login.microsoftonline.com", None, "CN=DigiCert Global G2,O=DigiCert Inc", false),
            ("w-s.dicom.azurehealthcareapis.com", None, "CN=Clinic", true),
            ("dicom.example", None, "CN=Clinic", false),
            ("microsoftonline.com.example", None, "CN=Clinic", false),
        ] {
            let is_opened = opened((host, anchors), &[link(issuer)]).is_some();
            assert_eq!(is_opened, is, "{host} {issuer}");
        }
    }
}
