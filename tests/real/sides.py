"""The two ways to the same origin server: straight to it, and through the gateway.

Both have the same calls, so that a check can make one twice and compare. What comes through the gateway is searched for tokens on the
way, all of it: what a caller was sent, not only what a check looks at.
"""

import http.client
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
from dicomweb_client.api import DICOMwebClient


@dataclass
class Answer:
    """An answer as it came, its transfer coding taken off."""

    status: int
    headers: list
    body: bytes

    def header(self, name):
        """The field's value, its lines joined; None without one."""
        values = [value for field, value in self.headers if field.lower() == name.lower()]
        return ", ".join(values) if values else None

    def content(self):
        """What must be equal on both sides: representation headers, and the body or its parts.

        Boundaries of multipart bodies are drawn by lot for each answer, so they are cut out, and parts are compared instead.
        """
        kind = self.header("Content-Type") or ""
        fields = {name: self.header(name) for name in REPRESENTATION}
        boundary = re.search(r'boundary="?([^";]+)"?', kind)
        if not (kind.startswith("multipart/") and boundary) or self.header("Content-Encoding"):
            return fields, self.body
        fields["Content-Type"] = kind.replace(boundary[1], "…")
        return fields, split(self.body, boundary[1].encode())


class Side:
    """One way to the origin server."""

    def __init__(self, name, port, secrets=(), base="/dicom-web"):
        self.name = name
        self.port = port
        self.base = base
        self.examined = 0
        self._secrets = [secret.encode() for secret in secrets]
        session = requests.Session()
        session.trust_env = False  # neither a proxy nor a .netrc of this machine has a say
        session.hooks["response"].append(self._examine_reply)
        self.client = DICOMwebClient(f"http://127.0.0.1:{port}{self.base}", session=session, timeout=120)
        self.client.set_http_retry_params(retry=False)

    def call(self, method, path, body=None, headers=None, base=None):
        """One request on a connection of its own, below the service's base path or another one.

        `Host` is without a port, as dicomweb-client sends it: the origin server builds its URLs from it, which are equal on both sides then.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            fields = {"Host": "127.0.0.1"} | (headers or {})
            connection.request(method, (self.base if base is None else base) + path, body, fields)
            response = connection.getresponse()
            answer = Answer(response.status, response.getheaders(), response.read())
        finally:
            connection.close()
        self._examine(answer.headers, answer.body)
        return answer

    def _examine_reply(self, reply, stream=False, **_kwargs):
        # A streamed body is its reader's to read; the same resources are also read whole.
        self._examine(reply.headers.items(), b"" if stream else reply.content)

    def _examine(self, headers, body):
        self.examined += 1
        told = [("the body", body)] + [(name, value.encode("latin-1", "replace")) for name, value in headers]
        for where, value in told:
            assert not any(secret in value for secret in self._secrets), f"{self.name}: {where} holds a secret"
            assert not JWT.search(value), f"{self.name}: {where} holds a token"


def split(body, boundary):
    """The parts of a multipart body, each with its headers; the boundary must be where it has to be."""
    delimiter = b"--" + boundary
    assert body.startswith(delimiter), f"a multipart body starts with {body[:80]!r}"
    *parts, end = body[len(delimiter) :].split(b"\r\n" + delimiter)
    assert end.startswith(b"--"), f"a multipart body ends with {body[-80:]!r}"
    return parts


def path_of(url, base="/dicom-web"):
    """What follows the service's base URL, to be asked for on either side."""
    path = urlsplit(url).path
    assert path.startswith(base + "/"), f"{url} is not under {base}"
    return path[len(base) :]


JWT = re.compile(rb"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.")  # any token, also one that the guard has not told us
REPRESENTATION = ("Content-Type", "Content-Encoding", "Content-Language", "ETag", "Last-Modified", "Retry-After", "Warning")
