//! Ratios as bars, for those who look before they read.

use std::fmt::Write;

use super::goals::{What, over};
use crate::finding::{Finding, Rival};
use crate::samples::Spread;

/// An SVG of the gateway's figures over nginx's and Envoy's, with goals and the control's noise; readable
/// on light and on dark ground.
pub fn picture(findings: &[Finding]) -> String {
    let rows: Vec<Row> = findings.iter().flat_map(Row::of).collect();
    let height = TOP + rows.len() as f64 * ROW + 16.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\" role=\"img\">\n<title>The gateway's figures over its peers'</title>\n\
         <style>{STYLE}</style>\n<rect class=\"ground\" width=\"{WIDTH}\" height=\"{height}\"/>\n"
    );
    legend(&mut svg);
    for step in 0..=6 {
        let ratio = f64::from(step) * 0.25;
        let (x, class) = (x(ratio), if step == 4 { "one" } else { "grid" });
        let bottom = height - 12.0;
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x}\" y1=\"{TOP}\" x2=\"{x}\" y2=\"{bottom}\"/>\
             <text class=\"small middle\" x=\"{x}\" y=\"{}\">{ratio}</text>",
            TOP - 6.0
        );
    }
    for (index, row) in rows.iter().enumerate() {
        row.draw(&mut svg, TOP + index as f64 * ROW);
    }
    svg.push_str("</svg>\n");
    svg
}

struct Row {
    label: String,
    control: Option<Spread>,
    /// Over nginx and over Envoy, each with its goal.
    bars: [(Option<Spread>, Option<f64>); 2],
}

impl Row {
    /// None for a case without peers; two where added latency counts too.
    fn of(finding: &Finding) -> Vec<Self> {
        let figure = |rival| {
            let ratio = finding.rival(rival).and_then(|entry| finding.ratio(entry));
            (ratio, over(finding.case.name, What::Over(rival)))
        };
        let added = |rival| {
            let ratio = finding.rival(rival).and_then(|entry| finding.added_ratio(entry));
            (ratio, over(finding.case.name, What::Added(rival)))
        };
        let name = finding.case.name;
        let control = finding.control();
        let mut rows = vec![Self { label: name.to_owned(), control, bars: RIVALS.map(figure) }];
        if finding.case.pace.is_some() {
            let (label, control) = (format!("{name}: p50 added"), finding.added_control());
            rows.push(Self { label, control, bars: RIVALS.map(added) });
        }
        rows.retain(|row| row.bars.iter().any(|(ratio, _)| ratio.is_some()));
        rows
    }

    fn draw(&self, svg: &mut String, y: f64) {
        let name_at = y + ROW / 2.0 + 4.0;
        let label = &self.label;
        let _ = writeln!(
            svg,
            "<text class=\"end\" x=\"{}\" y=\"{name_at}\">{label}</text>",
            LEFT - 8.0
        );
        if let Some(control) = self.control {
            let noise = (control.middle - 1.0).abs();
            let (from, width) = (x(1.0 - noise), x(1.0 + noise) - x(1.0 - noise));
            let height = ROW - 4.0;
            let _ = writeln!(
                svg,
                "<rect class=\"noise\" x=\"{from:.1}\" y=\"{}\" width=\"{width:.1}\" height=\"{height}\"/>",
                y + 2.0
            );
        }
        for (index, (ratio, goal)) in self.bars.iter().enumerate() {
            let top = y + 4.0 + index as f64 * (BAR + 2.0);
            if let Some(ratio) = ratio {
                let end = x(ratio.middle);
                let _ = writeln!(
                    svg,
                    "<rect class=\"{}\" x=\"{LEFT}\" y=\"{top}\" width=\"{:.1}\" height=\"{BAR}\"/>\
                     <text class=\"small\" x=\"{:.1}\" y=\"{:.1}\">{:.2}</text>",
                    CLASSES[index],
                    end - LEFT,
                    end + 5.0,
                    top + BAR - 1.0,
                    ratio.middle
                );
            }
            if let Some(goal) = goal {
                let (x, from, to) = (x(*goal), top - 1.5, top + BAR + 1.5);
                let _ = writeln!(
                    svg,
                    "<line class=\"goal\" x1=\"{x:.1}\" y1=\"{from}\" x2=\"{x:.1}\" y2=\"{to}\"/>"
                );
            }
        }
    }
}

fn legend(svg: &mut String) {
    let _ = writeln!(
        svg,
        "<rect class=\"nginx\" x=\"16\" y=\"14\" width=\"14\" height=\"{BAR}\"/>\
         <text x=\"36\" y=\"23\">gateway / nginx</text>\
         <rect class=\"envoy\" x=\"166\" y=\"14\" width=\"14\" height=\"{BAR}\"/>\
         <text x=\"186\" y=\"23\">gateway / Envoy</text>\
         <line class=\"goal\" x1=\"322\" y1=\"12\" x2=\"322\" y2=\"26\"/><text x=\"332\" y=\"23\">goal</text>\
         <rect class=\"noise\" x=\"386\" y=\"12\" width=\"14\" height=\"14\"/>\
         <text x=\"406\" y=\"23\">where nginx differs from nginx: believe nothing smaller</text>"
    );
}

/// Where a ratio is drawn; what is beyond the edge, at the edge.
fn x(ratio: f64) -> f64 {
    LEFT + ratio.clamp(0.0, MOST) / MOST * (WIDTH - LEFT - 48.0)
}

const RIVALS: [Rival; 2] = [Rival::Nginx, Rival::Envoy];
const CLASSES: [&str; 2] = ["nginx", "envoy"];

const WIDTH: f64 = 860.0;
const LEFT: f64 = 200.0;
const TOP: f64 = 62.0;
const ROW: f64 = 30.0;
const BAR: f64 = 10.0;

/// The largest ratio that has room.
const MOST: f64 = 1.5;

const STYLE: &str = "\
text{font:13px sans-serif;fill:#1f2328}.small{font-size:11px}.end{text-anchor:end}.middle{text-anchor:middle}\
.ground{fill:#fff}.grid{stroke:#d0d7de}.one{stroke:#57606a}.nginx{fill:#2f7d4f}.envoy{fill:#8250a8}\
.noise{fill:#d4a72c;opacity:.45}.goal{stroke:#cf222e;stroke-width:2.5}\
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117}.grid{stroke:#30363d}\
.one{stroke:#9198a1}.nginx{fill:#57ab74}.envoy{fill:#b083d9}.noise{fill:#d4a72c}.goal{stroke:#ff7b72}}";
