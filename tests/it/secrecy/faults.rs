//! Servers around the gateway that do not behave.

use gateway_tests::Reply;
use gateway_tests::authority::{Answer, RetryAfter};

use super::Stage;

impl Stage<'_> {
    /// Answers that are none, or speak of the gateway's token, or never end.
    pub(super) async fn an_ill_bred_origin_server(&mut self) {
        let canary = self.canaries.plant("origin server");
        let fields = format!("X: {canary}\r\nContent-Length: 0\r\n\r\n");
        for reply in [
            Reply::Bytes(format!("HTTP/1.1 799 {canary}\r\n{fields}").into()),
            Reply::Bytes(
                format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {canary}\r\n{fields}").into(),
            ),
            Reply::Bytes(
                format!("HTTP/1.1 401 No\r\nWWW-Authenticate: {canary}\r\n{fields}").into(),
            ),
            Reply::Bytes(
                format!(
                    "HTTP/1.1 200 OK\r\nServer: {canary}\r\nSet-Cookie: {canary}\r\n\
                         Content-Length: 0\r\n\r\n"
                )
                .into(),
            ),
            Reply::BytesThenClose(format!("{canary}\r\n\r\n").into()),
            Reply::BytesThenClose(format!("HTTP/1.1 200 OK\r\n{canary}\r\n\r\n").into()),
            Reply::Close,
            Reply::Reset,
            Reply::Stall,
        ] {
            self.recorder.reply_with(reply);
            self.ask().await;
        }
        // What follows is the caller's to see, and nobody else's.
        for reply in [
            Reply::Bytes(format!("HTTP/1.1 500 {canary}\r\n{fields}").into()),
            Reply::BytesThenClose(
                format!("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{canary}").into(),
            ),
        ] {
            self.recorder.reply_with(reply);
            let answers = self.answers.len();
            self.ask().await;
            self.answers.truncate(answers);
        }
        self.recorder.stop().await;
        self.ask().await;
        self.recorder.restart().await;
        self.recorder.reply_with(Reply::Ok);
    }

    /// Token requests that fail in every way, each by a client of its own.
    pub(super) async fn ill_bred_authorities(&mut self, opaque: &str) {
        let canary = self.canaries.plant("authority");
        let refusal = format!(
            "{{\"error\":\"invalid_client\",\"error_description\":\"{canary}\",\
             \"error_codes\":[7000215],\"error_uri\":\"https://{canary}\",\"trace_id\":\"{canary}\"}}"
        );
        let grant = |fields: String| format!("{{\"token_type\":\"Bearer\",{fields}}}");
        let json = "application/json";
        for answer in [
            Answer::with("access_token", opaque),
            Answer::status(401, json, refusal),
            Answer::status(400, json, format!("{{\"error\":\"{canary}\"}}")),
            Answer::status(400, "text/html", format!("<html>{canary}")),
            Answer::status(500, "text/html", format!("<html>{canary}")),
            Answer::status(200, json, canary.clone()),
            Answer::status(200, json, grant(format!("\"access_token\":\"{canary}\\r\\nX: y\""))),
            Answer::status(200, json, grant(format!("\"access_token\":\"{canary} {canary}\""))),
            Answer::status(
                200,
                json,
                grant(format!("\"access_token\":\"{canary}\",\"expires_in\":\"{canary}\"")),
            ),
            Answer::status(200, json, canary.repeat(8000)),
            Answer::redirect(&format!("https://{canary}.example/token")),
            Answer::throttled(RetryAfter::Seconds(7)),
            Answer::Reset,
        ] {
            self.world.authority.answer_with(answer);
            self.reload_with_another_client().await;
            self.ask().await;
        }
        self.world.authority.answer_well();
        self.reload_with_another_client().await;
        self.ask().await;
        self.world.authority.stop().await;
        self.reload_with_another_client().await;
        self.ask().await;
        self.world.authority.restart().await;
    }
}
