//! Findings as tables that people read, in a terminal and in a file.

mod goals;
mod heading;
mod picture;

use std::fmt::Write;

use crate::case::Figure;
use crate::finding::{Entry, Finding, is_noisy};
use crate::samples::{Spread, units};

pub use self::goals::goals;
pub use self::heading::heading;
pub use self::picture::picture;

/// A case's table.
pub fn table(finding: &Finding) -> String {
    let case = &finding.case;
    let [figure, beside] = units(case.figure);
    let is_memory = matches!(case.figure, Figure::Memory | Figure::Idle);
    let mut head = vec!["", figure, "gateway / it", beside];
    if is_memory {
        head.push("start ms");
    } else {
        head.extend(["p50 µs", "p99 µs", "p99.9 µs"]);
    }
    if case.pace.is_some() && !is_memory {
        head.extend(["p50 added, µs", "gateway's / its"]);
    }
    let mut rows = vec![head.iter().map(|cell| (*cell).to_owned()).collect()];
    for entry in &finding.entries {
        let samples = &entry.samples;
        let mut row = vec![
            entry.peer.to_string(),
            spread(Spread::of(&samples.figure).filter(|spread| spread.middle > 0.0), 3),
            spread(finding.ratio(entry), 2),
            middle(&samples.beside),
        ];
        if is_memory {
            row.push(middle(&samples.start));
        } else {
            row.extend([&samples.p50, &samples.p99, &samples.p999].map(|values| middle(values)));
        }
        if case.pace.is_some() && !is_memory {
            row.push(finding.added(entry).map_or_else(String::new, |added| middle(&added)));
            row.push(spread(finding.added_ratio(entry), 2));
        }
        rows.push(row);
    }
    let connections = case.connections;
    let pace = case.pace.map(|pace| format!(", {pace} requests/s")).unwrap_or_default();
    let mut text = format!("### {}: {connections} connections{pace}\n\n", case.name);
    text.push_str(&markdown(&rows));
    if let Some(rewriting) = finding.rewriting() {
        let _ = writeln!(text, "\nRewriting URLs / keeping them: {}.", spread(Some(rewriting), 3));
    }
    if let Some(control) = finding.control() {
        let warning = if is_noisy(finding.control()) { NOISY } else { "" };
        let _ = writeln!(text, "\nnginx again / nginx: {}.{warning}", spread(Some(control), 3));
    }
    for entry in &finding.entries {
        if let Some(syscalls) = &entry.syscalls {
            let _ = writeln!(text, "\n{}", calls(entry, syscalls));
        }
    }
    text
}

fn calls(entry: &Entry, syscalls: &[(String, f64)]) -> String {
    let all = entry.all_syscalls().unwrap_or_default();
    let each = syscalls.iter().filter(|(_, calls)| *calls >= 0.005);
    let each: Vec<String> = each.map(|(name, calls)| format!("{name} {calls:.2}")).collect();
    format!("{}: {all:.2} system calls a request: {}", entry.peer, each.join(", "))
}

pub(crate) fn spread(spread: Option<Spread>, digits: usize) -> String {
    spread.map_or_else(
        || "–".to_owned(),
        |Spread { low, middle, high }| {
            format!("{middle:.digits$} [{low:.digits$}–{high:.digits$}]")
        },
    )
}

fn middle(values: &[f64]) -> String {
    Spread::of(values).map_or_else(|| "–".to_owned(), |spread| format!("{:.0}", spread.middle))
}

/// A table whose columns also align when nobody renders it.
pub(crate) fn markdown(rows: &[Vec<String>]) -> String {
    let width =
        |column: usize| rows.iter().map(|row: &Vec<String>| row[column].chars().count()).max();
    let widths: Vec<usize> =
        (0..rows[0].len()).map(|column| width(column).unwrap_or_default().max(3)).collect();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(text, "| {cell:width$} ");
        }
        text.push_str("|\n");
        if index == 0 {
            for width in &widths {
                let _ = write!(text, "| {:-<width$} ", "");
            }
            text.push_str("|\n");
        }
    }
    text
}

const NOISY: &str =
    " **Noisy: two equals differ by more than 4 %, so nothing follows from this table.**";

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::case::CASES;
    use crate::peers::{Binary, Peer};
    use crate::samples::Samples;

    #[test]
    fn goals_are_judged_by_what_was_found() {
        let found = goals(&[finding(0.9, 1.0), finding(0.9, 1.0)], None);
        assert_eq!(row(&found, "gateway / nginx"), ["json-1k", "≤ 1", "0.90", "yes"]);
        assert_eq!(row(&found, "gateway / Envoy"), ["json-1k", "≤ 0.5", "–", "not measured"]);
        let missed = goals(&[finding(1.2, 1.0)], None);
        assert_eq!(row(&missed, "gateway / nginx"), ["json-1k", "≤ 1", "1.20", "**no**"]);
        let noisy = goals(&[finding(0.9, 1.05)], None);
        assert_eq!(row(&noisy, "gateway / nginx"), ["json-1k", "≤ 1", "0.90", "too noisy to say"]);
    }

    #[test]
    fn bars_stay_within_the_picture() {
        let svg = picture(&[finding(0.9, 1.0), finding(90.0, 1.0)]);
        let mut ends = svg.split(" width=\"").skip(1).filter_map(|text| text.split('"').next());
        assert!(ends.all(|width| width.parse::<f64>().unwrap() <= 860.0));
        assert!(svg.contains(">0.90</text>") && svg.contains(">90.00</text>"));
    }

    /// nginx needs 1 second, and these need so many.
    fn finding(gateway: f64, nginx_again: f64) -> Finding {
        let program = PathBuf::from("dicom-gateway");
        let gateway_peer =
            Peer::Gateway(Binary { program, audit: true, log: true, rewrites: false });
        let figures =
            [(gateway_peer, gateway), (Peer::Nginx, 1.0), (Peer::NginxAgain, nginx_again)];
        let entries = figures.map(|(peer, figure)| {
            let samples = Samples { figure: vec![figure; 3], ..Samples::default() };
            Entry { peer, samples, syscalls: None }
        });
        Finding { case: CASES[0], entries: entries.into() }
    }

    /// Of the first row about `what`, the other cells.
    fn row(table: &str, what: &str) -> Vec<String> {
        let rows = table.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        let mut rows = rows.filter(|cells| cells.contains(&what));
        let cells = rows.next().unwrap();
        let cells = cells.into_iter().filter(|cell| !cell.is_empty() && *cell != what);
        cells.map(str::to_owned).collect()
    }
}
