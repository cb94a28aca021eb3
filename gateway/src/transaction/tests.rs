use http::Request;
use proptest::prelude::*;

use super::*;
use crate::wire::{self, Rules};

use Transaction::{Delete, Manage, Retrieve, Search, Store, Worklist};

/// Every route of the Azure service and of PS3.18: its path, and what each method asks for.
const TABLE: &[(&str, &[(&str, Transaction)])] = &[
    ("/studies", &[("GET", Search), ("POST", Store), ("PUT", Store)]),
    ("/series", &[("GET", Search)]),
    ("/instances", &[("GET", Search)]),
    ("/studies/1.2/series", &[("GET", Search)]),
    ("/studies/1.2/instances", &[("GET", Search)]),
    ("/studies/1.2/series/3/instances", &[("GET", Search)]),
    ("/studies/1.2", &[("GET", Retrieve), ("POST", Store), ("PUT", Store), ("DELETE", Delete)]),
    ("/studies/1.2/series/3", &[("GET", Retrieve), ("DELETE", Delete)]),
    ("/studies/1.2/series/3/instances/4", &[("GET", Retrieve), ("DELETE", Delete)]),
    ("/studies/1.2/series/3/instances/4/frames/1", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/frames/1,2,30", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/frames/1%2C2", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/frames/1/rendered", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/frames/1/thumbnail", &[("GET", Retrieve)]),
    ("/studies/1.2/metadata", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/metadata", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/metadata", &[("GET", Retrieve)]),
    ("/studies/1.2/rendered", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/rendered", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/rendered", &[("GET", Retrieve)]),
    ("/studies/1.2/thumbnail", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/thumbnail", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/thumbnail", &[("GET", Retrieve)]),
    ("/studies/1.2/bulkdata", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/bulkdata", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/bulkdata/7FE00010", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/bulk/00880200/1/00281201", &[("GET", Retrieve)]),
    ("/studies/1.2/pixeldata", &[("GET", Retrieve)]),
    ("/studies/1.2/series/3/instances/4/pixeldata", &[("GET", Retrieve)]),
    ("/studies/$bulkUpdate", &[("POST", Manage)]),
    ("/studies/%24bulkUpdate", &[("POST", Manage)]),
    ("/workitems", &[("GET", Worklist), ("POST", Worklist)]),
    ("/workitems/1.2", &[("GET", Worklist), ("POST", Worklist)]),
    ("/workitems/1.2/state", &[("PUT", Worklist)]),
    ("/workitems/1.2/cancelrequest", &[("POST", Worklist)]),
    (
        "/workitems/1.2/subscribers/AE%20TITLE",
        &[("GET", Worklist), ("POST", Worklist), ("DELETE", Worklist)],
    ),
    ("/workitems/1.2/subscribers/AET/suspend", &[("POST", Worklist)]),
    ("/export", &[("POST", Manage)]),
    ("/changefeed", &[("GET", Manage)]),
    ("/changefeed/latest", &[("GET", Manage)]),
    ("/extendedquerytags", &[("GET", Manage), ("POST", Manage)]),
    (
        "/extendedquerytags/00101002.00100020",
        &[("GET", Manage), ("DELETE", Manage), ("PATCH", Manage)],
    ),
    ("/extendedquerytags/PatientAge/errors", &[("GET", Manage)]),
    ("/operations/0123456789abcdef0123456789abcdef", &[("GET", Manage)]),
    ("/partitions", &[("GET", Manage)]),
    ("/api.json", &[("GET", Retrieve)]),
    ("/api.yaml", &[("GET", Retrieve)]),
    ("", &[]),
    ("/", &[]),
];

/// What a path names whatever is asked of it.
fn resource(path: &str) -> Option<Resource> {
    super::resource(path, None)
}

const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

#[test]
fn every_method_on_every_resource_has_its_class_or_is_refused() {
    for (path, expected) in TABLE {
        let resource = resource(path).unwrap_or_else(|| panic!("{path} is unknown"));
        for method in METHODS {
            let expected = expected.iter().find(|(m, _)| *m == method).map(|(_, class)| *class);
            let actual = resource.transaction(&method.parse().expect("a method")).ok();
            assert_eq!(actual, expected, "{method} {path}");
            assert_eq!(resource.methods().split(", ").any(|m| m == method), expected.is_some());
        }
        assert_eq!(resource.transaction(&Method::OPTIONS).ok(), Some(Retrieve), "{path}");
    }
}

#[test]
fn the_azure_routes_that_lie_in_partitions_do_and_no_others() {
    for (path, expected) in TABLE {
        let inside = resource(&format!("/partitions/site_1.a-b{path}"));
        let outside = ["/changefeed", "/extended", "/operations", "/partitions", "/api"];
        if expected.is_empty() || outside.iter().any(|prefix| path.starts_with(prefix)) {
            assert_eq!(inside, None, "{path}");
        } else {
            assert_eq!(inside, resource(path), "{path}");
        }
    }
}

#[test]
fn a_query_of_wado_uri_names_an_object_where_the_service_itself_is() {
    let of = |path: &str, query: &str| super::resource(path, Some(query));
    let uids = "studyUID=1.2&seriesUID=1.2.3&objectUID=1.2.3.4";
    for path in ["", "/", "/wado"] {
        for kind in ["requestType=WADO", "requesttype=WADO", "request%54ype=WAD%4F"] {
            let found = of(path, &format!("{kind}&{uids}")).expect("known");
            assert_eq!(found.transaction(&Method::GET).ok(), Some(Retrieve), "{path} {kind}");
            assert!(found.transaction(&Method::POST).is_err(), "{path} {kind}");
        }
        for no in ["", "requestType=", "requestType=STOW", "requestType=WADO&requestType=OTHER"] {
            assert_ne!(of(path, &format!("{no}&{uids}")), Some(Resource::ByQuery), "{path} {no}");
        }
    }
    assert_eq!(of("/wado", uids), None);
    assert_eq!(of("/studies", "requestType=WADO"), Some(Resource::Studies));
}

#[test]
fn leave_to_store_is_never_leave_to_update_in_bulk() {
    for path in
        ["/studies/$bulkUpdate", "/studies/%24bulkUpdate", "/partitions/p/studies/$bulkUpdate"]
    {
        let resource = resource(path).expect("known");
        assert_eq!(resource.transaction(&Method::POST).ok(), Some(Manage), "{path}");
    }
    for path in ["/studies/$bulkupdate", "/studies/$BulkUpdate", "/studies/$other"] {
        assert_eq!(resource(path), None, "{path}");
    }
}

#[test]
fn what_is_no_dicomweb_is_unknown() {
    let long = format!("/studies/{}", "1".repeat(65));
    for path in [
        "/Studies",
        "/studies/",
        "/studies/1.2/",
        "/studies/1_2",
        "/studies/..",
        "/studies/1.2/frames/1",
        "/studies/1.2/series/3/frames/1",
        "/studies/1.2/series/3/instances/4/frames/",
        "/studies/1.2/series/3/instances/4/frames/1,",
        "/studies/1.2/series/3/instances/4/frames/-1",
        "/studies/1.2/series/3/instances/4/frames/1,2/rendered/x",
        "/studies/1.2/other",
        "/workitems/1.2/other",
        "/partitions/",
        "/partitions/./studies",
        "/partitions/a/partitions/b/studies",
        "/_schema/compatibility",
        "/health/check",
        "/extendedquerytags/../studies",
        "/operations/a/b",
        &long,
        &"/a".repeat(100),
    ] {
        assert_eq!(resource(path), None, "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    /// However a path is written: if it is let in and names something, then the partition that leave is
    /// asked for is the one that the laxest of origin servers acts on.
    #[test]
    fn the_partition_that_is_permitted_is_the_one_that_is_acted_on(path in written_path()) {
        let lax = lax_partition(&path);
        if let Some(found) = admitted(&path) {
            match found.place(&path) {
                Place::Partition(named) => prop_assert_eq!(named.map(str::to_owned), lax, "{}", path),
                Place::Everywhere | Place::Nowhere => prop_assert_eq!(lax, None, "{}", path),
            }
        }
    }
}

#[test]
fn written_otherwise_no_partition_is_let_in() {
    let plain = "/partitions/lab/studies/1.2";
    assert_eq!(
        admitted(plain).map(|found| found.place(plain)),
        Some(Place::Partition(Some("lab")))
    );
    for path in [
        "/Partitions/lab/studies/1.2",
        "/partition%73/lab/studies/1.2",
        "/%70artitions/lab/studies/1.2",
        "/partitions/l%61b/studies/1.2",
        "/partitions%2flab/studies/1.2",
        "/partitions/lab%2fstudies/1.2",
        "/partitions//lab/studies/1.2",
        "/partitions/./lab/studies/1.2",
        "/partitions/other/../lab/studies/1.2",
        "/partitions/other/%2e%2e/lab/studies/1.2",
        "/x/../partitions/lab/studies/1.2",
        "//partitions/lab/studies/1.2",
        "/partitions/lab;x/studies/1.2",
        "/partitions/lab/partitions/other/studies/1.2",
        "/partitions/lab\\studies/1.2",
        "/studies/1.2/../../partitions/lab/studies",
    ] {
        assert_eq!(admitted(path), None, "{path}");
    }
}

/// What a request for this path is for, if it may come in.
fn admitted(path: &str) -> Option<Resource> {
    let rules = Rules { hosts: Vec::new(), max_head_bytes: 1 << 16, pseudonym: String::new() };
    let request = Request::get(path).header("host", "localhost").body(String::new()).ok()?;
    wire::admit(&rules, &request).ok()?;
    // What passes is what was written: nothing of it was changed on the way in.
    assert_eq!(request.uri().path(), path);
    resource(path)
}

/// The partition in a path as it may be read by a server that forgives everything: decodes twice, minds
/// neither case nor kind nor number of slashes, drops parameters and resolves dots.
fn lax_partition(path: &str) -> Option<String> {
    let text = decoded(&decoded(path)).replace('\\', "/");
    let mut segments = Vec::new();
    for segment in text.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => drop(segments.pop()),
            name => segments.push(name.to_owned()),
        }
    }
    let mut segments = segments.into_iter();
    segments.next().filter(|first| first.eq_ignore_ascii_case("partitions"))?;
    segments.next()
}

fn written_path() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "partitions",
        "Partitions",
        "lab",
        "other",
        "studies",
        "1.2",
        "series",
        "changefeed",
        "..",
        ".",
        "",
        "workitems",
        "metadata",
        "operations",
        "%70artitions",
        "l%61b",
        "lab;x",
        "%2e%2e",
        "$bulkUpdate",
    ]);
    let slash = prop::sample::select(vec!["/", "/", "/", "/", "//", "%2f", "\\", "%5c", "%252f"]);
    let begin = prop::sample::select(vec!["", "", "/partitions/lab", "/partitions/other"]);
    let rest = prop::collection::vec((slash, word), 1..5);
    (begin, rest).prop_map(|(begin, rest)| {
        rest.into_iter().fold(begin.to_owned(), |path, (slash, word)| path + slash + word)
    })
}

#[test]
fn a_path_names_what_it_says_and_a_query_nothing() {
    for (path, [partition, study, series, instance]) in [
        ("/studies", ["", "", "", ""]),
        ("/series", ["", "", "", ""]),
        ("/studies/1.2", ["", "1.2", "", ""]),
        ("/studies/1.2/series", ["", "1.2", "", ""]),
        ("/studies/1.2/series/3/metadata", ["", "1.2", "3", ""]),
        ("/studies/1.2/series/3/instances/4/frames/1", ["", "1.2", "3", "4"]),
        ("/studies/1.2/instances/4", ["", "1.2", "", "4"]),
        ("/studies/1.2/bulkdata/series/3/instances/4", ["", "1.2", "", ""]),
        ("/studies/1.2/series/3/instances/4/bulkdata/instances/5", ["", "1.2", "3", "4"]),
        ("/partitions/lab/studies/1.2", ["lab", "1.2", "", ""]),
        ("/partitions/lab/studies/%24bulkUpdate", ["lab", "", "", ""]),
        ("/partitions/lab/workitems/1.2/state", ["lab", "", "", "1.2"]),
        ("/workitems/1.2/subscribers/AET", ["", "", "", "1.2"]),
        ("/operations/0123456789abcdef", ["", "", "", ""]),
        ("/extendedquerytags/00101002", ["", "", "", ""]),
        ("/partitions", ["", "", "", ""]),
    ] {
        let uids = Uids::of(resource(path).unwrap_or_else(|| panic!("{path}")), path);
        let named = [uids.partition, uids.study, uids.series, uids.instance];
        assert_eq!(named.map(Option::unwrap_or_default), [partition, study, series, instance]);
    }
    let by_query = super::resource("/wado", Some("requestType=WADO&studyUID=1.2")).expect("known");
    assert_eq!(Uids::of(by_query, "/wado"), Uids::default());
}
