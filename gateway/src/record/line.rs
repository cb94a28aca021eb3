//! One transaction as one line, written without an allocation where nothing failed.

use std::cell::{Cell, RefCell};
use std::error::Error as _;
use std::io::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use config::LogLevel;

use super::Trace;
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
        let Self { message, route, transaction, caller, status, .. } = self;
        let Self { received, sent, request_id, .. } = self;
        let (duration, trace, level) = (self.duration.as_micros(), self.trace.id(), self.level());
        // Writing to a Vec does not fail.
        let _ = out.write_all(b"{\"timestamp\":\"");
        stamp.write(out);
        let _ = write!(
            out,
            "\",\"level\":\"{level}\",\"message\":\"{message}\",\"route\":\"{route}\",\
             \"transaction\":\"{transaction}\",\"caller\":\"{caller}\",\"method\":\"{}\",\
             \"status\":{status},\"duration_us\":{duration},\"received\":{received},\"sent\":{sent},\
             \"request_id\":\"{request_id:016x}\",\"trace_id\":\"{trace}\"",
            self.method()
        );
        if let Some((blame, code)) = self.blame {
            let _ = write!(out, ",\"blame\":\"{}\",\"code\":\"{code}\"", blame.name());
        }
        if let Some(error) = self.error {
            let _ = out.write_all(b",\"error\":");
            let _ = serde_json::to_writer(&mut *out, &chain(error));
        }
        out.extend_from_slice(b"}\n");
    }

    pub(super) fn text(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        let Self { message, route, transaction, caller, status, .. } = self;
        let Self { received, sent, request_id, .. } = self;
        let (duration, trace, level) = (self.duration.as_micros(), self.trace.id(), self.level());
        stamp.write(out);
        let _ = write!(
            out,
            " {level:>5} {message} route={route} transaction={transaction} caller={caller} \
             method={} status={status} duration_us={duration} received={received} sent={sent} \
             request_id={request_id:016x} trace_id={trace}",
            self.method()
        );
        if let Some((blame, code)) = self.blame {
            let _ = write!(out, " blame={} code={code}", blame.name());
        }
        if let Some(error) = self.error {
            let _ = write!(out, " error={:?}", chain(error));
        }
        out.push(b'\n');
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
        out.extend_from_slice(text.as_bytes());
        let millis = since.subsec_millis();
        let digits = [millis / 100, millis / 10 % 10, millis % 10].map(|digit| b'0' + digit as u8);
        out.extend_from_slice(&[b'.', digits[0], digits[1], digits[2], b'Z']);
    }
}
