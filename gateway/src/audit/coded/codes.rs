//! The codes that records are written in.

/// A coded value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Code {
    /// Whose code it is.
    pub system: System,
    /// The code.
    pub code: &'static str,
    /// What it means, as its system says.
    pub meaning: &'static str,
}

/// Whose codes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum System {
    /// DICOM's (PS3.16, annex D).
    Dcm,
    /// Those that DICOM took over from RFC 3881 (PS3.15, section A.5.1.2.4).
    Rfc3881,
    /// IHE's, for what its basic audit patterns add.
    Balp,
}

impl System {
    /// Its name where PS3.15 wants one (`codeSystemName`).
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Dcm => "DCM",
            Self::Rfc3881 => "RFC-3881",
            Self::Balp => "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
        }
    }
}

const fn dcm(code: &'static str, meaning: &'static str) -> Code {
    Code { system: System::Dcm, code, meaning }
}

const fn rfc3881(code: &'static str, meaning: &'static str) -> Code {
    Code { system: System::Rfc3881, code, meaning }
}

// CID 400, Audit Event ID.
pub(super) const APPLICATION_ACTIVITY: Code = dcm("110100", "Application Activity");
pub(super) const INSTANCES_ACCESSED: Code = dcm("110103", "DICOM Instances Accessed");
pub(super) const INSTANCES_TRANSFERRED: Code = dcm("110104", "DICOM Instances Transferred");
pub(super) const STUDY_DELETED: Code = dcm("110105", "DICOM Study Deleted");
pub(super) const EXPORT: Code = dcm("110106", "Export");
pub(super) const PROCEDURE_RECORD: Code = dcm("110111", "Procedure Record");
pub(super) const QUERY: Code = dcm("110112", "Query");
pub(super) const SECURITY_ALERT: Code = dcm("110113", "Security Alert");
pub(super) const USER_AUTHENTICATION: Code = dcm("110114", "User Authentication");

// CID 401, Audit Event Type Code.
pub(super) const APPLICATION_START: Code = dcm("110120", "Application Start");
pub(super) const APPLICATION_STOP: Code = dcm("110121", "Application Stop");
pub(super) const LOGIN: Code = dcm("110122", "Login");
pub(super) const EMERGENCY_STARTED: Code = dcm("110127", "Emergency Override Started");
pub(super) const SECURITY_CONFIGURATION: Code = dcm("110129", "Security Configuration");
pub(super) const SOFTWARE_CONFIGURATION: Code = dcm("110131", "Software Configuration");
pub(super) const RESTRICTED_FUNCTION: Code = dcm("110132", "Use of Restricted Function");
pub(super) const EMERGENCY_STOPPED: Code = dcm("110138", "Emergency Override Stopped");

// CID 402, Audit Active Participant Role ID Code.
pub(super) const APPLICATION: Code = dcm("110150", "Application");
pub(super) const DESTINATION: Code = dcm("110152", "Destination Role ID");
pub(super) const SOURCE: Code = dcm("110153", "Source Role ID");
pub(super) const DESTINATION_MEDIA: Code = dcm("110154", "Destination Media");

// CID 404, Audit Participant Object ID Type Code, and those of section A.5.1.2.4.
pub(super) const STUDY_INSTANCE_UID: Code = dcm("110180", "Study Instance UID");
pub(super) const NODE_ID: Code = dcm("110182", "Node ID");
pub(super) const PATIENT_NUMBER: Code = rfc3881("2", "Patient Number");
pub(super) const SEARCH_CRITERIA: Code = rfc3881("10", "Search Criteria");
pub(super) const URI: Code = rfc3881("12", "URI");
pub(super) const REQUEST_ID: Code =
    Code { system: System::Balp, code: "XrequestId", meaning: "X-Request-Id" };

// CID 405, Media Type Code.
pub(super) const MEDIA_URI: Code = dcm("110037", "URI");
