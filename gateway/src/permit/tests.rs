use std::sync::Arc;

use config::{CallerKind, NameKind, NamePattern, PermitRule, Who};
use http::Request;
use tokio::runtime::{Builder, Runtime};

use Transaction::{Delete, Manage, Retrieve, Search, Store, Worklist};

use super::*;
use crate::build::{Generation, Shared};
use crate::caller::{Names, User};

/// A request of each class in the service's own partition, and in the partition `lab`.
const IN_PARTITIONS: [(Transaction, &str, &str); 6] = [
    (Search, "GET", "/studies"),
    (Retrieve, "GET", "/studies/1.2"),
    (Store, "POST", "/studies"),
    (Delete, "DELETE", "/studies/1.2"),
    (Worklist, "GET", "/workitems/1.2"),
    (Manage, "POST", "/studies/$bulkUpdate"),
];

/// Requests to the service as a whole.
const EVERYWHERE: [(Transaction, &str, &str); 4] = [
    (Manage, "GET", "/changefeed"),
    (Manage, "DELETE", "/extendedquerytags/PatientAge"),
    (Manage, "GET", "/partitions"),
    (Manage, "POST", "/extendedquerytags"),
];

/// Requests that touch nobody's data.
const NOWHERE: [(Transaction, &str, &str); 3] = [
    (Manage, "GET", "/operations/0123456789abcdef0123456789abcdef"),
    (Retrieve, "GET", "/api.json"),
    (Retrieve, "OPTIONS", "/"),
];

#[test]
fn each_caller_may_do_what_its_permits_say_where_they_say_it_and_nothing_else() {
    let world = World::new(|route| {
        route.allow = vec![Search];
        route.permits = vec![
            rule(&[Who::Role("Writer".into())], &[Store], &[]),
            rule(&[Who::Scope("Dicom.Delete".into())], &[Retrieve, Delete], &["lab"]),
            rule(&[Who::Group("admins".into())], &[Manage], &[]),
            rule(&[Who::Subject("u-1".into()), Who::ApiKey("scheduler".into())], &[Worklist], &[]),
            rule(&[Who::Application("app-1".into())], &[Store], &["lab", "Microsoft.Default"]),
            rule(&[Who::ApiKey("ward-7".into())], &[Store, Retrieve], &[]),
            rule(&[Who::Kind(CallerKind::Certificate)], &[Worklist], &["lab"]),
            rule(&[Who::Certificate(dns("ct1.example"))], &[Store], &[]),
            rule(&[Who::Certificate(dns("ct1.example"))], &[Manage], &["lab"]),
        ];
    });
    type Classes = &'static [Transaction];
    // In the service's own partition, in `lab`, in another one, everywhere, nowhere.
    let rows: [(Principal, [Classes; 5]); 17] = [
        (Principal::Anyone, [&[Search], &[Search], &[Search], &[], &[]]),
        (user(|_| {}), [&[Search], &[Search], &[Search], &[], &[]]),
        (
            user(|user| user.roles = vec!["Reader".into(), "Writer".into()]),
            [&[Search, Store], &[Search, Store], &[Search, Store], &[], &[]],
        ),
        (
            user(|user| user.scopes = vec!["Dicom.Delete".into()]),
            [&[Search], &[Search, Retrieve, Delete], &[Search], &[], &[Retrieve]],
        ),
        (
            user(|user| user.groups = vec!["admins".into()]),
            [&[Search, Manage], &[Search, Manage], &[Search, Manage], &[Manage], &[Manage]],
        ),
        (
            user(|user| user.subject = "u-1".into()),
            [&[Search, Worklist], &[Search, Worklist], &[Search, Worklist], &[], &[]],
        ),
        (
            user(|user| user.application = "app-1".into()),
            [&[Search, Store], &[Search, Store], &[Search], &[], &[]],
        ),
        (
            user(|user| {
                user.roles = vec!["Writer".into()];
                user.scopes = vec!["Dicom.Delete".into()];
            }),
            [
                &[Search, Store],
                &[Search, Retrieve, Store, Delete],
                &[Search, Store],
                &[],
                &[Retrieve],
            ],
        ),
        // A name of one kind is nothing in another.
        (
            user(|user| {
                user.roles = vec!["Dicom.Delete".into(), "admins".into(), "u-1".into()];
                user.scopes = vec!["Writer".into(), "ward-7".into()];
                user.groups = vec!["Writer".into(), "app-1".into()];
                user.subject = "app-1".into();
                user.application = "u-1".into();
            }),
            [&[Search], &[Search], &[Search], &[], &[]],
        ),
        // Nor is a part of it, nor another case, nor anything that looks like it.
        (
            user(|user| {
                user.roles = vec!["writer".into(), "Writer ".into(), "Writer,x".into()];
                user.subject = "u-1@hospital.example".into();
            }),
            [&[Search], &[Search], &[Search], &[], &[]],
        ),
        (
            key("ward-7"),
            [
                &[Search, Retrieve, Store],
                &[Search, Retrieve, Store],
                &[Search, Retrieve, Store],
                &[],
                &[Retrieve],
            ],
        ),
        (
            key("scheduler"),
            [&[Search, Worklist], &[Search, Worklist], &[Search, Worklist], &[], &[]],
        ),
        (key("ward-77"), [&[Search], &[Search], &[Search], &[], &[]]),
        (key("Writer"), [&[Search], &[Search], &[Search], &[], &[]]),
        (key("admins"), [&[Search], &[Search], &[Search], &[], &[]]),
        (certificate("ct2.example"), [&[Search], &[Search, Worklist], &[Search], &[], &[]]),
        (
            certificate("ct1.example"),
            [
                &[Search, Store],
                &[Search, Store, Worklist, Manage],
                &[Search, Store],
                &[],
                &[Manage],
            ],
        ),
    ];
    for (principal, [own, lab, other, everywhere, nowhere]) in rows {
        for (class, method, path) in IN_PARTITIONS {
            for (prefix, allowed) in [
                ("", own),
                ("/partitions/Microsoft.Default", own),
                ("/partitions/lab", lab),
                ("/partitions/other", other),
                ("/partitions/LAB", other),
            ] {
                let path = format!("{prefix}{path}");
                let actual = world.grant(&principal, method, &path).is_ok();
                assert_eq!(actual, allowed.contains(&class), "{principal:?} {method} {path}");
            }
        }
        for (requests, allowed) in [(&EVERYWHERE[..], everywhere), (&NOWHERE, nowhere)] {
            for (class, method, path) in requests {
                let actual = world.grant(&principal, method, path).is_ok();
                assert_eq!(actual, allowed.contains(class), "{principal:?} {method} {path}");
            }
        }
    }
}

#[test]
fn a_route_s_partitions_bound_what_everybody_may_do_there() {
    let world = World::new(|route| {
        route.allow = Transaction::ALL.to_vec();
        route.partitions = vec!["lab".into()];
        route.permits = vec![
            rule(&[Who::Role("Writer".into())], &Transaction::ALL, &[]),
            rule(&[Who::Role("Writer".into())], &Transaction::ALL, &["other", "lab"]),
        ];
    });
    for principal in [Principal::Anyone, user(|user| user.roles = vec!["Writer".into()])] {
        for (_, method, path) in IN_PARTITIONS {
            let granted = |path: &str| world.grant(&principal, method, path).is_ok();
            assert!(granted(&format!("/partitions/lab{path}")), "{path}");
            for partition in ["", "/partitions/other", "/partitions/Lab", "/partitions/lab."] {
                assert!(!granted(&format!("{partition}{path}")), "{partition}{path}");
            }
        }
        for (_, method, path) in EVERYWHERE {
            assert!(world.grant(&principal, method, path).is_err(), "{path}");
        }
        for (_, method, path) in NOWHERE {
            assert!(world.grant(&principal, method, path).is_ok(), "{path}");
        }
    }
}

#[test]
fn a_base_url_in_a_partition_is_where_paths_without_one_are() {
    let world = World::new(|route| {
        route.origin.base = "/v2/partitions/lab".into();
        route.partitions = vec!["lab".into()];
    });
    assert!(world.grant(&Principal::Anyone, "GET", "/studies").is_ok());
    assert!(world.grant(&Principal::Anyone, "GET", "/partitions/other/studies").is_err());
}

#[test]
fn objects_by_query_and_notifications_need_leave_as_all_do() {
    let world = World::new(|route| {
        route.allow = vec![Search];
        route.partitions = vec!["Microsoft.Default".into()];
        let ward = [Who::ApiKey("ward-7".into())];
        route.permits = vec![rule(&ward, &[Retrieve, Worklist], &[])];
    });
    let by_query = "/?requestType=WADO&studyUID=1&seriesUID=2&objectUID=3";
    assert!(world.grant(&key("ward-7"), "GET", by_query).is_ok());
    assert!(world.grant(&key("ward-8"), "GET", by_query).is_err());
    let notified = |world: &World, principal: &Principal| {
        let route = world.generation.routes.at(0);
        let head = Request::get("/dicom-web/subscribers/AET").body(()).unwrap().into_parts().0;
        let asked = (Worklist, Resource::Notifications);
        Permit::grant(principal.clone(), asked, (route, &head), None).is_ok()
    };
    // They tell of work items in any partition.
    assert!(!notified(&world, &key("ward-7")));
    let world = World::new(|route| {
        route.permits = vec![rule(&[Who::ApiKey("ward-7".into())], &[Worklist], &[])];
    });
    assert!(notified(&world, &key("ward-7")));
    assert!(!notified(&world, &key("ward-8")));
}

#[test]
fn a_search_needs_a_key_or_a_study_where_the_route_says_so() {
    let world = World::new(|route| {
        route.allow = Transaction::ALL.to_vec();
        route.search_needs_key = true;
    });
    let refused = |method: &str, path: &str| {
        let outcome = world.grant(&Principal::Anyone, method, path);
        matches!(outcome, Err(Error::SearchNeedsKey))
    };
    for path in ["/studies", "/series", "/instances", "/workitems", "/partitions/studies/series"] {
        for method in ["GET", "HEAD"] {
            assert!(refused(method, path), "{method} {path}");
            assert!(refused(method, &format!("{path}?limit=5&PatientName=*")), "{method} {path}");
            assert!(!refused(method, &format!("{path}?PatientID=1")), "{method} {path}");
        }
    }
    for (method, path) in [
        ("GET", "/studies/1.2/series"),
        ("GET", "/partitions/lab/studies/1.2/series/1.3/instances"),
        ("GET", "/studies/1.2"),
        ("POST", "/studies"),
        ("POST", "/workitems"),
        ("OPTIONS", "/studies"),
        ("GET", "/changefeed"),
    ] {
        assert!(!refused(method, path), "{method} {path}");
    }
    let world = World::new(|_| {});
    assert!(world.grant(&Principal::Anyone, "GET", "/studies").is_ok());
}

#[test]
fn whoever_may_not_search_is_not_told_how_to() {
    let world = World::new(|route| {
        route.allow = vec![Retrieve];
        route.search_needs_key = true;
    });
    let outcome = world.grant(&Principal::Anyone, "GET", "/studies");
    assert!(matches!(outcome, Err(Error::NotPermitted)));
}

#[test]
fn leave_to_delete_and_to_write_audits_is_asked_of_the_same_rules() {
    let world = World::new(|route| {
        route.allow = vec![Store];
        route.permits = vec![
            rule(&[Who::ApiKey("eraser".into())], &[Delete], &["lab"]),
            PermitRule {
                audit_fields: true,
                ..rule(&[Who::ApiKey("clerk".into())], &[Search], &["lab"])
            },
        ];
    });
    for (name, path, expected) in [
        ("eraser", "/partitions/lab/studies", (true, false)),
        ("eraser", "/studies", (false, false)),
        ("clerk", "/partitions/lab/studies", (false, true)),
        ("clerk", "/studies", (false, false)),
        ("nobody", "/partitions/lab/studies", (false, false)),
    ] {
        let permit = world.grant(&key(name), "POST", path).unwrap();
        assert_eq!((permit.may_delete(), permit.may_audit()), expected, "{name} {path}");
    }
}

/// A generation with one route, and nobody who would use it.
struct World {
    generation: Generation,
    _runtime: Runtime,
}

impl World {
    fn new(change: impl Fn(&mut config::Route)) -> Self {
        let loaded = config::parse_with(CONFIGURATION, "gateway.toml".as_ref(), |_| None);
        let mut config = loaded.unwrap().config;
        change(&mut config.routes[0]);
        // Nothing is run on it: no token is acquired.
        let runtime = Builder::new_current_thread().build().unwrap();
        let shared = Shared::new(runtime.handle().clone());
        let generation = Generation::build(config, &shared, None);
        let generation = generation.unwrap_or_else(|problems| panic!("{problems:?}"));
        Self { generation, _runtime: runtime }
    }

    fn grant(&self, principal: &Principal, method: &str, path: &str) -> Result<Permit<'_>, Error> {
        let request = Request::builder().method(method).uri(format!("/dicom-web{path}"));
        let request = request.body(()).unwrap();
        let route = self.generation.routes.at(0);
        let resource = route.resource(&request)?;
        let transaction = resource.transaction(request.method())?;
        let head = request.into_parts().0;
        Permit::grant(principal.clone(), (transaction, resource), (route, &head), None)
    }
}

fn rule(to: &[Who], allow: &[Transaction], partitions: &[&str]) -> PermitRule {
    let partitions = partitions.iter().map(|name| (*name).to_owned()).collect();
    PermitRule { to: to.to_vec(), allow: allow.to_vec(), partitions, audit_fields: false }
}

fn user(change: impl FnOnce(&mut User)) -> Principal {
    let mut user = User::default();
    change(&mut user);
    Principal::Bearer(Arc::new(user))
}

fn key(name: &str) -> Principal {
    Principal::ApiKey(name.into())
}

fn certificate(name: &str) -> Principal {
    Principal::Certificate(Arc::new(Names::of_host(name)))
}

fn dns(name: &str) -> NamePattern {
    NamePattern { kind: NameKind::Dns, value: name.to_owned() }
}

const CONFIGURATION: &str = r#"
[listener]
address = "127.0.0.1:0"
[admin]
address = "127.0.0.1:0"
[client]
token_endpoint = "http://127.0.0.1:9/token"
id = "gateway"
credential.managed_identity = {}
[[route]]
prefix = "/dicom-web"
origin = "http://127.0.0.1:9"
scope = "s"
callers = "anyone"
"#;
