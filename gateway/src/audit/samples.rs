//! One record of each kind, for tests and for the page that shows them.

use super::entry::{Entry, Event, Outcome, Principal};

/// All of them, each with what it shows.
pub(crate) fn samples() -> Vec<(&'static str, Entry)> {
    vec![
        ("A search", Entry { sent: Some(5210), ..transaction("search", "studies", "GET") }),
        ("A retrieval", retrieval()),
        (
            "A store",
            Entry {
                received: Some(52_430_112),
                sent: Some(804),
                ..transaction("store", "studies", "POST")
            },
        ),
        (
            "A deletion",
            Entry {
                study: Some(STUDY.to_owned()),
                status: Some(204),
                ..transaction("delete", "study", "DELETE")
            },
        ),
        (
            "A work item",
            Entry {
                instance: Some("1.2.826.0.1.3680043.8.498.7".to_owned()),
                received: Some(311),
                ..transaction("worklist", "work-item-state", "PUT")
            },
        ),
        (
            "A command to the service",
            Entry {
                received: Some(92),
                status: Some(202),
                ..transaction("manage", "export", "POST")
            },
        ),
        (
            "A caller that was not believed",
            Entry {
                principal: None,
                client: None,
                ..failed(retrieval(), (Outcome::SeriousFailure, 401, "caller", "no-credentials"))
            },
        ),
        (
            "A caller that may not",
            failed(retrieval(), (Outcome::SeriousFailure, 403, "caller", "not-permitted")),
        ),
        (
            "An origin server that failed",
            failed(retrieval(), (Outcome::MajorFailure, 502, "origin", "origin-unreachable")),
        ),
        ("A retrieval in an emergency", Entry { emergency: reason(), ..retrieval() }),
        (
            "An emergency that was asserted",
            Entry { event: Event::EmergencyStart, ..of_emergency() },
        ),
        ("An emergency that is over", Entry { event: Event::EmergencyStop, ..of_emergency() }),
        (
            "Refusals again and again",
            Entry {
                event: Event::Alert,
                outcome: Outcome::SeriousFailure,
                address: "192.0.2.66".parse().ok(),
                refusals: Some(60),
                ..bare()
            },
        ),
        ("The gateway serves", Entry { event: Event::Start, version: version(), ..bare() }),
        ("The gateway serves another configuration", Entry { event: Event::Reload, ..bare() }),
        ("The gateway ends", Entry { event: Event::Stop, version: version(), ..bare() }),
    ]
}

/// A transaction that went well.
pub(crate) fn transaction(transaction: &str, resource: &str, method: &str) -> Entry {
    Entry {
        principal: Some(Principal {
            kind: "bearer".to_owned(),
            id: Some("6f1c0d2e-0000-4000-8000-00000000000a".to_owned()),
            issuer: Some(
                "https://login.microsoftonline.com/7f58e645-0000-4000-8000-000000000001/v2.0"
                    .to_owned(),
            ),
            tenant: "7f58e645-0000-4000-8000-000000000001".parse().ok(),
            application: Some("a3b1c5d7-0000-4000-8000-00000000000b".to_owned()),
        }),
        address: "192.0.2.17".parse().ok(),
        route: Some("/dicom-web".to_owned()),
        origin: Some("dicom.hospital.example:443".to_owned()),
        client: Some("default".to_owned()),
        transaction: Some(transaction.to_owned()),
        resource: Some(resource.to_owned()),
        method: Some(method.to_owned()),
        status: Some(200),
        received: Some(0),
        sent: Some(0),
        duration_us: Some(41_250),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        ..bare()
    }
}

fn retrieval() -> Entry {
    Entry {
        study: Some(STUDY.to_owned()),
        series: Some(format!("{STUDY}.1")),
        instance: Some(format!("{STUDY}.1.1")),
        sent: Some(526_412),
        ..transaction("retrieve", "part", "GET")
    }
}

fn failed(entry: Entry, (outcome, status, blame, code): (Outcome, u16, &str, &str)) -> Entry {
    Entry {
        outcome,
        status: Some(status),
        blame: Some(blame.to_owned()),
        code: Some(code.to_owned()),
        sent: Some(230),
        ..entry
    }
}

fn of_emergency() -> Entry {
    let Entry { principal, address, route, .. } = retrieval();
    Entry { principal, address, route, emergency: reason(), ..bare() }
}

fn bare() -> Entry {
    Entry {
        time: "2026-11-23T14:00:00.123Z".to_owned(),
        id: "9f86d081884c7d65".to_owned(),
        ..Entry::default()
    }
}

fn reason() -> Option<String> {
    Some("unconscious, trauma room 2".to_owned())
}

fn version() -> Option<String> {
    Some("0.1.0".to_owned())
}

const STUDY: &str = "1.2.826.0.1.3680043.8.498.1";
