//! What a TLS handshake came to, in words.

use std::io;
use std::time::SystemTime;

use certs::Link;
use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, ClientConnection, Error, ProtocolVersion};

use super::finding::{Said, plain};
use super::life::{self, days};
use super::reach::Destination;
use super::trust;

/// What a server showed.
pub(super) struct Shown<'d> {
    pub(super) to: &'d Destination<'d>,
    /// Leaf first; empty if it did not come to that.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// Whether it asked for a certificate of ours.
    pub(super) asked: bool,
}

/// Of a handshake that succeeded.
pub(super) fn good(shown: &Shown<'_>, connection: &ClientConnection) -> Said {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    let now = SystemTime::now();
    let (issuer, links) = (shown.issuer(), shown.links());
    let Some(leaf) = links.first() else {
        return Said::ok(format!("{version}, certificate of {issuer}")).fact("version", version);
    };
    let chain = links.len();
    let says = format!(
        "{version}, certificate of {issuer}, {}, chain of {chain}",
        life::left(leaf.not_after, now)
    );
    let first = links.iter().min_by_key(|link| link.not_after).unwrap_or(leaf);
    let left = days(first.not_after, now);
    let between = || format!("{says}, of which that of {}", plain(&first.subject));
    let said = if first.not_after < now {
        // The way to the root does without it, or there would be no connection.
        Said::warn(
            format!("{} {}", between(), life::left(first.not_after, now)),
            "the gateway does not need that one, others may: have it taken out of the chain, or \
             renewed",
        )
    } else if left < SOON_DAYS && first.not_after < leaf.not_after {
        Said::warn(
            format!("{} has {}", between(), life::left(first.not_after, now)),
            "whoever runs that server has to put the newer one of that authority into its chain",
        )
    } else if left < SOON_DAYS {
        Said::warn(says, "whoever runs that server should have renewed its certificate by now")
    } else {
        Said::ok(says)
    };
    said.fact("version", version)
        .fact("issuer", issuer)
        .fact("days_left", left)
        .fact("chain", chain)
        .fact("first_end", life::date(first.not_after))
}

/// Of one that failed.
pub(super) fn bad(shown: &Shown<'_>, error: &io::Error) -> Said {
    let rustls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match rustls {
        Some(Error::InvalidCertificate(error)) => trust::broken(shown, error),
        Some(Error::AlertReceived(alert)) if shown.asked && is_of_ours(*alert) => ours(shown),
        Some(Error::InvalidMessage(_)) => Said::fail(
            "what answers there speaks no TLS",
            format!(
                "the port is one for plain HTTP, or of another service: see the port in {}",
                shown.to.key
            ),
        ),
        Some(
            Error::PeerIncompatible(_)
            | Error::AlertReceived(
                AlertDescription::ProtocolVersion
                | AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity,
            ),
        ) => Said::fail(
            "it speaks neither TLS 1.2 nor 1.3, or no cipher of theirs that is safe",
            "the server, or a box that opens TLS on the way, is too old: have TLS 1.2 with ECDHE \
             and AES-GCM, or TLS 1.3, switched on there",
        ),
        Some(Error::AlertReceived(AlertDescription::UnrecognisedName)) => Said::fail(
            "the server does not know the name that it was asked for",
            format!("look for a slip in the host of `{}`", shown.to.key),
        ),
        Some(other) => Said::fail(
            format!("no TLS: {}", plain(&other.to_string())),
            "see what speaks TLS there: the server itself, or a box on the way",
        ),
        None if shown.asked => ours(shown),
        None => Said::fail(
            format!("the connection ended during the handshake: {}", plain(&error.to_string())),
            "a firewall that allows other names, or a server that speaks no TLS on this port, does \
             that",
        ),
    }
}

/// Whether the other side said why it ends the connection.
pub(super) fn is_alert(error: &io::Error) -> bool {
    let rustls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    matches!(rustls, Some(Error::AlertReceived(_)))
}

/// Whether such an alert is about a client's certificate, where one was asked for. Many a server of
/// TLS 1.2 says of one that is missing that the handshake failed (RFC 5246, section 7.4.6).
fn is_of_ours(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::HandshakeFailure
            | AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
    )
}

/// A server that wants to see another certificate of ours, or any.
fn ours(shown: &Shown<'_>) -> Said {
    if shown.to.presented.is_some() {
        return Said::fail(
            "the server does not take the certificate of ours that it asks for",
            "see whether that of `credential.tls_certificate` is the one that is registered there, \
             has not ended, and has its chain in its file",
        );
    }
    let remedy = match shown.to.is_authority {
        true => {
            "whoever connects there has to show one: name it in `credential.tls_certificate`, or \
             have that switched off"
        }
        false => {
            "whoever connects there has to show one, and the gateway shows its own to authorities \
             only: have that switched off for it"
        }
    };
    Said::fail("the server wants to see a certificate of ours", remedy)
}

impl Shown<'_> {
    /// The certificates that can be read.
    pub(super) fn links(&self) -> Vec<Link> {
        self.chain.iter().filter_map(|one| Link::of(one)).collect()
    }

    /// Who issued the leaf.
    pub(super) fn issuer(&self) -> String {
        let issuer = self.chain.first().and_then(|leaf| Link::of(leaf));
        issuer.map_or_else(|| "nobody known".to_owned(), |leaf| plain(&leaf.issuer))
    }
}

/// Public certificates are renewed a month before their end; those of short life, half-way.
const SOON_DAYS: i64 = 7;
