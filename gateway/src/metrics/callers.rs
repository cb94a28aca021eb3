//! Callers' access tokens, and the keys by which they are known, in Prometheus' text form.

use std::fmt::{self, Write};

use super::text::{escaped, family};
use crate::route::Routes;

/// Those of the routes that take access tokens. An issuer is named by its place in the route's list:
/// whose tokens are taken is nobody's business who may see numbers.
pub(crate) fn render_callers(text: &mut String, routes: &Routes) {
    // Writing to a String does not fail.
    let _ = tokens(text, routes);
    let _ = keys(text, routes);
}

fn tokens(text: &mut String, routes: &Routes) -> fmt::Result {
    let name = "caller_tokens_total";
    let help = "Access tokens of callers: signatures verified, known from before, not taken.";
    family(text, name, "counter", help)?;
    for route in routes.iter().filter(|route| route.callers.issuers().is_some()) {
        let (label, tokens) = (escaped(route.name()), &route.metrics.tokens);
        for (outcome, counter) in [
            ("verified", &tokens.verified),
            ("remembered", &tokens.remembered),
            ("refused", &tokens.refused),
        ] {
            let value = counter.value();
            writeln!(
                text,
                "dicom_gateway_{name}{{route=\"{label}\",outcome=\"{outcome}\"}} {value}"
            )?;
        }
    }
    Ok(())
}

fn keys(text: &mut String, routes: &Routes) -> fmt::Result {
    let issuers = || {
        routes.iter().flat_map(|route| {
            let keys = route.callers.issuers().into_iter().flat_map(|issuers| issuers.keys());
            let label = escaped(route.name());
            keys.enumerate()
                .map(move |(index, keys)| (format!("route=\"{label}\",issuer=\"{index}\""), keys))
        })
    };
    let name = "caller_keys_fetches_total";
    family(
        text,
        name,
        "counter",
        "Times that an issuer of callers' tokens was asked for its keys.",
    )?;
    for (labels, keys) in issuers() {
        for (outcome, counter) in [("fetched", &keys.fetched), ("failed", &keys.failed)] {
            let value = counter.value();
            writeln!(text, "dicom_gateway_{name}{{{labels},outcome=\"{outcome}\"}} {value}")?;
        }
    }
    let name = "caller_keys_age_seconds";
    family(text, name, "gauge", "How long ago an issuer gave the keys that are in use.")?;
    for (labels, age) in issuers().filter_map(|(labels, keys)| Some((labels, keys.age()?))) {
        writeln!(text, "dicom_gateway_{name}{{{labels}}} {}", age.as_secs_f64())?;
    }
    Ok(())
}
