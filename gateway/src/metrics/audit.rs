//! How records of accesses fare: kept, lost, waiting, and how far each sink is behind.

use std::fmt::{self, Write};

use super::text::{escaped, family};
use crate::audit::{Figures, SinkFigures};

/// The figures, as `/metrics` shows them; there only where records are kept.
pub(crate) fn render_audit(text: &mut String, figures: &Figures) {
    // Writing to a String does not fail.
    let _ = records(text, figures);
    let _ = sinks(text, &figures.sinks);
}

fn records(text: &mut String, figures: &Figures) -> fmt::Result {
    let Figures { kept, lost, waiting, queue_bytes, is_broken, .. } = figures;
    let broken = u8::from(*is_broken);
    for (name, kind, help, value) in [
        ("audit_records_total", "counter", "Records of accesses that were kept.", *kept),
        ("audit_lost_total", "counter", "Records that a sink will never have.", *lost),
        ("audit_waiting", "gauge", "Records in memory, or of open transactions.", *waiting as u64),
        ("audit_queue_bytes", "gauge", "The size of the queue on disk.", *queue_bytes),
        ("audit_broken", "gauge", "1 while the disk takes no records.", broken.into()),
    ] {
        family(text, name, kind, help)?;
        writeln!(text, "dicom_gateway_{name} {value}")?;
    }
    Ok(())
}

fn sinks(text: &mut String, sinks: &[SinkFigures]) -> fmt::Result {
    for (name, kind, help, of) in FAMILIES {
        family(text, name, kind, help)?;
        for sink in sinks {
            let (label, value) = (escaped(&sink.name), of(sink));
            writeln!(text, "dicom_gateway_{name}{{sink=\"{label}\"}} {value}")?;
        }
    }
    Ok(())
}

/// Name, kind, help and value of what each sink has.
type Family = (&'static str, &'static str, &'static str, fn(&SinkFigures) -> u64);

const FAMILIES: [Family; 4] = [
    ("audit_sink_delivered_total", "counter", "Records that a sink acknowledged.", |sink| {
        sink.delivered
    }),
    ("audit_sink_set_aside_total", "counter", "Records that a sink will never take.", |sink| {
        sink.set_aside
    }),
    ("audit_sink_failures_total", "counter", "Attempts to deliver that failed.", |sink| {
        sink.failed
    }),
    ("audit_sink_behind_bytes", "gauge", "Records that a sink has yet to acknowledge.", |sink| {
        sink.behind
    }),
];
