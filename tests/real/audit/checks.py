"""What must hold of records in a repository."""

import base64
import json
import re
from collections import Counter
from threading import Event, Thread

import pydicom
from pydicom.data import get_testdata_file
from samples import encoded, wrap

from audit.pki import Authority


def each_transaction_is_told_once_with_its_event(scene):
    _call(scene, "GET", "/studies?PatientName=Canary*&limit=1", 204, scene.key, JSON)
    study = json.loads(_call(scene, "GET", "/studies?limit=1", 200, scene.key, JSON).body)[0]["0020000D"]["Value"][0]
    _call(scene, "GET", f"/studies/{study}/series", 200, scene.key, JSON)
    _call(scene, "GET", f"/studies/{study}/metadata", 200, scene.key, JSON)
    _call(scene, "GET", f"/studies/{study}", 200, scene.key, WHOLE)
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    dataset.StudyInstanceUID = STORED
    _call(scene, "POST", f"/studies/{STORED}", 200, scene.writer, STORE | JSON, wrap([encoded(dataset)]))
    series = f"/studies/{STORED}/series/{dataset.SeriesInstanceUID}"
    _call(scene, "GET", f"{series}/instances/{dataset.SOPInstanceUID}/metadata", 200, scene.key, JSON)
    _call(scene, "DELETE", f"{series}/instances/{dataset.SOPInstanceUID}", 204, scene.writer)
    _call(scene, "DELETE", f"/studies/{STORED}", None, scene.writer)
    _call(scene, "GET", "/workitems/1.2.3", None, scene.writer, JSON)
    _call(scene, "GET", "/changefeed", None, scene.writer, JSON)
    _call(scene, "DELETE", f"/studies/{study}", 403, scene.key)
    _call(scene, "GET", f"/studies/{study}", 401, "dgk_wrong", WHOLE)
    _call(scene, "PATCH", f"/studies/{study}", 405, scene.key)

    expected = Counter(
        [
            ("110100", "110120", "E", "0"),
            *[("110112", "", "E", "0")] * 3,
            *[("110104", "", "R", "0")] * 4,
            ("110103", "", "D", "0"),
            ("110105", "", "D", "8"),
            ("110114", "110122", "E", "8"),
        ]
    )
    messages = scene.wait_for(lambda found: len(found) >= 15, "15 messages")
    told = Counter(_event(message) for message in messages)
    assert len(messages) == 15 and not expected - told, told
    identities = [_request(message) for message in messages]
    assert len(set(identities)) == 15, identities
    stored = [message for message in messages if _detail(message, "Transaction") == "store"][0]
    roles = {one.find("RoleIDCode").get("csd-code"): one.get("UserID") for one in stored.iter("ActiveParticipant") if len(one)}
    assert roles["110153"] == "127.0.0.1" and "110152" in roles, roles
    assert stored.find("AuditSourceIdentification").get("AuditEnterpriseSiteID") == "St. Anne & Söhne"
    assert "writer" in [one.get("UserID") for one in stored.iter("ActiveParticipant")]
    assert _studies(stored) == [STORED]
    assert "Canary" not in scene.received.read_text()
    assert not any("Canary" in _details(message).values() for message in messages)


def headers_are_as_iti_20_wants_them(scene):
    for header, _, _ in scene.messages():
        time, host, name, process, kind, *_ = header.split(" ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+(Z|[+-]\d\d:\d\d)", time), header
        assert host and (name, process, kind) == ("dicom-gateway", str(scene.gateway.process.pid), "IHE+RFC-3881"), header


def a_repository_that_was_stopped_has_everything_once_it_is_back(scene):
    _retrieve(scene, "1.2.1", 20)
    scene.wait_for(_has("1.2.1", 20), "the first twenty")
    scene.wait_until_told()
    scene.repository.end()
    _retrieve(scene, "1.2.2", 200)
    assert "takes no records" in scene.gateway.wait_until(lambda: "takes no records" in scene.gateway.said() and scene.gateway.said(), "word")
    scene.start_repository()
    _retrieve(scene, "1.2.3", 20)
    for number, count in (("1.2.1", 20), ("1.2.2", 200), ("1.2.3", 20)):
        scene.wait_for(_has(number, count), f"{count} of {number}")
    _each_once(scene)


def a_repository_that_is_stopped_amid_transactions_misses_none(scene):
    over, done = Event(), []

    def call(number):
        while not over.is_set():
            done.append(f"1.3.{number}.{len(done)}")
            _call(scene, "GET", f"/studies/{done[-1]}", None, scene.key, WHOLE)

    threads = [Thread(target=call, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(4):
            before = len(scene.messages())
            scene.gateway.wait_until(lambda: len(scene.messages()) > before + 50, "messages")
            scene.repository.end()
            scene.start_repository()
    finally:
        over.set()
        for thread in threads:
            thread.join()
    wanted = set(done)
    assert len(wanted) > 100, len(wanted)
    scene.wait_for(lambda found: wanted <= {study for message in found for study in _studies(message)}, "all of them")


def what_waits_outlives_the_gateway(scene):
    scene.repository.end()
    _retrieve(scene, "1.4.1", 30)
    scene.gateway.end()
    scene.start_gateway()
    _retrieve(scene, "1.4.2", 10)
    scene.start_repository()
    for number, count in (("1.4.1", 30), ("1.4.2", 10)):
        scene.wait_for(_has(number, count), f"{count} of {number}")
    found = scene.wait_for(lambda found: sum(_event(message)[1] == "110120" for message in found) == 2, "second start")
    assert sum(_event(message)[1] == "110121" for message in found) == 1


def who_is_not_named_by_the_certificate_gets_nothing(scene):
    before = len(scene.messages())
    (scene.folder / "other").mkdir()
    Authority(scene.folder / "other").issue("gateway", "gateway.hospital.example")
    own = {file: (scene.folder / file).read_bytes() for file in ("gateway.pem", "gateway.key")}
    scene.repository.end()
    for file in own:
        (scene.folder / file).write_bytes((scene.folder / "other" / file).read_bytes())
    told = scene.gateway.said().count("takes no records")
    scene.start_repository()
    _retrieve(scene, "1.5.1", 10)
    scene.gateway.wait_until(lambda: scene.gateway.said().count("takes no records") > told, "word")
    assert len(scene.messages()) == before, "rsyslog took records of a stranger"
    for file, text in own.items():
        (scene.folder / file).write_bytes(text)
    scene.wait_for(_has("1.5.1", 10), "the ten")


def _call(scene, method, path, status, key, fields=None, body=None):
    answer = scene.through.call(method, path, body, (fields or {}) | {"Authorization": f"Bearer {key}"})
    assert status in (None, answer.status), f"{method} {path}: {answer}"
    return answer


def _retrieve(scene, prefix, count):
    for number in range(count):
        _call(scene, "GET", f"/studies/{prefix}.{number}", None, scene.key, WHOLE)


def _has(prefix, count):
    wanted = {f"{prefix}.{number}" for number in range(count)}
    return lambda found: wanted <= {study for message in found for study in _studies(message)}


def _each_once(scene):
    told = Counter(_request(message) for message in scene.wait_for(lambda _: True, "nothing"))
    assert set(told.values()) == {1}, [identity for identity, count in told.items() if count > 1]


def _event(message):
    event = message.find("EventIdentification")
    kind = event.find("EventTypeCode")
    kind = "" if kind is None else kind.get("csd-code")
    return event.find("EventID").get("csd-code"), kind, event.get("EventActionCode"), event.get("EventOutcomeIndicator")


def _objects(message, code):
    return [one for one in message.iter("ParticipantObjectIdentification") if one.find("ParticipantObjectIDTypeCode").get("csd-code") == code]


def _request(message):
    return _objects(message, "XrequestId")[0].get("ParticipantObjectID")


def _studies(message):
    return [one.get("ParticipantObjectID") for one in _objects(message, "110180")]


def _details(message):
    details = _objects(message, "XrequestId")[0].iter("ParticipantObjectDetail")
    return {one.get("type"): base64.b64decode(one.get("value")).decode() for one in details}


def _detail(message, name):
    return _details(message).get(name)


STORED = "1.2.826.0.1.3680043.8.498.7"
JSON = {"Accept": "application/dicom+json"}
WHOLE = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
STORE = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=samples'}
