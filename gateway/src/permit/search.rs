//! Whether a search names anything to match (PS3.18, section 8.3.4).

use crate::transaction::decoded;

/// Whether one of the query's parameters is a key: an attribute, with a value that not every study
/// has. What this is about is a listing of everything by accident; that somebody asks for all names
/// with an `A` in them cannot be told from a search.
pub(super) fn has_key(query: &str) -> bool {
    query.split('&').any(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        is_attribute(&decoded(name)) && says_something(&decoded(value))
    })
}

/// Eight hexadecimal digits or a keyword, or several of them with dots between. Keywords begin with a
/// capital, as the names of `limit` and its like do not; some servers do not mind, so they are named.
fn is_attribute(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_tag = part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_keyword = part.starts_with(|first: char| first.is_ascii_uppercase())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_tag || is_keyword
    };
    name.split('.').all(is_part) && !NO_KEYS.iter().any(|other| name.eq_ignore_ascii_case(other))
}

/// Whether there is more in a value than wildcards and separators.
fn says_something(value: &str) -> bool {
    value.chars().any(char::is_alphanumeric)
}

/// What else may stand in a search's query.
const NO_KEYS: [&str; 8] = [
    "accept",
    "charset",
    "emptyvaluematching",
    "fuzzymatching",
    "includefield",
    "limit",
    "multiplevaluematching",
    "offset",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_attribute_with_a_value_that_says_something() {
        for query in [
            "PatientID=1",
            "00100020=1",
            "0020000d=1.2",
            "limit=1&PatientName=Doe*",
            "PatientName=%C3%9C*",
            "%50atientID=1",
            "0040A370.00080050=7",
            "ReferencedRequestSequence.AccessionNumber=7",
            "StudyDate=19900101-",
            "PatientID=&PatientID=1",
        ] {
            assert!(has_key(query), "{query}");
        }
        for query in [
            "",
            "&&",
            "limit=1",
            "offset=5&limit=1",
            "includefield=PatientName",
            "fuzzymatching=true",
            "accept=application/dicom%2Bjson",
            "Limit=1",
            "Includefield=all",
            "FuzzyMatching=true",
            "PatientID",
            "PatientID=",
            "PatientName=*",
            "PatientName=%2A",
            "PatientName=**",
            "PatientName=?*",
            "PatientName=*%5E*",
            "PatientName=+",
            "StudyDate=-",
            "x=1",
            "=1",
            ".=1",
            "0010002=1",
            "PatientID.=1",
        ] {
            assert!(!has_key(query), "{query}");
        }
    }
}
