//! The steps, and what is sent with each.

use gateway_tests::origin::sample::{CR_STUDY, CT_SERIES, CT_STUDY, MR_STUDY, ct_instance};
use gateway_tests::origin::{Store, sample};
use serde_json::json;

/// One request and what it is answered.
pub(super) struct Step {
    pub(super) method: &'static str,
    /// As the service describes it, with a query.
    pub(super) path: &'static str,
    pub(super) class: &'static str,
    pub(super) sent: Sent,
    /// The documented status of success.
    pub(super) status: u16,
}

/// What goes with a request.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Sent {
    Nothing,
    /// The nth object of this study.
    Object(&'static str, usize),
    Tag,
    Enabled,
    Update,
    Export,
    WorkItem,
    Label,
    InProgress,
    Cancel,
}

impl Step {
    /// What the service has beside what it describes.
    pub(super) fn is_extra(&self) -> bool {
        (self.method == "PUT" && self.path.starts_with("/studies"))
            || self.path.starts_with("/api.")
    }

    pub(super) fn is_in_partitions(&self) -> bool {
        ["/studies", "/series", "/instances", "/workitems", "/export"]
            .iter()
            .any(|start| self.path.starts_with(start))
    }

    /// The path that names what is there.
    pub(super) fn concrete(&self, operation: &str) -> String {
        let canceled = self.path.ends_with("/cancelrequest");
        self.path
            .replace("{studyInstanceUid}", CT_STUDY)
            .replace("{seriesInstanceUid}", CT_SERIES)
            .replace("{sopInstanceUid}", &ct_instance(1))
            .replace("{frames}", "1")
            .replace("{frame}", "1")
            .replace("{workitemInstanceUid}", if canceled { "1.2.4" } else { "1.2.3" })
            .replace("{tagPath}", "PatientAge")
            .replace("{operationId}", operation)
    }

    pub(super) fn accept(&self) -> &'static str {
        match self.path.rsplit('/').next().unwrap_or_default() {
            "rendered" => "image/png",
            "{frames}" => "multipart/related; type=\"application/octet-stream\"",
            "{studyInstanceUid}" | "{seriesInstanceUid}" | "{sopInstanceUid}"
                if self.class == "retrieve" =>
            {
                "multipart/related; type=\"application/dicom\"; transfer-syntax=*"
            }
            _ => "application/*",
        }
    }
}

impl Sent {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Object(..) => "application/dicom",
            Self::Tag | Self::Enabled | Self::Update | Self::Export => "application/json",
            Self::WorkItem | Self::Label | Self::InProgress | Self::Cancel => {
                "application/dicom+json"
            }
        }
    }

    pub(super) fn body(self) -> Vec<u8> {
        let attribute = |vr: &str, value: &str| json!({ "vr": vr, "Value": [value] });
        let body = match self {
            Self::Nothing | Self::Cancel => return Vec::new(),
            Self::Object(study, n) => {
                let all = Store::default();
                sample::load(&all);
                let instances = all.instances();
                let of_study = instances.iter().filter(|it| it.sop().study == study);
                return of_study.skip(n - 1).map(|it| it.bytes().to_vec()).next().unwrap();
            }
            Self::Tag => json!([{ "path": "PatientAge", "level": "Study" }]),
            Self::Enabled => json!({ "queryStatus": "Enabled" }),
            Self::Update => {
                let changes = json!({ "00081030": attribute("LO", "Changed") });
                json!({ "studyInstanceUids": [CT_STUDY], "changeDataset": changes })
            }
            Self::Export => {
                let uri = json!({ "blobContainerUri": "https://blobs.example/c" });
                json!({
                    "source": { "type": "identifiers", "settings": { "values": [CT_STUDY] } },
                    "destination": { "type": "azureblob", "settings": uri },
                })
            }
            Self::WorkItem => json!([{
                "00404005": attribute("DT", "20240312101500"),
                "00404041": attribute("CS", "READY"),
                "00741000": attribute("CS", "SCHEDULED"),
                "00741200": attribute("CS", "MEDIUM"),
                "00741202": attribute("LO", "List"),
                "00741204": attribute("LO", "Label"),
            }]),
            Self::Label => json!([{ "00741204": attribute("LO", "Other") }]),
            Self::InProgress => json!([{
                "00081195": attribute("UI", "9.1"),
                "00741000": attribute("CS", "IN PROGRESS"),
            }]),
        };
        body.to_string().into_bytes()
    }
}

const fn step(
    (method, path): (&'static str, &'static str),
    class: &'static str,
    sent: Sent,
    status: u16,
) -> Step {
    Step { method, path, class, sent, status }
}

pub(super) const STEPS: &[Step] = &[
    step(("POST", "/studies"), "store", Sent::Object(CR_STUDY, 1), 200),
    step(("POST", "/studies/{studyInstanceUid}"), "store", Sent::Object(CT_STUDY, 1), 200),
    step(("PUT", "/studies"), "store", Sent::Object(MR_STUDY, 1), 200),
    step(("PUT", "/studies/{studyInstanceUid}"), "store", Sent::Object(CT_STUDY, 2), 200),
    step(("GET", "/studies?PatientID=PHANTOM-CT"), "search", Sent::Nothing, 200),
    step(("GET", "/series"), "search", Sent::Nothing, 200),
    step(("GET", "/instances?limit=2"), "search", Sent::Nothing, 200),
    step(("GET", "/studies/{studyInstanceUid}/series"), "search", Sent::Nothing, 200),
    step(("GET", "/studies/{studyInstanceUid}/instances"), "search", Sent::Nothing, 200),
    step(
        ("GET", "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances"),
        "search",
        Sent::Nothing,
        200,
    ),
    step(("GET", "/studies/{studyInstanceUid}"), "retrieve", Sent::Nothing, 200),
    step(
        ("GET", "/studies/{studyInstanceUid}/series/{seriesInstanceUid}"),
        "retrieve",
        Sent::Nothing,
        200,
    ),
    step(
        (
            "GET",
            "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}",
        ),
        "retrieve",
        Sent::Nothing,
        200,
    ),
    step(
        (
            "GET",
            "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}/frames/{frames}",
        ),
        "retrieve",
        Sent::Nothing,
        200,
    ),
    step(("GET", "/studies/{studyInstanceUid}/metadata"), "retrieve", Sent::Nothing, 200),
    step(
        ("GET", "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/metadata"),
        "retrieve",
        Sent::Nothing,
        200,
    ),
    step(
        (
            "GET",
            "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}/metadata",
        ),
        "retrieve",
        Sent::Nothing,
        200,
    ),
    step(
        (
            "GET",
            "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}/rendered",
        ),
        "retrieve",
        Sent::Nothing,
        200,
    ),
    step(
        (
            "GET",
            "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}/frames/{frame}/rendered",
        ),
        "retrieve",
        Sent::Nothing,
        200,
    ),
    step(("GET", "/api.json"), "retrieve", Sent::Nothing, 200),
    step(("GET", "/api.yaml"), "retrieve", Sent::Nothing, 200),
    step(("POST", "/studies/$bulkUpdate"), "manage", Sent::Update, 202),
    step(("POST", "/export"), "manage", Sent::Export, 202),
    step(("POST", "/extendedquerytags"), "manage", Sent::Tag, 202),
    step(("GET", "/operations/{operationId}"), "manage", Sent::Nothing, 202),
    step(("GET", "/operations/{operationId}"), "manage", Sent::Nothing, 200),
    step(("GET", "/extendedquerytags"), "manage", Sent::Nothing, 200),
    step(("GET", "/extendedquerytags/{tagPath}"), "manage", Sent::Nothing, 200),
    step(("PATCH", "/extendedquerytags/{tagPath}"), "manage", Sent::Enabled, 200),
    step(("GET", "/extendedquerytags/{tagPath}/errors"), "manage", Sent::Nothing, 200),
    step(("DELETE", "/extendedquerytags/{tagPath}"), "manage", Sent::Nothing, 204),
    step(("GET", "/changefeed?limit=1"), "manage", Sent::Nothing, 200),
    step(("GET", "/changefeed/latest"), "manage", Sent::Nothing, 200),
    step(("GET", "/partitions"), "manage", Sent::Nothing, 200),
    step(("POST", "/workitems?1.2.3"), "worklist", Sent::WorkItem, 201),
    step(("GET", "/workitems?ProcedureStepState=SCHEDULED"), "worklist", Sent::Nothing, 200),
    step(("GET", "/workitems/{workitemInstanceUid}"), "worklist", Sent::Nothing, 200),
    step(("PUT", "/workitems/{workitemInstanceUid}/state"), "worklist", Sent::InProgress, 200),
    step(("POST", "/workitems/{workitemInstanceUid}?9.1"), "worklist", Sent::Label, 200),
    step(("POST", "/workitems?1.2.4"), "worklist", Sent::WorkItem, 201),
    step(("POST", "/workitems/{workitemInstanceUid}/cancelrequest"), "worklist", Sent::Cancel, 202),
    step(
        (
            "DELETE",
            "/studies/{studyInstanceUid}/series/{seriesInstanceUid}/instances/{sopInstanceUid}",
        ),
        "delete",
        Sent::Nothing,
        204,
    ),
    step(
        ("DELETE", "/studies/{studyInstanceUid}/series/{seriesInstanceUid}"),
        "delete",
        Sent::Nothing,
        204,
    ),
    step(("PUT", "/studies/{studyInstanceUid}"), "store", Sent::Object(CT_STUDY, 2), 200),
    step(("DELETE", "/studies/{studyInstanceUid}"), "delete", Sent::Nothing, 204),
];
