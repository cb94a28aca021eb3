//! What callers show to say who they are, rightly and wrongly, whoever is let in.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gateway_tests::{Connection, RawCaller};
use http::{Request, Version};
use http_body_util::Full;
use serde_json::json;

use super::Stage;
use super::canaries::Canaries;

impl Stage<'_> {
    /// Each kind of credential on each path that has a fate of its own, by both protocols; and heads
    /// that show more than one, or one that is none.
    pub(super) async fn callers_who_show_something(&mut self) {
        let paths = ["/dicom-web/studies", "/dicom-web/studies/1.2/metadata", "/nowhere"];
        for (method, path) in paths.map(|path| ("GET", path)).into_iter().chain([DELETION]) {
            for version in [Version::HTTP_11, Version::HTTP_2] {
                let caller = Connection::open(self.callers, version).await.unwrap();
                for (name, value) in credentials(&mut self.shown) {
                    let request = Request::builder().method(method).uri(path).header(name, value);
                    let request = request.body(Full::from(String::new())).unwrap();
                    let answer = caller.send_request(request).await.unwrap();
                    self.heard(answer).await;
                }
            }
        }
        for lines in heads(&mut self.shown) {
            let mut caller = RawCaller::connect(self.callers).await.unwrap();
            let line =
                "GET /dicom-web/studies HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
            caller.send(format!("{line}{lines}\r\n")).await.unwrap();
            self.answers.extend(caller.read_to_end().await);
        }
    }
}

/// One field each.
fn credentials(canaries: &mut Canaries) -> Vec<(&'static str, String)> {
    let basic = |user: String, password: String| STANDARD.encode(format!("{user}:{password}"));
    vec![
        ("authorization", format!("Bearer {}", canaries.plant("opaque bearer"))),
        ("authorization", format!("Bearer {}", jwt(canaries))),
        ("authorization", format!("bearer {}.{}", jwt(canaries), canaries.plant("fourth part"))),
        ("authorization", format!("Bearer dgw_{}", canaries.plant("API key as bearer"))),
        ("authorization", {
            format!("Basic {}", basic(canaries.plant("user"), canaries.plant("password")))
        }),
        ("authorization", format!("Basic {}", canaries.plant("no Basic"))),
        ("authorization", format!("{} abc", canaries.plant("scheme"))),
        ("authorization", canaries.plant("no scheme")),
        ("authorization", format!("Bearer {}", canaries.plant("huge bearer").repeat(800))),
        ("x-api-key", canaries.plant("API key")),
        ("cookie", format!("__Host-session={}", canaries.plant("session"))),
        ("proxy-authorization", format!("Bearer {}", canaries.plant("proxy's bearer"))),
        ("dpop", jwt(canaries)),
        ("x-forwarded-access-token", canaries.plant("forwarded token")),
        ("x-forwarded-client-cert", format!("Subject=\"CN={}\"", canaries.plant("subject"))),
        ("client-cert", format!(":{}:", STANDARD.encode(canaries.plant("certificate")))),
    ]
}

/// Lines of several fields, which HTTP has no single reading for.
fn heads(canaries: &mut Canaries) -> Vec<String> {
    let mut plant = |kind| canaries.plant(kind);
    vec![
        format!("Authorization: Bearer {}\r\nAuthorization: Bearer {}\r\n", plant("1"), plant("2")),
        format!("Authorization: Bearer {}\r\nX-Api-Key: {}\r\n", plant("bearer"), plant("key")),
        format!("X-Api-Key: {}\r\nX-Api-Key: {}\r\n", plant("first key"), plant("second key")),
        format!("Authorization: Bearer {}, Basic {}\r\n", plant("list"), plant("list's end")),
        format!("Authorization: Digest username=\"{}\"\r\n", plant("digest")),
        format!("Authorization:\tBearer\t{}\r\n", plant("tabs")),
        format!("Authorization: Bearer \u{e4}{}\r\n", plant("beyond ASCII")),
        format!("Authorization: Bearer {}\r\n folded\r\n", plant("folded")),
        format!("Authorization : Bearer {}\r\n", plant("space before the colon")),
        format!("Authorization_: Bearer {}\r\n", plant("underscore")),
    ]
}

/// In the shape of an access token, with something in each of its parts.
fn jwt(canaries: &mut Canaries) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let header = json!({ "alg": "RS256", "typ": "JWT", "kid": canaries.plant("kid") });
    let claims = json!({
        "iss": format!("https://{}.example/v2.0", canaries.plant("issuer")),
        "aud": canaries.plant("audience"),
        "sub": canaries.plant("sub"),
        "oid": canaries.plant("oid"),
        "tid": canaries.plant("tenant"),
        "azp": canaries.plant("application"),
        "name": canaries.plant("name"),
        "preferred_username": format!("{}@hospital.example", canaries.plant("user")),
        "roles": [canaries.plant("role")],
        "scp": canaries.plant("scope"),
        "exp": 4_102_444_800_u64,
    });
    let signature = URL_SAFE_NO_PAD.encode(canaries.plant("signature"));
    format!("{}.{}.{signature}", part(header), part(claims))
}

/// What the route does not allow.
const DELETION: (&str, &str) = ("DELETE", "/dicom-web/studies/1.2");
