//! One transaction as one line, written without an allocation where nothing failed.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::LogLevel;

use super::Trace;
use super::trace::hex_id;
use crate::error::{Blame, Error};

/// What a line tells; a closed list.
pub(super) struct Line<'r> {
    pub(super) level: LogLevel,
    pub(super) message: &'static str,
    pub(super) route: &'r str,
    pub(super) transaction: &'static str,
    pub(super) caller: &'static str,
    pub(super) method: &'r str,
    pub(super) status: u16,
    pub(super) duration: Duration,
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) request_id: u64,
    pub(super) trace: &'r Trace,
    pub(super) blame: Option<(Blame, &'static str)>,
    pub(super) error: Option<&'r Error>,
}

impl Line<'_> {
    pub(super) fn json(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        let mut line = Pen(out);
        line.text("{\"timestamp\":\"").time(stamp);
        line.text("\",\"level\":\"").text(self.level());
        line.text("\",\"message\":\"").text(self.message);
        line.text("\",\"route\":\"").text(self.route);
        line.text("\",\"transaction\":\"").text(self.transaction);
        line.text("\",\"caller\":\"").text(self.caller);
        line.text("\",\"method\":\"").text(self.method());
        line.text("\",\"status\":").number(self.status.into());
        line.text(",\"duration_us\":").number(self.duration_us());
        line.text(",\"received\":").number(self.received);
        line.text(",\"sent\":").number(self.sent);
        line.text(",\"request_id\":\"").id(self.request_id);
        line.text("\",\"trace_id\":\"").trace(self.trace).text("\"");
        if let Some((blame, code)) = self.blame {
            line.text(",\"blame\":\"").text(blame.name());
            line.text("\",\"code\":\"").text(code).text("\"");
        }
        if let Some(error) = self.error {
            line.text(",\"error\":");
            // Writing to a Vec does not fail.
            let _ = serde_json::to_writer(&mut *line.0, &chain(error));
        }
        line.text("}\n");
    }

    pub(super) fn text(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        let mut line = Pen(out);
        // Levels are as wide as the longest.
        line.time(stamp).text(&"      "[self.level().len()..]).text(self.level());
        line.text(" ").text(self.message);
        line.text(" route=").text(self.route);
        line.text(" transaction=").text(self.transaction);
        line.text(" caller=").text(self.caller);
        line.text(" method=").text(self.method());
        line.text(" status=").number(self.status.into());
        line.text(" duration_us=").number(self.duration_us());
        line.text(" received=").number(self.received);
        line.text(" sent=").number(self.sent);
        line.text(" request_id=").id(self.request_id);
        line.text(" trace_id=").trace(self.trace);
        if let Some((blame, code)) = self.blame {
            line.text(" blame=").text(blame.name()).text(" code=").text(code);
        }
        if let Some(error) = self.error {
            let _ = write!(line.0, " error={:?}", chain(error));
        }
        line.text("\n");
    }

    fn duration_us(&self) -> u64 {
        u64::try_from(self.duration.as_micros()).unwrap_or(u64::MAX)
    }

    fn level(&self) -> &'static str {
        match self.level {
            LogLevel::Error => "ERROR",
            LogLevel::Warn => "WARN",
            LogLevel::Info => "INFO",
            LogLevel::Debug => "DEBUG",
            LogLevel::Trace => "TRACE",
        }
    }

    /// A method that nobody knows could be anything: it is not repeated.
    fn method(&self) -> &str {
        match self.method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => self.method,
            "TRACE" | "CONNECT" => self.method,
            _ => "other",
        }
    }
}

/// Writes piece by piece: a line has thirty, and `write!` takes four times as long for them.
struct Pen<'o>(&'o mut Vec<u8>);

impl Pen<'_> {
    fn text(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    fn number(&mut self, number: u64) -> &mut Self {
        self.text(itoa::Buffer::new().format(number))
    }

    /// 16 hexadecimal digits.
    fn id(&mut self, id: u64) -> &mut Self {
        self.0.extend_from_slice(&hex_id(id));
        self
    }

    fn trace(&mut self, trace: &Trace) -> &mut Self {
        self.0.extend_from_slice(trace.digits());
        self
    }

    fn time(&mut self, stamp: &Stamp) -> &mut Self {
        stamp.write(self.0);
        self
    }
}

/// An error and what lies behind it, outermost first.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The time of day as lines begin with it (RFC 3339), worked out once a second.
#[derive(Default)]
pub(crate) struct Stamp {
    second: Cell<u64>,
    text: RefCell<String>,
}

impl Stamp {
    /// Writes the time of day, to the millisecond.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let now = SystemTime::now();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut text = self.text.borrow_mut();
        if self.second.replace(since.as_secs()) != since.as_secs() || text.is_empty() {
            *text = humantime::format_rfc3339_seconds(now).to_string();
            text.pop();
        }
        let millis = since.subsec_millis();
        let digit = |ten: u32| b"0123456789"[(millis / ten % 10) as usize];
        out.extend_from_slice(text.as_bytes());
        out.extend_from_slice(&[b'.', digit(100), digit(10), digit(1), b'Z']);
    }
}
