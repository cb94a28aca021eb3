//! Long-running operations. One runs until it was polled as often as the server was told; what it is
//! there for happens then, so that a caller who does not wait finds nothing done.

use std::time::SystemTime;

use http::header::LOCATION;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::export::Export;
use super::update::Update;
use super::{Inner, timestamp};
use crate::origin::Asked;
use crate::origin::answer::{self, Answer, Refusal};
use crate::origin::links::Links;

/// An operation, running or done.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    work: Work,
    created: SystemTime,
    updated: SystemTime,
    state: State,
}

/// What an operation is there for.
#[derive(Debug, Clone)]
pub(super) enum Work {
    /// Index all objects by these added tags, named by their paths.
    Reindex(Vec<String>),
    Update(Update),
    Export(Export),
}

/// What came of it: `Err` of one that failed.
pub(super) type Outcome = Result<Option<Value>, Value>;

#[derive(Debug)]
enum State {
    /// Until it was polled so many times more.
    Running(usize),
    Done(Outcome),
}

/// How an operation is: 202 while it runs, with where to ask again, and 200 thereafter.
pub(in crate::origin) fn answer(asked: &Asked<'_>, id: &str) -> Result<Response<Answer>, Refusal> {
    let mut inner = asked.service.managed.lock();
    inner.advance(asked, id);
    let operation = inner.operations.iter_mut().find(|operation| operation.id == id);
    let operation = operation.ok_or_else(Refusal::not_found)?;
    let told = operation.describe(&asked.links);
    Ok(match &mut operation.state {
        State::Running(polls) => {
            *polls -= 1;
            let response = answer::json(StatusCode::ACCEPTED, &told);
            answer::with_field(response, LOCATION, &asked.links.operation(id))
        }
        State::Done(_) => answer::json(StatusCode::OK, &told),
    })
}

impl Inner {
    /// Starts an operation and gives its id.
    pub(super) fn start(&mut self, asked: &Asked<'_>, work: Work) -> String {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let now = SystemTime::now();
        let state = State::Running(asked.service.controls.polls());
        self.operations.push(Operation { id: id.clone(), work, created: now, updated: now, state });
        self.advance(asked, &id);
        id
    }

    /// The operation that runs now and is like `this`.
    pub(super) fn running(&self, this: impl Fn(&Work) -> bool) -> Option<&Operation> {
        let running = self.operations.iter().filter(|it| matches!(it.state, State::Running(_)));
        running.into_iter().find(|operation| this(&operation.work))
    }

    /// Brings an operation to its end if it was polled often enough.
    fn advance(&mut self, asked: &Asked<'_>, id: &str) {
        let Some(at) = self.operations.iter().position(|operation| operation.id == id) else {
            return;
        };
        if !matches!(self.operations[at].state, State::Running(0)) {
            return;
        }
        let outcome = match self.operations[at].work.clone() {
            Work::Reindex(paths) => self.index(asked.store(), &paths),
            Work::Update(update) => update.perform(asked.store()),
            Work::Export(export) => export.perform(asked.store(), id),
        };
        let operation = &mut self.operations[at];
        operation.updated = SystemTime::now();
        operation.state = State::Done(outcome);
    }
}

impl Operation {
    fn describe(&self, links: &Links) -> Value {
        let (status, percent, results) = match &self.state {
            State::Running(_) => ("running", 0, None),
            State::Done(Ok(results)) => ("completed", 100, results.as_ref()),
            State::Done(Err(results)) => ("failed", 100, Some(results)),
        };
        let mut told = json!({
            "operationId": self.id,
            "type": match self.work {
                Work::Reindex(_) => "reindex",
                Work::Update(_) => "update",
                Work::Export(_) => "export",
            },
            "createdTime": timestamp(self.created),
            "lastUpdatedTime": timestamp(self.updated),
            "status": status,
            "percentComplete": percent,
        });
        if let Work::Reindex(paths) = &self.work {
            told["resources"] = paths.iter().map(|path| links.tag(path)).collect();
        }
        if let Some(results) = results {
            told["results"] = results.clone();
        }
        told
    }
}

/// How a response points at an operation.
pub(super) fn reference(links: &Links, id: &str) -> Value {
    json!({ "id": id, "href": links.operation(id) })
}
