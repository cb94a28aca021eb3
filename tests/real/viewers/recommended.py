"""The configurations of viewers and clients that we recommend, with a running gateway's URL in them."""

import json
from pathlib import Path


def ohif(gateway):
    """OHIF's app-config.js."""
    return _with(gateway, "ohif.app-config.js")


def orthanc(gateway):
    """The settings of Orthanc's DICOMweb plug-in, where the gateway is one of its servers."""
    text = _with(gateway, "orthanc.json")
    return json.loads("".join(line for line in text.splitlines(keepends=True) if not line.startswith("//")))["DicomWeb"]


def python(gateway):
    """A script for dicomweb-client."""
    return _with(gateway, "dicomweb_client.py")


def _with(gateway, name):
    text = (FOLDER / name).read_text()
    assert text.count(THEIR_GATEWAY) == 1, f"{name} does not name {THEIR_GATEWAY} once"
    return text.replace(THEIR_GATEWAY, gateway)


FOLDER = Path(__file__).parents[3] / "deploy/viewers"
THEIR_GATEWAY = "http://127.0.0.1:8080/dicom-web"
