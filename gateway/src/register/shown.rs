//! What a dry run shows: requests, and a script for the Azure CLI that does the same.

use std::cell::RefCell;
use std::rc::Rc;

use serde_json::{Value, json};

use super::az;
use super::report::Report;

/// A request that is shown.
pub(super) struct Shown {
    pub(super) title: String,
    pub(super) body: Option<Value>,
    pub(super) az: String,
    pub(super) kind: Kind,
}

/// Whether a request was made.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Kind {
    /// It reads, and was made.
    Read,
    /// It would read what is not there yet.
    ReadOfNothing,
    /// It would change something.
    Change,
}

/// The requests of a run, to whichever service, in their order.
pub(super) type Requests = Rc<RefCell<Vec<Shown>>>;

/// Shows what would be done.
pub(super) fn show(requests: &Requests, report: &mut Report) {
    let shown = requests.take();
    let told = shown.iter().map(|it| {
        json!({
            "request": it.title,
            "body": it.body,
            "changes": it.kind == Kind::Change,
            "made": it.kind == Kind::Read,
        })
    });
    report.tell("requests", told.collect::<Vec<_>>());
    report.print("# Requests, in their order. Only those were made that read what is there.");
    for it in &shown {
        report.print(&match it.kind {
            Kind::ReadOfNothing => format!("{} # was not made", it.title),
            _ => it.title.clone(),
        });
        if let Some(body) = &it.body {
            report.print(&serde_json::to_string_pretty(body).unwrap_or_default());
        }
    }
    let changes = || shown.iter().filter(|it| it.kind == Kind::Change);
    if changes().any(|it| it.az.is_empty()) {
        // What this run waits for and looks at in between is in no script.
        return;
    }
    let script = az::script(changes().map(|it| &*it.az));
    report.print("\n# The same with the Azure CLI");
    report.print(script.trim_end());
    report.tell("script", script);
}
