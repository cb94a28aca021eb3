//! Which parameters of a query would have an origin server do something else.

use crate::error::Refusal;
use crate::transaction::decoded;

/// Refuses parameters by which some servers (Orthanc's HTTP server among them) take a request for one
/// with another method: leave to retrieve would be leave to delete, and a picture in a stranger's page
/// enough to use it.
pub(super) fn check(query: &str) -> Result<(), Refusal> {
    let mut names = names(query);
    let overrides = |name: &str| METHODS.iter().any(|method| name.eq_ignore_ascii_case(method));
    if names.any(|name| overrides(&decoded(name))) { Err(Refusal::Parameter) } else { Ok(()) }
}

/// The names of a query's parameters, as they are written. Some servers know a second separator.
pub(crate) fn names(query: &str) -> impl Iterator<Item = &str> {
    query.split(['&', ';']).map(|pair| pair.split('=').next().unwrap_or_default())
}

/// What servers and frameworks call such a parameter.
const METHODS: [&str; 7] = [
    "_method",
    "$httpmethod",
    "http_method",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x_http_method_override",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_parameter_makes_another_method_of_one() {
        for query in [
            "_method=DELETE",
            "PatientID=1&_method=put",
            "a;_method=DELETE",
            "%5Fmethod=DELETE",
            "_METHOD=DELETE",
            "_metho%64",
            "X-HTTP-Method-Override=DELETE",
            "$httpMethod=DELETE",
        ] {
            assert_eq!(check(query), Err(Refusal::Parameter), "{query}");
        }
        for query in
            ["", "PatientID=1&limit=5", "PatientName=_method", "method=1", "includefield=all"]
        {
            assert_eq!(check(query), Ok(()), "{query}");
        }
    }
}
