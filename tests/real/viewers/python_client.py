"""dicomweb-client for Python, every one of its calls, with its defaults and with more."""

import pydicom
import requests

from viewers.services import uids

STUDY, SERIES, INSTANCE = "0020000D", "0020000E", "00080018"


def searches_find_studies_series_and_instances(service):
    ct = service.of_modality("CT")
    study, series = ct[0].StudyInstanceUID, ct[0].SeriesInstanceUID
    found = service.client.search_for_studies()
    assert _uids(found, STUDY) == {dataset.StudyInstanceUID for dataset in service.datasets}
    assert _uids(service.client.search_for_series(), SERIES) == {dataset.SeriesInstanceUID for dataset in service.datasets}
    assert _uids(service.client.search_for_instances(), INSTANCE) == _instances(service.datasets)
    assert _uids(service.client.search_for_series(study), SERIES) == {series}
    assert _uids(service.client.search_for_instances(study), INSTANCE) == _instances(ct)
    assert _uids(service.client.search_for_instances(study, series), INSTANCE) == _instances(ct)


def searches_filter_page_and_name_fields(service):
    ct = service.of_modality("CT")
    search = service.client.search_for_studies
    assert _uids(search(search_filters={"PatientID": ct[0].PatientID}), STUDY) == {ct[0].StudyInstanceUID}
    assert _uids(search(search_filters={"ModalitiesInStudy": "CT"}, fields=["StudyDescription"]), STUDY) == {ct[0].StudyInstanceUID}
    if service.is_azure:  # Orthanc's plug-in finds no name with an encoded character in it, and the client encodes `^` and `*`
        assert _uids(search(search_filters={"PatientName": "Phantom^Thor*"}, fuzzymatching=False), STUDY) == {ct[0].StudyInstanceUID}
    assert len(search(limit=1, offset=1)) == 1
    assert _uids(service.client.search_for_instances(limit=7, get_remaining=True), INSTANCE) == _instances(service.datasets)
    assert search(search_filters={"PatientID": "nobody"}) == []


def metadata_come_at_every_level(service):
    ct = service.of_modality("CT")
    study, series, instance = uids(ct[0])
    assert _uids(service.client.retrieve_study_metadata(study), INSTANCE) == _instances(ct)
    assert _uids(service.client.retrieve_series_metadata(study, series), INSTANCE) == _instances(ct)
    metadata = service.client.retrieve_instance_metadata(study, series, instance)
    assert metadata["00100020"]["Value"] == [ct[0].PatientID]


def instances_series_and_studies_come_whole(service):
    for modality in ("CT", "US"):
        stored = service.of_modality(modality)
        study, series, instance = uids(stored[0])
        pixels = {dataset.SOPInstanceUID: dataset.PixelData for dataset in stored}
        for media in ({}, {"media_types": (("application/dicom", "*"),)}):
            one = service.client.retrieve_instance(study, series, instance, **media)
            assert one.PixelData == pixels[instance]
            for several in (
                service.client.retrieve_series(study, series, **media),
                service.client.retrieve_study(study, **media),
                service.client.iter_series(study, series, **media),
                service.client.iter_study(study, **media),
            ):
                assert {dataset.SOPInstanceUID: dataset.PixelData for dataset in several} == pixels


def frames_come_as_they_were_stored(service):
    ct, us = service.of_modality("CT")[7], service.of_modality("US")[0]
    size = len(us.PixelData) // int(us.NumberOfFrames)
    frames = [us.PixelData[number * size : (number + 1) * size] for number in range(int(us.NumberOfFrames))]
    for media in ({}, {"media_types": (("application/octet-stream", "*"),)}, {"media_types": ("application/octet-stream",)}):
        assert service.client.retrieve_instance_frames(*uids(ct), [1], **media) == [ct.PixelData]
        assert service.client.retrieve_instance_frames(*uids(us), [3, 1], **media) in ([frames[2], frames[0]], [frames[0], frames[2]])
        assert list(service.client.iter_instance_frames(*uids(us), [1, 2, 3], **media)) == frames[:3]


def rendered_images_come_with_and_without_a_wish(service):
    ct, us = service.of_modality("CT")[7], service.of_modality("US")[0]
    assert _is_image(service.client.retrieve_instance_rendered(*uids(ct)))  # `Accept: */*`
    assert service.client.retrieve_instance_rendered(*uids(ct), media_types=("image/png",)).startswith(PNG)
    assert service.client.retrieve_instance_rendered(*uids(ct), media_types=("image/jpeg",)).startswith(JPEG)
    assert _is_image(service.client.retrieve_instance_rendered(*uids(ct), media_types=("image/jpeg", "image/png")))
    assert _is_image(service.client.retrieve_instance_frames_rendered(*uids(us), [2]))
    assert service.client.retrieve_instance_frames_rendered(*uids(us), [2], media_types=("image/png",)).startswith(PNG)
    if not service.is_azure:  # which renders no series
        assert _is_image(service.client.retrieve_series_rendered(*uids(ct)[:2]))
        assert service.client.retrieve_series_rendered(*uids(ct)[:2], media_types=("image/png",)).startswith(PNG)


def bulk_data_are_where_the_metadata_say_and_that_is_here(service):
    ct = service.of_modality("CT")[7]
    urls = list(_values(service.client.retrieve_instance_metadata(*uids(ct)), "BulkDataURI"))
    if service.is_azure:
        assert urls == [], "Azure writes no bulk data URLs"
        return
    assert urls and all(url.startswith(f"{service.url}/studies/") for url in urls), urls
    for media in ({}, {"media_types": (("application/octet-stream", "*"),)}):
        assert service.client.retrieve_bulkdata(urls[0], **media) == [ct.PixelData]
        assert list(service.client.iter_bulkdata(urls[0], **media)) == [ct.PixelData]
    # Orthanc knows no ranges of bulk data, and sends all of it.
    assert service.client.retrieve_bulkdata(urls[0], byte_range=(0, 99))[0].startswith(ct.PixelData[:100])


def bulk_data_deep_in_a_sequence_are_found(service):
    with service.copy() as fresh:
        icon = pydicom.Dataset()
        icon.Rows = icon.Columns = 64
        icon.add_new("PixelData", "OB", bytes(range(64)) * 64)
        fresh.IconImageSequence = [icon]
        service.client.store_instances([fresh])
        urls = list(_values(service.client.retrieve_study_metadata(fresh.StudyInstanceUID), "BulkDataURI"))
        if service.is_azure:
            assert urls == []
            return
        assert len(urls) == 2 and all(url.startswith(f"{service.url}/studies/") for url in urls), urls
        found = [service.client.retrieve_bulkdata(url) for url in urls]
        assert [icon.PixelData] in found and [fresh.PixelData] in found


def retrieve_urls_lead_here(service):
    ct = service.of_modality("CT")[7]
    study, series, instance = uids(ct)
    found = [
        *service.client.search_for_studies(),
        *service.client.search_for_series(study),
        *service.client.search_for_instances(study, series),
        service.client.retrieve_instance_metadata(study, series, instance),
    ]
    urls = [url for item in found for url in item.get("00081190", {}).get("Value", [])]
    assert urls or service.is_azure, "Azure alone writes no retrieve URLs into what it found"
    assert all(url.startswith(f"{service.url}/studies/") for url in urls), urls


def a_store_is_answered_with_urls_that_can_be_followed(service):
    with service.copy() as fresh:
        answer = service.client.store_instances([fresh])
        _follow(service, fresh, answer.ReferencedSOPSequence[0].RetrieveURL)
    with service.copy() as fresh:
        answer = service.client.store_instances([fresh], study_instance_uid=fresh.StudyInstanceUID)
        _follow(service, fresh, answer.ReferencedSOPSequence[0].RetrieveURL)
        assert answer.RetrieveURL == f"{service.url}/studies/{fresh.StudyInstanceUID}"


def what_is_deleted_is_gone(service):
    delete = service.client.delete_instance, service.client.delete_series, service.client.delete_study
    for depth, call in zip((3, 2, 1), delete, strict=True):
        if not service.is_azure:
            _is_refused(service, call, depth)
            continue
        with service.copy() as fresh:
            service.client.store_instances([fresh])
            call(*uids(fresh)[:depth])
            assert service.client.search_for_studies(search_filters={"StudyInstanceUID": fresh.StudyInstanceUID}) == []


def _is_refused(service, call, depth):
    # Orthanc's plug-in does not delete, and that is what a caller is told.
    ct = service.of_modality("CT")[0]
    try:
        call(*uids(ct)[:depth])
    except requests.HTTPError as error:
        assert error.response.status_code == 405, error
    else:
        raise AssertionError("Orthanc deletes")
    assert service.client.search_for_studies(search_filters={"StudyInstanceUID": ct.StudyInstanceUID})


def _follow(service, dataset, url):
    assert url.startswith(f"{service.url}/studies/"), url
    accept = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    answer = service.side.call("GET", url.removeprefix(service.url), headers=accept)
    assert answer.status == 200 and dataset.PixelData in answer.body


def _instances(datasets):
    return {dataset.SOPInstanceUID for dataset in datasets}


def _uids(found, tag):
    return {item[tag]["Value"][0] for item in found}


def _is_image(body):
    return body.startswith((PNG, JPEG))


def _values(item, name):
    """The values of this name, at any depth."""
    if isinstance(item, list):
        for each in item:
            yield from _values(each, name)
    elif isinstance(item, dict):
        if name in item:
            yield item[name]
        for each in item.values():
            yield from _values(each, name)


PNG, JPEG = b"\x89PNG", b"\xff\xd8\xff"
