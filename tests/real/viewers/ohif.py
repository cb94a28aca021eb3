"""What OHIF, in a browser, shows of a service behind the gateway, and whom the browser asked for it."""

from dataclasses import dataclass

from viewers import node
from viewers.services import Service, uids


@dataclass
class Reading:
    """What `ohif.js` saw."""

    service: Service
    viewer: str
    told: dict

    @classmethod
    def by(cls, service, viewer, pictures):
        """Opens the viewer, which is configured for this service, and looks at the CT."""
        name = service.of_modality("CT")[0].PatientName
        wanted = {"viewer": viewer, "patient": f"{name.family_name}, {name.given_name}", "picture": str(pictures / f"ohif-{service.name}")}
        return cls(service, viewer, node.run("ohif.js", wanted))

    @staticmethod
    def compare(one, other):
        """Both must have shown the same, pixel for pixel."""
        assert one.told["slices"] and one.told["slices"] == other.told["slices"]

    def asked(self, base):
        """The requests to what is below a URL."""
        return [request for request in self.told["requests"] if request["url"].startswith(f"{base}/")]


def the_reader_gets_through(reading):
    assert "failure" not in reading.told, f"{reading.told['failure']}\n{_trouble(reading)}"
    assert reading.told["errors"] == []


def the_list_has_every_patient(reading):
    for dataset in reading.service.datasets:
        assert f"{dataset.PatientName.family_name}, {dataset.PatientName.given_name}" in reading.told["list"]


def the_canvas_shows_a_picture_that_changes_with_the_wheel(reading):
    slices = reading.told["slices"]
    assert [seen["position"] for seen in slices] == list(range(1, 22)), slices
    assert {seen["of"] for seen in slices} == {len(reading.service.of_modality("CT"))}
    assert all(seen["shades"] > 100 for seen in slices), slices  # air alone would be one
    assert len({seen["sum"] for seen in slices}) == len(slices), slices


def every_slice_came_through_the_gateway(reading):
    base = f"{reading.service.url}/studies"
    slices = map(uids, reading.service.of_modality("CT"))
    wanted = {f"{base}/{study}/series/{series}/instances/{instance}/frames/1" for study, series, instance in slices}
    assert wanted <= {request["url"] for request in reading.told["requests"]}
    assert reading.service.url.split("/")[2] != reading.viewer.split("/")[2], "the viewer has to be on another origin than the gateway"


def nobody_else_was_asked(reading):
    known = [*reading.asked(reading.viewer), *reading.asked(reading.service.url)]
    others = [request["url"] for request in reading.told["requests"] if request not in known]
    assert all(url.startswith(INSIDE) for url in others), others


def no_request_failed(reading):
    assert not _trouble(reading), _trouble(reading)


def _trouble(reading):
    return "\n".join(str(request) for request in reading.told["requests"] if "failure" in request or not request.get("status", 200) < 400)


INSIDE = ("data:", "blob:")  # what a page gives itself
