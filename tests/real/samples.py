"""The DICOM files that the Python packages pydicom and pydicom-data bring, and what became of them in the origin server."""

import json
import re
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pydicom


@dataclass(frozen=True)
class Sample:
    """One instance that the origin server has taken."""

    study: str
    series: str
    instance: str
    file: Path
    transfer_syntax: str
    has_pixels: bool
    frames: int

    @property
    def path(self):
        """Its resource, under the service's base URL."""
        return f"/studies/{self.study}/series/{self.series}/instances/{self.instance}"

    @property
    def uids(self):
        """What dicomweb-client's calls begin with."""
        return self.study, self.series, self.instance


def load(side):
    """Stores every file that can be, and returns the instances, each once, in an order that does not change.

    Some of the files are broken on purpose, and some are no objects at all (DICOMDIR): the origin server refuses those. A few have UIDs
    that are no UIDs (letters): no DICOMweb URL can name them, so they are left out.
    """
    taken = {}
    for file in _files():
        content = file.read_bytes()
        dataset = _readable(content)
        if dataset is None:
            continue
        answer = side.call("POST", "/studies", wrap([content]), STORE)
        for item in _stored(answer):
            sample = _sample(file, dataset)
            assert item == sample.instance, f"{file.name}: stored as {item}"
            taken[sample.uids] = sample
    return sorted(taken.values(), key=lambda sample: sample.uids)


def wrap(instances):
    """The instances as the body of a store."""
    parts = [b"--samples\r\nContent-Type: application/dicom\r\n\r\n" + instance + b"\r\n" for instance in instances]
    return b"".join(parts) + b"--samples--\r\n"


def encoded(dataset):
    """The dataset as a file."""
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset)
    return buffer.getvalue()


def _files():
    for package in (Path(pydicom.__file__).parent / "data", Path(pydicom.__file__).parent.parent / "data_store"):
        assert package.is_dir(), f"{package} is missing"
        yield from sorted(path for path in package.rglob("*") if path.is_file())


def _readable(content):
    if content[128:132] != b"DICM":
        return None
    try:
        dataset = pydicom.dcmread(BytesIO(content))
        uids = [dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID]
        known = bool(dataset.file_meta.TransferSyntaxUID)
    except Exception:  # broken in one of many ways, on purpose
        return None
    return dataset if known and all(UID.fullmatch(uid) and len(uid) <= 64 for uid in uids) else None


def _sample(file, dataset):
    return Sample(
        study=str(dataset.StudyInstanceUID),
        series=str(dataset.SeriesInstanceUID),
        instance=str(dataset.SOPInstanceUID),
        file=file,
        transfer_syntax=str(dataset.file_meta.TransferSyntaxUID),
        has_pixels="PixelData" in dataset,
        frames=int(count) if (count := str(dataset.get("NumberOfFrames") or 1)).isdecimal() else 1,
    )


def _stored(answer):
    if answer.status not in (200, 202):
        return []
    items = json.loads(answer.body).get("00081199", {}).get("Value", [])
    return [item["00081155"]["Value"][0] for item in items]


UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
STORE = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=samples', "Accept": "application/dicom+json"}
