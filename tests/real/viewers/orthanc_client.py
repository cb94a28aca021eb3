"""A second Orthanc, which knows the service only through the gateway, by the configuration that we recommend."""

import json
from dataclasses import dataclass
from http.client import HTTPConnection

from samples import encoded
from viewers.services import Service


@dataclass
class Peer:
    """The second Orthanc, on this port, and the service that it is to reach."""

    service: Service
    port: int

    def ask(self, method, path, body=None):
        """An answer of its REST interface."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, json.dumps(body) if isinstance(body, dict) else body)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        assert response.status == 200, f"{path}: {response.status} {answer[:400]}"
        return json.loads(answer)


def it_finds_the_studies(peer):
    found = peer.ask("POST", f"{SERVER}/qido", {"Uri": "/studies", "Arguments": {"ModalitiesInStudy": "CT"}})
    assert [study["0020000D"]["Value"] for study in found] == [peer.service.of_modality("CT")[0].StudyInstanceUID]


def it_retrieves_a_study(peer):
    ct = peer.service.of_modality("CT")
    peer.ask("POST", f"{SERVER}/retrieve", {"Resources": [{"Study": ct[0].StudyInstanceUID}], "Synchronous": True})
    held = peer.ask("GET", "/instances?expand")
    assert {item["MainDicomTags"]["SOPInstanceUID"] for item in held} == {dataset.SOPInstanceUID for dataset in ct}


def it_stores_a_study(peer):
    with peer.service.copy() as fresh:
        kept = peer.ask("POST", "/instances", encoded(fresh))
        peer.ask("POST", f"{SERVER}/stow", {"Resources": [kept["ParentStudy"]], "Synchronous": True})
        [stored] = peer.service.client.retrieve_study(fresh.StudyInstanceUID)
        assert stored.PixelData == fresh.PixelData


SERVER = "/dicom-web/servers/gateway"
