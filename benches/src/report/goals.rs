//! What the gateway is to reach, and whether it did.

use super::markdown;
use crate::finding::{Finding, Rival, is_noisy};
use crate::samples::Spread;
use crate::two_cores::TwoCores;

/// Something to reach in one case.
pub(super) struct Goal {
    case: &'static str,
    pub(super) what: What,
    pub(super) bound: f64,
}

/// What a goal is about.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum What {
    /// The case's figure over a rival's.
    Over(Rival),
    /// What the gateway adds to the median latency, over what a rival adds.
    Added(Rival),
    /// The case's figure with URLs rewritten over the same without.
    Rewriting,
    /// The case's figure itself.
    Figure,
    /// What stands beside it: the memory that each transfer takes.
    Beside,
    /// System calls per request.
    Syscalls,
    /// Milliseconds from start to first answer.
    Start,
}

/// All goals in a table, with what `findings` say of them.
pub fn goals(findings: &[Finding], two_cores: Option<&TwoCores>) -> String {
    let row = |case: &str, what: String, bound: String, measured: Option<f64>, verdict: &str| {
        let measured = measured.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
        vec![case.to_owned(), what, bound, measured, verdict.to_owned()]
    };
    let head = ["case", "what", "goal", "measured", "met"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for goal in GOALS.iter().flat_map(|goals| goals.iter()) {
        let finding = findings.iter().find(|finding| finding.case.name == goal.case);
        let measured = finding.and_then(|finding| goal.measured(finding));
        let control = finding.and_then(|finding| match goal.what {
            What::Over(_) | What::Rewriting => finding.control(),
            What::Added(_) => finding.added_control(),
            What::Figure | What::Beside | What::Syscalls | What::Start => None,
        });
        let verdict = match measured {
            None => "not measured",
            Some(_) if is_noisy(control) => "too noisy to say",
            Some(measured) if measured <= goal.bound => "yes",
            Some(_) => "**no**",
        };
        let bound = format!("≤ {}", goal.bound);
        rows.push(row(goal.case, goal.what.to_string(), bound, measured, verdict));
    }
    let scaling = two_cores.and_then(TwoCores::gateway_scaling);
    let verdict = match scaling {
        None => "not measured",
        Some(scaling) if scaling >= TWO_CORES => "yes",
        Some(_) => "**no**",
    };
    let what = "throughput of two workers over one's".to_owned();
    rows.push(row("two cores", what, format!("≥ {TWO_CORES}"), scaling, verdict));
    format!(
        "## Goals\n\n\
         CPU time is per request or per GiB, as in the case's table; ratios are the medians that stand \
         there too.\n\n{}",
        markdown(&rows)
    )
}

/// The goal for the gateway over this rival in this case.
pub(super) fn over(case: &str, what: What) -> Option<f64> {
    let mut goals = GOALS.iter().flat_map(|goals| goals.iter());
    goals.find(|goal| goal.case == case && goal.what == what).map(|goal| goal.bound)
}

impl Goal {
    fn measured(&self, finding: &Finding) -> Option<f64> {
        let gateway = finding.gateway()?;
        let spread = match self.what {
            What::Over(rival) => finding.ratio(finding.rival(rival)?),
            What::Added(rival) => finding.added_ratio(finding.rival(rival)?),
            What::Rewriting => finding.rewriting(),
            What::Figure => Spread::of(&gateway.samples.figure),
            What::Beside => Spread::of(&gateway.samples.beside),
            What::Start => Spread::of(&gateway.samples.start),
            What::Syscalls => return gateway.all_syscalls(),
        };
        spread.map(|spread| spread.middle)
    }
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Over(Rival::Nginx) => "gateway / nginx",
            Self::Over(Rival::Envoy) => "gateway / Envoy",
            Self::Added(Rival::Nginx) => "p50 added to direct's, gateway / nginx",
            Self::Added(Rival::Envoy) => "p50 added to direct's, gateway / Envoy",
            Self::Rewriting => "URLs rewritten / kept",
            Self::Figure => "the gateway's figure",
            Self::Beside => "KiB a transfer",
            Self::Syscalls => "system calls a request",
            Self::Start => "start to first answer, ms",
        })
    }
}

/// In the case, at most so much of nginx's CPU time, and of Envoy's.
const fn over_both(case: &'static str, nginx: f64, envoy: f64) -> [Goal; 2] {
    let (one, other) = (What::Over(Rival::Nginx), What::Over(Rival::Envoy));
    [Goal { case, what: one, bound: nginx }, Goal { case, what: other, bound: envoy }]
}

const fn peak(case: &'static str) -> [Goal; 2] {
    let envoy = What::Over(Rival::Envoy);
    [Goal { case, what: What::Figure, bound: 32.0 }, Goal { case, what: envoy, bound: 0.20 }]
}

const fn own(case: &'static str, what: What, bound: f64) -> [Goal; 1] {
    [Goal { case, what, bound }]
}

const GOALS: &[&[Goal]] = &[
    &over_both("json-1k", 1.00, 0.50),
    &over_both("json-1k/origin-tls", 0.85, 0.50),
    &own("json-50k", What::Rewriting, 1.10),
    &over_both("frame-512k", 0.50, 0.70),
    &over_both("frame-512k/caller-tls", 0.45, 0.55),
    &over_both("frame-512k/origin-tls", 0.70, 0.75),
    &over_both("get-100m/origin-tls", 0.70, 0.75),
    &over_both("post-100m/origin-tls", 0.45, 0.75),
    &over_both("handshake/caller-tls", 0.50, 0.60),
    &own("json-1k-paced", What::Added(Rival::Nginx), 0.90),
    &own("json-1k-paced", What::Added(Rival::Envoy), 0.50),
    &peak("memory-get"),
    &peak("memory-get-slow"),
    &peak("memory-post"),
    &peak("memory-post-slow"),
    &peak("memory-get/both-tls"),
    &peak("memory-get-slow/both-tls"),
    &peak("memory-post/both-tls"),
    &peak("memory-post-slow/both-tls"),
    &own("memory-get-slow/both-tls", What::Beside, 256.0),
    &own("memory-post-slow/both-tls", What::Beside, 256.0),
    &own("idle/caller-tls", What::Figure, 40.0),
    &own("idle", What::Start, 100.0),
    &own("json-1k", What::Syscalls, 4.2),
];

const TWO_CORES: f64 = 1.8;
