//! What was found, as a table.

use std::fmt::{self, Write};

use super::plot;
use crate::machine;
use crate::samples::Spread;

/// All that was found.
#[derive(Default)]
pub struct Report {
    pub(super) findings: Vec<Finding>,
    pub(super) figures: Vec<Figure>,
}

/// One curve: microseconds of CPU time per request.
pub(super) struct Finding {
    pub(super) name: &'static str,
    pub(super) amounts: Vec<usize>,
    /// For each round one of each amount.
    pub(super) rounds: Vec<Vec<f64>>,
}

/// One figure and its bound.
pub(super) struct Figure {
    pub(super) what: String,
    pub(super) value: f64,
    pub(super) most: f64,
    pub(super) unit: &'static str,
}

impl Report {
    /// The table, in Markdown.
    pub fn table(&self) -> String {
        let mut text = format!(
            "# What it costs as there is more of it\n\n{}, load average {:.1} at the end. \
             CPU time per request of 1 KiB, one request at a time; ratios are to the first amount in \
             the same round, medians with the middle half. Flat is within {FLAT} %.\n",
            machine::description(),
            machine::load_average(),
        );
        for finding in &self.findings {
            text += &finding.table().unwrap_or_default();
        }
        if !self.figures.is_empty() {
            text += "\n| | measured | at most | |\n| --- | --- | --- | --- |\n";
        }
        for Figure { what, value, most, unit } in &self.figures {
            let verdict = if value <= most { "kept" } else { "**missed**" };
            let _ = writeln!(text, "| {what} | {value:.1} {unit} | {most:.0} {unit} | {verdict} |");
        }
        text
    }

    /// The curves, as SVG; `None` if there are none.
    pub fn picture(&self) -> Option<String> {
        plot::picture(&self.findings)
    }
}

impl Finding {
    /// What each amount costs in relation to the first.
    pub(super) fn ratios(&self) -> Vec<Spread> {
        let ratios = (0..self.amounts.len()).filter_map(|index| {
            let ratios = self.rounds.iter().map(|costs| costs[index] / costs[0]);
            Spread::of(&ratios.collect::<Vec<_>>())
        });
        ratios.collect()
    }

    /// Its part of the table.
    pub(super) fn table(&self) -> Result<String, fmt::Error> {
        let ratios = self.ratios();
        let dearest = ratios.iter().map(|ratio| ratio.middle).fold(0.0, f64::max);
        let is_flat = dearest <= 1.0 + FLAT / 100.0;
        let mut text = String::new();
        let verdict = if is_flat { "flat" } else { "**not flat**" };
        write!(
            text,
            "\n## {}: {verdict}\n\n| | µs | to the first |\n| --- | --- | --- |\n",
            self.name
        )?;
        for (index, (amount, ratio)) in self.amounts.iter().zip(ratios).enumerate() {
            let costs = self.rounds.iter().map(|costs| costs[index]).collect::<Vec<_>>();
            let cost = Spread::of(&costs).map_or(f64::NAN, |cost| cost.middle);
            let Spread { low, middle, high } = ratio;
            writeln!(text, "| {amount} | {cost:.1} | {middle:.3} [{low:.3}–{high:.3}] |")?;
        }
        Ok(text)
    }
}

/// How much dearer than the first amount is still flat, in percent.
pub(super) const FLAT: f64 = 15.0;
