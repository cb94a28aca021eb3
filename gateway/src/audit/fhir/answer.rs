//! What a FHIR server answers, and what that means for each record.

use http::StatusCode;
use serde::Deserialize;

use super::exchange::{Answer, FhirError};

/// What becomes of one record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// The server has it.
    Stored,
    /// The server will never take it.
    Refused,
    /// It has to be sent again: the answer was this status.
    Again(u16),
}

/// What became of a resource that was sent alone. A success is believed if it is that of FHIR's
/// `create`, or gives the resource back: a page that says hello is no acknowledgement.
pub(super) fn one(answer: &Answer) -> Result<Fate, FhirError> {
    match answer.status {
        StatusCode::CREATED => Ok(Fate::Stored),
        StatusCode::OK if is_resource("AuditEvent", &answer.body) => Ok(Fate::Stored),
        StatusCode::OK => Err(FhirError::Malformed("it is no AuditEvent")),
        // That of a proxy is none of the record's.
        _ if is_final(answer.status) && is_resource("OperationOutcome", &answer.body) => {
            Ok(Fate::Refused)
        }
        status => Err(FhirError::Status { status: status.as_u16(), after: answer.retry_after }),
    }
}

/// What became of each of `count` resources that were sent as a batch.
pub(super) fn several(answer: &Answer, count: usize) -> Result<Vec<Fate>, FhirError> {
    if answer.status != StatusCode::OK {
        let (status, after) = (answer.status.as_u16(), answer.retry_after);
        return Err(FhirError::Status { status, after });
    }
    let bundle = serde_json::from_slice::<Bundle>(&answer.body);
    let bundle = bundle.ok().filter(|bundle| bundle.resource_type == "Bundle");
    let bundle = bundle.ok_or(FhirError::Malformed("it is no Bundle"))?;
    if bundle.kind != "batch-response" {
        return Err(FhirError::Malformed("its Bundle is no batch's response"));
    }
    if bundle.entry.len() != count {
        return Err(FhirError::Malformed("its Bundle has not as many entries as the batch"));
    }
    bundle.entry.iter().map(|entry| fate(&entry.response.status)).collect()
}

fn fate(status: &str) -> Result<Fate, FhirError> {
    let code = status.split_ascii_whitespace().next().unwrap_or_default();
    let code = code.parse::<StatusCode>();
    match code.map_err(|_| FhirError::Malformed("its Bundle has an entry without a status"))? {
        StatusCode::OK | StatusCode::CREATED => Ok(Fate::Stored),
        status if is_final(status) => Ok(Fate::Refused),
        status => Ok(Fate::Again(status.as_u16())),
    }
}

/// Whether it is the record's fault, as FHIR's `create` has it: that cannot be mended. Others are an
/// operator's to mend, and records wait.
fn is_final(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY
    )
}

fn is_resource(kind: &str, body: &[u8]) -> bool {
    let resource = serde_json::from_slice::<Resource>(body);
    resource.is_ok_and(|resource| resource.resource_type == kind)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Resource {
    resource_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    resource_type: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    response: Response,
}

#[derive(Deserialize)]
struct Response {
    status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_stored_refused_for_what_it_is_or_sent_again() {
        const OUTCOME: &str = r#"{"resourceType":"OperationOutcome","issue":[]}"#;
        const STORED: &str = r#"{"resourceType":"AuditEvent","id":"1"}"#;
        for (status, body, fate) in [
            (201, "", Ok(Fate::Stored)),
            (201, "<html>", Ok(Fate::Stored)),
            (200, STORED, Ok(Fate::Stored)),
            (200, OUTCOME, Err("its answer cannot be used: it is no AuditEvent")),
            (
                200,
                r#"{"resourceType":"Bundle"}"#,
                Err("its answer cannot be used: it is no AuditEvent"),
            ),
            (200, "", Err("its answer cannot be used: it is no AuditEvent")),
            (200, "<html>", Err("its answer cannot be used: it is no AuditEvent")),
            (200, "{}", Err("its answer cannot be used: it is no AuditEvent")),
            (202, "", Err("it answered with status 202")),
            (302, "", Err("it answered with status 302")),
            (400, OUTCOME, Ok(Fate::Refused)),
            (413, OUTCOME, Ok(Fate::Refused)),
            (422, OUTCOME, Ok(Fate::Refused)),
            (400, "no FHIR server says this", Err("it answered with status 400")),
            (422, STORED, Err("it answered with status 422")),
            (401, OUTCOME, Err("it answered with status 401")),
            (403, OUTCOME, Err("it answered with status 403")),
            (404, OUTCOME, Err("it answered with status 404")),
            (408, OUTCOME, Err("it answered with status 408")),
            (409, OUTCOME, Err("it answered with status 409")),
            (429, OUTCOME, Err("it answered with status 429")),
            (500, OUTCOME, Err("it answered with status 500")),
            (503, "", Err("it answered with status 503")),
        ] {
            let answer = answer(status, body);
            let found = one(&answer).map_err(|error| error.to_string());
            assert_eq!(found, fate.map_err(str::to_owned), "{status} {body}");
        }
    }

    #[test]
    fn a_batch_is_taken_entry_by_entry() {
        use Fate::{Again, Refused, Stored};
        let body =
            batch(&["201 Created", "200", "400 Bad Request", "422", "401", "409", "429", "503"]);
        let fates = several(&answer(200, &body), 8).expect("a batch's response");
        let again = [401, 409, 429, 503].map(Again);
        assert_eq!(fates, [&[Stored, Stored, Refused, Refused], &again[..]].concat());
    }

    #[test]
    fn what_is_no_response_to_the_batch_acknowledges_none_of_it() {
        let good = batch(&["201", "201"]);
        for body in [
            "",
            "<html>welcome</html>",
            "[]",
            r#"{"resourceType":"Bundle","type":"batch-response"}"#,
            &batch(&["201"]),
            &batch(&["201", "201", "201"]),
            &batch(&["201", ""]),
            &batch(&["201", "created"]),
            &good.replace("batch-response", "searchset"),
            &good.replace("Bundle", "Bungle"),
            &good.replace("status", "state"),
        ] {
            assert!(several(&answer(200, body), 2).is_err(), "{body}");
        }
        for status in [201, 202, 204, 302, 400, 401, 500] {
            assert!(several(&answer(status, &good), 2).is_err(), "{status}");
        }
    }

    fn batch(statuses: &[&str]) -> String {
        let entries =
            statuses.iter().map(|status| format!(r#"{{"response":{{"status":"{status}"}}}}"#));
        let entries = entries.collect::<Vec<_>>().join(",");
        format!(r#"{{"resourceType":"Bundle","type":"batch-response","entry":[{entries}]}}"#)
    }

    fn answer(status: u16, body: &str) -> Answer {
        let status = StatusCode::from_u16(status).expect("a status");
        Answer { status, retry_after: None, body: body.into() }
    }
}
