"""What Cornerstone's image loader, OHIF, tools in Java and plain web pages send as `Accept`, to the letter, and what has to come of it."""

from viewers.services import uids


def frames_come_for_every_way_to_ask(service):
    ct = service.of_modality("CT")[4]
    path = f"{_instance(ct)}/frames/1"
    for accept in (
        "multipart/related; type=application/octet-stream; transfer-syntax=*",  # the loader's own, and not valid
        'multipart/related; type="application/octet-stream"; transfer-syntax=*',
        'multipart/related; type="application/octet-stream"; transfer-syntax="*"',  # OHIF
        "multipart/related; type=application/octet-stream",
        'multipart/related; type="application/octet-stream"',
        "application/octet-stream, multipart/related; type=application/octet-stream",
        'multipart/related; type="image/jls", multipart/related; type="application/octet-stream"; transfer-syntax=*',
    ):
        _is_frame(_get(service, path, accept), ct, accept)


def frames_come_for_the_query_parameter(service):
    # With `accept` among its URL arguments the loader leaves the header to the browser.
    ct = service.of_modality("CT")[4]
    for query in (
        "accept=multipart/related;type=application/octet-stream;transfer-syntax=*",
        "accept=multipart/related;%20type=%22application/octet-stream%22;%20transfer-syntax=*",
        "accept=multipart%2Frelated%3B+type%3Dapplication%2Foctet-stream",
    ):
        _is_frame(_get(service, f"{_instance(ct)}/frames/1?{query}", "*/*"), ct, query)


def whole_instances_come_for_every_way_to_ask(service):
    ct = service.of_modality("CT")[4]
    asked = 'multipart/related;type="application/dicom";transfer-syntax=*'
    for query, accept in (
        ("", asked),  # Weasis
        ("", "multipart/related; type=application/dicom; transfer-syntax=*"),
        ("", "application/dicom; transfer-syntax=*" if service.is_azure else asked),  # Orthanc's plug-in knows no single part
        ("", "*/*"),
        ("", None),
        ("?accept=multipart/related;type=application/dicom;transfer-syntax=*", JAVA),  # dcm4che's wadors
    ):
        answer = _get(service, _instance(ct) + query, accept)
        assert answer.status == 200 and ct.PixelData in answer.body, f"{query} with {accept}: {answer.status}"


def searches_and_metadata_come_for_every_way_to_ask(service):
    ct = service.of_modality("CT")[4]
    for path in ("/studies", f"{_instance(ct)}/metadata"):
        for accept in (
            "application/dicom+json",
            "application/json",
            "*/*",
            "application/dicom+json, multipart/related; type=application/octet-stream",  # OHIF, with `omitQuotationForMultipartRequest`
            'application/dicom+json, multipart/related; type="application/octet-stream"; transfer-syntax=*',
            JAVA,
            None,
        ):
            answer = _get(service, path, accept)
            assert answer.status == 200, f"{path} with {accept}: {answer.status}"
            assert answer.header("Content-Type").startswith(("application/dicom+json", "application/json")), f"{path} with {accept}"


def rendered_images_come_for_every_way_to_ask(service):
    ct = service.of_modality("CT")[4]
    for path in (f"{_instance(ct)}/rendered", f"{_instance(ct)}/frames/1/rendered"):
        for accept in (
            "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8",  # <img> of Chromium
            "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",  # of Firefox
            "*/*",
            "image/jpeg",
            "image/png, image/jpeg",
            None,
        ):
            answer = _get(service, path, accept)
            assert answer.status == 200, f"{path} with {accept}: {answer.status}"
            assert answer.header("Content-Type") in ("image/jpeg", "image/png"), f"{path} with {accept}"


def _get(service, path, accept):
    return service.side.call("GET", path, headers={"Accept": accept} if accept else {})


def _is_frame(answer, dataset, how):
    kind = answer.header("Content-Type") or ""
    assert answer.status == 200, f"{how}: {answer.status}"
    if how.startswith("application/octet-stream") and kind.startswith("application/octet-stream"):
        assert answer.body == dataset.PixelData, f"{how}: not the pixels"
        return
    assert kind.startswith("multipart/related") and "type=" in kind, f"{how}: {kind}"
    # The loader finds a part's fields by exactly this.
    assert b"\r\nContent-Type: application/octet-stream" in answer.body[:1000], f"{how}: {answer.body[:300]}"
    assert dataset.PixelData in answer.body, f"{how}: not the pixels"


def _instance(dataset):
    study, series, instance = uids(dataset)
    return f"/studies/{study}/series/{series}/instances/{instance}"


JAVA = "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"  # what its HTTP client sends where a program says nothing; `*` is no media type
