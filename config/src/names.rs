//! How the closed lists of the model are written in a file.

use crate::model::{Capability, LogFormat, LogLevel, Profile, ResourcePolicy, Urls};

impl Profile {
    /// All profiles, in the order of their declaration.
    pub const ALL: [Self; 6] = [
        Self::Generic,
        Self::Azure,
        Self::Orthanc,
        Self::Google,
        Self::Dcm4chee,
        Self::HealthImaging,
    ];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Azure => "azure",
            Self::Orthanc => "orthanc",
            Self::Google => "google",
            Self::Dcm4chee => "dcm4chee",
            Self::HealthImaging => "healthimaging",
        }
    }
}

impl Capability {
    /// All capabilities.
    pub const ALL: [Self; 1] = [Self::Cp1];

    /// Its name in configuration and in token requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cp1 => "cp1",
        }
    }
}

impl Urls {
    /// All treatments, in the order of their declaration.
    pub const ALL: [Self; 3] = [Self::Ask, Self::Rewrite, Self::Keep];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Rewrite => "rewrite",
            Self::Keep => "keep",
        }
    }
}

impl ResourcePolicy {
    /// All policies, the narrowest first.
    pub const ALL: [Self; 3] = [Self::SameOrigin, Self::SameSite, Self::CrossOrigin];

    /// Its name in configuration and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameSite => "same-site",
            Self::CrossOrigin => "cross-origin",
        }
    }
}

impl LogFormat {
    /// All forms, in the order of their declaration.
    pub const ALL: [Self; 2] = [Self::Json, Self::Text];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
        }
    }
}

impl LogLevel {
    /// All levels, most severe first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// Its name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
