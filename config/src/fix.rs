//! What the gateway puts right between callers and an origin server, each by a switch of its own.

use std::fmt;

use crate::model::Profile;

/// Something that is put right on the way (`[route.fixes]`).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fix {
    /// A request without `Accept` gets its transaction's default.
    AcceptDefault,
    /// A media type parameter that needs quotes gets them: `type=application/dicom`.
    AcceptQuotes,
    /// `Accept` is reduced to what the transaction can answer with.
    AcceptNarrow,
    /// `Accept` for a rendered form is made one media type.
    AcceptSingle,
    /// The `accept` query parameter (PS3.18, section 8.3.3.1) becomes the header.
    AcceptQuery,
    /// Instances and frames are asked for as they are stored: `transfer-syntax=*`.
    StoredSyntax,
    /// `multipart/related` answers without `type` get it (PS3.18, section 8.7.3.5).
    MultipartType,
    /// A search's 204 becomes 200 with an empty list.
    EmptySearch,
}

/// The [`Fix`]es that a route makes.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
pub struct Fixes(u16);

impl Fix {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 8] = [
        Self::AcceptDefault,
        Self::AcceptQuotes,
        Self::AcceptNarrow,
        Self::AcceptSingle,
        Self::AcceptQuery,
        Self::StoredSyntax,
        Self::MultipartType,
        Self::EmptySearch,
    ];

    /// Its name in configuration and in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AcceptDefault => "accept_default",
            Self::AcceptQuotes => "accept_quotes",
            Self::AcceptNarrow => "accept_narrow",
            Self::AcceptSingle => "accept_single",
            Self::AcceptQuery => "accept_query",
            Self::StoredSyntax => "stored_syntax",
            Self::MultipartType => "multipart_type",
            Self::EmptySearch => "empty_search",
        }
    }
}

impl Fixes {
    /// Whether this one is made.
    pub const fn contains(self, fix: Fix) -> bool {
        self.0 & 1 << fix as u16 != 0
    }

    /// The same with this one made, or not made.
    #[must_use]
    pub const fn with(self, fix: Fix, made: bool) -> Self {
        let bit = 1 << fix as u16;
        Self(if made { self.0 | bit } else { self.0 & !bit })
    }

    /// All that are made, in the order of [`Fix::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Fix> {
        Fix::ALL.into_iter().filter(move |fix| self.contains(*fix))
    }
}

impl Profile {
    /// What is put right if the file does not say.
    pub fn fixes(self) -> Fixes {
        let more: &[Fix] = match self {
            Self::Generic | Self::Dcm4chee => &[],
            Self::Google => &[Fix::AcceptNarrow],
            Self::Azure | Self::Orthanc | Self::HealthImaging => {
                &[Fix::AcceptNarrow, Fix::AcceptSingle, Fix::AcceptQuery]
            }
        };
        // What PS3.18 asks for anyway can be put right before any server.
        let always = [Fix::AcceptDefault, Fix::AcceptQuotes, Fix::MultipartType];
        always.iter().chain(more).copied().collect()
    }
}

impl FromIterator<Fix> for Fixes {
    fn from_iter<I: IntoIterator<Item = Fix>>(fixes: I) -> Self {
        fixes.into_iter().fold(Self::default(), |all, fix| all.with(fix, true))
    }
}

impl fmt::Debug for Fixes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
