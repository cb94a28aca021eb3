"""OHIF's own web server: the built viewer as files, on an origin that is not the gateway's."""

import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


@contextmanager
def served(folder, configuration, port):
    """Serves the viewer with this app-config.js on a port of 127.0.0.1, and an empty page at `/blank`."""

    class Files(_Files):
        directory = str(folder)
        ours = {"/app-config.js": ("text/javascript", configuration), "/blank": ("text/html", "<!doctype html><title>blank</title>")}

    with ThreadingHTTPServer(("127.0.0.1", port), Files) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.shutdown()


class _Files(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".wasm": "application/wasm", ".mjs": "text/javascript", ".js": "text/javascript"}
    directory = ""
    ours = {}

    def __init__(self, *arguments):
        super().__init__(*arguments, directory=self.directory)

    def do_GET(self):  # noqa: N802, the base class's name
        path = urlsplit(self.path).path
        if path in self.ours:
            kind, text = self.ours[path]
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())
            return
        # A viewer's own paths (`/viewer?…`) are all the one page.
        if not Path(self.translate_path(path)).is_file():
            self.path = "/index.html"
        super().do_GET()

    def end_headers(self):
        # Without these two a browser gives OHIF no shared memory; with them it is strict about other origins' answers.
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_message(self, *_):
        """Says nothing: what fails, the browser tells."""
