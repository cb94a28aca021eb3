use config::Profile;

use super::super::reference::{Route, route};
use super::*;

const PUBLIC: &str = "https://imaging.example/dicom-web";

fn becomes(route: &Route, url: &str) -> Option<String> {
    let links = route.links();
    let (length, becomes) = links.whole(url)?;
    Some(String::from_utf8_lossy(becomes).into_owned() + &url[length..])
}

#[test]
fn a_url_is_the_origin_servers_by_scheme_host_port_and_path() {
    let plain = route("http://orthanc:8042/rs", &[], Profile::Orthanc, PUBLIC);
    let tls = route("https://pacs.example/rs", &[], Profile::Generic, PUBLIC);
    let v6 = route("http://[::1]:8042/rs", &[], Profile::Generic, PUBLIC);
    let ours = format!("{PUBLIC}/a");
    let web_socket = "wss://imaging.example/dicom-web/a".to_owned();
    for (route, url, expected) in [
        (&plain, "http://orthanc:8042/rs/a", Some(&ours)),
        (&plain, "https://orthanc:8042/rs/a", Some(&ours)),
        (&plain, "HTTP://Orthanc:8042/rs/a", Some(&ours)),
        (&plain, "//orthanc:8042/rs/a", Some(&ours)),
        (&plain, "ws://orthanc:8042/rs/a", Some(&web_socket)),
        (&plain, "wss://orthanc:8042/rs/a", Some(&web_socket)),
        (&plain, "http://orthanc/rs/a", None),
        (&plain, "http://orthanc:80420/rs/a", None),
        (&plain, "http://orthanc:8042/RS/a", None),
        (&plain, "http://orthanc:8042/rsa", None),
        (&plain, "ftp://orthanc:8042/rs/a", None),
        (&plain, "xhttp://orthanc:8042/rs/a", None),
        (&tls, "https://pacs.example/rs/a", Some(&ours)),
        (&tls, "https://pacs.example:443/rs/a", Some(&ours)),
        (&tls, "http://pacs.example/rs/a", Some(&ours)),
        (&tls, "http://pacs.example:80/rs/a", Some(&ours)),
        (&tls, "http://pacs.example:443/rs/a", Some(&ours)),
        (&tls, "https://pacs.example:8443/rs/a", None),
        (&tls, "https://pacs.example.evil.example/rs/a", None),
        (&tls, "https://pacs.example@evil.example/rs/a", None),
        (&tls, "https://user@pacs.example/rs/a", None),
        (&tls, "https://evil.example/https://pacs.example/rs/a", None),
        (&v6, "http://[::1]:8042/rs/a", Some(&ours)),
        (&v6, "http://::1:8042/rs/a", None),
    ] {
        assert_eq!(becomes(route, url).as_ref(), expected, "{url}");
    }
}

#[test]
fn the_base_ends_where_a_path_segment_does() {
    let pacs = route("https://pacs.example/v2", &[], Profile::Generic, PUBLIC);
    for rest in ["", "/", "/studies", "?a=b", "#a"] {
        let ours = becomes(&pacs, &format!("https://pacs.example/v2{rest}"));
        assert_eq!(ours, Some(format!("{PUBLIC}{rest}")));
    }
    for rest in ["x", ".1", "%20", ":8443", "@evil", "&a"] {
        assert_eq!(becomes(&pacs, &format!("https://pacs.example/v2{rest}")), None, "{rest}");
    }
}

#[test]
fn an_alias_is_a_base_url_of_its_own() {
    let aliases = ["http://10.0.0.7:8080/arc", "https://pacs.example/v2/deeper"];
    let pacs = route("https://pacs.example/v2", &aliases, Profile::Generic, PUBLIC);
    for (url, ours) in [
        ("http://10.0.0.7:8080/arc/studies", Some("/studies")),
        ("http://10.0.0.7:8080/v2/studies", None),
        ("http://10.0.0.7/arc/studies", None),
        ("https://pacs.example/v2/deeper/studies", Some("/studies")),
        ("https://pacs.example/v2/deep", Some("/deep")),
    ] {
        assert_eq!(becomes(&pacs, url), ours.map(|rest| format!("{PUBLIC}{rest}")), "{url}");
    }
}

#[test]
fn azure_names_its_operations_under_other_versions_too() {
    let base = "https://ws-svc.dicom.azurehealthcareapis.com";
    let azure = route(&format!("{base}/v2/partitions/p"), &[], Profile::Azure, PUBLIC);
    let other = route(&format!("{base}/v2"), &[], Profile::Generic, PUBLIC);
    for version in ["v1", "v2", "v1.0-prerelease"] {
        let url = format!("{base}/{version}/partitions/p/studies");
        assert_eq!(becomes(&azure, &url), Some(format!("{PUBLIC}/studies")));
    }
    assert_eq!(becomes(&azure, &format!("{base}/v3/partitions/p/studies")), None);
    assert_eq!(becomes(&azure, &format!("{base}/v2/studies")), None);
    assert_eq!(becomes(&other, &format!("{base}/v1/studies")), None);
    let azure = route(&format!("{base}/v2"), &[], Profile::Azure, PUBLIC);
    assert_eq!(becomes(&azure, "../v1/operations/1"), Some(format!("{PUBLIC}/operations/1")));
    assert_eq!(becomes(&azure, "../operations/1"), None);
    assert_eq!(becomes(&other, "../v2/operations/1"), None);
}

#[test]
fn what_is_searched_for_is_in_every_form_and_rare() {
    let needles = |origin: &str, profile, syntax| {
        let route = route(origin, &["http://10.0.0.7/dicom-web"], profile, PUBLIC);
        let needles = route.links().needles(syntax).to_vec();
        needles.iter().map(|needle| needle.needle().escape_ascii().to_string()).collect::<Vec<_>>()
    };
    let of = |origin| needles(origin, Profile::Generic, Syntax::Json);
    assert_eq!(of("http://orthanc:8042/dicom-web"), ["dicom-web"]);
    assert_eq!(of("http://arc:8080/dcm4chee-arc/aets/X/rs"), ["dicom-web", "dcm4chee-arc"]);
    assert_eq!(of("http://pacs.example/v2"), ["v2", "dicom-web", "pacs.example"]);
    let azure = needles("https://a.example/v2", Profile::Azure, Syntax::Xml);
    assert_eq!(azure, ["v1", "v2", "a.example", "dicom-web"]);
    let root = needles("https://a.example", Profile::Generic, Syntax::Xml);
    assert_eq!(root, ["\\\"/", "\\\'/", "a.example", "dicom-web"]);
}

#[test]
fn ours_needs_no_escapes() {
    let public = "https://imaging.example/a&b'c";
    let pacs = route("https://pacs.example/rs", &[], Profile::Generic, public);
    let ours = becomes(&pacs, "https://pacs.example/rs/x").unwrap();
    assert_eq!(ours, "https://imaging.example/a%26b%27c/x");
}
