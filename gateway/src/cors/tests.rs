use super::*;

use Transaction::{Delete, Manage, Retrieve, Search, Store};

#[test]
fn a_page_may_use_what_the_resource_has_and_the_route_allows() {
    for (resource, allow, expected) in [
        (Resource::Studies, &[Search, Retrieve][..], "GET, HEAD, OPTIONS"),
        (Resource::Studies, &[Search, Store], "GET, HEAD, POST, PUT"),
        (Resource::Study, &[Retrieve, Store, Delete], "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
        (Resource::Study, &[Delete], "DELETE"),
        (Resource::Frames, &[Search, Store, Delete], ""),
        (Resource::Tag, &[Manage], "GET, HEAD, PATCH, DELETE"),
        (Resource::BulkUpdate, &[Store], ""),
    ] {
        let granted = granted(resource, |transaction| allow.contains(&transaction));
        assert_eq!(granted, expected, "{resource:?} {allow:?}");
    }
}

#[test]
fn headers_are_asked_for_in_any_case_and_on_any_number_of_lines() {
    let listed = listed(&["x-site"]);
    for (lines, expected) in [
        (&["accept,authorization"][..], "accept, authorization"),
        (&["Accept , X-SITE", "", ",, range,"], "accept, x-site, range"),
        (&["msdicom-request-original"], "msdicom-request-original"),
        (&["x-evil, accept, cookie"], "accept"),
        (&["*", "accept\tx", "a b", "\u{e9}"], ""),
        (&[], ""),
    ] {
        let name = header::ACCESS_CONTROL_REQUEST_HEADERS;
        let asked = lines
            .iter()
            .map(|line| (name.clone(), HeaderValue::from_bytes(line.as_bytes()).expect("a value")));
        assert_eq!(listed.may_send(&asked.collect::<HeaderMap>()), expected, "{lines:?}");
    }
}

#[test]
fn an_answer_varies_by_origin_once() {
    let pages = Pages { own: None, listed: Some(listed(&[])) };
    for (before, after) in [
        (&[][..], &["Origin"][..]),
        (&["Accept"], &["Accept", "Origin"]),
        (&["Accept, origin"], &["Accept, origin"]),
        (&["Accept", "ORIGIN ,x"], &["Accept", "ORIGIN ,x"]),
        (&["*"], &["*"]),
        (&["x-origin"], &["x-origin", "Origin"]),
    ] {
        let lines = before.iter().map(|line| (header::VARY, HeaderValue::from_static(line)));
        let mut headers = lines.collect::<HeaderMap>();
        pages.tell(None, &mut headers);
        let told = headers.get_all(header::VARY).iter().collect::<Vec<_>>();
        assert_eq!(told, after, "{before:?}");
    }
}

#[test]
fn only_one_origin_that_is_listed_to_the_letter_is_a_page() {
    let pages = Pages { own: None, listed: Some(listed(&[])) };
    let page = |lines: &[&'static str]| {
        let lines = lines.iter().map(|line| (header::ORIGIN, HeaderValue::from_static(line)));
        pages.page(&lines.collect())
    };
    assert_eq!(page(&["https://viewer.example"]), Some(Page(1)));
    for lines in [
        &[][..],
        &[""],
        &["null"],
        &["*"],
        &["https://VIEWER.example"],
        &["https://viewer.example/"],
        &["https://viewer.example:443"],
        &["http://viewer.example"],
        &["https://viewer.example.evil.example"],
        &["https://viewer.example https://viewer.example"],
        &["https://viewer.example, https://viewer.example"],
        &["https://viewer.example", "https://viewer.example"],
        &["https://viewer.example", "https://evil.example"],
    ] {
        assert_eq!(page(lines), None, "{lines:?}");
    }
}

#[test]
fn what_pages_may_send_is_in_lower_case_as_it_is_compared() {
    for name in REQUEST_HEADERS {
        assert_eq!(name.parse::<HeaderName>().expect("a name").as_str(), *name);
    }
}

fn listed(headers: &[&str]) -> Listed {
    Listed {
        origins: ["http://a.example", "https://viewer.example"]
            .map(HeaderValue::from_static)
            .to_vec(),
        headers: headers.iter().map(|name| (*name).to_owned()).collect(),
        credentials: false,
        max_age: HeaderValue::from_static("1"),
        exposed: HeaderValue::from_static(ANSWER_HEADERS),
        resource_policy: HeaderValue::from_static("same-site"),
    }
}
