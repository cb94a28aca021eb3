"""What must hold of records at a FHIR server: one function a behaviour."""

import pydicom
from pydantic import ValidationError
from pydicom.data import get_testdata_file

from fhir.resources.R4B.auditevent import AuditEvent
from samples import STORE, encoded, wrap


def what_is_no_resource_is_refused_by_both_who_judge_here(scene):
    event = scene.shown()[0]
    for name in ("recorded", "agent", "source", "type"):
        broken = {key: value for key, value in event.items() if key != name}
        status, answer = scene.post(broken)
        assert (status, answer["resourceType"]) == (400, "OperationOutcome"), f"without {name}: {status}"
        try:
            AuditEvent.model_validate(broken)
        except ValidationError:
            continue
        raise AssertionError(f"the models take an event without {name}")


def each_resource_that_the_documentation_shows_is_what_r4_says(scene):
    shown = scene.shown()
    assert len(shown) >= 16, f"only {len(shown)} are shown"
    for event in shown:
        AuditEvent.model_validate(event)
        status, answer = scene.post(event, "/$validate")
        assert status == 200, answer


def each_access_is_one_event_in_ihe_s_pattern_for_it(scene):
    dataset = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    study = dataset.StudyInstanceUID
    steps = (
        ("POST", "/studies", scene.writer, wrap([encoded(dataset)]), STORE, ("Create", "create")),
        ("GET", f"/studies?PatientName={CANARY}&limit=1", scene.reader, None, {}, ("Query", "search")),
        ("GET", f"/studies/{study}/metadata", scene.reader, None, {}, ("Read", "read")),
        ("DELETE", f"/studies/{study}", scene.writer, None, {}, ("Delete", "delete")),
    )
    for method, path, key, body, headers, (profile, interaction) in steps:
        before = set(scene.recorded())
        status = scene.ask(method, path, key, body, headers)
        assert status < 300, f"{method} {path}: {status}"
        event = _the_new_one(scene, before)
        assert event["meta"]["profile"] == [f"https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.{profile}"], event
        assert event["subtype"][0]["code"] == interaction, event
        user = [agent for agent in event["agent"] if agent["requestor"]]
        assert [agent["who"]["identifier"]["value"] for agent in user] == ["writer" if key == scene.writer else "reader"], user


def refusals_are_events_too(scene):
    for method, path, key, status, code in (
        ("GET", "/studies", "no-such-key", 401, "110114"),
        ("DELETE", "/studies/1.2.3", scene.reader, 403, "rest"),
        ("GET", "/nothing", scene.reader, 404, "110113"),
    ):
        before = set(scene.recorded())
        assert scene.ask(method, path, key) == status
        event = _the_new_one(scene, before)
        assert event["type"]["code"] == code, event
        assert event["outcome"] != "0" and event["outcomeDesc"].startswith(str(status)), event
        assert "profile" not in event["meta"], event


def a_server_that_was_away_gets_what_it_missed_and_nothing_twice(scene):
    scene.delivered()
    scene.server.end()
    for _ in range(20):
        assert scene.ask("GET", "/studies?limit=1", scene.reader) < 300
    scene.start_server()
    assert len(scene.delivered()) >= 20


def no_event_has_anything_of_what_was_searched_for(scene):
    events = scene.delivered()
    assert events and CANARY not in str(events) and CANARY not in str(scene.recorded())


def _the_new_one(scene, before):
    def recorded():
        new = set(scene.recorded()) - before
        return new if len(new) == 1 else None

    (new,) = scene.gateway.wait_until(recorded, "record")
    return scene.delivered()[new]


CANARY = "Canary-4711"
