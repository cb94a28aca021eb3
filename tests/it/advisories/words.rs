//! What the gateway says in its own name.

use gateway_tests::RawCaller;

use crate::wire::Bench;

/// Class 27. CVE-2021-32792: a page of the gateway's own had in it what the request said.
#[tokio::test]
async fn nothing_of_a_request_is_in_an_answer_of_ours() {
    let bench =
        Bench::with("", "allow = [\"search\"]\ncors.origins = [\"https://a.example\"]").await;
    let words =
        ["<script>alert(1)</script>", "\"><img/src=x>", "javascript:alert(1)", "canary4711"];
    let mut refused = 0;
    for word in words {
        let encoded = word.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
        let host = "Host: localhost\r\n";
        for request in [
            format!("GET /{word} HTTP/1.1\r\n{host}\r\n"),
            format!("GET /{encoded} HTTP/1.1\r\n{host}\r\n"),
            format!("GET /nowhere?a={encoded} HTTP/1.1\r\n{host}\r\n"),
            format!("GET /nowhere?a={word} HTTP/1.1\r\n{host}\r\n"),
            format!("GET /dicom-web/{encoded}/1 HTTP/1.1\r\n{host}\r\n"),
            format!("GET /dicom-web/studies/{word}/metadata HTTP/1.1\r\n{host}\r\n"),
            format!("GET /nowhere HTTP/1.1\r\n{host}Accept: text/html\r\nX: {word}\r\n\r\n"),
            format!("GET /nowhere HTTP/1.1\r\n{host}Referer: {word}\r\nUser-Agent: {word}\r\n\r\n"),
            format!("GET /nowhere HTTP/1.1\r\n{host}Origin: {word}\r\n\r\n"),
            format!("GET /nowhere HTTP/1.1\r\nHost: {word}\r\n\r\n"),
            format!("GET /nowhere HTTP/1.1\r\n{host}{word}: 1\r\n\r\n"),
            format!(
                "GET /nowhere HTTP/1.1\r\n{host}Traceparent: {word}\r\nX-Request-Id: {word}\r\n\r\n"
            ),
            format!("{word} /nowhere HTTP/1.1\r\n{host}\r\n"),
            format!("DELETE /dicom-web/studies/{encoded} HTTP/1.1\r\n{host}X: {word}\r\n\r\n"),
            format!("TRACE /nowhere HTTP/1.1\r\n{host}X: {word}\r\n\r\n"),
            format!(
                "OPTIONS /dicom-web/studies HTTP/1.1\r\n{host}Origin: https://a.example\r\n\
                 Access-Control-Request-Method: {word}\r\n\
                 Access-Control-Request-Headers: {word}\r\n\r\n"
            ),
        ] {
            for address in [bench.gateway.address(), bench.gateway.admin_address()] {
                let mut caller = RawCaller::connect(address).await.unwrap();
                caller.send(&request).await.unwrap();
                let answer = caller.read_response().await.unwrap();
                let told = String::from_utf8_lossy(&answer.raw).to_lowercase();
                assert!(answer.status >= 400 || answer.status == 204, "{request}{told}");
                for part in [word, "alert(1)", "canary4711", "src=x", &encoded] {
                    assert!(!told.contains(&part.to_lowercase()), "{request}{told}");
                }
                refused += 1;
                // Without a word there is nothing to guess at.
                if !answer.body.is_empty() {
                    let kind = answer.header("content-type").unwrap();
                    assert!(!kind.contains("html") && !kind.contains("xml"), "{kind}");
                    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{told}");
                }
            }
        }
    }
    assert_eq!(refused, 4 * 16 * 2);
    assert_eq!(bench.recorder.bytes_seen(), 0);
}
