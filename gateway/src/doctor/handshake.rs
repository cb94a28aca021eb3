//! What a TLS handshake came to, in words.

use std::io;
use std::time::SystemTime;

use certs::Names;
use rustls::pki_types::CertificateDer;
use rustls::{AlertDescription, CertificateError, ClientConnection, Error, ProtocolVersion};

use super::finding::{Said, plain};
use super::life::{self, days};
use super::reach::Destination;

/// What a server showed.
pub(super) struct Shown<'d> {
    pub(super) to: &'d Destination<'d>,
    /// Leaf first; empty if it did not come to that.
    pub(super) chain: Vec<CertificateDer<'static>>,
}

/// Of a handshake that succeeded.
pub(super) fn good(shown: &Shown<'_>, connection: &ClientConnection) -> Said {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS 1.3",
    };
    let now = SystemTime::now();
    let issuer = shown.issuer();
    let Some(ends) = shown.leaf().and_then(|leaf| certs::not_after(leaf)) else {
        return Said::ok(format!("{version}, certificate of {issuer}")).fact("version", version);
    };
    let says = format!("{version}, certificate of {issuer}, {}", life::left(ends, now));
    let left = days(ends, now);
    let said = if left < SOON_DAYS {
        Said::warn(says, "whoever runs that server should have renewed its certificate by now")
    } else {
        Said::ok(says)
    };
    said.fact("version", version).fact("issuer", issuer).fact("days_left", left)
}

/// Of one that failed.
pub(super) fn bad(shown: &Shown<'_>, error: &io::Error) -> Said {
    let rustls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match rustls {
        Some(Error::InvalidCertificate(error)) => certificate(shown, error),
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
        Some(Error::AlertReceived(AlertDescription::CertificateRequired)) => Said::fail(
            "the server wants to see a certificate of ours",
            "that is asked of whoever connects there: leave it to `credential.tls_certificate`, or \
             have it switched off",
        ),
        Some(other) => Said::fail(
            format!("no TLS: {}", plain(&other.to_string())),
            "see what speaks TLS there: the server itself, or a box on the way",
        ),
        None => Said::fail(
            format!("the connection ended during the handshake: {}", plain(&error.to_string())),
            "a firewall that allows other names, or a server that speaks no TLS on this port, does \
             that",
        ),
    }
}

fn certificate(shown: &Shown<'_>, error: &CertificateError) -> Said {
    let host = shown.to.host;
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            let ends = shown.leaf().and_then(|leaf| certs::not_after(leaf));
            let when = ends.map_or_else(String::new, |ends| format!(" {}", life::date(ends)));
            Said::fail(
                format!("its certificate ended{when}, or one of its chain did"),
                "whoever runs that server has to renew it; unless this machine's clock is ahead",
            )
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Said::fail(
            "its certificate is not valid yet",
            "this machine's clock is behind: set it (NTP); else whoever runs that server has to \
             wait",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            let names = shown.leaf().and_then(Names::of).map_or_else(Vec::new, |names| names.dns);
            let names = match names.as_slice() {
                [] => "other names".to_owned(),
                [..] => plain(&names.join(", ")),
            };
            Said::fail(
                format!("its certificate is for {names}, and not for {host}"),
                format!(
                    "write the name that it is for in {}; or this is another server than you think",
                    shown.to.key
                ),
            )
        }
        CertificateError::UnknownIssuer => untrusted(shown),
        other => Said::fail(
            format!("its certificate is not good: {}", plain(&other.to_string())),
            "whoever runs that server has to have it issued anew",
        ),
    }
}

fn untrusted(shown: &Shown<'_>) -> Said {
    let issuer = shown.issuer();
    let remedy = match shown.to.anchors_file {
        Some(file) => format!(
            "{} does not have the root of that chain: put it there, as PEM, or take `anchors` out \
             where the certificate is one that the whole world trusts. The server has to send the \
             certificates between as well",
            file.display()
        ),
        None => {
            "if the service has a certificate authority of its own, or a box on the way opens TLS, \
                 name that root with `anchors`, as PEM; if neither should be so, do not trust what \
                 answers there"
                .to_owned()
        }
    };
    Said::fail(
        format!("its certificate, issued by {issuer}, leads to no root that is trusted"),
        remedy,
    )
    .fact("issuer", issuer)
}

impl Shown<'_> {
    fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    fn issuer(&self) -> String {
        let issuer = self.leaf().and_then(|leaf| certs::issuer(leaf));
        issuer.map_or_else(|| "nobody known".to_owned(), |issuer| plain(&issuer))
    }
}

/// Public certificates are renewed a month before their end; those of short life, half-way.
const SOON_DAYS: i64 = 7;
