//! What is put right on its way, and ways in and through that are no plain request.

use gateway_tests::{RawCaller, Reply};

use super::Stage;

impl Stage<'_> {
    /// Answers whose URLs become ours, whole and broken, after wishes that were put right.
    pub(super) async fn urls_of_the_origin_server(&mut self) {
        let theirs = &self.toml.origin;
        let body = format!("[{{\"BulkDataURI\":\"{theirs}/studies/1\"}},\"{theirs}\"]");
        let json = "HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n";
        let fields = format!(
            "Location: {theirs}/a\r\nContent-Location: {theirs}/b\r\nLink: <{theirs}/c>\r\n\
             Warning: 299 {} \"{theirs}/d\"\r\nRefresh: 0; url={theirs}\r\nContent-Length",
            theirs.split('/').nth(2).unwrap_or_default(),
        );
        let part = format!("--b\r\nContent-Location: {theirs}/e\r\n\r\nx\r\n--b--");
        let related = json.replace("application/dicom+json", "multipart/related; boundary=b");
        let capitals = body.replace("http://localhost", "HTTP://LOCALHOST");
        let whole = [
            format!("{json}{fields}: {}\r\n\r\n{body}", body.len()),
            format!("{json}Content-Length: {}\r\n\r\n{capitals}", capitals.len()),
            format!("{related}Content-Length: {}\r\n\r\n{part}", part.len()),
            format!("HTTP/1.1 302 Found\r\n{fields}: 0\r\n\r\n"),
        ];
        for reply in whole {
            for name in ["accept", "accept query"] {
                self.recorder.reply_next(Reply::BytesThenClose(reply.clone().into()));
                let wish = self.canaries.plant(name);
                let accept = format!("Accept: */*, image/{wish}; type={wish}/a\r\n");
                self.raw("GET", &format!("/studies/1?accept=image%2F{wish}"), &accept).await;
            }
        }
        // They were there to be put right.
        let answers = String::from_utf8_lossy(&self.answers);
        for ours in ["/a\r\n", "/b\r\n", "/c>", "/d\"", "/e\r\n", "/studies/1\""] {
            let ours = format!("https://imaging.example/dicom-web{ours}");
            assert!(answers.contains(&ours), "{ours}");
        }
        for reply in [
            format!("{json}Content-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
            format!("{json}Content-Length: 9999\r\n\r\n{body}"),
        ] {
            self.recorder.reply_next(Reply::BytesThenClose(reply.into()));
            self.raw("GET", "/studies", "").await;
        }
    }

    /// Pages that may not call, and preflights that ask for too much.
    pub(super) async fn strange_pages(&mut self) {
        let page = self.canaries.plant("page");
        let stranger = format!("Origin: https://{page}.example\r\n");
        let viewer = "Origin: https://viewer.example\r\n";
        for (method, lines) in [
            ("POST", stranger.clone() + "Content-Length: 0\r\n"),
            ("POST", format!("Origin: {page}\r\nOrigin: {page}\r\nContent-Length: 0\r\n")),
            ("GET", stranger.clone()),
            ("OPTIONS", format!("{stranger}Access-Control-Request-Method: PUT\r\n")),
            ("OPTIONS", format!("{viewer}Access-Control-Request-Method: {page}\r\n")),
            (
                "OPTIONS",
                format!(
                    "{viewer}Access-Control-Request-Method: PUT\r\n\
                     Access-Control-Request-Headers: accept, {page}, {page}\r\n"
                ),
            ),
        ] {
            self.raw(method, "/studies", &lines).await;
        }
    }

    /// Handshakes that are refused, by either side, and a WebSocket that breaks off.
    pub(super) async fn websockets(&mut self) {
        let shown = self.canaries.plant("WebSocket");
        let asks = "Upgrade: websocket\r\nConnection: upgrade\r\n";
        let version = "Sec-WebSocket-Version: 13\r\n";
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let good = format!("{asks}{version}{key}");
        for lines in [
            format!("{asks}{key}Sec-WebSocket-Version: {shown}\r\n"),
            format!("{asks}{version}Sec-WebSocket-Key: {shown}\r\n"),
            format!("{good}Origin: https://{shown}.example\r\n"),
        ] {
            self.raw("GET", "", &lines).await;
        }
        let told = self.canaries.plant("notification");
        let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                         Connection: upgrade\r\nSec-WebSocket-Accept: ";
        let proof = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
        self.recorder.reply_next(Reply::BytesThenClose(
            format!("{switching}{told}\r\n\r\n\u{1}\u{20}{told}").into(),
        ));
        let lines =
            format!("{good}Sec-WebSocket-Protocol: {shown}\r\nAuthorization: Bearer {shown}\r\n");
        let title = self.canaries.plant("title")[..16].to_owned();
        self.raw("GET", &format!("/subscribers/{title}?{shown}"), &lines).await;
        // What it says is the caller's to hear.
        let frame = format!("{switching}{proof}\r\n\r\n\u{1}\u{20}{told}");
        self.recorder.reply_next(Reply::BytesThenClose(frame.into()));
        let answers = self.answers.len();
        self.raw("GET", "/", &lines).await;
        let heard = self.answers.split_off(answers);
        assert!(heard.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&heard));
    }

    /// A request with these lines, and all that comes back; of a WebSocket, how it is opened.
    async fn raw(&mut self, method: &str, below: &str, lines: &str) {
        let mut caller = RawCaller::connect(self.callers).await.unwrap();
        let opens = lines.starts_with("Upgrade");
        let last = if opens { "" } else { "Connection: close\r\n" };
        let line = format!("{method} /dicom-web{below} HTTP/1.1\r\nHost: localhost\r\n");
        caller.send(format!("{line}{lines}{last}\r\n")).await.unwrap();
        let heard = if opens {
            caller.read_response().await.unwrap().raw
        } else {
            caller.read_to_end().await
        };
        self.answers.extend(heard);
    }
}
