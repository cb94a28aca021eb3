//! Every access on record, and the record where it belongs.

mod fhir;
