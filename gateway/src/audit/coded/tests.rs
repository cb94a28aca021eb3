use uuid::Uuid;

use super::super::entry::Principal;
use super::*;

/// Transaction, resource, method, where it acts; event, type, action; objects by their ID type.
type Row = (
    (&'static str, &'static str, &'static str, &'static str),
    (&'static str, &'static str, &'static str),
    &'static str,
);

/// All that [`crate::transaction::Resource::transaction`] lets through.
const TABLE: &[Row] = &[
    (("search", "studies", "GET", ""), ("110112", "", "E"), "10"),
    (("search", "studies", "HEAD", ""), ("110112", "", "E"), "10"),
    (("search", "searched", "GET", ""), ("110112", "", "E"), "10"),
    (("search", "searched", "GET", "study"), ("110112", "", "E"), "10 110180"),
    (("search", "searched", "HEAD", "series"), ("110112", "", "E"), "10 110180"),
    (("retrieve", "study", "GET", "study"), ("110104", "", "R"), "110180 2"),
    (("retrieve", "study", "HEAD", "study"), ("110104", "", "R"), "110180 2"),
    (("retrieve", "part", "GET", "series"), ("110104", "", "R"), "110180 2"),
    (("retrieve", "part", "GET", "instance"), ("110104", "", "R"), "110180 2"),
    (("retrieve", "metadata", "GET", "study"), ("110104", "", "R"), "110180 2"),
    (("retrieve", "frames", "GET", "instance"), ("110104", "", "R"), "110180 2"),
    (("retrieve", "rendered", "GET", "instance"), ("110104", "", "R"), "110180 2"),
    (("retrieve", "bulk-data", "GET", "instance"), ("110104", "", "R"), "110180 2"),
    (("retrieve", "by-query", "GET", ""), ("110104", "", "R"), "110180 2"),
    (("retrieve", "service", "OPTIONS", ""), ("110112", "", "E"), "10"),
    (("retrieve", "study", "OPTIONS", "study"), ("110112", "", "E"), "10 110180"),
    (("retrieve", "description", "GET", ""), ("110112", "", "E"), "10"),
    (("store", "studies", "POST", ""), ("110104", "", "C"), "110180 2"),
    (("store", "studies", "PUT", ""), ("110104", "", "C"), "110180 2"),
    (("store", "study", "POST", "study"), ("110104", "", "C"), "110180 2"),
    (("delete", "study", "DELETE", "study"), ("110105", "", "D"), "110180 2"),
    (("delete", "part", "DELETE", "series"), ("110103", "", "D"), "110180 2"),
    (("delete", "part", "DELETE", "instance"), ("110103", "", "D"), "110180 2"),
    (("worklist", "work-items", "GET", ""), ("110112", "", "E"), "10"),
    (("worklist", "work-items", "POST", ""), ("110111", "", "C"), "2"),
    (("worklist", "work-item", "GET", "item"), ("110111", "", "R"), "12 2"),
    (("worklist", "work-item", "POST", "item"), ("110111", "", "U"), "12 2"),
    (("worklist", "work-item-state", "PUT", "item"), ("110111", "", "U"), "12 2"),
    (("worklist", "work-item-request", "POST", "item"), ("110111", "", "U"), "12 2"),
    (("worklist", "subscription", "GET", "item"), ("110112", "", "E"), "10"),
    (("worklist", "subscription", "POST", "item"), ("110111", "", "C"), "12 2"),
    (("worklist", "subscription", "DELETE", "item"), ("110111", "", "D"), "12 2"),
    (("worklist", "notifications", "GET", ""), ("110112", "", "E"), "10"),
    (("manage", "bulk-update", "POST", ""), ("110103", "", "U"), "110180 2"),
    (("manage", "export", "POST", ""), ("110106", "", "R"), "2"),
    (("manage", "command", "POST", ""), ("110103", "", "U"), "110180 2"),
    (("manage", "administered", "GET", ""), ("110112", "", "E"), "10"),
    (("manage", "operation", "GET", ""), ("110112", "", "E"), "10"),
    (("manage", "tags", "GET", ""), ("110112", "", "E"), "10"),
    (("manage", "tags", "POST", ""), ("110113", "110131", "E"), "12"),
    (("manage", "tag", "GET", ""), ("110112", "", "E"), "10"),
    (("manage", "tag", "PATCH", ""), ("110113", "110131", "E"), "12"),
    (("manage", "tag", "DELETE", ""), ("110113", "110131", "E"), "12"),
    (("", "", "GET", ""), ("110113", "110132", "E"), "12"),
    (("", "study", "PATCH", "study"), ("110113", "110132", "E"), "12"),
];

const OUTCOMES: [Outcome; 4] =
    [Outcome::Success, Outcome::MinorFailure, Outcome::SeriousFailure, Outcome::MajorFailure];

fn entry(((transaction, resource, method, place), ..): &Row) -> Entry {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let within = |places: &[&str], uid: &str| places.contains(place).then(|| uid.to_owned());
    Entry {
        time: "2026-11-23T14:00:00.123Z".to_owned(),
        id: "0123456789abcdef".to_owned(),
        principal: Some(Principal {
            kind: "bearer".to_owned(),
            id: Some("user".to_owned()),
            issuer: Some("https://issuer.example".to_owned()),
            tenant: Some(Uuid::nil()),
            application: Some("viewer".to_owned()),
        }),
        address: "192.0.2.7".parse().ok(),
        route: Some("/dicom-web".to_owned()),
        origin: Some("origin.example:8443".to_owned()),
        client: Some("default".to_owned()),
        transaction: text(transaction),
        resource: text(resource),
        method: text(method),
        study: within(&["study", "series", "instance"], "1.2"),
        series: within(&["series", "instance"], "1.2.3"),
        instance: within(&["instance", "item"], "1.2.3.4"),
        status: Some(200),
        ..Entry::default()
    }
}

#[test]
fn each_transaction_has_its_event_and_its_objects_whatever_became_of_it() {
    for row in TABLE {
        for outcome in OUTCOMES {
            let entry = Entry { outcome, ..entry(row) };
            let coded = Coded::of(&entry, "gateway");
            let (_, (event, kind, action), objects) = row;
            assert_eq!(coded.event.code, *event, "{row:?}");
            assert_eq!(coded.kind.map_or("", |kind| kind.code), *kind, "{row:?}");
            assert_eq!(coded.action.code(), *action, "{row:?}");
            let types = coded.objects.iter().map(|object| object.id_type.code);
            let types = types.collect::<Vec<_>>().join(" ");
            assert_eq!(types, format!("{objects} XrequestId"), "{row:?}");
        }
    }
}

#[test]
fn each_message_has_the_participants_that_the_standard_counts() {
    for row in TABLE {
        let entry = entry(row);
        let coded = Coded::of(&entry, "gateway");
        let requestors = coded.participants.iter().filter(|one| one.requestor).count();
        let with = |role: &str| {
            let has = |one: &&Participant<'_>| one.role.is_some_and(|has| has.code == role);
            coded.participants.iter().filter(has).map(|one| one.part).collect::<Vec<_>>()
        };
        match row.1.0 {
            "110112" => {
                assert_eq!(
                    (with("110153"), with("110152")),
                    (vec![Part::Caller], vec![Part::Origin])
                );
            }
            "110104" if row.0.0 == "store" => {
                assert_eq!(
                    (with("110153"), with("110152")),
                    (vec![Part::Caller], vec![Part::Origin])
                );
            }
            "110104" => {
                assert_eq!(
                    (with("110153"), with("110152")),
                    (vec![Part::Origin], vec![Part::Caller])
                );
            }
            "110106" => {
                assert_eq!(with("110153"), [Part::Principal, Part::Gateway]);
                assert_eq!(with("110154"), [Part::Media]);
                let media = coded.participants.last().and_then(|one| one.access);
                assert_eq!(media, Some(AccessPoint::Uri(UNKNOWN)));
            }
            _ => assert_eq!(coded.participants.len(), 2, "{row:?}"),
        }
        assert_eq!(requestors, usize::from(row.1.0 != "110113"), "{row:?}");
        let principals = coded.participants.iter().filter(|one| one.part == Part::Principal);
        let told = principals.map(|one| (one.id.as_ref(), one.alternative)).collect::<Vec<_>>();
        assert_eq!(told, [("user", Some("https://issuer.example"))], "{row:?}");
    }
}

#[test]
fn who_proved_nothing_is_where_the_request_came_from() {
    for (address, id) in [(Some("192.0.2.7"), "192.0.2.7"), (None, "localhost")] {
        let address = address.and_then(|address| address.parse().ok());
        let entry = Entry { principal: None, address, ..entry(&TABLE[0]) };
        let coded = Coded::of(&entry, "gateway");
        let caller = &coded.participants[0];
        assert_eq!((caller.part, caller.id.as_ref(), caller.requestor), (Part::Caller, id, true));
        assert!(coded.participants.iter().all(|one| one.part != Part::Principal));
    }
}

#[test]
fn a_caller_without_proof_failed_to_authenticate() {
    let refused = |status, code: &str, blame: &str, outcome| Entry {
        status: Some(status),
        code: (!code.is_empty()).then(|| code.to_owned()),
        blame: (!blame.is_empty()).then(|| blame.to_owned()),
        outcome,
        ..entry(&TABLE[5])
    };
    let login = ("110114", Some("110122"));
    let retrieve = ("110104", None);
    for (entry, expected) in [
        (refused(401, "invalid-token", "caller", Outcome::SeriousFailure), login),
        (refused(401, "no-credentials", "caller", Outcome::SeriousFailure), login),
        (refused(429, "too-many-attempts", "caller", Outcome::SeriousFailure), login),
        (refused(400, "ambiguous-credentials", "caller", Outcome::MinorFailure), login),
        (refused(403, "not-permitted", "caller", Outcome::SeriousFailure), retrieve),
        (refused(429, "", "", Outcome::SeriousFailure), retrieve),
        (refused(401, "", "", Outcome::SeriousFailure), retrieve),
    ] {
        let coded = Coded::of(&entry, "gateway");
        let kind = coded.kind.map(|kind| kind.code);
        assert_eq!((coded.event.code, kind), expected, "{:?} {:?}", entry.status, entry.code);
    }
}

#[test]
fn what_the_gateway_does_itself_has_its_events() {
    for (event, expected, participants, objects) in [
        (Event::Start, ("110100", "110120"), 1, 1),
        (Event::Stop, ("110100", "110121"), 1, 1),
        (Event::Reload, ("110113", "110129"), 1, 2),
        (Event::Alert, ("110113", "110132"), 2, 2),
        (Event::EmergencyStart, ("110113", "110127"), 2, 2),
        (Event::EmergencyStop, ("110113", "110138"), 2, 2),
    ] {
        let somebody = matches!(event, Event::EmergencyStart | Event::EmergencyStop);
        let entry = Entry {
            event,
            principal: somebody.then(|| Principal {
                kind: "api_key".to_owned(),
                id: Some("night-shift".to_owned()),
                ..Principal::default()
            }),
            address: (event == Event::Alert).then(|| [192, 0, 2, 7].into()),
            emergency: somebody.then(|| "cardiac arrest".to_owned()),
            refusals: (event == Event::Alert).then_some(61),
            ..Entry::default()
        };
        let coded = Coded::of(&entry, "gateway");
        let kind = coded.kind.map_or("", |kind| kind.code);
        assert_eq!((coded.event.code, kind), expected);
        assert_eq!(coded.action, Action::Execute);
        assert_eq!((coded.participants.len(), coded.objects.len()), (participants, objects));
        let alert = coded.objects.first().and_then(|object| object.details.first());
        let told = alert.map(|(name, value)| (*name, value.as_ref()));
        match event {
            Event::Alert => {
                assert_eq!(told, Some(("Alert Description", "61 requests were refused")));
                assert_eq!(coded.objects[0].id, "192.0.2.7");
            }
            Event::EmergencyStart => {
                assert_eq!(told, Some(("Alert Description", "cardiac arrest")));
            }
            _ => {}
        }
    }
}

#[test]
fn an_origin_server_is_reached_by_name_or_address() {
    let name = |name: &'static str| AccessPoint::Name(name);
    let address = |address: &str| AccessPoint::Address(address.parse().unwrap());
    for (origin, access) in [
        ("origin.example:8443", name("origin.example")),
        ("origin.example", name("origin.example")),
        ("192.0.2.1:8443", address("192.0.2.1")),
        ("192.0.2.1", address("192.0.2.1")),
        ("[2001:db8::1]:8443", address("2001:db8::1")),
        ("[2001:db8::1]", address("2001:db8::1")),
    ] {
        let entry = Entry { origin: Some(origin.to_owned()), ..entry(&TABLE[0]) };
        let coded = Coded::of(&entry, "gateway");
        assert_eq!(coded.participants[1].access, Some(access), "{origin}");
    }
}

#[test]
fn the_request_tells_what_is_known_and_nothing_else() {
    let mut entry = entry(&TABLE[5]);
    entry.sent = Some(0);
    let coded = Coded::of(&entry, "gateway");
    let request = coded.objects.last().unwrap();
    let names = request.details.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let expected = [
        "Transaction",
        "Resource",
        "Method",
        "Route",
        "Origin",
        "Client",
        "PrincipalKind",
        "Application",
        "Tenant",
        "Status",
        "BytesSent",
    ];
    assert_eq!((request.id.as_ref(), names.as_slice()), ("0123456789abcdef", &expected[..]));
}

#[test]
fn a_failure_is_told_in_words_of_closed_lists() {
    let mut entry = entry(&TABLE[5]);
    assert_eq!(failure(&entry), None);
    entry.outcome = Outcome::MajorFailure;
    (entry.status, entry.code, entry.blame) =
        (Some(502), Some("origin-unreachable".into()), Some("origin".into()));
    assert_eq!(failure(&entry).as_deref(), Some("502 origin-unreachable (origin)"));
    assert_eq!(OUTCOMES.map(Outcome::indicator), ["0", "4", "8", "12"]);
}
