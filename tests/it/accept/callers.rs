//! Real callers: what is 406 for them without the gateway is 200 with it.

use super::{Pair, accept, fixes, instance, series};

#[tokio::test]
async fn what_azure_refuses_without_the_gateway_it_answers_through_it() {
    let pair = Pair::with("").await;
    let (series, instance) = (series(), instance());
    let metadata = format!("{series}/metadata");
    let frames = format!("{instance}/frames/1");
    let rendered = format!("{instance}/rendered");
    let frame_rendered = format!("{frames}/rendered");
    let mut failures = Vec::new();
    for (caller, path, value, done) in [
        ("OHIF, study list", "/studies?limit=101", Some(OHIF), "accept_narrow"),
        ("OHIF, series", &format!("{series}/instances"), Some(OHIF), "accept_narrow"),
        ("OHIF, metadata", &metadata, Some(OHIF), "accept_narrow"),
        ("a script, search", "/studies", None, "accept_default"),
        ("a script, metadata", &metadata, None, "accept_default"),
        ("a script, series", &series, None, "accept_default"),
        ("a script, instance", &instance, None, "accept_default"),
        ("a script, frames", &frames, None, "accept_default"),
        ("an empty header, search", "/studies", Some(""), "accept_default"),
        ("an empty header, frames", &frames, Some(""), "accept_default"),
        ("one bad element in a list", &metadata, Some(UNQUOTED_LIST), "accept_narrow"),
        ("dicomweb-client (Python), rendered", &rendered, Some("*/*"), "accept_single"),
        ("dicomweb-client (Python), frame", &frame_rendered, Some("*/*"), "accept_single"),
        ("dicomweb-client (JS), rendered", &rendered, Some(JS_PICTURES), "accept_single"),
        ("curl, rendered", &rendered, Some("*/*"), "accept_single"),
        ("fetch, rendered", &rendered, Some("*/*"), "accept_single"),
        ("<img> in Chrome", &rendered, Some(CHROME_IMG), "accept_single"),
        ("<img> in Firefox", &rendered, Some(FIREFOX_IMG), "accept_single"),
        ("<img> in an older Firefox", &rendered, Some(OLD_FIREFOX_IMG), "accept_single"),
        ("a page of its own", &rendered, Some(NAVIGATION), "accept_single"),
    ] {
        let straight = pair.straight(path, &accept(value)).await;
        let through = pair.through(path, &accept(value)).await;
        let named = fixes(&through).unwrap_or_default();
        if (straight.status, through.status) != (406, 200)
            || !named.split(", ").any(|name| name == done)
            || through.body.is_empty()
        {
            let statuses = (straight.status, through.status);
            failures
                .push(format!("{caller}: {statuses:?}, {named}, sent {:?}", pair.last_accept()));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

#[tokio::test]
async fn what_azure_answers_without_the_gateway_comes_as_it_was_asked_for() {
    let pair = Pair::with("").await;
    let (series, instance) = (series(), instance());
    let frames = format!("{instance}/frames/1");
    for (path, value) in [
        ("/studies", "application/dicom+json"),
        ("/studies", "application/dicom+json, application/json"),
        ("/studies", "*/*"),
        (&series, "multipart/related;type=\"application/dicom\";transfer-syntax=*"),
        (&series, "multipart/related; type=\"application/dicom\""),
        (&instance, "application/dicom; transfer-syntax=*"),
        (&frames, "multipart/related; type=\"application/octet-stream\"; transfer-syntax=*"),
        (&frames, "multipart/related; type=\"*/*\""),
        (&frames, "application/octet-stream"),
        (&format!("{instance}/rendered"), "image/png"),
    ] {
        let straight = pair.straight(path, &accept(Some(value))).await;
        let through = pair.through(path, &accept(Some(value))).await;
        assert_eq!((straight.status, through.status), (200, 200), "{path} {value}");
        assert_eq!(pair.last_accept(), [value]);
        assert_eq!(fixes(&through).filter(|names| *names != "multipart_type"), None);
    }
}

#[tokio::test]
async fn a_store_that_says_nothing_is_told_what_became_of_it() {
    let pair = Pair::with("").await;
    let file = pair.origin.store().instances()[0].bytes().to_vec();
    let lines = "Content-Type: application/dicom\r\n";
    let study = pair.origin.store().instances()[0].sop().study.clone();
    assert_eq!(pair.straight_to("DELETE", &format!("/studies/{study}"), "", &[]).await.status, 204);

    assert_eq!(pair.straight_to("POST", "/studies", lines, &file).await.status, 406);
    let answer = pair.through_to("POST", "/studies", lines, &file).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/dicom+json"));
    assert_eq!(fixes(&answer), Some("accept_default"));
}

#[tokio::test]
async fn who_reads_xml_alone_is_told_that_there_is_none() {
    let pair = Pair::with("").await;
    for value in ["application/dicom+xml", "multipart/related; type=\"application/dicom+xml\""] {
        let answer = pair.through(&format!("{}/metadata", series()), &accept(Some(value))).await;
        assert_eq!((answer.status, fixes(&answer)), (406, None));
        assert_eq!(pair.last_accept(), [value]);
    }
    // As Weasis stores.
    let lines = "Content-Type: application/dicom\r\nAccept: application/dicom+xml\r\n";
    let answer = pair.through_to("POST", "/studies", lines, b"DICM").await;
    assert_eq!((answer.status, fixes(&answer)), (406, None));
}

#[tokio::test]
async fn a_refusal_names_what_was_done_as_well() {
    let pair = Pair::with("").await;
    let answer = pair.through("/studies/1.2.3/metadata", &accept(Some(OHIF))).await;
    assert_eq!((answer.status, fixes(&answer)), (404, Some("accept_narrow")));
}

#[tokio::test]
async fn a_link_asks_by_its_query_where_azure_reads_only_headers() {
    let pair = Pair::with("").await;
    let rendered = format!("{}/rendered", instance());
    let path = format!("{rendered}?quality=50&accept=image%2Fpng");
    assert_eq!(pair.straight(&path, &accept(Some(CHROME_IMG))).await.status, 406);
    let answer = pair.through(&path, &accept(Some(CHROME_IMG))).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/png")));
    assert_eq!(fixes(&answer), Some("accept_query"));
    let target = pair.origin.requests().pop().unwrap().target;
    assert!(target.ends_with("/rendered?quality=50"), "{target}");

    let search = "/studies?accept=application/dicom+json&limit=1";
    assert_eq!(pair.straight(search, &accept(Some("*/*"))).await.status, 400);
    assert_eq!(pair.through(search, &accept(Some("*/*"))).await.status, 200);
    // A header that has chosen wins, and the service still need not know the parameter.
    let lines = accept(Some("application/dicom+json"));
    assert_eq!(pair.through("/studies?accept=image/png", &lines).await.status, 200);
    assert_eq!(pair.origin.requests().pop().unwrap().target, "/v2/studies");
}

const OHIF: &str = "application/dicom+json, multipart/related; type=application/octet-stream";
const UNQUOTED_LIST: &str = "application/dicom+json, multipart/related;type=application/dicom+xml";
const JS_PICTURES: &str = "image/jpeg, image/png";
const CHROME_IMG: &str = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8";
const FIREFOX_IMG: &str = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5";
const OLD_FIREFOX_IMG: &str = "image/avif,image/webp,*/*";
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
