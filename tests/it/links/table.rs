//! Wherever servers are known to write URLs of their own, one test a row.

use super::{Bench, JSON, OURS, ours};

async fn orthanc() -> Bench {
    Bench::start("orthanc", "/dicom-web").await
}

async fn azure() -> Bench {
    Bench::start("azure", "/v2").await
}

#[tokio::test]
async fn a_store_tells_where_the_study_is_now() {
    let body = r#"{"00081190":{"vr":"UR","Value":["@/studies/1.2"]}}"#;
    for bench in [azure().await, orthanc().await] {
        for path in ["/studies", "/studies/1.2"] {
            let answer = bench.ask(&format!("POST {path}"), JSON, body).await;
            assert_eq!((answer.status, answer.text()), (200, ours(body)));
        }
    }
}

#[tokio::test]
async fn a_store_tells_where_each_instance_is_now() {
    let item = |instance| {
        format!(
            "{{\"00081150\":{{\"vr\":\"UI\",\"Value\":[\"1.2.840\"]}},\"00081190\":{{\"vr\":\"UR\",\
             \"Value\":[\"@/studies/1.2/series/1.3/instances/{instance}\"]}}}}"
        )
    };
    let items = (1..300).map(item).collect::<Vec<_>>().join(",");
    let body = format!("{{\"00081199\":{{\"vr\":\"SQ\",\"Value\":[{items}]}}}}");
    for bench in [azure().await, orthanc().await] {
        let json = JSON.replace("200 OK", "202 Accepted");
        let answer = bench.ask("POST /studies", &json, &body).await;
        assert_eq!((answer.status, answer.text()), (202, ours(&body)));
        assert!(!answer.text().contains("localhost"));
    }
}

#[tokio::test]
async fn a_search_tells_where_to_retrieve() {
    let bench = orthanc().await;
    let body = r#"[{"0020000D":{"Value":["1.2"],"vr":"UI"},"00081190":{"vr":"UR","Value":["@/studies/1.2"]}},
                   {"00081190" : { "Value" : [ "\/dicom-web\/studies\/1.3" ], "vr" : "UR" }}]"#;
    let expected = ours(body).replace("\\/dicom-web", OURS);
    for path in ["/studies", "/series", "/studies/1.2/instances"] {
        let answer = bench.ask(&format!("GET {path}"), JSON, body).await;
        assert_eq!(answer.text(), expected);
    }
}

#[tokio::test]
async fn metadata_name_bulk_data_at_any_depth() {
    let bench = orthanc().await;
    let body = r#"[{"7FE00010":{"vr":"OW","BulkDataURI":"@/studies/1/series/2/instances/3/bulk/7fe00010"},
                   "00880200":{"vr":"SQ","Value":[{"00281201":{"vr":"OW",
                   "BulkDataURI":"http:\/\/HOST\/dicom-web\/studies\/1\/bulk/00880200\/1\/00281201"}}]},
                   "00420011":{"vr":"OB","BulkDataURI":"/dicom-web/studies/1/bulk/00420011"},
                   "00431028":{"vr":"OB","BulkDataURI":"../../bulkdata/1"},
                   "00080080":{"vr":"LO","Value":["/dicom-web/ward"]}}]"#;
    let host = bench.theirs.strip_prefix("http://").unwrap().strip_suffix("/dicom-web").unwrap();
    let expected = ours(body)
        .replace("http:\\/\\/HOST\\/dicom-web", OURS)
        .replace(":\"/dicom-web", &format!(":\"{OURS}"));
    let answer = bench.ask("GET /studies/1/metadata", JSON, &body.replace("HOST", host)).await;
    assert_eq!(answer.text(), expected);
}

#[tokio::test]
async fn metadata_in_xml_name_bulk_data_and_where_to_retrieve() {
    let bench = orthanc().await;
    let body = "<NativeDicomModel><DicomAttribute tag=\"00081190\"><Value number=\"1\">@/studies/1\
                </Value></DicomAttribute><BulkData URI=\"@/studies/1/bulk/00431028?a=b&amp;c=d\"/>\
                <BulkData uri='@'/><Value>@x</Value></NativeDicomModel>";
    let stays = format!("<Value>{}x</Value>", bench.theirs);
    let expected = ours(&body.replace("<Value>@x</Value>", &stays));
    for kind in ["application/dicom+xml", "application/xml; charset=utf-8", "text/xml"] {
        let lines = format!("200 OK\r\nContent-Type: {kind}\r\n");
        let answer = bench.ask("GET /studies/1/metadata", &lines, body).await;
        assert_eq!(answer.text(), expected, "{kind}");
    }
    let (head, boundary) =
        ("\r\n--b\r\nContent-Type: application/dicom+xml\r\n\r\n", "\r\n--b--\r\n");
    let lines =
        "200 OK\r\nContent-Type: multipart/related; type=\"application/dicom+xml\"; boundary=b\r\n";
    let answer =
        bench.ask("GET /studies/1/metadata", lines, &format!("{head}{body}{boundary}")).await;
    assert_eq!(answer.text(), format!("{head}{expected}{boundary}"));
}

#[tokio::test]
async fn parts_name_themselves_in_their_heads() {
    let bench = orthanc().await;
    let part = "\r\n--b\r\nContent-Type: application/octet-stream; transfer-syntax=1.2\r\n\
                Content-Location: @/studies/1/series/2/instances/3/frames/1\r\nMIME-Version: 1.0\r\n\
                Content-Length: 5\r\n\r\n\x01\r\n-\x02";
    let body = format!("{part}{part}\r\n--b--\r\n");
    let lines = "200 OK\r\nContent-Type: multipart/related; boundary=\"b\"\r\n";
    let answer = bench.ask("GET /studies/1/series/2/instances/3/frames/1", lines, &body).await;
    assert_eq!(answer.text(), ours(&body));
}

#[tokio::test]
async fn a_location_leads_pollers_to_the_gateway() {
    let bench = azure().await;
    let location = |location: &str| format!("202 Accepted\r\nLocation: {location}\r\n");
    for (line, theirs, rest) in [
        ("POST /export", "@/operations/0123", "/operations/0123"),
        ("POST /export", "@/../v1/operations/0123", "/../v1/operations/0123"),
        ("POST /extendedquerytags", "/v2/operations/0123", "/operations/0123"),
        ("POST /studies/$bulkUpdate", "../v1/operations/0123", "/operations/0123"),
        ("POST /workitems", "@/workitems/1.2?a=b", "/workitems/1.2?a=b"),
    ] {
        let answer = bench.ask(line, &location(theirs), "").await;
        assert_eq!(answer.header("location"), Some(&*format!("{OURS}{rest}")), "{theirs}");
    }
    let sibling = bench.theirs.replace("/v2", "/v1/operations/0123");
    let answer = bench.ask("GET /operations/0123", &location(&sibling), "").await;
    assert_eq!(answer.header("location"), Some(&*format!("{OURS}/operations/0123")));
}

#[tokio::test]
async fn a_content_location_is_the_gateways_as_well() {
    let bench = azure().await;
    for (line, theirs, expected) in [
        ("POST /workitems", "@/workitems/1.2", ours("@/workitems/1.2")),
        ("POST /workitems/1.2", "/v2/workitems/1.2", ours("@/workitems/1.2")),
        ("GET /workitems/1.2", "1.2", "1.2".to_owned()),
    ] {
        let lines = format!("200 OK\r\nContent-Location: {theirs}\r\n");
        let answer = bench.ask(line, &lines, "").await;
        assert_eq!(answer.header("content-location"), Some(&*expected), "{theirs}");
    }
}

#[tokio::test]
async fn operations_and_tags_refer_to_the_gateway() {
    let bench = azure().await;
    let body = r#"{"id":"df1f","href":"@/operations/df1f","operation":{"href":"../v1/operations/df1f"},
                   "errors":{"href":"V1/extendedquerytags/00101010/errors"},
                   "resources":["@/studies/1","@/studies/2"],"path":"../v1/operations/df1f"}"#;
    let sibling = bench.theirs.replace("/v2", "/v1");
    let expected =
        ours(body).replace("V1", OURS).replace("\"href\":\"../v1", &format!("\"href\":\"{OURS}"));
    let json = JSON.replace("dicom+json", "json; charset=utf-8");
    for line in ["GET /operations/df1f", "GET /extendedquerytags/00101010", "POST /export"] {
        let answer = bench.ask(line, &json, &body.replace("V1", &sibling)).await;
        assert_eq!(answer.text(), expected, "{line}");
    }
}

#[tokio::test]
async fn a_warning_does_not_tell_who_is_behind_the_gateway() {
    let bench = azure().await;
    let authority = bench.theirs.strip_prefix("http://").unwrap().strip_suffix("/v2").unwrap();
    let warning = format!("200 OK\r\nWarning: 299 {authority}: \"See @/studies for more\"\r\n");
    let answer = bench.ask("POST /studies", &warning, "").await;
    let expected = ours("299 imaging.example: \"See @/studies for more\"");
    assert_eq!(answer.header("warning"), Some(&*expected));
}

#[tokio::test]
async fn a_redirect_elsewhere_is_the_callers_to_follow_without_our_token() {
    let bench = orthanc().await;
    let elsewhere = "https://bucket.example/signed?token=1";
    for (location, expected) in
        [(elsewhere, elsewhere.to_owned()), ("@/studies/2", ours("@/studies/2"))]
    {
        let lines = format!("302 Found\r\nLocation: {location}\r\n");
        let answer = bench.ask("GET /studies/1/rendered", &lines, "").await;
        assert_eq!((answer.status, answer.header("location")), (302, Some(&*expected)));
    }
    assert_eq!(bench.recorder.requests().len(), 2);
}

#[tokio::test]
async fn a_web_socket_is_opened_at_the_gateway() {
    let bench = Bench::start("dcm4chee", "/dcm4chee-arc/aets/DCM4CHEE/rs").await;
    for scheme in ["ws", "wss"] {
        let theirs = bench.theirs.replacen("http", scheme, 1) + "/subscribers/AET";
        let ours = OURS.replacen("https", "wss", 1) + "/subscribers/AET";
        let lines = format!("201 Created\r\nContent-Location: {theirs}\r\n");
        let body = format!("{{\"url\":\"{theirs}\"}}");
        let lines = lines + "Content-Type: application/dicom+json\r\n";
        let answer = bench.ask("POST /workitems/1.2/subscribers/AET", &lines, &body).await;
        assert_eq!(answer.header("content-location"), Some(&*ours));
        assert_eq!(answer.text(), format!("{{\"url\":\"{ours}\"}}"));
    }
}

#[tokio::test]
async fn the_capabilities_are_those_of_the_gateway() {
    let bench = orthanc().await;
    let body =
        "<application><resources base=\"@\"><resource path=\"studies\"/></resources></application>";
    let lines = "200 OK\r\nContent-Type: application/vnd.sun.wadl+xml\r\n";
    for path in ["", "/"] {
        let answer = bench.ask(&format!("OPTIONS {path}"), lines, body).await;
        assert_eq!(answer.text(), ours(body), "{path}");
    }
}

#[tokio::test]
async fn what_was_exported_stays_where_it_is() {
    let bench = azure().await;
    let body = r#"{"results":{"exported":1,"errorHref":"https://x.blob.core.windows.net/v2/errors.log"},
                   "href":"@/operations/1"}"#;
    let json = JSON.replace("dicom+json", "json");
    let answer = bench.ask("GET /operations/1", &json, body).await;
    assert_eq!(answer.text(), ours(body));
}

#[tokio::test]
async fn what_callers_stored_stays_unless_it_is_the_origin_servers() {
    let bench = orthanc().await;
    let theirs = bench.theirs.clone();
    let value = |url: &str| format!("{{\"0040E010\":{{\"vr\":\"UR\",\"Value\":[\"{url}\"]}}}}");
    let authority = theirs.strip_prefix("http://").unwrap();
    for stays in [
        "https://other.example/dicom-web/studies/1".to_owned(),
        format!("{theirs}2/studies/1"),
        format!("http://x@{authority}/studies/1"),
        format!("http://{}.evil.example/dicom-web", authority.strip_suffix("/dicom-web").unwrap()),
        format!("https://evil.example/?{theirs}/studies/1"),
        format!("see {theirs}/studies/1"),
        "/dicom-web/studies/1".to_owned(),
    ] {
        let stays = value(&stays);
        let rest = format!("Content-Length: {}\r\n\r\n{stays}", stays.len());
        assert_eq!(bench.ask_for("GET /workitems/1", JSON, &rest).await.text(), stays);
    }
    let answer = bench.ask("GET /workitems/1", JSON, &value("@/studies/1")).await;
    assert_eq!(answer.text(), ours(&value("@/studies/1")));
}
