//! A 404 of an origin server: where below its host the service may be.

use config::Profile;
use http::StatusCode;

use super::client::Got;
use super::finding::Said;
use super::origin::{Answer, Origin};
use super::search::SEARCH;

/// Looks for the service at the paths that services of this kind have.
pub(super) async fn elsewhere(
    origin: &Origin,
    route: &config::Route,
    (got, status): (&Got, StatusCode),
) -> Said {
    let status = status.as_u16();
    let says =
        format!("{status}: the service has no studies at {}{}", origin.url, shown(&origin.base));
    let mut tried = Vec::new();
    let looked = found(origin, route, (got, &mut tried));
    let looked = tokio::time::timeout_at(origin.deadline, looked).await;
    match looked {
        Ok(Found::Service(base)) => Said::fail(
            format!("{says}, and has them at {}", shown(&base)),
            format!("write origin = \"{}{base}\"", origin.url),
        )
        .fact("found", format!("{}{base}", origin.url)),
        Ok(Found::Partitions(base)) => Said::fail(
            format!("{says}, but in data partitions"),
            format!(
                "name one of those that it has: origin = \"{}{base}/partitions/<partition>\"; the \
                 name has to be the right one to the letter",
                origin.url
            ),
        ),
        Ok(Found::Nowhere) => Said::fail(says, nowhere(&tried, route.profile, "")),
        Err(_) => Said::fail(says, nowhere(&tried, route.profile, CUT)),
    }
}

/// What to do where it was found at none of the paths that were tried.
fn nowhere(tried: &[String], profile: Profile, rest: &str) -> String {
    let tried = match tried {
        [] => "no other path was tried".to_owned(),
        [one] => format!("nor at {one}"),
        [all @ .., last] => format!("nor at {} or {last}", all.join(", ")),
    };
    let remedy = match profile {
        Profile::Azure => {
            "see the host in `origin`; the Service URL on the service's overview page, with /v2 at \
             its end, is the right one"
        }
        _ => {
            "`origin` has to end where /studies begins: the service's manual or settings say where"
        }
    };
    format!("{tried}{rest}: {remedy}")
}

enum Found {
    /// At this base path.
    Service(String),
    /// With data partitions below this one.
    Partitions(String),
    Nowhere,
}

/// Notes each path from which an answer came.
async fn found(
    origin: &Origin,
    route: &config::Route,
    (got, tried): (&Got, &mut Vec<String>),
) -> Found {
    for base in candidates(&origin.base, route.profile) {
        let answer = origin.get(&format!("{base}{SEARCH}"), &got.token).await;
        if answer.is_ok() {
            tried.push(shown(&base).to_owned());
        }
        if answer.is_ok_and(|answer| answer.results().is_some()) {
            return Found::Service(base);
        }
    }
    if route.profile == Profile::Azure {
        let (root, _) = parted(&origin.base);
        for base in [format!("{root}/v2"), format!("{root}/v1")] {
            let answer = origin.get(&format!("{base}/partitions"), &got.token).await;
            if answer.as_ref().is_ok_and(Answer::is_list) {
                return Found::Partitions(base);
            }
        }
    }
    Found::Nowhere
}

impl Answer {
    fn is_list(&self) -> bool {
        self.status == StatusCode::OK && self.results().is_some()
    }
}

/// The base paths at which services of this kind are, but for the one that was tried.
fn candidates(base: &str, profile: Profile) -> Vec<String> {
    let ends: &[&str] = match profile {
        Profile::Azure => &["/v2", "/v1"],
        Profile::Orthanc => &["/dicom-web"],
        Profile::Dcm4chee => &["/dcm4chee-arc/aets/DCM4CHEE/rs", "/rs"],
        Profile::Google => &["/dicomWeb"],
        Profile::Generic | Profile::HealthImaging => {
            &["/dicom-web", "/dicomweb", "/dicomWeb", "/rs", "/v2", "/v1"]
        }
    };
    let (root, _) = parted(base);
    let mut all = Vec::new();
    for root in [root, ""] {
        for end in ends.iter().chain(&[""]) {
            let candidate = format!("{root}{end}");
            if candidate != base && !all.contains(&candidate) {
                all.push(candidate);
            }
        }
    }
    all
}

/// A base path without its version and its partition, and these.
fn parted(base: &str) -> (&str, &str) {
    let at = base
        .match_indices("/v")
        .map(|(at, _)| at)
        .find(|at| base[at + 2..].starts_with(|c: char| c.is_ascii_digit()));
    base.split_at(at.unwrap_or(base.len()))
}

fn shown(base: &str) -> &str {
    if base.is_empty() { "/" } else { base }
}

const CUT: &str = ", and half a minute was over before all usual places were tried";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_tried_is_told() {
        for (tried, rest, told) in [
            (&[][..], CUT, "no other path was tried, and half a minute was over"),
            (&["/v2"], "", "nor at /v2: see the host"),
            (&["/v2", "/v1", "/"], "", "nor at /v2, /v1 or /: see the host"),
        ] {
            let tried = tried.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
            let remedy = nowhere(&tried, Profile::Azure, rest);
            assert!(remedy.starts_with(told), "{remedy}");
        }
    }

    #[test]
    fn a_version_that_is_missing_or_wrong_is_tried_in_its_place() {
        for (base, first) in [
            ("", "/v2"),
            ("/v1", "/v2"),
            ("/v2/partitions/a", "/v2"),
            ("/proxy/v3", "/proxy/v2"),
            ("/proxy", "/proxy/v2"),
        ] {
            let all = candidates(base, Profile::Azure);
            assert_eq!(all[0], first, "{base}");
            assert!(!all.contains(&base.to_owned()), "{base}");
        }
        assert_eq!(candidates("", Profile::Orthanc), ["/dicom-web"]);
    }
}
