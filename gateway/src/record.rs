//! What is known of one transaction, from its head to its body's end.
//!
//! Every transaction has exactly one record, and the record ends exactly once: with the last byte of
//! the answer, with its breaking off, or when the caller leaves. Metrics and the log line come from
//! it and from nowhere else, and so does the record of the access where such records are kept. Metrics
//! and log are told no path, no query and no header: those may tell of a patient.

use std::rc::Rc;
use std::time::Instant;

use config::{LogFormat, LogLevel, Transaction};
use http::{Method, StatusCode};

use crate::Gateway;
use crate::emergency::Emergency;
use crate::error::{Blame, Error};
use crate::origin::Upload;
use crate::route::Route;
use crate::server::Conn;

mod access;
mod line;
pub(crate) mod trace;

use self::access::Access;
pub(crate) use self::access::Keeping;
pub(crate) use self::line::Stamp;
pub(crate) use self::trace::Trace;

/// One transaction's record; ends when it is dropped.
pub(crate) struct Record {
    gateway: Rc<Gateway>,
    conn: Rc<Conn>,
    started: Instant,
    /// Names the request to caller and operator.
    pub(crate) request_id: u64,
    /// The trace that it is part of.
    pub(crate) trace: Trace,
    method: Method,
    /// Who asked.
    pub(crate) asker: Asker,
    /// Index of its route.
    pub(crate) route: Option<usize>,
    /// What was asked for.
    pub(crate) transaction: Option<Transaction>,
    /// How the caller proved who it is, if it did.
    pub(crate) caller: Option<&'static str>,
    /// The emergency that it is done in.
    pub(crate) emergency: Option<Emergency>,
    /// The caller's body, if there is one.
    pub(crate) upload: Option<Rc<Upload>>,
    /// Bytes that came from the caller by a WebSocket.
    pub(crate) received: u64,
    /// Bytes of the answer's body, or of a WebSocket, that the caller was given.
    pub(crate) sent: u64,
    /// What the record of the access needs, until that is entered.
    access: Option<Access>,
    status: StatusCode,
    outcome: Outcome,
}

/// Who asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asker {
    /// A caller, for an answer of the origin server's.
    Caller,
    /// A proxy, for leave to forward a caller's request.
    Proxy,
}

enum Outcome {
    /// Nothing was answered: the caller left.
    Unanswered,
    /// An answer is on its way.
    Answering,
    /// The answer was handed to the connection whole.
    Whole,
    /// The gateway answered with an error.
    Failed(Error),
    /// The answer broke off.
    BrokeOff(Blame, &'static str),
}

impl Record {
    /// Opens the record of a transaction whose head has come.
    pub(crate) fn open(gateway: Rc<Gateway>, conn: Rc<Conn>, method: Method, trace: Trace) -> Self {
        conn.begin();
        Self {
            gateway,
            conn,
            started: Instant::now(),
            request_id: fastrand::u64(..),
            trace,
            method,
            asker: Asker::Caller,
            route: None,
            transaction: None,
            caller: None,
            emergency: None,
            upload: None,
            received: 0,
            sent: 0,
            access: None,
            status: CALLER_LEFT,
            outcome: Outcome::Unanswered,
        }
    }

    /// A proxy describes a request with this method.
    pub(crate) fn describes(&mut self, method: &Method) {
        self.method = method.clone();
    }

    /// The head of an answer was made.
    pub(crate) fn answered(&mut self, status: StatusCode) {
        self.status = status;
        self.outcome = Outcome::Answering;
    }

    /// The gateway answers with an error.
    pub(crate) fn failed(&mut self, error: Error) {
        self.status = error.answer().status;
        self.outcome = Outcome::Failed(error);
    }

    /// The body's last byte is given.
    pub(crate) fn whole(&mut self) {
        if matches!(self.outcome, Outcome::Answering) {
            self.outcome = Outcome::Whole;
        }
    }

    /// The body broke off.
    pub(crate) fn broke_off(&mut self, blame: Blame, code: &'static str) {
        self.outcome = Outcome::BrokeOff(blame, code);
    }

    fn blame(&self) -> Option<(Blame, &'static str)> {
        match &self.outcome {
            Outcome::Whole => None,
            Outcome::Unanswered | Outcome::Answering => Some((Blame::Caller, LEFT)),
            Outcome::Failed(error) => {
                let answer = error.answer();
                Some((answer.blame, answer.code))
            }
            Outcome::BrokeOff(blame, code) => Some((*blame, *code)),
        }
    }

    /// Whose doing it is that nothing more comes, if it is the drain's.
    fn cut_off(&mut self) {
        if !self.gateway.local.cuts_off.get() {
            return;
        }
        if matches!(self.outcome, Outcome::Unanswered) {
            self.status = StatusCode::SERVICE_UNAVAILABLE;
        }
        if matches!(self.outcome, Outcome::Unanswered | Outcome::Answering) {
            self.broke_off(Blame::Gateway, "drained");
        }
    }

    /// The method of the request that it is of.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    fn received(&self) -> u64 {
        self.upload.as_ref().map_or(self.received, |upload| upload.received())
    }

    /// The caller's connection.
    pub(crate) fn conn(&self) -> Rc<Conn> {
        self.conn.clone()
    }

    /// Its route.
    pub(crate) fn route(&self) -> Option<&Route> {
        self.route.map(|index| self.gateway.generation.routes.at(index))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let ended = Instant::now();
        self.conn.end(ended);
        self.cut_off();
        self.enter_access(ended);
        let (duration, received) = (ended - self.started, self.received());
        let blame = self.blame();
        self.count_refusal();
        let metrics = match self.route() {
            Some(route) => &route.metrics,
            None => &self.gateway.shared.metrics.unrouted,
        };
        match self.asker {
            Asker::Caller => {
                metrics.called(self.caller);
                metrics.of(self.transaction).ended(
                    self.status,
                    blame.map(|(blame, _)| blame),
                    duration,
                    (received, self.sent),
                );
            }
            Asker::Proxy => metrics.vouched(self.status),
        }
        let log = &self.gateway.generation.config.log;
        let level = match blame {
            None | Some((Blame::Caller, _)) => LogLevel::Info,
            Some(_) => LogLevel::Warn,
        };
        if !log.transactions || level > log.level {
            return;
        }
        let line = line::Line {
            level,
            message: match self.asker {
                Asker::Caller => "transaction",
                Asker::Proxy => "forward-auth",
            },
            route: self.route().map_or("", Route::name),
            transaction: self.transaction.map_or("", Transaction::name),
            caller: self.caller.unwrap_or_default(),
            method: self.method.as_str(),
            status: self.status.as_u16(),
            duration,
            received,
            sent: self.sent,
            request_id: self.request_id,
            trace: &self.trace,
            blame,
            error: if let Outcome::Failed(error) = &self.outcome { Some(error) } else { None },
        };
        let stamp = &self.gateway.local.stamp;
        self.gateway.local.lines.add(|buffer| match log.format {
            LogFormat::Json => line.json(stamp, buffer),
            LogFormat::Text => line.text(stamp, buffer),
        });
    }
}

/// The code of what ended since the caller left.
pub(crate) const LEFT: &str = "caller-left";

/// What logs and metrics show where there was nobody left to answer.
pub(crate) const CALLER_LEFT: StatusCode = match StatusCode::from_u16(499) {
    Ok(status) => status,
    Err(_) => StatusCode::BAD_REQUEST,
};
