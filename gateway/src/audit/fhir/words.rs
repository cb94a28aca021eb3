//! The words of FHIR and of IHE's basic audit patterns (BALP 1.1).

use super::super::coded::{Code, System};
use super::resource::Coding;

impl From<Code> for Coding {
    fn from(code: Code) -> Self {
        let system = match code.system {
            System::Dcm => DCM,
            System::Rfc3881 => "http://terminology.hl7.org/CodeSystem/audit-entity-type",
            System::Balp => "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
        };
        Self { system, code: code.code, display: code.meaning }
    }
}

// What happened, and by which interaction.
pub(super) const REST: Coding = Coding {
    system: "http://terminology.hl7.org/CodeSystem/audit-event-type",
    code: "rest",
    display: "RESTful Operation",
};
pub(super) const CAPABILITIES: Coding = interaction("capabilities");
pub(super) const CREATE: Coding = interaction("create");
pub(super) const DELETE: Coding = interaction("delete");
pub(super) const OPERATION: Coding = interaction("operation");
pub(super) const READ: Coding = interaction("read");
pub(super) const SEARCH: Coding = interaction("search");
pub(super) const UPDATE: Coding = interaction("update");

// In which part.
pub(super) const APPLICATION: Coding =
    Coding { system: DCM, code: "110150", display: "Application" };
pub(super) const DESTINATION: Coding =
    Coding { system: DCM, code: "110152", display: "Destination Role ID" };
pub(super) const SOURCE: Coding = Coding { system: DCM, code: "110153", display: "Source Role ID" };
pub(super) const CUSTODIAN: Coding = Coding {
    system: "http://terminology.hl7.org/CodeSystem/provenance-participant-type",
    code: "custodian",
    display: "Custodian",
};
pub(super) const DATA_PROCESSOR: Coding = Coding {
    system: "http://terminology.hl7.org/CodeSystem/extra-security-role-type",
    code: "dataprocessor",
    display: "data processor",
};
pub(super) const AUTHOR: Coding =
    Coding { system: PARTICIPATION, code: "AUT", display: "author (originator)" };
pub(super) const RECIPIENT: Coding =
    Coding { system: PARTICIPATION, code: "IRCP", display: "information recipient" };

// Why.
pub(super) const BREAK_THE_GLASS: Coding = Coding {
    system: "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    code: "BTG",
    display: "break the glass",
};

// Who says so.
pub(super) const APPLICATION_SERVER: Coding = Coding {
    system: "http://terminology.hl7.org/CodeSystem/security-source-type",
    code: "4",
    display: "Application Server",
};

// To what.
pub(super) const SYSTEM_OBJECT: Coding = object_type("2", "System Object");
pub(super) const OTHER: Coding = object_type("4", "Other");
pub(super) const IMAGING_STUDY: Coding = Coding {
    system: "http://hl7.org/fhir/resource-types",
    code: "ImagingStudy",
    display: "ImagingStudy",
};
pub(super) const DOMAIN_RESOURCE: Coding = object_role("4", "Domain Resource");
pub(super) const SECURITY_RESOURCE: Coding = object_role("13", "Security Resource");
pub(super) const JOB: Coding = object_role("20", "Job");
pub(super) const QUERY: Coding = object_role("24", "Query");

// Where from (<http://hl7.org/fhir/network-type>).
pub(super) const MACHINE_NAME: &str = "1";
pub(super) const IP_ADDRESS: &str = "2";
pub(super) const URI: &str = "5";

/// Of DICOM's UIDs, which stand in the form of an URN.
pub(super) const UID: &str = "urn:dicom:uid";

/// IHE's pattern of this name, without a patient.
macro_rules! pattern {
    ($name:literal) => {
        concat!("https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.", $name)
    };
}
pub(super) use pattern;

const fn interaction(code: &'static str) -> Coding {
    Coding { system: "http://hl7.org/fhir/restful-interaction", code, display: code }
}

const fn object_type(code: &'static str, display: &'static str) -> Coding {
    Coding { system: "http://terminology.hl7.org/CodeSystem/audit-entity-type", code, display }
}

const fn object_role(code: &'static str, display: &'static str) -> Coding {
    Coding { system: "http://terminology.hl7.org/CodeSystem/object-role", code, display }
}

const DCM: &str = "http://dicom.nema.org/resources/ontology/DCM";
const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
