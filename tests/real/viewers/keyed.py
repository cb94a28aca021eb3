"""Clients that know no OAuth: what they can send by HTTP Basic or a header of their own is a key of the gateway's."""

import subprocess
from dataclasses import dataclass

import requests
from dicomweb_client.api import DICOMwebClient
from requests.auth import HTTPBasicAuth

from viewers.services import Service


@dataclass
class Keyed:
    """A route whose callers need a key, and two of those keys."""

    service: Service
    generated: str
    password: str

    @property
    def keys(self):
        """Both, one after the other."""
        return self.generated, self.password


def dicomweb_client_reads_and_stores_by_http_basic(keyed):
    expected = {dataset.StudyInstanceUID for dataset in keyed.service.datasets}
    for key in keyed.keys:
        client = _client(keyed, HTTPBasicAuth("anybody", key))
        found = {study["0020000D"]["Value"][0] for study in client.search_for_studies()}
        assert found == expected, found
        ct = keyed.service.of_modality("CT")
        series = client.retrieve_series(ct[0].StudyInstanceUID, ct[0].SeriesInstanceUID)
        assert len(series) == len(ct)
        with keyed.service.copy() as fresh:
            assert not client.store_instances([fresh]).get("FailedSOPSequence")


def dicomweb_client_without_a_key_is_refused(keyed):
    for auth in (None, HTTPBasicAuth("anybody", keyed.generated[:-1]), HTTPBasicAuth(keyed.generated, "")):
        try:
            _client(keyed, auth).search_for_studies()
        except requests.HTTPError as error:
            assert error.response.status_code == 401, error
            assert "Basic" in error.response.headers["WWW-Authenticate"]
        else:
            raise AssertionError("it was served")


def curl_asks_by_each_way_to_send_a_key(keyed):
    for key in keyed.keys:
        for ways in (["-u", f"anybody:{key}"], ["-H", f"X-Api-Key: {key}"], ["-H", f"Authorization: Bearer {key}"]):
            assert _curl(keyed, *ways) == "200", ways[0]
    assert _curl(keyed) == "401"


def curl_takes_basic_when_it_is_challenged(keyed):
    # With `--anyauth` it asks without a key, is told what is known here, and picks Basic.
    assert _curl(keyed, "--anyauth", "-u", f"anybody:{keyed.password}") == "200"


def _client(keyed, auth):
    session = requests.Session()
    session.trust_env = False
    session.auth = auth
    client = DICOMwebClient(keyed.service.url, session=session, timeout=120)
    client.set_http_retry_params(retry=False)
    return client


def _curl(keyed, *ways):
    command = ["curl", "--silent", "--max-time", "60", "-o", "/dev/null", "-w", "%{http_code}", *ways]
    return subprocess.run([*command, f"{keyed.service.url}/studies"], capture_output=True, text=True, timeout=90, check=True).stdout
