//! The same records for those who read FHIR (IHE ITI-20, FHIR feed).
//!
//! A record becomes an R4 `AuditEvent`, by IHE's basic audit patterns (BALP 1.1) where one of them
//! fits: searches, retrievals, stores, changes and deletions. A pattern is claimed for what succeeded
//! alone, as the patterns say, and always the one without a patient, whom a streaming gateway does not
//! know. Everything else is in DICOM's words alone.

mod agents;
mod answer;
mod entities;
mod event;
mod exchange;
mod pattern;
mod resource;
mod sink;
mod text;
mod words;

pub(crate) use self::exchange::Tokens;
pub(crate) use self::resource::AuditEvent;
pub(crate) use self::sink::Fhir;
