use config::Profile;

use super::super::reference::{Route, route};
use super::*;

const AZURE: &str = "https://ws-svc.dicom.azurehealthcareapis.com";

fn azure() -> Route {
    route(&format!("{AZURE}/v2"), &[], Profile::Azure, "https://imaging.example/dicom-web")
}

fn orthanc() -> Route {
    route("http://orthanc:8042/dicom-web", &[], Profile::Orthanc, "https://imaging.example/pacs")
}

fn ours(route: &Route, name: &'static str, value: &str, below: &str) -> String {
    let mut headers = HeaderMap::new();
    headers.append(name, HeaderValue::from_str(value).unwrap());
    route.links().rewrite_head(&mut headers, below);
    headers[name].to_str().unwrap().to_owned()
}

#[test]
fn a_location_leads_to_the_gateway_in_whatever_form_it_comes() {
    let at = |rest: &str| format!("https://imaging.example/dicom-web{rest}");
    let stays = |value: &str| value.to_owned();
    for (value, below, expected) in [
        (format!("{AZURE}/v2/operations/1"), "/export", at("/operations/1")),
        (format!("{AZURE}/v1/operations/1?a=b"), "/export", at("/operations/1?a=b")),
        (format!("//{}/v2/workitems/1", &AZURE[8..]), "/workitems", at("/workitems/1")),
        (stays("/v2/workitems/1"), "/workitems", at("/workitems/1")),
        (stays("../v1/operations/1"), "/studies/$bulkUpdate", at("/operations/1")),
        (stays("../../v2/operations/1"), "/studies/1", at("/operations/1")),
        (stays("workitems/1"), "/workitems", stays("workitems/1")),
        (stays("?offset=2"), "/workitems", stays("?offset=2")),
        (stays("/elsewhere"), "/workitems", stays("/elsewhere")),
        (
            stays("https://x.blob.core.windows.net/v2/a"),
            "",
            stays("https://x.blob.core.windows.net/v2/a"),
        ),
        (stays("//evil.example/v2/a"), "", stays("//evil.example/v2/a")),
        (stays("mailto:a@b.example"), "", stays("mailto:a@b.example")),
        (stays(""), "/workitems", stays("")),
    ] {
        for name in ["location", "content-location"] {
            assert_eq!(ours(&azure(), name, &value, below), expected, "{value}");
        }
    }
}

#[test]
fn a_path_that_callers_use_as_well_stays_in_a_location() {
    let same = "https://imaging.example/dicom-web";
    let route = route("http://orthanc:8042/dicom-web", &[], Profile::Orthanc, same);
    assert_eq!(
        ours(&route, "location", "/dicom-web/studies/1", "/studies"),
        "/dicom-web/studies/1"
    );
}

#[test]
fn every_link_of_every_line_leads_to_the_gateway() {
    let mut headers = HeaderMap::new();
    for line in [
        "<http://orthanc:8042/dicom-web/studies?offset=1>; rel=next, </dicom-web/studies>; rel=\"<first>\"",
        "<https://elsewhere.example/>; rel=help; title=\"a, <http://orthanc:8042/dicom-web/>\"",
        "<http://orthanc:8042/dicom-web",
    ] {
        headers.append("link", HeaderValue::from_static(line));
    }
    orthanc().links().rewrite_head(&mut headers, "/studies");
    let lines =
        headers.get_all("link").iter().map(|line| line.to_str().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        lines,
        [
            "<https://imaging.example/pacs/studies?offset=1>; rel=next, \
             <https://imaging.example/pacs/studies>; rel=\"<first>\"",
            "<https://elsewhere.example/>; rel=help; title=\"a, <http://orthanc:8042/dicom-web/>\"",
            "<http://orthanc:8042/dicom-web",
        ]
    );
}

#[test]
fn a_warning_names_the_gateway() {
    let text = "\"The origin ws-svc.dicom.azurehealthcareapis.com said so\"";
    for (agent, ours_agent) in [
        ("ws-svc.dicom.azurehealthcareapis.com:", "imaging.example:"),
        ("ws-svc.dicom.azurehealthcareapis.com", "imaging.example"),
        ("WS-svc.dicom.azurehealthcareapis.com:443", "imaging.example"),
        ("-", "-"),
        ("other.example:", "other.example:"),
    ] {
        let value = format!("299 {agent} {text}");
        assert_eq!(ours(&azure(), "warning", &value, ""), format!("299 {ours_agent} {text}"));
    }
    let value =
        format!("299 - \"See '{AZURE}/v2/studies/1' ({AZURE}/v2)\", 199 {} \"x\"", &AZURE[8..]);
    assert_eq!(
        ours(&azure(), "warning", &value, ""),
        "299 - \"See 'https://imaging.example/dicom-web/studies/1' \
         (https://ws-svc.dicom.azurehealthcareapis.com/v2)\", 199 imaging.example \"x\""
    );
}

#[test]
fn a_value_that_is_no_text_stays() {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_bytes(b"http://orthanc:8042/dicom-web/\xff").unwrap();
    headers.append("location", value.clone());
    orthanc().links().rewrite_head(&mut headers, "");
    assert_eq!(headers["location"], value);
}
