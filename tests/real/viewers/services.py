"""One gateway before two services: what its configuration is, and what is known of each route."""

import json
import subprocess
import tomllib
from collections.abc import Callable
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field

import pydicom
from pydicom.uid import generate_uid

from sides import Side


@dataclass
class Service:
    """A route of the gateway, and the service behind it."""

    name: str
    side: Side
    is_azure: bool
    forget: Callable[[str], None]  # takes a study from it, if it is there
    datasets: list[pydicom.Dataset] = field(default_factory=list)  # what it holds; nothing else until a check stores it

    @property
    def client(self):
        """dicomweb-client, at the route."""
        return self.side.client

    @property
    def url(self):
        """The route's public URL."""
        return f"http://127.0.0.1:{self.side.port}{self.side.base}"

    def of_modality(self, modality):
        """The instances of this modality, in their order."""
        found = [dataset for dataset in self.datasets if dataset.Modality == modality]
        assert found, f"{self.name} holds no {modality}"
        return sorted(found, key=lambda dataset: int(dataset.InstanceNumber))

    @contextmanager
    def copy(self):
        """An instance under new UIDs, to be stored; afterwards the service holds what it held before."""
        fresh = deepcopy(self.of_modality("CT")[3])
        fresh.SOPInstanceUID = fresh.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        fresh.SeriesInstanceUID, fresh.StudyInstanceUID = generate_uid(), generate_uid()
        try:
            yield fresh
        finally:
            self.forget(fresh.StudyInstanceUID)


def configuration(guarded, told, ports, viewer):
    """The gateway's file: two routes for the emulated service, one of them for callers with a key, and two for Orthanc.

    `ports` are the listener's and the admin listener's.

    The guard names Orthanc by another host than the gateway knows it by, as servers behind a balancer are; so its URLs are found by an alias
    or, on the second route, are right from the start because Orthanc has been asked to write ours.
    """
    given = tomllib.loads((guarded / "gateway.toml").read_text())
    client, scope = given["client"], given["route"][0]["scope"]
    orthanc = f"{told['guard']}/dicom-web"
    port, admin_port = ports
    return f"""\
[listener]
address = "127.0.0.1:{port}"

[admin]
address = "127.0.0.1:{admin_port}"

[client]
token_endpoint = "{client["token_endpoint"]}"
id = "{client["id"]}"
anchors = "ca.pem"
credential.secret_file = "client-secret"
""" + "".join(
        f"""
[[route]]
prefix = "{prefix}"
public_url = "http://127.0.0.1:{port}{prefix}"
origin = "{origin}"
{manners}
anchors = "ca.pem"
scope = "{scope}"
callers = {callers}
allow = ["search", "retrieve", "store", "delete"]
cors = {{ origins = ["{viewer}"] }}
"""
        for prefix, origin, manners, callers in (
            (AZURE, told["azure"], 'profile = "azure"\nurls = "rewrite"', '"anyone"'),
            (KEYED, told["azure"], 'profile = "azure"\nurls = "rewrite"', f'{{ api_keys = "{KEYS}" }}'),
            (ORTHANC, orthanc, f'profile = "orthanc"\nurls = "rewrite"\norigin_aliases = ["{ORTHANC_CALLS_ITSELF}"]', '"anyone"'),
            (ASKED, orthanc, 'profile = "orthanc"\nurls = "ask"', '"anyone"'),
        )
    )


def keys(binary, file):
    """Two keys whose hashes are in this new file: one that the gateway made, and one that somebody chose."""
    command, password = [binary, "key"], "correct horse battery staple"
    new = subprocess.run([*command, "new", "weasis", "--file", file], capture_output=True, text=True, timeout=60, check=True)
    named = [*command, "hash", "slicer", "--file", file]
    subprocess.run(named, input=password + "\n", capture_output=True, text=True, timeout=60, check=True)
    return new.stdout.strip(), password


def forget_by_gateway(side):
    """Deletes a study through the gateway."""

    def forget(study):
        status = side.call("DELETE", f"/studies/{study}").status
        assert status in (204, 404), f"a deletion: {status}"

    return forget


def forget_by_orthanc(port):
    """Deletes a study by Orthanc's own interface, since its DICOMweb plug-in does not delete."""
    own = Side("Orthanc", port, base="")

    def forget(study):
        for found in json.loads(own.call("POST", "/tools/lookup", study).body):
            own.call("DELETE", f"/studies/{found['ID']}")

    return forget


def fill(azure, orthanc):
    """Copies the emulated service's studies into Orthanc, by retrieve and store, both through the gateway."""
    for study in azure.client.search_for_studies():
        uid = study["0020000D"]["Value"][0]
        azure.datasets += azure.client.retrieve_study(uid, media_types=(("application/dicom", "*"),))
    for start in range(0, len(azure.datasets), 10):
        answer = orthanc.client.store_instances(azure.datasets[start : start + 10])
        assert not answer.get("FailedSOPSequence"), "Orthanc does not take all"
    orthanc.datasets += azure.datasets
    assert len({dataset.StudyInstanceUID for dataset in azure.datasets}) == 4, "not the four studies of the demo"


def uids(dataset):
    """What dicomweb-client's calls for one instance begin with."""
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


AZURE, KEYED, ORTHANC, ASKED = "/azure", "/keyed", "/orthanc", "/dicom-web"
KEYS = "api-keys"  # the file of those keys
ORTHANC_CALLS_ITSELF = "http://127.0.0.1/dicom-web"  # by the `Host` that the guard gives it
