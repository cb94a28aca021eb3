//! The methods that a gateway lets pass.

use http::Method;

/// Whether a gateway lets this method pass at all.
pub(crate) fn is_known(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::HEAD
            | Method::POST
            | Method::PUT
            | Method::PATCH
            | Method::DELETE
            | Method::OPTIONS
    )
}

/// The methods of DICOMweb, and PATCH, which Azure uses on its extended query tags.
pub(crate) const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_methods_is_true() {
        let known = METHODS.split(", ").map(|name| name.parse().unwrap());
        assert!(known.into_iter().all(|method| is_known(&method)));
        for other in ["CONNECT", "TRACE", "PROPFIND", "get"] {
            assert!(!is_known(&other.parse().unwrap()), "{other}");
        }
    }
}
