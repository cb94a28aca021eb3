//! Break-glass: leave that somebody takes in an emergency, with a reason, for a while, on record.
//!
//! Who may do so says why in `Emergency-Access`, with each request, and has the leave of
//! `[route.emergency]` beside its own. One reason of one principal on one route is one emergency. It
//! ends some time after its first request, and then its reason is refused for a day: a viewer that
//! sends the field for ever must not make an emergency permanent. That it began and that it ended is
//! recorded, and each request in it has the reason in its record; the log has neither reason nor name.
//!
//! What is known of emergencies outlives reloads, and ends with the process. Its memory is bounded: a
//! table that is full refuses new emergencies, since one that was forgotten could begin again. One
//! principal can fill a tenth of it.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use http::{HeaderMap, HeaderName};
use tokio::sync::Notify;

use self::table::{Key, Table};
use crate::audit::entry::{self, Entry, Event};
use crate::build::Shared;
use crate::caller::Principal;
use crate::error::Error;
use crate::route::Route;

mod reason;
mod table;

/// An emergency that somebody who may do so asserts.
pub(crate) struct Assertion<'r> {
    route: &'r Route,
    reason: Arc<str>,
}

/// An emergency that a request is part of.
#[derive(Clone)]
pub(crate) struct Emergency {
    /// Why it was asserted.
    pub(crate) reason: Arc<str>,
    /// When it is over.
    pub(crate) until: Instant,
}

/// The emergencies of this process, those that are over among them.
#[derive(Default)]
pub(crate) struct Emergencies {
    table: Mutex<Table>,
    /// One began, and will end.
    begun: Notify,
}

impl<'r> Assertion<'r> {
    /// What this head asserts, if it asserts anything, and if `principal` may.
    pub(crate) fn of(
        route: &'r Route,
        principal: &Principal,
        headers: &HeaderMap,
    ) -> Result<Option<Self>, Error> {
        let Some(first) = headers.get(&FIELD) else { return Ok(None) };
        let is_only = headers.get_all(&FIELD).iter().nth(1).is_none();
        let reason = Some(first).filter(|_| is_only).and_then(reason::read);
        let reason = reason.ok_or(Error::EmergencyMalformed)?;
        if !route.rights.has_emergencies_of(principal) {
            return Err(Error::EmergencyNotPermitted);
        }
        Ok(Some(Self { route, reason: reason.into() }))
    }

    /// Takes the leave that it gives `principal`, who asks from there.
    pub(crate) fn take(
        self,
        (principal, from): (&Principal, Option<IpAddr>),
        shared: &Shared,
    ) -> Result<Emergency, Error> {
        let (start, until) = shared.emergencies.join(&self, (principal, from), Instant::now())?;
        if let Some(start) = start {
            tracing::warn!(
                route = self.route.name(),
                caller = principal.kind(),
                "an emergency was asserted"
            );
            enter(shared, &start);
        }
        Ok(Emergency { reason: self.reason, until })
    }
}

impl Emergencies {
    /// Joins the emergency that is asserted; gives the record of its start, if it starts with that, and
    /// when it is over.
    fn join(
        &self,
        assertion: &Assertion<'_>,
        (principal, from): (&Principal, Option<IpAddr>),
        now: Instant,
    ) -> Result<(Option<Entry>, Instant), Error> {
        let Assertion { route, reason } = assertion;
        let max = route.config.emergency.as_ref().map(|emergency| emergency.max);
        let until = now + max.unwrap_or_default();
        let entry = |event, address| entry((event, address), principal, assertion);
        let (is_new, until) = self.locked(|table| {
            let key = Key::new(&route.label, principal, reason);
            let stop = || (entry(Event::EmergencyStop, None), route.metrics.clone());
            table.join(key, (now, until), stop)
        })?;
        let start = is_new.then(|| {
            route.metrics.emergencies.begun.add(1);
            self.begun.notify_one();
            entry(Event::EmergencyStart, from)
        });
        Ok((start, until))
    }

    /// The records of those whose time is over, once each.
    fn over(&self, now: Instant) -> Vec<Entry> {
        let ended = self.locked(|table| table.end(|until| until <= now));
        told(ended)
    }

    fn next_end(&self) -> Option<Instant> {
        self.locked(|table| table.next_end())
    }

    fn locked<T>(&self, work: impl FnOnce(&mut Table) -> T) -> T {
        work(&mut self.table.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Has the end of each emergency recorded, until it is dropped.
pub(crate) async fn watch(shared: &Shared) {
    loop {
        let next = shared.emergencies.next_end();
        let ends = async {
            match next {
                Some(next) => tokio::time::sleep_until(next.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = ends => {}
            // It may end sooner.
            () = shared.emergencies.begun.notified() => {}
        }
        for stop in shared.emergencies.over(Instant::now()) {
            enter(shared, &stop);
        }
    }
}

/// Ends those that are left, as the process does: another one knows nothing of them.
pub(crate) fn end_all(shared: &Shared) {
    for stop in told(shared.emergencies.locked(|table| table.end(|_| true))) {
        enter(shared, &stop);
    }
}

fn enter(shared: &Shared, entry: &Entry) {
    if let Some(audit) = &shared.audit {
        audit.enter(entry);
    }
}

fn told(ended: Vec<table::Stop>) -> Vec<Entry> {
    ended
        .into_iter()
        .map(|(stop, metrics)| {
            metrics.emergencies.over.add(1);
            Entry { time: Entry::now(stop.event).time, ..stop }
        })
        .collect()
}

fn entry(
    (event, address): (Event, Option<IpAddr>),
    principal: &Principal,
    assertion: &Assertion<'_>,
) -> Entry {
    let Assertion { route, reason } = assertion;
    Entry {
        principal: Some(entry::Principal::of(principal)),
        address,
        route: Some(route.name().to_owned()),
        origin: Some(route.config.origin.authority.clone()),
        emergency: Some(reason.to_string()),
        ..Entry::now(event)
    }
}

/// The field by which an emergency is asserted, with each request in it.
pub(crate) const FIELD: HeaderName = HeaderName::from_static(NAME);

/// Its name.
pub(crate) const NAME: &str = "emergency-access";
