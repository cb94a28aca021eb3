//! The environment's word for a proxy, which the gateway does not follow.

use std::env;

use super::finding::{Finding, Said, Section};

/// Says so where somebody relies on it. What the variables hold may be a password, and is not told.
pub(super) fn look(tell: &mut dyn FnMut(Finding)) {
    let names = named();
    if names.is_empty() {
        return;
    }
    Section::new("environment", tell).say(
        "proxy",
        Said::warn(
            format!("{} in the environment: the gateway goes by no proxy", names.join(", ")),
            "the gateway goes straight to the authority and to origin servers: where this machine \
             reaches them only by that proxy, have the firewall let it through to their hosts and \
             ports; else unset it for the gateway, so that nobody relies on it",
        )
        .fact("variables", names),
    );
}

/// The variables that name a proxy here.
pub(super) fn named() -> Vec<&'static str> {
    let is_set = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
    VARIABLES.into_iter().filter(is_set).collect()
}

/// As most programs that take a proxy know them.
const VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"];
