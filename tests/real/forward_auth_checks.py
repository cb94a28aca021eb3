"""What must hold for callers of an nginx that asks the gateway."""

import json
import socket

from samples import wrap


def who_has_a_key_searches_and_retrieves(scene):
    before = scene.questions()
    for fields in (_bearer(scene.reader), {"X-Api-Key": scene.reader}):
        answer = scene.through.call("GET", "/studies?limit=2", headers=fields | JSON)
        assert answer.status == 200, answer
        studies = json.loads(answer.body)
        assert len(studies) == 2, studies
        study = studies[0]["0020000D"]["Value"][0]
        answer = scene.through.call("GET", f"/studies/{study}/metadata", headers=fields | JSON)
        assert answer.status == 200 and json.loads(answer.body), answer
    assert scene.questions() == before + 4, "nginx asks for each request"


def who_has_none_is_told_how_to_come_by_one(scene):
    for fields in ({}, _bearer("dgk_wrong"), {"X-Api-Key": "wrong"}):
        answer = scene.through.call("GET", "/studies", headers=fields)
        assert answer.status == 401, answer
        assert answer.header("WWW-Authenticate").startswith('Bearer realm="dicom-gateway"'), answer.headers


def a_store_takes_leave(scene):
    body = wrap([scene.instance(STORED)])
    fields = STORE | JSON
    for key, status in ((scene.reader, 403), (scene.writer, 200), (scene.reader, 403)):
        answer = scene.through.call("POST", "/studies", body, fields | _bearer(key))
        assert answer.status == status, answer
    # Also in pieces: what frames the body must not go to the gateway with the question.
    answer = scene.through.call("POST", "/studies", iter([body[:1000], body[1000:]]), fields | _bearer(scene.writer))
    assert answer.status in (200, 202, 409), answer
    answer = scene.through.call("GET", f"/studies/{STORED}", headers=_bearer(scene.reader) | WHOLE)
    assert answer.status == 200 and len(answer.body) > 10_000, answer.status
    for key, status in ((scene.reader, 403), (scene.writer, 204)):
        answer = scene.through.call("DELETE", f"/studies/{STORED}", headers=_bearer(key))
        assert answer.status == status, answer


def a_field_that_says_more_than_the_request_does_not_pass(scene):
    for field in ("msdicom-expiry-time-milliseconds", "X-HTTP-Method-Override", "X-Original-URL", "X-MS-AZUREDICOM-AUDIT-User"):
        answer = scene.through.call("GET", "/studies?limit=1", headers=_bearer(scene.reader) | {field: "1"})
        assert answer.status == 403, (field, answer)


def a_caller_cannot_describe_its_own_request(scene):
    body = wrap([scene.instance(STORED)])
    for fields in (
        {"X-Original-Method": "GET", "X-Original-URI": "/dicom-web/studies"},
        {"x-original-method": "GET", "X-ORIGINAL-URI": "/dicom-web/studies"},
        {"X_Original_Method": "GET", "X_Original_URI": "/dicom-web/studies"},
        {"X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/dicom-web/studies"},
        {"X-HTTP-Method": "GET"},
    ):
        answer = scene.through.call("POST", "/studies", body, STORE | fields | _bearer(scene.reader))
        assert answer.status == 403, (fields, answer)


def a_path_that_two_programs_could_read_in_two_ways_is_refused(scene):
    for path, status in (
        ("/dicom-web/x/../studies", 400),
        ("/dicom-web/x/%2e%2e/studies", 400),
        ("/elsewhere/../dicom-web/studies", 400),
        ("/dicom-web//studies", 400),
        ("/dicom-web/studies%2F1.2", 400),
        ("/dicom-web/%73tudies", 400),
        ("/dicom-web/patients", 404),
        ("/dicom-web/studies#x", 400),
    ):
        answer = _said(scene.through.port, f"GET {path} HTTP/1.1\r\nAuthorization: Bearer {scene.reader}")
        assert answer.startswith(f"HTTP/1.1 {status} "), (path, answer)
    answer = scene.through.call("DELETE", "/studies", headers=_bearer(scene.writer))
    assert answer.status == 405, answer
    # Nor may a caller ask for itself.
    assert scene.through.call("GET", "/ask", base="", headers=_bearer(scene.reader)).status == 404


def the_service_gets_the_token_and_nothing_of_the_callers(scene):
    shown = {"Cookie": "a=b", "Origin": "https://viewer.example", "Referer": "https://viewer.example/", "Forwarded": "for=192.0.2.1"}
    shown |= {"X-Forwarded-For": "192.0.2.1", "X-Forwarded-Host": "a.example", "X-Forwarded-Proto": "http", "X-Real-IP": "192.0.2.1"}
    with scene.recorder() as (port, heads):
        through = scene.nginx("nginx-recorded", f"127.0.0.1:{port}", [PLAIN])
        for way in (_bearer(scene.writer), {"X-Api-Key": scene.writer}):
            answer = through.call("POST", "/studies/1.2?a=%41", b"whole", STORE | shown | way)
            assert (answer.status, answer.body) == (200, b"whole"), answer
            request, head = heads.pop()
            assert request == "POST /v2/studies/1.2?a=%41", request
            [token] = head.get_all("Authorization")
            assert token.startswith("Bearer ey") and scene.writer not in str(head), "not the gateway's token"
            assert not any(name in head for name in [*shown, "X-Api-Key", "X-Original-URI"]), list(head)
            assert head["Host"] == "localhost"
        through.call("POST", "/studies", b"whole", STORE | _bearer(scene.reader))
        through.call("GET", "/studies", b"", {})
        assert not heads, "refused, and forwarded nevertheless"


def nothing_goes_on_while_nobody_can_be_asked(scene):
    with scene.recorder() as (port, heads):
        through = scene.nginx("nginx-alone", f"127.0.0.1:{port}", [PLAIN, (f"127.0.0.1:{scene.asked_at}", "127.0.0.1:9")])
        answer = through.call("GET", "/studies", headers=_bearer(scene.reader))
        assert answer.status == 500 and not heads, answer


def a_caller_is_told_when_to_come_again(scene):
    for said, status in ((503, 503), (504, 503), (429, 429)):
        with scene.recorder(said, Retry_After="7") as (gateway_port, questions), scene.recorder() as (port, heads):
            changes = [PLAIN, (f"127.0.0.1:{scene.asked_at}", f"127.0.0.1:{gateway_port}")]
            through = scene.nginx(f"nginx-{said}", f"127.0.0.1:{port}", changes)
            answer = through.call("GET", "/studies", headers=_bearer(scene.reader))
            assert (answer.status, answer.header("Retry-After")) == (status, "7"), answer
            assert len(questions) == 1 and not heads


def a_page_that_is_not_listed_brings_nothing_about(scene):
    answer = scene.through.call("POST", "/studies", b"", STORE | _bearer(scene.writer) | {"Origin": "https://page.example"})
    assert answer.status == 403, answer


def no_secret_and_no_value_is_in_anybodys_log(scene):
    answer = scene.through.call("GET", "/studies?PatientName=Schmidt", headers=_bearer(scene.reader) | JSON)
    assert answer.status in (200, 204), answer
    answer = scene.through.call("GET", "/patients?PatientName=Schmidt", headers=_bearer(scene.reader))
    assert answer.status == 404, answer
    for program in (scene.through.program, scene.gateway):
        written = program.said()
        assert not any(secret in written for secret in [*scene.secrets, "Schmidt", STORED]), written
    assert "forward-auth" in scene.gateway.said()


def _bearer(key):
    return {"Authorization": f"Bearer {key}"}


def _said(port, head):
    """The answer to a request in these words."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(f"{head}\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


PLAIN = ("https://service", "http://service")
JSON = {"Accept": "application/dicom+json"}
STORE = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=samples'}
WHOLE = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
STORED = "1.2.826.0.1.3680043.10.1"
