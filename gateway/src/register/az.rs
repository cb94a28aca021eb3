//! The script for the Azure CLI that does what a run would do.

use super::change::{CLIENT_ID, OBJECT_ID, PRINCIPAL_ID};

/// The script of these lines. What is not known before it runs is in its variables.
pub(super) fn script<'l>(lines: impl Iterator<Item = &'l str>) -> String {
    let lines = lines.flat_map(str::lines).collect::<Vec<_>>();
    // What has to be so before anything is made.
    let (first, then) = lines.into_iter().partition::<Vec<_>, _>(|line| line.starts_with("[ ! "));
    let mut script = String::from("#!/usr/bin/env bash\nset -euo pipefail\n");
    for line in first.into_iter().chain(then) {
        let line = line.replace(CLIENT_ID, "$APP_ID").replace(PRINCIPAL_ID, "$PRINCIPAL_ID");
        script.push_str(&line.replace(OBJECT_ID, "$APP_ID"));
        script.push('\n');
    }
    script
}

/// A word of a shell: as it is where that is safe, else in single quotes.
pub(super) fn word(text: &str) -> String {
    // What will be a variable has to stay one.
    if [CLIENT_ID, OBJECT_ID, PRINCIPAL_ID].contains(&text) {
        return format!("\"{text}\"");
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@=,+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_one_word_of_the_script_and_runs_nothing() {
        assert_eq!(word("AzureADMyOrg"), "AzureADMyOrg");
        assert_eq!(word("DICOM gateway"), "'DICOM gateway'");
        assert_eq!(word("it's $(rm) `x`"), r"'it'\''s $(rm) `x`'");
        assert_eq!(word(""), "''");
        assert_eq!(word(CLIENT_ID), "\"{client-id}\"");
        let lines =
            ["az ad sp create --id \"{client-id}\"", "", "[ ! -e x ] || exit 1\naz version"];
        let script = script(lines.into_iter());
        let (head, rest) = script.split_at(script.find("[ !").unwrap());
        assert_eq!(head, "#!/usr/bin/env bash\nset -euo pipefail\n");
        assert_eq!(rest, "[ ! -e x ] || exit 1\naz ad sp create --id \"$APP_ID\"\naz version\n");
    }
}
