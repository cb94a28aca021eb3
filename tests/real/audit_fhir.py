"""Runs a FHIR server that nobody here wrote as the repository of the real gateway's records, and reads every one by models of HL7's.

    audit_fhir.py [--binaries target/debug] [--library …/node_modules] [WORD …]

The server is Medplum's router, batches and R4 validation in node (medplum/server.js); the models are those of fhir.resources. So is what
docs/audit.md shows. With words, only the checks whose names contain one of them. Ends with how many passed and failed.
"""

import argparse
import http.client
import json
import os
import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import audit_fhir_checks
import parts
from fhir.resources.R4B.auditevent import AuditEvent
from guarded import configuration, new_key
from sides import Side
from tally import Tally


class Scene:
    """The FHIR server, the gateway, and the service behind it. `through` is the way through the gateway."""

    def __init__(self, options, folder, running):
        self.folder = folder
        self._options = options
        self._running = running
        self._guarded = folder / "guard"
        self._ports = [parts.free_port() for _ in range(4)]
        caller, admin, self.sink, origin = self._ports
        binaries = options.binaries
        self._told = running.enter_context(parts.guard(binaries / "guard", self._guarded, origin, caller, admin, "--azure"))
        self.reader, self.writer = (new_key(binaries, self._guarded, name) for name in ("reader", "writer"))
        self.start_server()
        file = self._guarded / "audit.toml"
        file.write_text(self._configuration())
        self.gateway = running.enter_context(parts.gateway(binaries / "dicom-gateway", file, admin))
        self.through = Side("gateway", caller, [self._told["token"], self.reader, self.writer])

    def start_server(self):
        """Starts the FHIR server, or starts it again; what it has stored stays."""
        settings = self.folder / "fhir.json"
        settings.write_text(json.dumps({"library": str(self._options.library), "port": self.sink, "stored": str(self.folder / "stored.jsonl")}))
        command = ["node", Path(__file__).resolve().parent / "medplum/server.js", settings]
        self.server = self._running.enter_context(parts.running("fhir", command, self.folder))
        self.server.wait_until(lambda: parts.status_of(self.sink, "/AuditEvent") is not None, "answer")

    def ask(self, method, path, key, body=None, headers=()):
        """One request through the gateway; its status."""
        return self.through.call(method, path, body, dict(headers) | {"Authorization": f"Bearer {key}"}).status

    def post(self, event, operation=""):
        """An AuditEvent, straight to the FHIR server: the status and what it says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.sink, timeout=60)
        try:
            connection.request("POST", f"/AuditEvent{operation}", json.dumps(event), {"Content-Type": "application/fhir+json"})
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        finally:
            connection.close()

    def recorded(self):
        """The records in the gateway's own file, by their ids."""
        lines = (self.folder / "audit.jsonl").read_text().split("\n")[:-1]
        return {record["id"]: record for record in map(json.loads, lines)}

    def delivered(self):
        """What the FHIR server has stored, by the records' ids, once it has each record once; all are what R4 says."""

        def all_there():
            stored = self.folder / "stored.jsonl"
            lines = stored.read_text().split("\n")[:-1] if stored.exists() else []
            events = [json.loads(line) for line in lines]
            ids = [event["entity"][-1]["what"]["identifier"]["value"] for event in events]
            assert len(set(ids)) == len(ids), "a record was stored twice"
            return dict(zip(ids, events)) if set(ids) >= set(self.recorded()) else None

        events = self.gateway.wait_until(all_there, "delivery")
        for event in events.values():
            AuditEvent.model_validate(event)
        return events

    def shown(self):
        """The resources that the documentation shows."""
        page = (Path(__file__).resolve().parents[2] / "docs/audit.md").read_text()
        blocks = [json.loads(block) for block in re.findall(r"```json\n(.*?)\n```", page, re.DOTALL)]
        return [block for block in blocks if "resourceType" in block]

    def _configuration(self):
        route = configuration(self._guarded, self._ports, self._told["azure"])
        return f"""\
{route}permits = [{{ to = ["api_key:writer"], allow = ["store", "delete", "worklist", "manage"] }}]

[audit]
file = "{self.folder}/audit.jsonl"
queue = "{self.folder}/queue"
site = "St. Anne & Söhne"

[audit.fhir]
url = "http://127.0.0.1:{self.sink}"
timeout_secs = 10
"""


def main():
    """Starts everything, runs the checks, ends everything; the exit code."""
    options = _options()
    parts.end_on_signals(300)
    tally = Tally(options.words)
    # The gateway takes no secret that others can read.
    os.umask(0o077)
    with tempfile.TemporaryDirectory(prefix="dicom-gateway-audit-fhir-") as name, ExitStack() as running:
        scene = Scene(options, Path(name), running)
        tally.run(audit_fhir_checks, scene)
        if tally.failed:
            print(f"The last words of the FHIR server:\n{scene.server.tail()}\nof the gateway:\n{scene.gateway.tail()}", flush=True)
    print(f"{tally.passed} passed, {tally.failed} failed", flush=True)
    return 1 if tally.failed or not tally.passed else 0


def _options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=_path, default="target/debug")
    parser.add_argument("--library", type=_path, default=".cache/medplum/node_modules")
    parser.add_argument("words", nargs="*")
    return parser.parse_args()


def _path(text):
    return Path(text).resolve()


if __name__ == "__main__":
    sys.exit(main())
