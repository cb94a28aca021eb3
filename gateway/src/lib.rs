//! A confidential client that brings DICOMweb requests the token they need.
