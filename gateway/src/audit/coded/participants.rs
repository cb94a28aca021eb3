//! Who took part in what a record is about.

use std::borrow::Cow;
use std::net::IpAddr;

use super::codes::*;
use super::{Action, Entry, UNKNOWN};

/// Who took part (`ActiveParticipant`).
pub(crate) struct Participant<'e> {
    /// In what part.
    pub part: Part,
    /// Who that is (`UserID`); never empty.
    pub id: Cow<'e, str>,
    /// Who says so, or by which right (`AlternativeUserID`): a token's issuer, the gateway's client.
    pub alternative: Option<&'e str>,
    /// Whether it asked for what happened.
    pub requestor: bool,
    /// `RoleIDCode`.
    pub role: Option<Code>,
    /// `NetworkAccessPointID` and its type.
    pub access: Option<AccessPoint<'e>>,
    /// `MediaType`, of media alone.
    pub media: Option<Code>,
}

/// The parts that there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Part {
    /// Who stands behind the request, as was proved.
    Principal,
    /// The application that called, as far as it is known: else where it called from.
    Caller,
    /// This gateway.
    Gateway,
    /// The origin server.
    Origin,
    /// Where data went that left the origin server by another way.
    Media,
}

/// Where somebody is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum AccessPoint<'e> {
    /// By a machine's name.
    Name(&'e str),
    /// By an address.
    Address(IpAddr),
    /// By a URI.
    Uri(&'e str),
}

/// Who took part, in the number and the roles that PS3.15 has in its tables of section A.5.3.
pub(super) fn of<'e>(
    entry: &'e Entry,
    event: Code,
    action: Action,
    source: &'e str,
) -> Vec<Participant<'e>> {
    match event {
        QUERY => exchange(entry, source, (SOURCE, DESTINATION)),
        INSTANCES_TRANSFERRED if action == Action::Create => {
            exchange(entry, source, (SOURCE, DESTINATION))
        }
        INSTANCES_TRANSFERRED => exchange(entry, source, (DESTINATION, SOURCE)),
        EXPORT => vec![
            Participant { role: Some(SOURCE), ..user(entry) },
            Participant { role: Some(SOURCE), ..gateway(entry, source) },
            media(),
        ],
        // Who is reported is nobody's requestor, says section A.5.3.11.
        SECURITY_ALERT if entry.address.is_some() || entry.principal.is_some() => {
            vec![gateway(entry, source), Participant { requestor: false, ..user(entry) }]
        }
        SECURITY_ALERT | APPLICATION_ACTIVITY => vec![gateway(entry, source)],
        _ => vec![user(entry), gateway(entry, source)],
    }
}

/// The same in no role of DICOM's in particular: caller, origin server, principal, and the gateway.
pub(crate) fn everyone<'e>(entry: &'e Entry, source: &'e str) -> Vec<Participant<'e>> {
    exchange(entry, source, (SOURCE, DESTINATION))
}

/// Data or a question went between caller and origin server, in these roles; others are told after
/// them.
fn exchange<'e>(
    entry: &'e Entry,
    source: &'e str,
    (caller_is, origin_is): (Code, Code),
) -> Vec<Participant<'e>> {
    let principal = principal(entry);
    let caller =
        Participant { requestor: principal.is_none(), role: Some(caller_is), ..caller(entry) };
    let origin = Participant { role: Some(origin_is), ..origin(entry) };
    let mut all = vec![caller, origin];
    all.extend(principal);
    all.push(gateway(entry, source));
    all
}

/// The one participant that stands for who asked: the principal, or the caller where none is known.
fn user(entry: &Entry) -> Participant<'_> {
    principal(entry).unwrap_or_else(|| caller(entry))
}

fn principal(entry: &Entry) -> Option<Participant<'_>> {
    let principal = entry.principal.as_ref()?;
    let id = principal.id.as_deref().or(principal.application.as_deref())?;
    Some(Participant {
        alternative: principal.issuer.as_deref(),
        requestor: true,
        access: Some(access(entry)),
        ..participant(Part::Principal, id)
    })
}

fn caller(entry: &Entry) -> Participant<'_> {
    let application = entry.principal.as_ref().and_then(|known| known.application.as_deref());
    let id = match (application, entry.address) {
        (Some(application), _) => Cow::Borrowed(application),
        (None, Some(address)) => Cow::Owned(address.to_string()),
        (None, None) => Cow::Borrowed(LOCAL),
    };
    let access = Some(access(entry));
    Participant { requestor: true, access, ..participant(Part::Caller, id) }
}

/// Who comes without an address comes by a Unix socket.
fn access(entry: &Entry) -> AccessPoint<'_> {
    entry.address.map_or(AccessPoint::Name(LOCAL), AccessPoint::Address)
}

fn gateway<'e>(entry: &'e Entry, source: &'e str) -> Participant<'e> {
    Participant {
        alternative: entry.client.as_deref(),
        role: Some(APPLICATION),
        ..participant(Part::Gateway, source)
    }
}

fn origin(entry: &Entry) -> Participant<'_> {
    let authority = entry.origin.as_deref().unwrap_or(UNKNOWN);
    let access = entry.origin.as_deref().map(|authority| {
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        bare.parse().map_or(AccessPoint::Name(host), AccessPoint::Address)
    });
    Participant { access, ..participant(Part::Origin, authority) }
}

/// The request's body says where the data goes, and nobody here reads that.
fn media() -> Participant<'static> {
    let role = Some(DESTINATION_MEDIA);
    // What is no physical medium has to have one (section A.5.3.5).
    let access = Some(AccessPoint::Uri(UNKNOWN));
    Participant { role, access, media: Some(MEDIA_URI), ..participant(Part::Media, UNKNOWN) }
}

fn participant<'e>(part: Part, id: impl Into<Cow<'e, str>>) -> Participant<'e> {
    Participant {
        part,
        id: id.into(),
        alternative: None,
        requestor: false,
        role: None,
        access: None,
        media: None,
    }
}

/// A caller by a Unix socket.
const LOCAL: &str = "localhost";
