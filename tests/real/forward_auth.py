"""Runs the real nginx, which asks the real gateway, before an emulated Azure DICOM service that demands a token.

    forward_auth.py [--binaries target/debug] [WORD …]

nginx runs with deploy/forward-auth/nginx.conf as it stands, but for its addresses. With words, only the checks whose names contain one of
them. Ends with how many passed and failed.
"""

import argparse
import http.client
import os
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pydicom
from pydicom.data import get_testdata_file

import forward_auth_checks
import parts
from guarded import configuration, new_key
from samples import encoded
from sides import Side
from tally import Tally


class Scene:
    """Everything that takes part. `through` is the way through nginx; it fails where an answer holds a token or a key."""

    def __init__(self, options, folder, running):
        self._folder = folder
        self._running = running
        self._guarded = folder / "guard"
        self.asked_at, self.admin_port = parts.free_port(), parts.free_port()
        ports = (parts.free_port(), self.admin_port)
        guard = parts.guard(options.binaries / "guard", self._guarded, parts.free_port(), *ports, "--azure")
        told = running.enter_context(guard)
        self.reader, self.writer = (new_key(options.binaries, self._guarded, name) for name in ("reader", "writer"))
        self.secrets = [told["token"], self.reader, self.writer, (self._guarded / "client-secret").read_text().strip()]

        file = self._guarded / "forward-auth.toml"
        file.write_text(self._configuration(ports, told))
        self.gateway = running.enter_context(parts.gateway(options.binaries / "dicom-gateway", file, self.admin_port))
        self.through = self.nginx("nginx", told["azure"].removeprefix("https://").removesuffix("/v2"))

    def nginx(self, name, service, changes=()):
        """An nginx before this service, and the way through it. `changes` are made to its configuration."""
        folder = self._folder / name
        folder.mkdir()
        port = parts.free_port()
        text = NGINX.read_text()
        for old, new in (
            ("127.0.0.1:9191", f"127.0.0.1:{self.asked_at}"),
            ("127.0.0.1:8080", f"127.0.0.1:{port}"),
            ("workspace-service.dicom.azurehealthcareapis.com:443", service),
            ("workspace-service.dicom.azurehealthcareapis.com", "localhost"),
            ("/etc/ssl/certs/ca-certificates.crt", str(self._guarded / "ca.pem")),
            ("worker_processes auto;", f"worker_processes 1; pid {folder}/pid; {_as_ourselves()}"),
            ("http {\n", "http {\n" + "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in TEMPORARY)),
            *changes,
        ):
            assert old in text, f"nginx.conf has no {old}"
            text = text.replace(old, new)
        (folder / "nginx.conf").write_text(text)
        command = ["nginx", "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"]
        program = self._running.enter_context(parts.running(name, command, folder))
        program.wait_until(lambda: parts.status_of(port, "/") is not None, "answer")
        side = Side(name, port, self.secrets)
        side.program = program
        return side

    @contextmanager
    def recorder(self, status=200, **fields):
        """A server without TLS that answers all alike; yields its port and the heads of what it was sent."""
        heads = []

        class Handler(BaseHTTPRequestHandler):
            def answer(self):
                heads.append((f"{self.command} {self.path}", self.headers))
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.send_response(status)
                for name, value in fields.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_DELETE = answer

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1], heads
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def instance(self, study):
        """A file of a study with this UID."""
        dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
        dataset.StudyInstanceUID = study
        return encoded(dataset)

    def questions(self):
        """How often nginx has asked."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=30)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return sum(int(line.split()[-1]) for line in lines if line.startswith("dicom_gateway_forward_auth_total{"))

    def _configuration(self, ports, told):
        route = configuration(self._guarded, ports, told["azure"])
        return f"""\
{route}cors = {{ origins = ["https://viewer.example"] }}
permits = [{{ to = ["api_key:writer"], allow = ["store", "delete"] }}]

[forward_auth]
address = "127.0.0.1:{self.asked_at}"
described_by = "x-original"
"""


def main():
    """Starts everything, runs the checks, ends everything; the exit code."""
    options = _options()
    parts.end_on_signals(300)
    tally = Tally(options.words)
    with tempfile.TemporaryDirectory(prefix="dicom-gateway-forward-auth-") as name, ExitStack() as running:
        scene = Scene(options, Path(name), running)
        tally.run(forward_auth_checks, scene)
        if tally.failed:
            print(f"The last words of nginx:\n{scene.through.program.tail()}\nof the gateway:\n{scene.gateway.tail()}", flush=True)
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed or not tally.passed else 0


def _as_ourselves():
    """Its workers must read what only we may."""
    return "user root;" if os.geteuid() == 0 else ""


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=lambda text: Path(text).resolve(), default="target/debug")
    parser.add_argument("words", nargs="*")
    return parser.parse_args()


NGINX = Path(__file__).resolve().parents[2] / "deploy/forward-auth/nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")

if __name__ == "__main__":
    sys.exit(main())
