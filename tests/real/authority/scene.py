"""The provider, a service that takes its tokens, and the gateway between a caller and the service."""

import http.client
import json
import secrets
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

import parts
from authority.keys import Pair
from authority.service import Service, served


class Scene:
    """What runs, and the files that tell the provider and the gateway about each other."""

    def __init__(self, folder, library):
        self.folder = folder
        self.port, self.admin_port, self.service_port, self.provider_port = (parts.free_port() for _ in range(4))
        origin = f"https://127.0.0.1:{self.provider_port}"
        self.issuers = [origin, f"{origin}/realms/imaging"]
        self.anchors = folder / "provider.crt"
        Pair.ec().write(folder, "provider")
        self.pairs = {"rsa": Pair.rsa(), "ec": Pair.ec()}
        self.secrets = {name: secrets.token_urlsafe(24) for name in ("basic", "post", "opaque", "described", "service")}
        self.clients = {}
        asking = ("service", self.secrets["service"])
        self.service = Service(self.issuers, self.anchors, RESOURCE, asking)
        for name, pair in self.pairs.items():
            pair.write(folder, name)
            self.register(name, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [pair.jwk]})
        for name, secret in self.secrets.items():
            (folder / f"{name}-secret").write_text(secret + "\n")
            by = "client_secret_basic" if name in ("basic", "service") else "client_secret_post"
            self.register(name, token_endpoint_auth_method=by, client_secret=secret)
        (folder / "post-secret-to-be").write_text("not yet known\n")
        settings = {
            "library": str(library),
            "port": self.provider_port,
            "chain": str(self.anchors),
            "key": str(folder / "provider.key"),
            "issuers": self.issuers,
            "clients": str(folder / "clients.json"),
            "life": LIFE,
        }
        (folder / "provider.json").write_text(json.dumps(settings))
        (folder / "gateway.toml").write_text(self._configuration())

    def register(self, name, **metadata):
        """Says what the provider knows of a client from now on."""
        client = {"client_id": f"{name}: a client", "grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}
        self.clients[name] = client | {"scope": "dicom"} | metadata
        if name == "service":
            self.clients[name]["client_id"] = name
        new = self.folder / "clients.new"
        new.write_text(json.dumps(list(self.clients.values())))
        new.replace(self.folder / "clients.json")

    @contextmanager
    def running(self, binary):
        """All of it, until this ends."""
        with ExitStack() as stack:
            stack.enter_context(served(self.service, self.service_port))
            command = ["node", Path(__file__).with_name("provider.js"), self.folder / "provider.json"]
            self.provider = stack.enter_context(parts.running("provider", command, self.folder))
            self.provider.wait_until(lambda: _accepts(self.provider_port), "open port")
            self.gateway = stack.enter_context(parts.gateway(binary, self.folder / "gateway.toml", self.admin_port))
            yield

    def token_requests(self, name):
        """What the provider told of this client's token requests."""
        lines = [json.loads(line) for line in self.provider.said().splitlines() if line.startswith("{")]
        return [line for line in lines if line["client"] == self.clients[name]["client_id"]]

    def granted(self, name):
        """How often this client was given a token."""
        return sum(request["status"] == 200 for request in self.token_requests(name))

    def wait_until(self, is_so, what):
        """Waits for a state."""
        self.gateway.wait_until(is_so, what)

    def get(self, name):
        """A caller's search on the client's route; its status."""
        return parts.status_of(self.port, f"/{name}/studies")

    @contextmanager
    def under_load(self, name):
        """Somebody searches all the while, and a hundred times at least; yields the statuses that they got."""
        statuses, stop = [], threading.Event()

        def search():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            while not stop.is_set():
                connection.request("GET", f"/{name}/studies")
                response = connection.getresponse()
                response.read()
                statuses.append(response.status)
                time.sleep(0.002)
            connection.close()

        thread = threading.Thread(target=search)
        thread.start()
        try:
            yield statuses
            self.wait_until(lambda: len(statuses) > 100, "callers")
        finally:
            stop.set()
            thread.join()

    def _configuration(self):
        text = f'[listener]\naddress = "127.0.0.1:{self.port}"\n[admin]\naddress = "127.0.0.1:{self.admin_port}"\n'
        for name, credential in CREDENTIALS.items():
            text += f"""
[client.{name}]
authority = "{self.issuers[name == "described"]}"
id = "{self.clients[name]["client_id"]}"
anchors = "{self.anchors.name}"
credential = {credential}
{"" if name == "opaque" else f'parameters = {{ resource = "{RESOURCE}" }}'}

[[route]]
prefix = "/{name}"
origin = "http://127.0.0.1:{self.service_port}"
client = "{name}"
scope = "dicom"
callers = "anyone"
"""
        return text


def _accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


# How each of the gateway's clients proves itself. The names are those of routes and files as well.
CREDENTIALS = {
    "basic": '{ secret_file = "basic-secret", secret_method = "basic" }',
    "post": '[{ secret_file = "post-secret" }, { secret_file = "post-secret-to-be" }]',
    "rsa": '{ certificate = { chain = "rsa.crt", key = "rsa.key" } }',
    "ec": '{ certificate = { chain = "ec.crt", key = "ec.key" } }',
    "opaque": '{ secret_file = "opaque-secret" }',
    "described": '{ secret_file = "described-secret" }',
}
RESOURCE = "https://imaging.example/dicom-web"
LIFE = 5  # seconds: a token is renewed at half of it, and out of use a second before its end
