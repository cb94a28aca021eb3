use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use http::HeaderMap;
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::audit::entry::{self, Entry, Event};
use crate::caller::User;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn a_line_is_what_serde_would_write_and_is_read_again(said in said()) {
        let stamp = Stamp::default();
        let trace = Trace::of(&HeaderMap::new());
        let mut line = Vec::new();
        said.line(&trace, |it| it.write(&stamp, &mut line));

        let json = line.strip_suffix(b"\n").expect("a line");
        let read = serde_json::from_slice::<Entry>(json).expect("an entry");
        let expected = said.entry(&trace, read.time.clone());
        prop_assert_eq!(String::from_utf8_lossy(json), serde_json::to_string(&expected).unwrap());
        prop_assert!(read == expected);
        prop_assert_eq!(humantime::format_rfc3339_millis(
            humantime::parse_rfc3339(&read.time).expect("a time")).to_string(), read.time);
    }
}

#[test]
fn what_callers_say_is_cut_between_two_characters() {
    let long = "ä".repeat(200);
    let cut = bounded(&long);
    assert_eq!((cut.len(), cut.chars().count()), (256, 128));
    assert_eq!(bounded(&("x".to_owned() + &long)).len(), 255);
    assert_eq!(bounded("short"), "short");
}

#[test]
fn every_octet_that_needs_it_is_escaped_wherever_it_stands() {
    for octet in 0..=0x7f_u8 {
        for before in 0..20 {
            let text =
                "é~".repeat(before) + &String::from(char::from(octet)) + "é}".repeat(9).as_str();
            let mut written = vec![b'"'];
            escape(&mut written, &text);
            written.push(b'"');
            assert_eq!(String::from_utf8_lossy(&written), serde_json::to_string(&text).unwrap());
        }
    }
}

#[test]
fn writing_a_line_allocates_nothing() {
    let said = Said::of_a_viewer();
    let (stamp, trace) = (Stamp::default(), Trace::of(&HeaderMap::new()));
    let mut buffer = Vec::with_capacity(16 << 10);
    said.line(&trace, |line| {
        line.write(&stamp, &mut buffer);
        buffer.clear();
        let seen = allocation_counter::measure(|| line.write(&stamp, &mut buffer));
        assert_eq!(seen.count_total, 0);
        assert!(buffer.len() > 500, "{}", buffer.len());
    });
}

#[test]
#[ignore = "for callgrind, which counts instructions"]
fn a_thousand_lines() {
    let said = Said::of_a_viewer();
    let (stamp, trace) = (Stamp::default(), Trace::of(&HeaderMap::new()));
    let mut buffer = Vec::with_capacity(16 << 10);
    said.line(&trace, |line| {
        for _ in 0..1_000 {
            buffer.clear();
            write(std::hint::black_box(line), &stamp, &mut buffer);
        }
    });
}

/// A function of its own, for callgrind to find.
#[inline(never)]
fn write(line: &Line<'_>, stamp: &Stamp, buffer: &mut Vec<u8>) {
    line.write(stamp, buffer);
}

/// What there is to tell.
#[derive(Clone, Debug)]
struct Said {
    id: u64,
    outcome: usize,
    /// Kind, id, issuer, tenant, application.
    principal: Option<(u8, String, String, Option<u128>, String)>,
    address: Option<IpAddr>,
    /// Route, origin server, client.
    configured: (String, String, String),
    used_client: bool,
    what: (Option<usize>, Option<Resource>, &'static str),
    uids: [Option<String>; 4],
    status: u16,
    blame: Option<usize>,
    counted: (u64, u64, u64),
    vouched: bool,
    emergency: Option<String>,
}

impl Said {
    /// Of the size that a viewer's requests have.
    fn of_a_viewer() -> Self {
        let uid = |end| {
            Some(format!("1.3.6.1.4.1.14519.5.2.1.6279.6001.29880613728863345324697563{end}"))
        };
        Self {
            id: 0x0123_4567_89ab_cdef,
            outcome: 0,
            principal: Some((
                0,
                "0f8fad5b-d9cb-469f-a165-70867728950e".into(),
                "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"
                    .into(),
                Some(7),
                "a0ee5d8f-4b2c-4d1e-9f7a-8c6b5d4e3f2a".into(),
            )),
            address: Some(Ipv4Addr::new(192, 0, 2, 17).into()),
            configured: ("/dicom-web".into(), "workspace.dicom.example".into(), "default".into()),
            used_client: true,
            what: (Some(1), Some(Resource::Frames), "GET"),
            uids: [None, uid(1), uid(2), uid(3)],
            status: 200,
            blame: None,
            counted: (0, 524_288, 12_345),
            vouched: false,
            emergency: None,
        }
    }

    fn line(&self, trace: &Trace, tell: impl FnOnce(&Line<'_>)) {
        let principal =
            self.principal.clone().map(|(kind, id, issuer, tenant, application)| match kind {
                0 => {
                    let tenant = tenant.map(Uuid::from_u128);
                    let user = User::of(id, issuer, tenant, application);
                    Principal::Bearer(Arc::new(user))
                }
                _ => Principal::ApiKey(id.into()),
            });
        let (route, origin, client) = &self.configured;
        let [partition, study, series, instance] = self.uids.each_ref().map(Option::as_deref);
        tell(&Line {
            id: self.id,
            outcome: OUTCOMES[self.outcome],
            principal: principal.as_ref(),
            address: self.address,
            pieces: &Pieces::new(route, origin, client),
            used_client: self.used_client,
            transaction: self.what.0.map(|index| Transaction::ALL[index]),
            resource: self.what.1,
            method: &self.what.2.parse().expect("a method"),
            uids: Uids { partition, study, series, instance },
            status: StatusCode::from_u16(self.status).expect("a status"),
            blame: self.blame.map(|index| (Blame::ALL[index], "not-permitted")),
            received: self.counted.0,
            sent: self.counted.1,
            duration: Duration::from_micros(self.counted.2),
            trace,
            vouched: self.vouched,
            emergency: self.emergency.as_deref(),
        });
    }

    fn entry(&self, trace: &Trace, time: String) -> Entry {
        let cut = |text: &String| {
            let mut text = text.clone();
            while text.len() > 256 {
                text.pop();
            }
            text
        };
        let (route, origin, client) = self.configured.clone();
        let [partition, study, series, instance] =
            self.uids.each_ref().map(|uid| uid.as_ref().map(cut));
        let principal = self.principal.as_ref().map(|(kind, id, issuer, tenant, application)| {
            let is_bearer = *kind == 0;
            entry::Principal {
                kind: if is_bearer { "bearer" } else { "api_key" }.into(),
                id: Some(cut(id)),
                issuer: is_bearer.then(|| cut(issuer)),
                tenant: tenant.filter(|_| is_bearer).map(Uuid::from_u128),
                application: Some(cut(application)).filter(|it| is_bearer && !it.is_empty()),
            }
        });
        Entry {
            time,
            id: format!("{:016x}", self.id),
            event: Event::Transaction,
            outcome: OUTCOMES[self.outcome],
            principal,
            address: self.address,
            route: Some(route),
            origin: Some(origin),
            client: self.used_client.then_some(client),
            transaction: self.what.0.map(|index| Transaction::ALL[index].name().into()),
            resource: self.what.1.map(|resource| resource.name().into()),
            method: Some(self.what.2.to_owned()).filter(|method| method != "FROBNICATE"),
            partition,
            study,
            series,
            instance,
            status: Some(self.status),
            blame: self.blame.map(|index| Blame::ALL[index].name().into()),
            code: self.blame.map(|_| "not-permitted".into()),
            received: Some(self.counted.0),
            sent: Some(self.counted.1),
            duration_us: Some(self.counted.2),
            trace_id: String::from_utf8(trace.digits().to_vec()).ok(),
            vouched: self.vouched,
            emergency: self.emergency.clone(),
            ..Entry::default()
        }
    }
}

/// Texts of whatever a caller might think of, some of them too long.
fn said() -> impl Strategy<Value = Said> {
    let text = || {
        let odd = prop::sample::select(vec![
            '"', '\\', '\n', '\u{0}', '\u{1f}', '\u{7f}', '\u{2028}', '/',
        ]);
        let any = prop::collection::vec(prop_oneof![any::<char>(), odd], 0..100);
        any.prop_map(|chars| chars.into_iter().collect::<String>())
    };
    let principal = (0..2u8, text(), text(), option::of(any::<u128>()), text());
    let address = prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
        any::<u128>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        prop::sample::select(vec!["::1", "2001:db8::", "fe80::1"])
            .prop_map(|text| text.parse().expect("an address")),
    ];
    let resource =
        prop::sample::select(vec![Resource::Studies, Resource::Frames, Resource::Export]);
    let method = prop::sample::select(vec!["GET", "HEAD", "POST", "PATCH", "FROBNICATE"]);
    let what = (option::of(0..Transaction::ALL.len()), option::of(resource), method);
    let first = (any::<u64>(), 0..4usize, option::of(principal), option::of(address));
    let second = ((text(), text(), text()), any::<bool>(), what);
    let uids = (option::of(text()), option::of(text()), option::of(text()), option::of(text()));
    let third = (uids, 100..600u16, option::of(0..Blame::ALL.len()));
    let fourth = ((any::<u64>(), any::<u64>(), any::<u64>()), any::<bool>(), option::of(text()));
    (first, second, third, fourth).prop_map(|(first, second, third, fourth)| Said {
        id: first.0,
        outcome: first.1,
        principal: first.2,
        address: first.3,
        configured: second.0,
        used_client: second.1,
        what: second.2,
        uids: third.0.into(),
        status: third.1,
        blame: third.2,
        counted: fourth.0,
        vouched: fourth.1,
        emergency: fourth.2,
    })
}

const OUTCOMES: [Outcome; 4] =
    [Outcome::Success, Outcome::MinorFailure, Outcome::SeriousFailure, Outcome::MajorFailure];
