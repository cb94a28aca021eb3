//! Web pages of other origins: who of them may call, and what their browsers are told.

use gateway_tests::world::Toml;
use gateway_tests::{RawResponse, Recorder, World};

use crate::wire::{Bench, is_our_own, is_our_problem};

mod answers;
mod changes;
mod preflights;
mod table;

/// A gateway before a recorder: `/dicom-web` lets pages of [`VIEWER`] call, `/plain` none, and both
/// let callers do what viewers do, and delete.
async fn bench(cors: &str) -> Bench {
    let world = World::new().await;
    let recorder = Recorder::start().await;
    let toml = toml(&world, &recorder, cors);
    let gateway = world.start_ready(&toml).await;
    Bench { world, recorder, gateway }
}

fn toml(world: &World, recorder: &Recorder, cors: &str) -> Toml {
    let origin = recorder.url() + "/v2";
    let allow = "allow = [\"search\", \"retrieve\", \"store\", \"delete\"]";
    let origins = format!("cors.origins = [\"{VIEWER}\", \"http://localhost:3000\"]");
    let more = format!(
        "[[route]]\nprefix = \"/plain\"\norigin = \"{origin}\"\nscope = \"{}\"\n\
         callers = \"anyone\"\n{allow}\npublic_url = \"https://imaging.example/plain\"\n",
        world.authority.scope()
    );
    Toml { route: format!("{allow}\n{origins}\n{cors}"), more, ..world.toml(origin) }
}

/// A request without a body, with these lines more, each with its CRLF.
fn request(method: &str, path: &str, lines: &str) -> String {
    let length = if matches!(method, "POST" | "PUT") { "Content-Length: 0\r\n" } else { "" };
    format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{length}{lines}\r\n")
}

/// What a browser asks before it sends a `method` that needs leave.
fn preflight(origin: &str, path: &str, method: &str) -> String {
    let lines = format!("Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n");
    request("OPTIONS", path, &lines)
}

/// Whether a page of `origin` may read this answer, and a cache knows for whom it is.
fn is_told_to(answer: &RawResponse, origin: Option<&str>) {
    let told = answer.header("access-control-allow-origin");
    assert_eq!(told, origin, "{answer:?}");
    assert_eq!(answer.values("access-control-expose-headers").len(), usize::from(origin.is_some()));
    let varies = answer.values("vary").join(",");
    let count = varies.split(',').filter(|name| name.trim().eq_ignore_ascii_case("origin")).count();
    assert_eq!(count, 1, "Vary: {varies}");
    assert_eq!(answer.header("cross-origin-resource-policy"), Some("cross-origin"));
    assert!(answer.values("timing-allow-origin").is_empty());
}

/// Whether browsers are told nothing at all.
fn is_told_to_no_page(answer: &RawResponse) {
    let about_pages =
        |name: &str| name.starts_with("access-control-") || name == "cross-origin-resource-policy";
    let told = answer.headers.iter().find(|(name, _)| about_pages(&name.to_lowercase()));
    assert_eq!(told, None);
}

/// Whether a page was refused in our own words, with the way out.
fn is_refused(answer: &RawResponse) {
    assert_eq!(answer.status, 403, "{}", answer.text());
    is_our_problem(answer).unwrap();
    assert!(answer.text().contains("\"code\":\"foreign-page\""), "{}", answer.text());
    assert!(answer.text().contains("cors.origins"), "{}", answer.text());
}

/// Whether leave was given, in our own words.
fn is_given(answer: &RawResponse) {
    assert_eq!(answer.status, 204, "{}", answer.text());
    is_our_own(answer).unwrap();
    assert!(answer.body.is_empty());
}

const VIEWER: &str = "https://viewer.example";
const STRANGER: &str = "https://evil.example";
