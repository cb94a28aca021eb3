//! What each profile makes of what real callers send.

use super::*;

#[test]
fn azure_is_asked_as_azure_understands() {
    check(
        Profile::Azure,
        &[
            // OHIF without quotes, and with them.
            (Searched, OHIF_UNQUOTED, DICOM_JSON, "accept_narrow"),
            (Metadata, OHIF_QUOTED, DICOM_JSON, "accept_narrow"),
            // dicomweb-client (Python), browsers, curl.
            (Studies, PYTHON_JSON, PYTHON_JSON, ""),
            (Studies, "*/*", "*/*", ""),
            (Studies, NAVIGATION, "*/*;q=0.8", "accept_narrow"),
            (Metadata, "application/*", "application/*", ""),
            (WorkItem, OHIF_UNQUOTED, DICOM_JSON, "accept_narrow"),
            (Tags, "application/json, text/plain", "application/json", "accept_narrow"),
            // Whoever reads XML alone gets none, and no JSON either.
            (Metadata, "application/dicom+xml", "application/dicom+xml", ""),
            (Study, OBJECTS, OBJECTS, ""),
            (
                Part,
                "application/dicom; transfer-syntax=*",
                "application/dicom; transfer-syntax=*",
                "",
            ),
            (Part, "*/*", "*/*", ""),
            (Part, "application/*", "application/dicom; transfer-syntax=*", "accept_narrow"),
            (
                Part,
                "multipart/related; type=application/dicom",
                "multipart/related; type=\"application/dicom\"",
                "accept_quotes",
            ),
            (Frames, OCTETS, OCTETS, ""),
            (Frames, "multipart/related; type=\"*/*\"", "multipart/related; type=\"*/*\"", ""),
            (
                Frames,
                "multipart/related; type=*/*",
                "multipart/related; type=\"*/*\"",
                "accept_quotes",
            ),
            (
                Frames,
                "multipart/related; type=image/jls; transfer-syntax=1.2, \
                 multipart/related; type=application/octet-stream; transfer-syntax=*",
                OCTETS,
                "accept_quotes, accept_narrow",
            ),
            (Rendered, "*/*", "image/jpeg", "accept_single"),
            (Rendered, CHROME_IMG, "image/jpeg", "accept_single"),
            (Rendered, FIREFOX_IMG, "image/png", "accept_single"),
            (Rendered, SAFARI_IMG, "image/png", "accept_single"),
            (Rendered, NAVIGATION, "image/jpeg", "accept_single"),
            (Rendered, "image/png", "image/png", ""),
            (Rendered, "image/png, image/jpeg", "image/png", "accept_single"),
            (Rendered, "image/png;q=0.5, image/jpeg", "image/jpeg", "accept_single"),
            (Rendered, "image/jpeg;q=0, image/*", "image/png", "accept_single"),
            (Rendered, "*/*, image/png", "image/png", "accept_single"),
            (Rendered, NO_PICTURE, NO_PICTURE, ""),
            (Metadata, "application/json;q=0, text/html", "application/json;q=0, text/html", ""),
            (Rendered, "image/gif, video/mp4", "image/gif, video/mp4", ""),
        ],
    );
}

#[test]
fn orthanc_is_asked_for_one_thing_it_has() {
    check(
        Profile::Orthanc,
        &[
            (Searched, NAVIGATION, NAVIGATION, ""),
            (Metadata, PYTHON_JSON, DICOM_JSON, "accept_narrow"),
            (Metadata, NAVIGATION, DICOM_JSON, "accept_narrow"),
            (Metadata, "*/*", "*/*", ""),
            (Metadata, XML, XML, ""),
            (Part, "*/*", OBJECTS, "accept_narrow"),
            (Part, "text/html, multipart/related; type=application/dicom", QUOTED_OBJECTS, BOTH),
            (Part, "application/dicom", "application/dicom", ""),
            (Frames, "*/*", OCTETS, "accept_narrow"),
            (Frames, "multipart/related; type=\"*/*\"", OCTETS, "accept_narrow"),
            (Frames, OCTETS, OCTETS, ""),
            (Frames, "application/octet-stream", "application/octet-stream", ""),
            (
                Frames,
                "multipart/related; type=\"image/jls\"; transfer-syntax=1.2.840.10008.1.2.4.80, \
                 multipart/related; type=\"application/octet-stream\"; transfer-syntax=*",
                OCTETS,
                "accept_narrow",
            ),
            (BulkData, "multipart/related; type=\"*/*\"", BULK, "accept_narrow"),
            (Rendered, CHROME_IMG, "image/jpeg", "accept_single"),
            (Rendered, "image/png;q=0.9", "image/png", "accept_single"),
        ],
    );
}

#[test]
fn healthimaging_gets_no_list_for_a_search() {
    check(
        Profile::HealthImaging,
        &[
            (Searched, OHIF_UNQUOTED, DICOM_JSON, "accept_narrow"),
            (Searched, PYTHON_JSON, DICOM_JSON, "accept_narrow"),
            (Searched, "*/*", DICOM_JSON, "accept_narrow"),
            (Part, OBJECTS, OBJECTS, ""),
            (Part, "*/*", "application/dicom; transfer-syntax=*", "accept_narrow"),
            (Part, "application/dicom, */*;q=0", "application/dicom", "accept_narrow"),
            (Frames, "*/*;q=0.8", &format!("{OCTETS};q=0.800"), "accept_narrow"),
            (Rendered, "*/*", "image/jpeg", "accept_single"),
        ],
    );
}

#[test]
fn google_gets_quotes_and_no_more_than_it_lists() {
    check(
        Profile::Google,
        &[
            (Searched, OHIF_UNQUOTED, DICOM_JSON, "accept_narrow"),
            (Metadata, XML, XML, ""),
            (
                Frames,
                "multipart/related; type=image/jpeg;transfer-syntax=1.2",
                "multipart/related; type=\"image/jpeg\";transfer-syntax=1.2",
                "accept_quotes",
            ),
            (Rendered, "*/*", "*/*", ""),
        ],
    );
}

#[test]
fn a_server_of_the_standard_gets_quotes_and_nothing_else() {
    for profile in [Profile::Generic, Profile::Dcm4chee] {
        check(
            profile,
            &[
                (Searched, OHIF_UNQUOTED, OHIF_QUOTED, "accept_quotes"),
                (Searched, NAVIGATION, NAVIGATION, ""),
                (Rendered, CHROME_IMG, CHROME_IMG, ""),
                (Frames, "*/*", "*/*", ""),
                // No transaction of its own, or none with a choice.
                (ByQuery, OHIF_UNQUOTED, OHIF_UNQUOTED, ""),
                (Service, OHIF_UNQUOTED, OHIF_UNQUOTED, ""),
            ],
        );
    }
}

const NO_PICTURE: &str = "image/jpeg;q=0, image/png;q=0, image/*";
