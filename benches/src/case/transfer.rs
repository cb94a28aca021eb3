//! What callers fetch and store.

/// A resource of the origin server, or a store.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    /// A page of search results, 1 KiB.
    Search,
    /// The metadata of a series, 50 KiB.
    Metadata,
    /// The metadata of a study of many series, 20 MiB.
    LongMetadata,
    /// One frame, 512 KiB.
    Frame,
    /// One instance, 100 MiB.
    Instance,
    /// A store of 100 MiB.
    Store,
}

impl Transfer {
    /// Bytes of the body that is transferred.
    pub fn size(self) -> u64 {
        match self {
            Self::Search => 1 << 10,
            Self::Metadata => 50 << 10,
            Self::LongMetadata => 20 << 20,
            Self::Frame => 512 << 10,
            Self::Instance | Self::Store => 100 << 20,
        }
    }

    /// The request's target.
    pub fn path(self) -> &'static str {
        match self {
            Self::Search | Self::Store => "/dicom-web/studies",
            Self::Metadata => "/dicom-web/studies/1.2.3/series/4.5/metadata",
            Self::LongMetadata => "/dicom-web/studies/1.2.3/metadata",
            Self::Frame => "/dicom-web/studies/1.2.3/series/4.5/instances/6.7/frames/1",
            Self::Instance => "/dicom-web/studies/1.2.3/series/4.5/instances/6.7",
        }
    }

    /// What a viewer would ask for.
    pub fn accept(self) -> &'static str {
        match self {
            Self::Search | Self::Metadata | Self::LongMetadata | Self::Store => {
                "application/dicom+json"
            }
            Self::Frame => "multipart/related; type=\"application/octet-stream\"",
            Self::Instance => "multipart/related; type=\"application/dicom\"",
        }
    }
}
