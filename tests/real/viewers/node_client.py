"""dicomweb-client for JavaScript: in node, and where it is at home, in a page that is of another origin than the gateway."""

import base64
import hashlib
from dataclasses import dataclass

from samples import encoded
from viewers import node
from viewers.services import Service, uids


@dataclass
class Place:
    """A service, and a web page."""

    service: Service
    viewer: str


def every_call_works_in_node(place):
    _exercise(place.service, page=None)


def every_call_works_in_a_page_of_another_origin(place):
    _exercise(place.service, page=f"{place.viewer}/blank")


def _exercise(service, page):
    ct = service.of_modality("CT")
    study, series, instance = uids(ct[4])
    instances = {dataset.SOPInstanceUID for dataset in ct}
    with service.copy() as fresh:
        wanted = {"url": service.url, "study": study, "series": series, "instance": instance, "page": page}
        told = node.run("client.js", wanted | {"fresh": base64.b64encode(encoded(fresh)).decode(), "copy": fresh.StudyInstanceUID})
        failures = {name: value for name, value in told.items() if isinstance(value, dict) and "failure" in value}
        assert not failures, failures
        assert set(told["studies"]) == {dataset.StudyInstanceUID for dataset in service.datasets}
        assert told["filtered"] == [study] and told["series"] == [series] and told["instanceMetadata"] == [instance]
        for name in ("instances", "studyMetadata", "seriesMetadata"):
            assert set(told[name]) == instances, name
        pixels = hashlib.sha256(ct[4].PixelData).hexdigest()
        assert told["frames"] == told["storedFrames"] == [pixels]
        assert told["wholeInstance"] in told["wholeSeries"] and sorted(told["wholeSeries"]) == sorted(told["wholeStudy"])
        assert len(set(told["wholeSeries"])) == len(ct)
        assert told["rendered"] > 1000 and told["renderedJpeg"] > 1000
        if not service.is_azure:
            assert told["bulk"]["BulkDataURI"].startswith(f"{service.url}/studies/")
            assert told["bulk"]["digests"] == [pixels]
        url = told["store"]["00081199"]["Value"][0]["00081190"]["Value"][0]
        assert url.startswith(f"{service.url}/studies/{fresh.StudyInstanceUID}"), url
        assert told["found"] == [fresh.StudyInstanceUID]
