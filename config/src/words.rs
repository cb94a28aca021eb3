//! Single values and closed lists: what is wrong with them, and what was probably meant.

use toml::de::DeValue;

use crate::keys::{Key, Kind};

/// `unknown key "serch"; did you mean "search"? known: …`
pub(crate) fn unknown<'n>(
    what: &str,
    given: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> String {
    let given_lower = given.to_lowercase();
    // The one measure sees a beginning that was left unfinished, the other slips in short words.
    let likeness = |name: &str| {
        let slips = strsim::osa_distance(&given_lower, name);
        let similar = strsim::jaro_winkler(&given_lower, name);
        if slips <= 2 && slips < name.len() { similar.max(0.8) } else { similar }
    };
    let near = names.clone().map(|name| (likeness(name), name)).filter(|(near, _)| *near >= 0.8);
    let near = near.max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = near.map(|(_, name)| format!("did you mean {name:?}? ")).unwrap_or_default();
    format!("unknown {what} {given:?}; {hint}{}", known(names))
}

/// `known: search, retrieve, …`
pub(crate) fn known<'n>(names: impl Iterator<Item = &'n str>) -> String {
    format!("known: {}", names.collect::<Vec<_>>().join(", "))
}

/// `is an integer; must be a string`
pub(crate) fn wrong(value: &DeValue<'_>, right: &str) -> String {
    let article = if value.is_array() || value.is_integer() { "an" } else { "a" };
    format!("is {article} {}; must be {right}", value.type_str())
}

/// One of `all`, by its name.
pub(crate) fn word<T: Copy>(
    key: &Key,
    value: &DeValue<'_>,
    all: &[T],
    named: fn(T) -> &'static str,
) -> Result<T, String> {
    let text = value.as_str().ok_or_else(|| wrong(value, "a string"))?;
    if let Some(later) = key.later.iter().find(|later| later.name == text) {
        return Err(format!("{text:?} is {}", later.message()));
    }
    let names = all.iter().map(|one| named(*one));
    let found = all.iter().find(|one| named(**one) == text).copied();
    let (Kind::OneOf(what, _) | Kind::ManyOf(what, _) | Kind::AnyOf(what, _)) = key.kind else {
        return Err(String::new());
    };
    found.ok_or_else(|| unknown(what, text, names))
}

/// The integer, if it is one of sane length.
pub(crate) fn integer(value: &DeValue<'_>) -> Option<i128> {
    let integer = value.as_integer()?;
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}
