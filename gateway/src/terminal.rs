//! What came from outside, on its way to somebody's terminal.

/// Whether a terminal would obey this character instead of showing it: controls, marks that turn the
/// direction of text, and marks that cannot be seen.
pub(crate) fn obeys(c: char) -> bool {
    let hidden = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
    c.is_control() || c == '\u{feff}' || hidden.iter().any(|range| range.contains(&c))
}

/// Lines and columns without such characters.
pub(crate) fn lines(text: &str) -> String {
    text.chars().map(|c| if !matches!(c, '\n' | '\t') && obeys(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_from_elsewhere_moves_no_cursor_and_turns_no_text() {
        let name = "a\u{1b}[2Jb\rc\u{202e}d\u{feff}e\nf\t\u{e9}";
        assert_eq!(lines(name), "a?[2Jb?c?d?e\nf\t\u{e9}");
    }
}
