"""An origin server that takes and gives very large bodies, and the authority whose token it demands; on one loopback port.

It never holds more than a mebibyte of any of them. It runs in a process of its own, and tells on request how much it has sent (`/sent`).
A store to the held study waits, unread, until it is let go (`/release`).
"""

import json
import multiprocessing
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from stream import CONTENT_TYPE, STEP, Body, Checker


@contextmanager
def bulk_origin(size):
    """Serves bodies of this size, and expects them; yields the port."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=_serve, args=(theirs, size), daemon=True)
    process.start()
    try:
        assert ours.poll(60), "the bulk origin server does not start"
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


class _Transactions(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    size = 0
    sent = 0
    released = threading.Event()

    def do_POST(self):  # noqa: N802, the base class's name
        if self.path == "/token":
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN})
        elif self.path == "/release":
            self.released.set()
            self._answer(200, {})
        elif self._refused():
            return
        else:
            if self.path.endswith(HELD_STUDY):
                self.released.wait(120)
            checker = Checker(self.size)
            try:
                how = self._receive(checker)
                checker.finish()
            except AssertionError as wrong:
                self.close_connection = True
                self._answer(400, {"wrong": str(wrong)})
            else:
                self._answer(200, {"received": checker.received, "how": how})

    def do_GET(self):  # noqa: N802, the base class's name
        if self.path == "/sent":
            self._answer(200, {"sent": _Transactions.sent})
            return
        if self._refused():
            return
        _Transactions.sent = 0
        chunked = self.path.endswith(CHUNKED_STUDY)
        self.send_response(200)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header(*(("Transfer-Encoding", "chunked") if chunked else ("Content-Length", str(self.size))))
        self.end_headers()
        for piece in Body(self.size).pieces():
            if chunked:
                self.wfile.write(b"%x\r\n" % len(piece))
            self.wfile.write(piece)
            if chunked:
                self.wfile.write(b"\r\n")
            _Transactions.sent += len(piece)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_):
        """Says nothing: what is wrong is in the answer."""

    def _refused(self):
        if self.headers.get_all("Authorization") == [f"Bearer {TOKEN}"]:
            return False
        self.close_connection = True
        self._answer(401, {"wrong": "no token, or not the one"})
        return True

    def _receive(self, checker):
        view = memoryview(bytearray(STEP))
        if self.headers.get("Transfer-Encoding") is None:
            self._receive_exactly(int(self.headers["Content-Length"]), view, checker)
            return "length"
        while length := int(self.rfile.readline().split(b";")[0], 16):
            self._receive_exactly(length, view, checker)
            assert self.rfile.readline() == b"\r\n", "a chunk without its end"
        assert self.rfile.readline() == b"\r\n", "trailers that nobody sent"
        return "chunked"

    def _receive_exactly(self, length, view, checker):
        while length:
            count = self.rfile.readinto(view[: min(length, STEP)])
            assert count, f"the body breaks off after {checker.received} bytes"
            checker.take(view[:count])
            length -= count

    def _answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/dicom+json" if self.path != "/token" else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _serve(pipe, size):
    _Transactions.size = size
    with ThreadingHTTPServer(("127.0.0.1", 0), _Transactions) as server:
        pipe.send(server.server_port)
        server.serve_forever()


TOKEN = "bulk-" + "0123456789abcdef" * 90  # as long as Entra's
MEASURED_STUDY = "2.25.1"
CHUNKED_STUDY = "2.25.2"
HELD_STUDY = "2.25.3"
