//! Who did what to whose data: records that a hospital's repository accepts.
//!
//! Metrics and log say how the gateway fares, and hold nothing of a patient. What is kept here says who
//! saw or changed which study, and is for those who have to answer for that: it goes by its own way,
//! whole, to a file, to repositories and to FHIR servers, and to no log.

#![allow(dead_code, reason = "its parts are about to meet in the request path")]

pub(crate) mod coded;
pub(crate) mod entry;
pub(crate) mod fhir;
#[cfg(test)]
mod samples;
