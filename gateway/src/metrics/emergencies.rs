//! Emergencies, in Prometheus' text form.

use std::fmt::{self, Write};

use super::text::{escaped, family};
use super::{EmergencyMetrics, Metrics};
use crate::route::Routes;

/// Those of the routes where one may be asserted, or was: those that go on outlive a reload.
pub(crate) fn render_emergencies(text: &mut String, metrics: &Metrics, routes: &Routes) {
    let may_have = |prefix: &str| {
        let mut routes = routes.iter().filter(|route| route.config.emergency.is_some());
        routes.any(|route| *route.label == *prefix)
    };
    let all = metrics.routes();
    let had = all
        .iter()
        .filter(|(prefix, metrics)| metrics.emergencies.begun.value() > 0 || may_have(prefix));
    let had = had.map(|(prefix, metrics)| {
        (if prefix.is_empty() { "/" } else { prefix }, &metrics.emergencies)
    });
    // Writing to a String does not fail.
    let _ = emergencies(text, &had.collect::<Vec<_>>());
}

fn emergencies(text: &mut String, routes: &[(&str, &EmergencyMetrics)]) -> fmt::Result {
    family(text, "emergencies_total", "counter", "Emergencies that callers asserted.")?;
    for (prefix, metrics) in routes {
        let (label, value) = (escaped(prefix), metrics.begun.value());
        writeln!(text, "dicom_gateway_emergencies_total{{route=\"{label}\"}} {value}")?;
    }
    family(text, "emergencies", "gauge", "Emergencies that go on.")?;
    for (prefix, metrics) in routes {
        let (label, value) = (escaped(prefix), metrics.open_now());
        writeln!(text, "dicom_gateway_emergencies{{route=\"{label}\"}} {value}")?;
    }
    Ok(())
}
