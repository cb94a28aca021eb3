//! What may be said of audit: where records of accesses go, and who may assert an emergency.

use super::{ABOVE_ZERO, IDENTITY};
use crate::audit::{Durability, OnFailure};
use crate::keys::{Key, Kind, Section};
use crate::model::Transaction;

/// `[audit]`.
pub(super) static AUDIT: Section = Section {
    keys: &[
        Key::optional(
            "file",
            Kind::OwnFile,
            r#""audit.jsonl""#,
            "the file that records are appended to, chained by hashes; SIGHUP has it opened anew",
        ),
        Key::optional(
            "chain_key_file",
            Kind::SecretFile,
            r#""chain-key""#,
            "the path of the file that holds a key for these hashes, so that nobody else can forge them",
        ),
        Key::optional(
            "queue",
            Kind::OwnFolder,
            r#""audit-queue""#,
            "the folder where records wait for audit.syslog and audit.fhir",
        ),
        Key::default(
            "max_queue_bytes",
            Kind::Count(1 << 20, 1 << 50),
            "1073741824",
            "how large the queue on disk may grow",
        ),
        Key::default(
            "max_waiting",
            Kind::Count(1, 1 << 24),
            "65536",
            "how many records may wait in memory for the disk, those of open transactions among them",
        ),
        Key::default(
            "durability",
            Kind::OneOf("durability", || Durability::ALL.map(Durability::name).to_vec()),
            r#""written""#,
            "how surely a record is kept before its transaction ends: on its way to the disk, or on it",
        ),
        Key::default(
            "on_failure",
            Kind::OneOf("choice", || OnFailure::ALL.map(OnFailure::name).to_vec()),
            r#""refuse""#,
            "what becomes of transactions whose record cannot be kept",
        ),
        Key::default(
            "source",
            Kind::Text,
            r#""dicom-gateway""#,
            "what this gateway is called in records (AuditSourceID)",
        ),
        Key::optional(
            "site",
            Kind::Text,
            r#""radiology""#,
            "where it stands, as records say it (AuditEnterpriseSiteID)",
        ),
        Key::default(
            "alert_after",
            Kind::Count(1, 1_000_000),
            "60",
            "how many refusals of one address within a minute make a security alert",
        ),
        Key::optional(
            "syslog",
            Kind::OneOrMore(&SYSLOG),
            r#"{ address = "arr.hospital.example:6514" }"#,
            "an audit record repository by syslog over TLS (IHE ITI-20); several in a list",
        ),
        Key::optional(
            "fhir",
            Kind::OneOrMore(&FHIR),
            r#"{ url = "https://fhir.hospital.example/r4" }"#,
            "a FHIR server that takes AuditEvent; several in a list",
        ),
    ],
    later: &[],
};

static SYSLOG: Section = Section {
    keys: &[
        Key::required(
            "address",
            Kind::HostAndPort,
            r#""arr.hospital.example:6514""#,
            "its host and port; the certificate that it shows has to name the host",
        ),
        Key::optional(
            "anchors",
            Kind::File,
            r#""arr-ca.crt""#,
            "whom to believe there instead of the system's roots, PEM",
        ),
        Key::optional(
            "identity",
            Kind::Table(&IDENTITY),
            r#"{ chain = "audit.crt", key = "audit.key" }"#,
            "the certificate to show there, where the repository wants one",
        ),
        Key::default(
            "timeout_secs",
            ABOVE_ZERO,
            "10",
            "how long connecting, or a write without progress, may take",
        ),
        Key::default(
            "danger_bare_end",
            Kind::Flag,
            "false",
            "allows connections to end without close_notify: whoever is on the way can lose records",
        ),
    ],
    later: &[],
};

static FHIR: Section = Section {
    keys: &[
        Key::required(
            "url",
            Kind::Url,
            r#""https://fhir.hospital.example/r4""#,
            "its base URL, below which AuditEvent is",
        ),
        Key::optional(
            "anchors",
            Kind::File,
            r#""fhir-ca.crt""#,
            "whom to believe there instead of the system's roots, PEM",
        ),
        Key::optional(
            "identity",
            Kind::Table(&IDENTITY),
            r#"{ chain = "audit.crt", key = "audit.key" }"#,
            "the certificate to show there, where the server wants one",
        ),
        Key::optional(
            "client",
            Kind::Text,
            r#""default""#,
            "the NAME of the [client.NAME] whose token is sent; none is sent without it",
        ),
        Key::optional(
            "scope",
            Kind::Text,
            r#""https://fhir.hospital.example/.default""#,
            "the scope of that token",
        ),
        Key::default("timeout_secs", ABOVE_ZERO, "30", "how long one request may take"),
        Key::default(
            "danger_plain_http",
            Kind::Flag,
            "false",
            "allows http:// to a server that is not on loopback: records and token can be read",
        ),
    ],
    later: &[],
};

/// `[route.emergency]`.
pub(super) static EMERGENCY: Section = Section {
    keys: &[
        Key::required(
            "to",
            Kind::Texts,
            r#"["role:Dicom.Emergency"]"#,
            "who may assert one, as in permits",
        ),
        Key::required(
            "allow",
            Kind::ManyOf("transaction", || Transaction::ALL.map(Transaction::name).to_vec()),
            r#"["search", "retrieve"]"#,
            "what they may do meanwhile, beside what they may do anyway",
        ),
        Key::optional(
            "partitions",
            Kind::Texts,
            r#"["radiology"]"#,
            "in which data partitions; in all of the route's without it",
        ),
        Key::default(
            "max_secs",
            ABOVE_ZERO,
            "3600",
            "how long one reason is good for, from its first use",
        ),
    ],
    later: &[],
};
