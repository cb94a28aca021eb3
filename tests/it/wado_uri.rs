//! WADO-URI (PS3.18, section 9): objects by their UIDs in a query. It is a retrieval like any other,
//! though its path is that of the service itself.

use crate::wire::Bench;

#[tokio::test]
async fn the_query_arrives_byte_for_byte() {
    let bench = Bench::with("", "allow = [\"retrieve\"]").await;
    for (path, target) in
        [("/dicom-web", "/v2"), ("/dicom-web/", "/v2/"), ("/dicom-web/wado", "/v2/wado")]
    {
        for query in [
            format!("requestType=WADO&{UIDS}"),
            format!("{UIDS}&requestType=WADO"),
            format!(
                "requestType=WADO&{UIDS}&contentType=application%2Fdicom&transferSyntax=1.2.840.10008.1.2.4.50"
            ),
            format!("requestType=WADO&{UIDS}&contentType=application/dicom,image/jpeg;q=0.5"),
            format!(
                "requestType=WADO&{UIDS}&contentType=image%2fjpeg&rows=512&columns=512&region=0.1,0.2,0.9,1&windowCenter=-40.5&windowWidth=400&imageQuality=90"
            ),
            format!(
                "requestType=WADO&{UIDS}&frameNumber=3&annotation=patient%2Ctechnique&anonymize=yes&charset=UTF-8"
            ),
            format!("requestType=WADO&{UIDS}&presentationUID=1.2.5&presentationSeriesUID=1.2.6"),
            format!("&&request%54ype=%57ADO&{UIDS}&x=%41+%zz&&y&=&?/"),
        ] {
            for method in ["GET", "HEAD"] {
                let line = format!("{method} {path}?{query} HTTP/1.1");
                let answer = ask(&bench, &line).await;
                assert_eq!(answer, 200, "{line}");
                let request = bench.last();
                assert_eq!(request.target, format!("{target}?{query}"));
                assert_eq!(request.method, method);
                assert_eq!(request.header("accept"), Some("image/jpeg, */*;q=0.1"));
                assert!(request.header("authorization").unwrap().starts_with("Bearer "));
            }
        }
    }
    let line = bench.gateway.wait_for_line("transaction=retrieve").await;
    assert!(line.contains("status=200") && !line.contains("1.2.3"), "{line}");
}

#[tokio::test]
async fn it_takes_leave_to_retrieve() {
    let bench = Bench::with("", "allow = [\"search\", \"store\", \"worklist\", \"manage\"]").await;
    for path in ["", "/", "/wado"] {
        let line = format!("GET /dicom-web{path}?requestType=WADO&{UIDS} HTTP/1.1");
        assert_eq!(ask(&bench, &line).await, 403, "{line}");
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn what_is_not_plainly_wado_uri_is_refused() {
    let bench = Bench::with("", ALL).await;
    for kind in [
        "requestType=WADO&requestType=WADO",
        "requestType=WADO&requestType=STOW",
        "requestType=STOW&requestType=WADO",
        "requestType=WADO&REQUESTTYPE=DELETE",
        "requestType=WADO&request%54ype=DELETE",
        "requestType=WADO&requestType",
        "requestType=wado",
        "requestType=WADO+",
        "requestType=WADO%20",
        "requestType=WADO%00",
        "requestType=WADO;requestType=STOW",
        "requestType=%2557ADO",
        "requestType=STOW",
        "requestType=IID",
        "requestType=",
        "requestType",
        "x=1;requestType=WADO",
        "requesttypes=WADO",
    ] {
        for (path, refused) in [("", 405), ("/", 405), ("/wado", 404)] {
            let line = format!("GET /dicom-web{path}?{kind}&{UIDS} HTTP/1.1");
            assert_eq!(ask(&bench, &line).await, refused, "{line}");
        }
    }
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for path in ["", "/", "/wado"] {
            let line = format!("{method} /dicom-web{path}?requestType=WADO&{UIDS} HTTP/1.1");
            assert_eq!(ask(&bench, &line).await, 405, "{line}");
        }
    }
    for path in ["/wado/", "/wado/x", "/WADO", "/elsewhere"] {
        let line = format!("GET /dicom-web{path}?requestType=WADO&{UIDS} HTTP/1.1");
        assert_eq!(ask(&bench, &line).await, 404, "{line}");
    }
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

#[tokio::test]
async fn elsewhere_such_a_query_changes_nothing() {
    let bench = Bench::with("", "allow = [\"retrieve\"]").await;
    let line = "GET /dicom-web/studies?requestType=WADO HTTP/1.1";
    assert_eq!(ask(&bench, line).await, 403, "a search stays a search");
    let line = "DELETE /dicom-web/studies/1.2?requestType=WADO HTTP/1.1";
    assert_eq!(ask(&bench, line).await, 403, "a deletion stays a deletion");
    assert_eq!(bench.recorder.bytes_seen(), 0);
}

async fn ask(bench: &Bench, line: &str) -> u16 {
    let mut caller = bench.caller().await;
    let message = format!("{line}\r\nHost: localhost\r\nAccept: image/jpeg, */*;q=0.1\r\n\r\n");
    caller.send(message).await.unwrap();
    let method = line.split(' ').next().unwrap_or_default();
    caller.read_response_to(method).await.unwrap().status
}

const UIDS: &str = "studyUID=1.2&seriesUID=1.2.3&objectUID=1.2.3.4";

const ALL: &str =
    "allow = [\"search\", \"retrieve\", \"store\", \"delete\", \"worklist\", \"manage\"]";
