"""A DICOM service that takes the provider's tokens, and no others.

JWTs it judges by the keys that the provider publishes, opaque ones it asks the provider about: both by libraries that are not ours.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt
import requests

from authority.keys import believing


class Service:
    """What it was brought, and how it judges."""

    def __init__(self, issuers, anchors, audience, asking):
        self.taken = []
        self.refused = []
        self._issuers = issuers
        self._anchors = str(anchors)
        self._audience = audience
        self._asking = asking  # its own id and secret at the provider
        context = believing(anchors)
        self._keys = {issuer: jwt.PyJWKClient(f"{issuer}/jwks", ssl_context=context, lifespan=3600) for issuer in issuers}
        self._known = {}

    def judge(self, authorization):
        """The token's claims; an exception if it is not good."""
        scheme, _, token = authorization.partition(" ")
        assert scheme == "Bearer", "not a bearer token"
        if token.count(".") != 2:
            return self._ask(token)
        issuer = jwt.decode(token, options={"verify_signature": False})["iss"]
        key = self._keys[issuer].get_signing_key_from_jwt(token)
        required = {"require": ["exp", "iat", "iss", "aud", "client_id"]}
        claims = jwt.decode(token, key, ["RS256"], audience=self._audience, issuer=issuer, options=required)
        return claims | {"how": jwt.get_unverified_header(token)["typ"], "token": token}

    def _ask(self, token):
        # Not each time: this is a test of the gateway, and the provider has enough to do.
        if token not in self._known:
            url = f"{self._issuers[0]}/token/introspection"
            answer = requests.post(url, data={"token": token}, auth=self._asking, verify=self._anchors, timeout=30)
            self._known[token] = answer.json()
        assert self._known[token]["active"], "the provider does not know it"
        return self._known[token] | {"how": "introspection", "token": token}

    def answer(self, authorization):
        """Status and claims, written down."""
        try:
            claims = self.judge(authorization)
        except Exception as error:  # whatever is wrong with a token, its bearer is turned away
            self.refused.append(repr(error))
            return 401
        self.taken.append(claims)
        return 200


@contextmanager
def served(service, port):
    """The service on this port of 127.0.0.1, as long as this lasts."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            status = service.answer(self.headers.get("Authorization", ""))
            body = json.dumps([]).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
