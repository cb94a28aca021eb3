//! The curves as a picture: amounts on a logarithmic scale, costs as a ratio to the first.

use std::fmt::Write;

use super::report::{FLAT, Finding};
use crate::samples::Spread;

/// All curves in one diagram; `None` of none.
pub(super) fn picture(findings: &[Finding]) -> Option<String> {
    let highest = findings.iter().flat_map(Finding::ratios).map(|ratio| ratio.high);
    let top = (highest.fold(1.5, f64::max) * 4.0).ceil() / 4.0;
    let most = findings.iter().flat_map(|finding| finding.amounts.iter().copied()).max()?;
    let plane = Plane { top, decades: (most as f64).log10().max(1.0) };
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"16\">CPU time per request, as a ratio to that with \
         one of them</text>\n"
    );
    plane.axes(&mut text).ok()?;
    for (index, (finding, colour)) in findings.iter().zip(COLOURS).enumerate() {
        plane.curve(&mut text, finding, colour).ok()?;
        let y = TOP + 8.0 + 20.0 * index as f64;
        let x = WIDTH - RIGHT + 16.0;
        write!(
            text,
            "<rect x=\"{x}\" y=\"{y}\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\n\
             <text x=\"{}\" y=\"{}\">{}</text>\n",
            x + 18.0,
            y + 11.0,
            finding.name
        )
        .ok()?;
    }
    text += "</svg>\n";
    Some(text)
}

struct Plane {
    /// The highest ratio.
    top: f64,
    /// Powers of ten.
    decades: f64,
}

impl Plane {
    fn x(&self, amount: usize) -> f64 {
        LEFT + (amount as f64).log10() / self.decades * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, ratio: f64) -> f64 {
        HEIGHT - BOTTOM - ratio / self.top * (HEIGHT - TOP - BOTTOM)
    }

    /// With the band in which a curve is flat.
    fn axes(&self, text: &mut String) -> std::fmt::Result {
        let right = WIDTH - RIGHT;
        let (above, below) = (self.y(1.0 + FLAT / 100.0), self.y(1.0 - FLAT / 100.0));
        writeln!(
            text,
            "<rect x=\"{LEFT}\" y=\"{above:.1}\" width=\"{}\" height=\"{:.1}\" fill=\"#e8f3e8\"/>",
            right - LEFT,
            below - above
        )?;
        let mut ratio = 0.0;
        while ratio <= self.top {
            let y = self.y(ratio);
            write!(
                text,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\n\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{ratio:.2}</text>\n",
                LEFT - 8.0,
                y + 4.0
            )?;
            ratio += 0.25;
        }
        let mut amount = 1;
        while (amount as f64).log10() <= self.decades {
            writeln!(
                text,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{amount}</text>",
                self.x(amount),
                HEIGHT - BOTTOM + 20.0
            )?;
            amount *= 10;
        }
        Ok(())
    }

    /// Medians, each with a line for the middle half of its rounds.
    fn curve(&self, text: &mut String, finding: &Finding, colour: &str) -> std::fmt::Result {
        let ratios = finding.ratios();
        let mut line = String::new();
        for (amount, Spread { low, middle, high }) in finding.amounts.iter().zip(ratios) {
            let (x, y) = (self.x(*amount), self.y(middle));
            write!(line, "{x:.1},{y:.1} ")?;
            write!(
                text,
                "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"{colour}\"/>\n\
                 <circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>\n",
                self.y(low),
                self.y(high)
            )?;
        }
        writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            line.trim_end()
        )
    }
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 210.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 40.0;

/// Told apart by those who see fewer colours, too.
const COLOURS: [&str; 4] = ["#0072b2", "#999999", "#e69f00", "#009e73"];
