"""What must hold between the gateway and an authority that nobody here wrote."""

import secrets
import time
import uuid

import jwt
import requests

from authority.keys import Pair
from authority.scene import CREDENTIALS, RESOURCE


def every_way_of_proving_itself_brings_tokens_that_a_service_takes(scene):
    for name in CREDENTIALS:
        assert scene.get(name) == 200, f"{name}: {scene.service.refused[-1:]}"
        claims = scene.service.taken[-1]
        assert claims["client_id"] == scene.clients[name]["client_id"], claims
        assert claims["scope"] == "dicom", claims
    for name, by, sent in (
        ("basic", "client_secret_basic", {"grant_type", "resource", "scope"}),
        ("post", "client_secret_post", {"client_id", "client_secret", "grant_type", "resource", "scope"}),
        ("rsa", "private_key_jwt", ASSERTED),
        ("ec", "private_key_jwt", ASSERTED),
    ):
        request = scene.token_requests(name)[0]
        assert (request["by"], set(request["form"]), request["basic"]) == (by, sent, name == "basic"), request


def a_token_is_a_JWT_for_the_resource_that_the_configuration_names(scene):
    for name in ("basic", "post", "rsa", "ec", "described"):
        scene.get(name)
        claims = scene.service.taken[-1]
        assert (claims["how"], claims["aud"]) == ("at+jwt", RESOURCE), claims


def a_token_that_nobody_can_read_is_as_good(scene):
    scene.get("opaque")
    claims = scene.service.taken[-1]
    assert claims["how"] == "introspection" and "." not in claims["token"]


def an_issuer_is_found_that_only_rfc_8414_describes(scene):
    issuer = scene.issuers[1]
    answer = requests.get(f"{issuer}/.well-known/openid-configuration", verify=scene.anchors, timeout=30)
    assert answer.status_code == 404, "it has OpenID's metadata as well: nothing would be shown"
    scene.get("described")
    assert scene.service.taken[-1]["iss"] == issuer


def the_service_takes_no_token_of_another(scene):
    key = Pair.rsa().key
    now = int(time.time())
    claims = {"iss": scene.issuers[0], "aud": RESOURCE, "client_id": "basic: a client", "iat": now, "exp": now + 60}
    assert scene.service.answer("Bearer " + jwt.encode(claims, key, "RS256", {"kid": "unknown"})) == 401
    assert scene.service.answer("Bearer " + secrets.token_urlsafe(32)) == 401
    assert scene.service.answer("") == 401
    scene.service.refused.clear()


def no_assertion_is_shown_twice(scene):
    for name in ("rsa", "ec"):
        scene.wait_until(lambda: scene.granted(name) >= 3, f"third token of {name}")
        requests_so_far = scene.token_requests(name)
        assert all(request["status"] == 200 for request in requests_so_far), requests_so_far
        ids = [_claims(request)["jti"] for request in requests_so_far]
        assert len(set(ids)) == len(ids)
        assert {_claims(request)["aud"] for request in requests_so_far} == {scene.issuers[0]}


def the_provider_refuses_an_assertion_that_it_has_seen(scene):
    for name in ("rsa", "ec"):
        shown = scene.token_requests(name)[-1]["form"]
        answer = _post(scene, shown)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), answer.text
        first, again = (request for request in scene.token_requests(name) if request["form"] == shown)
        assert (first["status"], again["status"]) == (200, 401) and "only be used once" in again["why"], again["why"]

        # It is because it has seen it: the same claims with another id are welcome.
        pair = scene.pairs[name]
        header = jwt.get_unverified_header(shown["client_assertion"])
        claims = _claims({"form": shown}) | {"jti": str(uuid.uuid4())}
        fresh = jwt.encode(claims, pair.key, pair.algorithm, {"x5t#S256": header["x5t#S256"]})
        answer = _post(scene, shown | {"client_assertion": fresh})
        assert answer.status_code == 200, answer.text


def a_secret_is_replaced_while_callers_call(scene):
    with scene.under_load("post") as statuses:
        new = secrets.token_urlsafe(24)
        (scene.folder / "post-secret-to-be").write_text(new + "\n")
        scene.register("post", token_endpoint_auth_method="client_secret_post", client_secret=new)
        _wait_for_tokens(scene, "post", lambda request: request["form"]["client_secret"] == new)
        scene.secrets["post"] = new
    _all_were_served(statuses)
    refused = [request for request in scene.token_requests("post") if request["status"] != 200]
    assert refused, "the old secret was never refused: nothing is shown"
    assert all(request["error"] == "invalid_client" for request in refused), refused
    assert all(request["form"]["client_secret"] != new for request in refused)


def a_key_is_replaced_while_callers_call(scene):
    for name, new in (("rsa", Pair.rsa()), ("ec", Pair.ec())):
        before = len(scene.token_requests(name))
        old = scene.pairs[name]
        with scene.under_load(name) as statuses:
            scene.register(name, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [old.jwk, new.jwk]})
            new.write(scene.folder, name)
            _wait_for_tokens(scene, name, lambda request: _is_signed_by(request, new))
            scene.register(name, token_endpoint_auth_method="private_key_jwt", jwks={"keys": [new.jwk]})
            _wait_for_tokens(scene, name, lambda request: _is_signed_by(request, new))
        scene.pairs[name] = new
        _all_were_served(statuses)
        assert all(request["status"] == 200 for request in scene.token_requests(name)[before:])

        # The old one is of no use any more.
        claims = _claims(scene.token_requests(name)[-1]) | {"jti": str(uuid.uuid4())}
        form = scene.token_requests(name)[-1]["form"] | {"client_assertion": jwt.encode(claims, old.key, old.algorithm)}
        assert _post(scene, form).status_code == 401


def no_token_was_refused_and_none_was_told(scene):
    assert not scene.service.refused, scene.service.refused
    written = scene.gateway.said()
    confidential = {claims["token"] for claims in scene.service.taken} | set(scene.secrets.values())
    for name in ("rsa", "ec"):
        confidential |= {request["form"]["client_assertion"] for request in scene.token_requests(name)}
    assert not any(secret in written for secret in confidential)
    assert len(confidential) > 20


def _wait_for_tokens(scene, name, is_new):
    """Until the client was given one that it asked for in the new way, after now."""
    before = len(scene.token_requests(name))
    granted = lambda: any(is_new(request) and request["status"] == 200 for request in scene.token_requests(name)[before:])
    scene.wait_until(granted, f"token of {name} by what is new")


def _all_were_served(statuses):
    assert set(statuses) == {200}, {status: statuses.count(status) for status in statuses}


def _is_signed_by(request, pair):
    try:
        jwt.decode(request["form"]["client_assertion"], pair.key.public_key(), [pair.algorithm], options={"verify_aud": False})
    except jwt.InvalidSignatureError:
        return False
    return True


def _claims(request):
    return jwt.decode(request["form"]["client_assertion"], options={"verify_signature": False})


def _post(scene, form):
    return requests.post(f"{scene.issuers[0]}/token", data=form, verify=str(scene.anchors), timeout=30)


ASSERTED = {"client_assertion", "client_assertion_type", "client_id", "grant_type", "resource", "scope"}
