//! What origin servers take in `Accept`, and answer with: a table for each profile.
//!
//! A row is changed only for a reason that was read in the server's source, in its documentation, or
//! seen. Where nothing is known, the standard's row stands: it refuses nobody whom the server might
//! have served.

use config::Profile;
use http::Method;

use crate::transaction::Resource;

/// What an answer is made of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Content {
    /// What a search found.
    Found,
    /// What describes a study or a part of it.
    Metadata,
    /// What became of a store.
    Receipt,
    /// A work item, or what became of it.
    WorkItem,
    /// DICOM objects.
    Objects,
    /// Frames of one object.
    Frames,
    /// Bulk data of one object.
    BulkData,
    /// Pictures, made for the eye.
    Pictures,
    /// What administrators read, which is not DICOM's JSON.
    Administered,
}

/// What an origin server takes and gives in one kind of answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    /// What stands for "anything", to be sent where a caller said nothing.
    pub(super) default: &'static str,
    /// What it can answer with, what it likes best first. Empty where a list had better stay as it is.
    pub(super) served: &'static [Media],
    /// The wildcards that it understands.
    pub(super) wildcards: Wildcards,
    /// How many media types it takes.
    pub(super) list: List,
}

/// A media type that can be answered with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Media {
    /// Type and subtype.
    pub(super) name: &'static str,
    /// The `type` of its parts; empty where there are no parts.
    pub(super) parts: &'static str,
    /// How to ask for it.
    pub(super) text: &'static str,
}

/// Which wildcards a server understands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wildcards {
    /// All of them.
    All,
    /// `*/*`, as a media type and as the `type` of parts.
    Full,
    /// None.
    Unknown,
}

/// How many media types a server takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum List {
    Any,
    One,
}

impl Content {
    /// What `method` gets from `resource`. None where `Accept` has no part in it: capabilities,
    /// deletions, or WADO-URI, which asks by its query (PS3.18, section 9.1).
    pub(super) fn of(resource: Resource, method: &Method) -> Option<Self> {
        match (resource, method.as_str()) {
            (Resource::Searched | Resource::Studies | Resource::WorkItems, "GET" | "HEAD") => {
                Some(Self::Found)
            }
            (Resource::Studies | Resource::Study, "POST" | "PUT") => Some(Self::Receipt),
            (Resource::Study | Resource::Part, "GET" | "HEAD") => Some(Self::Objects),
            (_, "OPTIONS" | "DELETE") => None,
            (Resource::Metadata, _) => Some(Self::Metadata),
            (Resource::Frames, _) => Some(Self::Frames),
            (Resource::Rendered, _) => Some(Self::Pictures),
            (Resource::BulkData, _) => Some(Self::BulkData),
            (
                Resource::WorkItems
                | Resource::WorkItem
                | Resource::WorkItemState
                | Resource::WorkItemRequest,
                _,
            ) => Some(Self::WorkItem),
            (
                Resource::BulkUpdate
                | Resource::Export
                | Resource::Administered
                | Resource::Tags
                | Resource::Tag,
                _,
            ) => Some(Self::Administered),
            _ => None,
        }
    }

    /// What the parts of an answer in parts are, if the caller did not name one kind.
    pub(super) fn parts(self) -> &'static str {
        match self {
            Self::Objects => OBJECTS.parts,
            Self::Frames | Self::BulkData => OCTETS.parts,
            _ => XML_PARTS.parts,
        }
    }
}

impl Manner {
    /// The row of the table.
    pub(super) fn of(profile: Profile, content: Content) -> Self {
        match profile {
            Profile::Generic | Profile::Dcm4chee => standard(content),
            Profile::Azure => azure(content),
            Profile::Orthanc => orthanc(content),
            Profile::Google => google(content),
            Profile::HealthImaging => healthimaging(content),
        }
    }

    const fn new(default: &'static str, served: &'static [Media]) -> Self {
        Self { default, served, wildcards: Wildcards::All, list: List::Any }
    }

    const fn knowing(self, wildcards: Wildcards) -> Self {
        Self { wildcards, ..self }
    }

    const fn one(self) -> Self {
        Self { list: List::One, ..self }
    }
}

/// PS3.18, section 8.7. A request that names no transfer syntax means anything, so the default asks
/// for what needs no transcoding.
fn standard(content: Content) -> Manner {
    match content {
        Content::Found | Content::Metadata => {
            Manner::new(DICOM_JSON.text, &[DICOM_JSON, JSON, XML_PARTS, DICOM_XML])
        }
        Content::Receipt | Content::WorkItem => {
            Manner::new(DICOM_JSON.text, &[DICOM_JSON, JSON, DICOM_XML, XML_PARTS])
        }
        Content::Objects => Manner::new(OBJECTS.text, &[OBJECTS, OBJECT]),
        // The list of what frames may be coded as grows with the standard.
        Content::Frames => Manner::new(OCTETS.text, &[]),
        // A document, a waveform, a film: only its server knows what it is.
        Content::BulkData => Manner::new(ANY, &[]),
        // Reports are rendered as text, and films as video.
        Content::Pictures => Manner::new(ANY, PICTURES),
        Content::Administered => Manner::new(JSON.text, &[JSON]),
    }
}

/// Azure Health Data Services: as the source of its open sister reads.
fn azure(content: Content) -> Manner {
    match content {
        // JSON alone. The list is read strictly: one bad element, and the answer is 406.
        Content::Found | Content::Metadata | Content::Receipt | Content::WorkItem => {
            Manner::new(DICOM_JSON.text, &[DICOM_JSON, JSON])
        }
        Content::Objects => Manner::new(OBJECTS.text, &[OBJECTS, OBJECT]).knowing(Wildcards::Full),
        Content::Frames => {
            Manner::new(OCTETS.text, &[OCTETS, JPEG_2000, OCTET_STREAM]).knowing(Wildcards::Full)
        }
        // Exactly one of the two, or 406; 406 for `*/*` as well.
        Content::Pictures => Manner::new(JPEG.text, &[JPEG, PNG]).knowing(Wildcards::Unknown).one(),
        other => standard(other),
    }
}

/// Orthanc with its DICOMweb plug-in: as version 1.7 of it was seen to answer. It reads one media
/// type well; of a list mostly the first, and a `q` it takes for a part of the name.
fn orthanc(content: Content) -> Manner {
    match content {
        // JSON whatever is asked for, but for exactly `application/dicom+xml`.
        Content::Found | Content::Receipt => Manner::new(DICOM_JSON.text, &[]),
        // 400 for a list that begins with anything else.
        Content::Metadata => Manner::new(DICOM_JSON.text, &[DICOM_JSON, JSON, XML_PARTS])
            .knowing(Wildcards::Full)
            .one(),
        // `*/*` is transcoded, which ends in 500 for what it cannot decode.
        Content::Objects => Manner::new(OBJECTS.text, &[OBJECTS]).knowing(Wildcards::Unknown).one(),
        // The same; a `type` of `*/*` and a single part are 400.
        Content::Frames => Manner::new(OCTETS.text, FRAMES).knowing(Wildcards::Unknown).one(),
        Content::BulkData => Manner::new(BULK.text, &[BULK]).knowing(Wildcards::Unknown).one(),
        // Exactly one of the two or `*/*`, or 400.
        Content::Pictures => Manner::new(JPEG.text, &[JPEG, PNG]).knowing(Wildcards::Unknown).one(),
        other => standard(other),
    }
}

/// Google's Cloud Healthcare API: its conformance statement lists what it answers with. It does not
/// say how it takes lists and wildcards, so both go on.
fn google(content: Content) -> Manner {
    match content {
        Content::Pictures => Manner::new(JPEG.text, &[JPEG, PNG]),
        other => standard(other),
    }
}

/// AWS HealthImaging: its guide shows one media type a request, and searches answer 406 to a list.
/// Wildcards are not mentioned.
fn healthimaging(content: Content) -> Manner {
    match content {
        Content::Found | Content::Metadata => {
            Manner::new(DICOM_JSON.text, &[DICOM_JSON, JSON]).knowing(Wildcards::Unknown).one()
        }
        // The guide has instances as single parts; whether it knows others, it does not say.
        Content::Objects => {
            Manner::new(OBJECT.text, &[OBJECT, OBJECTS]).knowing(Wildcards::Unknown)
        }
        Content::Frames => Manner::new(OCTETS.text, FRAMES).knowing(Wildcards::Unknown),
        Content::Pictures => Manner::new(JPEG.text, &[JPEG, PNG]).knowing(Wildcards::Unknown).one(),
        other => standard(other),
    }
}

const fn single(name: &'static str) -> Media {
    Media { name, parts: "", text: name }
}

/// Parts of one media type, and whatever else is asked of them.
macro_rules! in_parts {
    ($parts:literal $($more:literal)?) => {
        Media {
            name: "multipart/related",
            parts: $parts,
            text: concat!("multipart/related; type=\"", $parts, "\"" $(, $more)?),
        }
    };
}

const ANY: &str = "*/*";
const DICOM_JSON: Media = single("application/dicom+json");
const JSON: Media = single("application/json");
const DICOM_XML: Media = single("application/dicom+xml");
const XML_PARTS: Media = in_parts!("application/dicom+xml");
const OBJECTS: Media = in_parts!("application/dicom" "; transfer-syntax=*");
const OBJECT: Media =
    Media { text: "application/dicom; transfer-syntax=*", ..single("application/dicom") };
const OCTETS: Media = in_parts!("application/octet-stream" "; transfer-syntax=*");
const OCTET_STREAM: Media = Media {
    text: "application/octet-stream; transfer-syntax=*",
    ..single("application/octet-stream")
};
const BULK: Media = in_parts!("application/octet-stream");
const JPEG_2000: Media = in_parts!("image/jp2");
const JPEG: Media = single("image/jpeg");
const PNG: Media = single("image/png");

/// Frames in parts (PS3.18, section 8.7.3.3).
const FRAMES: &[Media] = &[
    OCTETS,
    JPEG_2000,
    in_parts!("image/jpeg"),
    in_parts!("image/jls"),
    in_parts!("image/jpx"),
    in_parts!("image/jphc"),
    in_parts!("image/jxl"),
    in_parts!("image/dicom-rle"),
    in_parts!("image/x-dicom-rle"),
    in_parts!("video/mpeg"),
    in_parts!("video/mp4"),
];

/// Rendered forms (PS3.18, section 8.7.4).
const PICTURES: &[Media] = &[
    JPEG,
    PNG,
    single("image/gif"),
    single("image/jp2"),
    single("image/jph"),
    single("video/mp4"),
    single("video/mpeg"),
    single("video/H265"),
    single("text/html"),
    single("text/plain"),
    single("text/xml"),
    single("text/rtf"),
    single("application/pdf"),
];
