"""What must hold of the gateway between a real client and a real origin server: one function a behaviour.

Nearly all have one shape: the same call straight to the origin server and through the gateway, and the same answer, byte for byte where
there are bytes. A check that compares also asserts that there was something to compare.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pydicom
import requests
from pydicom.uid import generate_uid

from samples import STORE, Sample, encoded, wrap
from sides import Side, path_of


@dataclass
class World:
    """The two ways, and what the origin server holds."""

    direct: Side
    through: Side
    samples: list[Sample]

    def both(self, call):
        """The call's result, which must be the same on both sides."""
        expected, actual = call(self.direct), call(self.through)
        assert actual == expected, f"through the gateway: {_brief(actual)}\nstraight: {_brief(expected)}"
        return expected

    def both_raw(self, path, accept, **headers):
        """The direct answer to a GET, after the gateway's has been found to be the same."""
        expected, actual = (side.call("GET", path, headers={"Accept": accept} | headers) for side in (self.direct, self.through))
        assert actual.status == expected.status, f"{path}: {actual.status} instead of {expected.status}"
        # An error's text is the origin server's, and its own matter; the status is the caller's.
        if expected.status < 400:
            assert actual.content() == expected.content(), f"{path}: {_brief(actual)}\nstraight: {_brief(expected)}"
        return expected

    def one_per(self, key, among=None):
        """A sample for each value of the key."""
        return list({key(sample): sample for sample in (self.samples if among is None else among)}.values())

    @property
    def images(self):
        """What has pixels."""
        return [sample for sample in self.samples if sample.has_pixels]


def the_origin_server_holds_what_was_stored(world):
    found = world.direct.client.search_for_instances()
    held = {tuple(item[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")) for item in found}
    assert held >= {sample.uids for sample in world.samples}
    assert len(world.samples) > 100, f"only {len(world.samples)} instances: not the packages' data"


def searches_find_the_same_studies_series_and_instances(world):
    for level in ("studies", "series", "instances"):
        found = world.both(lambda side: getattr(side.client, f"search_for_{level}")())
        assert found, f"no {level}"
        world.both_raw(f"/{level}", JSON)
    for sample in world.one_per(lambda sample: sample.series):
        assert world.both(lambda side: side.client.search_for_series(sample.study))
        assert world.both(lambda side: side.client.search_for_instances(sample.study, sample.series))


def searches_filter_alike(world):
    studies = world.direct.client.search_for_studies()
    patient = next(item for study in studies if (item := _value(study, "00100020")))
    name = next(item["Alphabetic"] for study in studies if (item := _value(study, "00100010")))
    for filters in (
        {"PatientID": patient},
        {"00100020": patient},
        {"PatientName": name},
        {"PatientName": name[:3] + "*"},
        {"PatientName": "Ünïcode^*"},
        {"PatientName": "a&b=c%20+d"},
        {"ModalitiesInStudy": "CT"},
        {"StudyDate": "19900101-20101231"},
        {"StudyInstanceUID": world.samples[0].study},
    ):
        world.both(lambda side: side.client.search_for_studies(search_filters=filters))
    assert world.both(lambda side: side.client.search_for_studies(search_filters={"PatientID": patient}))
    assert world.both(lambda side: side.client.search_for_series(search_filters={"Modality": "MR"}))
    assert world.both(lambda side: side.client.search_for_studies(fields=["StudyDescription", "00081030"]))
    assert not world.both(lambda side: side.client.search_for_studies(search_filters={"PatientID": "nobody"}))


def query_strings_arrive_as_they_were_sent(world):
    for query in ("PatientName=*", "PatientName=%2A", "patientname=*", "limit=3&limit=2", "includefield=all&limit=1", "&&limit=1&", "limit=%31"):
        world.both_raw(f"/studies?{query}", JSON)


def searches_page_alike(world):
    pages = []
    while page := world.both(lambda side: side.client.search_for_instances(limit=7, offset=7 * len(pages))):
        pages.append(page)
    assert sum(map(len, pages)) == len(world.direct.client.search_for_instances()) >= len(world.samples)
    everything = world.both(lambda side: side.client.search_for_studies(limit=5, get_remaining=True))
    assert len(everything) > 5


def metadata_is_the_same_at_every_level(world):
    for sample in world.one_per(lambda sample: sample.study):
        assert world.both(lambda side: side.client.retrieve_study_metadata(sample.study))
    for sample in world.one_per(lambda sample: sample.series):
        assert world.both(lambda side: side.client.retrieve_series_metadata(sample.study, sample.series))
    for sample in world.samples:
        assert world.both(lambda side: side.client.retrieve_instance_metadata(*sample.uids))
        world.both_raw(f"{sample.path}/metadata", JSON)


def metadata_is_the_same_as_xml_and_compressed(world):
    for sample in world.one_per(lambda sample: sample.transfer_syntax):
        world.both_raw(f"{sample.path}/metadata", 'multipart/related; type="application/dicom+xml"')
    packed = world.both_raw("/studies", JSON, **{"Accept-Encoding": "gzip"})
    assert packed.header("Content-Encoding") == "gzip"


def every_instance_comes_byte_for_byte(world):
    whole = 0
    for sample in world.samples:
        answer = world.both_raw(sample.path, f"{DICOM}; transfer-syntax=*")
        whole += sample.file.read_bytes() in answer.body
    assert whole > len(world.samples) // 2, "the files that were stored are not what came back"


def instances_are_transcoded_alike(world):
    for sample in world.samples:
        world.both_raw(sample.path, DICOM)  # which asks for Explicit VR Little Endian; Orthanc fails for some, alike


def series_and_studies_come_byte_for_byte(world):
    for sample in world.one_per(lambda sample: sample.series):
        answer = world.both_raw(f"/studies/{sample.study}/series/{sample.series}", f"{DICOM}; transfer-syntax=*")
        assert answer.status == 200
    for sample in world.one_per(lambda sample: sample.study):
        answer = world.both_raw(f"/studies/{sample.study}", f"{DICOM}; transfer-syntax=*")
        assert answer.status == 200


def a_client_reads_the_same_datasets(world):
    for sample in world.one_per(lambda sample: sample.transfer_syntax):
        assert world.both(lambda side: side.client.retrieve_instance(*sample.uids, media_types=ANY_DICOM))
    for sample in world.one_per(lambda sample: sample.series)[::4]:
        assert world.both(lambda side: side.client.retrieve_series(sample.study, sample.series, media_types=ANY_DICOM))
    for sample in world.one_per(lambda sample: sample.study)[::4]:
        assert world.both(lambda side: side.client.retrieve_study(sample.study, media_types=ANY_DICOM))
        assert world.both(lambda side: list(side.client.iter_study(sample.study, media_types=ANY_DICOM)))


def frames_of_every_transfer_syntax_come_byte_for_byte(world):
    seen = set()
    for sample in world.images:
        answer = world.both_raw(f"{sample.path}/frames/1", f"{OCTETS}; transfer-syntax=*")
        if answer.status == 200:
            seen.add(sample.transfer_syntax)
    assert {JPEG_2000, RLE} <= seen, f"only {seen}"


def a_client_reads_the_same_frames(world):
    several = 0
    for sample in world.one_per(lambda sample: (sample.transfer_syntax, sample.frames > 1), world.images):
        if world.direct.call("GET", f"{sample.path}/frames/1", headers={"Accept": f"{OCTETS}; transfer-syntax=*"}).status != 200:
            continue
        numbers = list(range(1, min(sample.frames, 5) + 1))
        frames = world.both(lambda side: side.client.retrieve_instance_frames(*sample.uids, numbers, media_types=ANY_OCTETS))
        assert len(frames) == len(numbers) and all(frames)
        several += len(frames) > 1
        world.both_raw(f"{sample.path}/frames/{','.join(map(str, numbers))}", f"{OCTETS}; transfer-syntax=*")
        world.both_raw(f"{sample.path}/frames/{sample.frames + 1}", OCTETS)
    assert several, "no image with several frames"


def rendered_images_come_byte_for_byte(world):
    rendered = 0
    for sample in world.images:
        for kind in ("image/jpeg", "image/png"):
            rendered += world.both_raw(f"{sample.path}/rendered", kind).status == 200
        world.both_raw(f"{sample.path}/frames/1/rendered", "image/png")
        world.both_raw(f"{sample.path}/rendered?viewport=64,64&window=40,400,linear", "image/jpeg")
    assert rendered > len(world.images)
    for sample in world.images:
        if world.direct.call("GET", f"{sample.path}/rendered", headers={"Accept": "image/png"}).status == 200:
            picture = world.both(lambda side: side.client.retrieve_instance_rendered(*sample.uids, media_types=("image/png",)))
            assert picture.startswith(b"\x89PNG")
            break


def objects_by_query_come_byte_for_byte(world):
    # WADO-URI is a service of its own, beside DICOMweb's: so it has a route of its own.
    seen = set()
    for sample in world.one_per(lambda sample: sample.transfer_syntax):
        study, series, instance = sample.uids
        uids = f"studyUID={study}&seriesUID={series}&objectUID={instance}"
        for more in ("", "&contentType=application%2Fdicom", "&contentType=application/dicom", "&contentType=image%2Fpng", "&contentType=image/jpeg", "&contentType=image/jpg"):
            path = f"/wado?requestType=WADO&{uids}{more}"
            expected = world.direct.call("GET", path, base="")
            actual = world.through.call("GET", path, base="/uri")
            assert actual.status == expected.status, f"{path}: {actual.status} instead of {expected.status}"
            if expected.status == 200:
                assert actual.content() == expected.content(), f"{path}: {_brief(actual)}\nstraight: {_brief(expected)}"
                seen.add(expected.header("Content-Type"))
                if "dicom" in more:
                    assert actual.body == sample.file.read_bytes(), path
    assert {"application/dicom", "image/png"} <= seen, f"only {seen}"
    for query in ("requestType=WADO&requestType=WADO", "requestType=QIDO", "requestType=wado"):
        answer = world.through.call("GET", f"/wado?{query}&{uids}", base="/uri")
        assert answer.status == 404, f"{query}: {answer.status}"


def bulk_data_is_found_where_the_metadata_says(world):
    fetched = 0
    for sample in world.samples:
        metadata = json.loads(world.through.call("GET", f"{sample.path}/metadata", headers={"Accept": JSON}).body)
        for url in list(_bulk_urls(metadata))[:3]:
            fetched += world.both_raw(path_of(url), OCTETS).status == 200
    assert fetched, "no bulk data"


def a_stored_instance_is_the_one_that_was_sent(world):
    for sample in world.one_per(lambda sample: sample.transfer_syntax)[:6]:
        fresh = _fresh_copy(sample)
        answer = world.through.client.store_instances([fresh])
        assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == [fresh.SOPInstanceUID]
        _assert_held(world, fresh)


def a_large_store_in_chunks_arrives_whole(world):
    # dicomweb-client sends what is larger than its chunk size with chunked transfer coding.
    small = [_fresh_copy(sample) for sample in world.one_per(lambda sample: sample.transfer_syntax)]
    world.through.client.set_chunk_size(10_000)
    try:
        world.through.client.store_instances(small)
    finally:
        world.through.client.set_chunk_size(10**6)
    assert sum(len(encoded(dataset)) for dataset in small) > 10**6
    for dataset in small:
        _assert_held(world, dataset)


def stores_are_answered_alike(world):
    content = wrap([sample.file.read_bytes() for sample in world.samples[:5]])
    garbage = wrap([b"not DICOM"])
    for path, body in (("/studies", content), (f"/studies/{world.samples[0].study}", content), ("/studies", garbage)):
        expected, actual = (side.call("POST", path, body, STORE) for side in (world.direct, world.through))
        assert actual.status == expected.status, f"{path}: {actual.status} instead of {expected.status}"
        if expected.status < 400:
            assert actual.content() == expected.content()


def what_is_not_there_is_404_on_both_sides(world):
    for path in (f"/studies/{NOWHERE}", f"/studies/{NOWHERE}/series/{NOWHERE}", f"/studies/{NOWHERE}/series/{NOWHERE}/instances/{NOWHERE}"):
        assert world.both_raw(path, f"{DICOM}; transfer-syntax=*").status == 404
        assert world.both_raw(f"{path}/metadata", JSON).status == 404
    try:
        world.through.client.retrieve_study_metadata(NOWHERE)
    except requests.HTTPError as error:
        assert error.response.status_code == 404
    else:
        raise AssertionError("an unknown study was found")


def what_the_origin_server_refuses_is_refused_alike(world):
    sample = world.images[0]
    assert world.both_raw(f"{sample.path}/frames/0", OCTETS).status >= 400
    assert world.both_raw(f"{sample.path}/frames/1", "application/x-unknown").status >= 400
    assert world.both_raw(f"{sample.path}/rendered", "video/x-unknown").status >= 400


def what_orthanc_refuses_of_viewers_it_answers_through_the_gateway(world):
    plain = next(sample for sample in world.images if sample.file.name == "CT_small.dcm")
    coded = next(sample for sample in world.images if sample.transfer_syntax == JPEG_2000)
    bulk = path_of(next(_bulk_urls(json.loads(world.direct.call("GET", f"{plain.path}/metadata", headers={"Accept": JSON}).body))))
    for path, accept, kind, fix in (
        (f"{plain.path}/metadata", "", JSON, "accept_default"),
        (f"{plain.path}/metadata", NAVIGATION, JSON, "accept_narrow"),
        (f"{plain.path}/metadata", f"{XML}, {JSON}", "multipart/related", "accept_narrow"),
        (plain.path, "", "multipart/related", "accept_default"),
        (plain.path, NAVIGATION, "multipart/related", "accept_narrow"),
        (plain.path, f"text/html, {DICOM}", "multipart/related", "accept_narrow"),
        (coded.path, "*/*", "multipart/related", "accept_narrow"),
        (coded.path, None, "multipart/related", "accept_default"),
        (f"{plain.path}/frames/1", "", "multipart/related", "accept_default"),
        (f"{plain.path}/frames/1", 'multipart/related; type="*/*"', "multipart/related", "accept_narrow"),
        (f"{plain.path}/frames/1", "multipart/related; type=*/*", "multipart/related", "accept_narrow"),
        (f"{plain.path}/frames/1", f"image/jpeg, {OCTETS}", "multipart/related", "accept_narrow"),
        (f"{plain.path}/frames/1", f"{OCTETS}, */*;q=0.1", "multipart/related", "accept_narrow"),
        (f"{coded.path}/frames/1", "*/*", "multipart/related", "accept_narrow"),
        (f"{coded.path}/frames/1", None, "multipart/related", "accept_default"),
        (bulk, 'multipart/related; type="*/*"', "multipart/related", "accept_narrow"),
        (bulk, NAVIGATION, "multipart/related", "accept_narrow"),
        (f"{plain.path}/rendered", "", "image/jpeg", "accept_default"),
        (f"{plain.path}/rendered", CHROME_IMG, "image/jpeg", "accept_single"),
        (f"{plain.path}/rendered", FIREFOX_IMG, "image/png", "accept_single"),
        (f"{plain.path}/rendered", "image/png, image/jpeg", "image/png", "accept_single"),
        (f"{plain.path}/frames/1/rendered", "image/jpeg;q=0.9", "image/jpeg", "accept_single"),
    ):
        headers = {} if accept is None else {"Accept": accept}
        straight, through = (side.call("GET", path, headers=headers) for side in (world.direct, world.through))
        assert straight.status in (400, 406, 500), f"{path} {accept}: {straight.status} without the gateway, which is no longer needed"
        assert through.status == 200, f"{path} {accept}: {through.status} {through.body[:200]}"
        assert through.header("Content-Type").startswith(kind), f"{path} {accept}: {through.header('Content-Type')}"
        assert through.header("dicom-gateway-fixes") == fix, f"{path} {accept}: {through.header('dicom-gateway-fixes')}"


def a_list_that_orthanc_reads_gets_no_worse_by_being_narrowed(world):
    stored = f"{OCTETS}; transfer-syntax=*"
    lossless = 'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80'
    for sample in world.one_per(lambda sample: sample.transfer_syntax, world.images):
        for path, accept in (
            (f"{sample.path}/frames/1", f"{lossless}, {stored}"),
            (f"{sample.path}/metadata", f"{JSON}, application/json"),
            (f"{sample.path}/metadata", f"{JSON}, multipart/related; type=application/octet-stream"),
            (f"{sample.path}/rendered", "*/*"),
        ):
            world.both_raw(path, accept)


def a_link_asks_by_its_query_where_orthanc_overlooks_it(world):
    path = f"{next(sample for sample in world.images if sample.file.name == 'CT_small.dcm').path}/rendered?accept=image/png"
    straight, through = (side.call("GET", path, headers={"Accept": "*/*"}) for side in (world.direct, world.through))
    assert (straight.status, straight.header("Content-Type")) == (200, "image/jpeg")
    assert (through.status, through.header("Content-Type")) == (200, "image/png")
    assert through.header("dicom-gateway-fixes") == "accept_query"


def what_only_orthanc_may_refuse_it_still_refuses(world):
    sample = world.images[0]
    for path, accept in (
        (sample.path, "application/dicom"),
        (f"{sample.path}/metadata", "application/dicom+xml"),
        (f"{sample.path}/frames/1", "application/octet-stream"),
        (f"{sample.path}/rendered", "image/gif"),
    ):
        assert world.both_raw(path, accept).status == 400, f"{path} {accept}"


def a_deletion_is_not_permitted_and_deletes_nothing(world):
    study = world.samples[0].study
    answer = world.through.call("DELETE", f"/studies/{study}")
    assert answer.status == 403, f"{answer.status}"
    assert world.direct.client.search_for_studies(search_filters={"StudyInstanceUID": study})


def many_frames_at_once_are_each_the_right_one(world):
    # As a viewer does: all slices of a series in parallel, over and over.
    images = [sample for sample in world.images if _frame(world.direct, sample).status == 200]
    expected = [_frame(world.direct, sample).content() for sample in images]
    with ThreadPoolExecutor(16) as callers:
        answers = callers.map(lambda sample: _frame(world.through, sample).content(), images * 4)
        for number, answer in enumerate(answers):
            assert answer == expected[number % len(images)], f"{images[number % len(images)].path}: another's frame"


def a_connection_that_orthanc_has_closed_fails_nobody(world):
    # Orthanc closes what was idle for a second: requests just before, at and after that moment meet connections in every state.
    for pause in (0.9, 0.98, 1.0, 1.01, 1.02, 1.05, 1.2):
        assert world.through.call("GET", "/studies?limit=1", headers={"Accept": JSON}).status == 200
        time.sleep(pause)
        assert world.through.call("GET", "/studies?limit=1", headers={"Accept": JSON}).status == 200, f"after {pause} s"


def _frame(side, sample):
    return side.call("GET", f"{sample.path}/frames/1", headers={"Accept": f"{OCTETS}; transfer-syntax=*"})


def _fresh_copy(sample):
    dataset = pydicom.dcmread(sample.file)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid()
    return dataset


def _assert_held(world, dataset):
    path = f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}/instances/{dataset.SOPInstanceUID}"
    answer = world.direct.call("GET", path, headers={"Accept": f"{DICOM}; transfer-syntax=*"})
    assert answer.status == 200, f"{path}: {answer.status}"
    assert encoded(dataset) in answer.body, f"{path}: not the bytes that were sent"


def _bulk_urls(value):
    if isinstance(value, list):
        for item in value:
            yield from _bulk_urls(item)
    elif isinstance(value, dict):
        if isinstance(value.get("BulkDataURI"), str):
            yield value["BulkDataURI"]
        for item in value.values():
            yield from _bulk_urls(item)


def _value(item, tag):
    return (item.get(tag, {}).get("Value") or [None])[0]


def _brief(value):
    text = repr(value)
    return text if len(text) < 600 else f"{text[:300]} … {text[-300:]}"


JSON = "application/dicom+json"
DICOM = 'multipart/related; type="application/dicom"'
OCTETS = 'multipart/related; type="application/octet-stream"'
ANY_DICOM = (("application/dicom", "*"),)
ANY_OCTETS = (("application/octet-stream", "*"),)
XML = 'multipart/related; type="application/dicom+xml"'
NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
CHROME_IMG = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX_IMG = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
RLE = "1.2.840.10008.1.2.5"
NOWHERE = "2.25.329800735698586629295641978511506172918"
