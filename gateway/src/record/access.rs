//! What the record of an access needs beside what metrics and log tell; kept only where such records
//! are.

use std::pin::Pin;
use std::time::{Duration, Instant};

use http::uri::PathAndQuery;
use tokio::time::timeout;

use crate::audit::entry::Outcome;
use crate::audit::{Line, Place, Ticket};
use crate::caller::Principal;
use crate::error::{Blame, Error};
use crate::record::{Asker, Record};
use crate::transaction::{Resource, Uids};

/// One access, for which there is room in the records.
pub(super) struct Access {
    place: Place,
    /// Who it was; absent for who proved nothing.
    principal: Option<Principal>,
    /// What it was about. Of the path alone anything is told.
    target: Option<(Resource, PathAndQuery)>,
    /// Whether the client's right was used.
    used_client: bool,
}

/// Done when it is known what becomes of a record; tells whether the answer may go on.
pub(crate) type Keeping = Pin<Box<dyn Future<Output = bool>>>;

impl Record {
    /// Takes room for the record of this access, where accesses have records; without it there is none.
    pub(crate) fn reserve(&mut self) -> Result<(), Error> {
        if let (Some(audit), Some(_)) = (&self.gateway.shared.audit, self.route) {
            let place = audit.reserve().map_err(|_| Error::AuditUnavailable)?;
            self.access = Some(Access { place, principal: None, target: None, used_client: false });
        }
        Ok(())
    }

    /// It is about this, at a path that has the route's prefix.
    pub(crate) fn is_about(&mut self, resource: Resource, path: Option<&PathAndQuery>) {
        if let Some(access) = &mut self.access {
            access.target = path.map(|path| (resource, path.clone()));
        }
    }

    /// The caller proved who it is.
    pub(crate) fn is_of(&mut self, principal: &Principal) {
        self.caller = Some(principal.kind());
        if let Some(access) = &mut self.access {
            access.principal = Some(principal.clone()).filter(|it| it.id().is_some());
        }
    }

    /// There is a token to go on with.
    pub(crate) fn uses_client(&mut self) {
        if let Some(access) = &mut self.access {
            access.used_client = true;
        }
    }

    /// Whether the caller may have the last of an answer only when the record is on the disk.
    pub(crate) fn waits_for_the_disk(&self) -> bool {
        let audit = &self.gateway.generation.config.audit;
        self.access.is_some()
            && audit.as_ref().is_some_and(|it| it.durability == config::Durability::Synced)
    }

    /// Enters the record now, of an answer of which `last` bytes are still to be given, if these have to
    /// wait for that. A caller who does not stay for them was given all the same what it holds.
    pub(crate) fn keep(&mut self, last: u64) -> Option<Keeping> {
        if !self.waits_for_the_disk() {
            return None;
        }
        let is_answering = matches!(self.outcome, super::Outcome::Answering);
        self.whole();
        let ticket = self.enter(self.sent + last, Instant::now());
        if is_answering {
            self.outcome = super::Outcome::Answering;
        }
        let ticket = ticket?;
        let local = self.gateway.local.clone();
        let audit = self.gateway.generation.config.audit.as_ref();
        let goes_on = audit.is_some_and(|it| it.on_failure == config::OnFailure::Continue);
        Some(Box::pin(async move {
            let Some(ledger) = &local.ledger else { return true };
            // A record that is kept later is of an answer that its caller then has not whole.
            timeout(DISK_MOST, ledger.kept(ticket)).await.unwrap_or(false) || goes_on
        }))
    }

    /// Enters the record as it stands, unless that was done.
    pub(super) fn enter_access(&mut self, ended: Instant) {
        if self.access.is_some() {
            let _ = self.enter(self.sent, ended);
        }
    }

    fn enter(&mut self, sent: u64, ended: Instant) -> Option<Ticket> {
        let Access { place, principal, target, used_client } = self.access.take()?;
        let (local, route) = (&self.gateway.local, self.route()?);
        let resource = target.as_ref().map(|(resource, _)| *resource);
        let uids = target.as_ref().and_then(|(resource, path)| {
            let below = path.path().strip_prefix(&*route.label)?;
            Some(Uids::of(*resource, below))
        });
        let line = Line {
            id: self.request_id,
            outcome: self.verdict(),
            principal: principal.as_ref(),
            address: self.conn.peer().address,
            pieces: &route.pieces,
            used_client,
            transaction: self.transaction,
            resource,
            method: &self.method,
            uids: uids.unwrap_or_default(),
            status: self.status,
            blame: self.blame(),
            received: self.received(),
            sent,
            duration: ended - self.started,
            trace: &self.trace,
            vouched: self.asker == Asker::Proxy,
            emergency: self.emergency.as_ref().map(|it| &*it.reason),
        };
        Some(local.ledger.as_ref()?.add(place, |buffer| line.write(&local.stamp, buffer)))
    }

    fn verdict(&self) -> Outcome {
        let by_status = by_status(self.status.as_u16());
        match (by_status, self.blame()) {
            (Outcome::Success, Some((Blame::Caller, _))) => Outcome::MinorFailure,
            (Outcome::Success, Some(_)) => Outcome::MajorFailure,
            // A method that nobody knows, for one.
            (Outcome::MajorFailure, Some((Blame::Caller, _))) => Outcome::MinorFailure,
            _ => by_status,
        }
    }

    /// Counts it among its address' refusals if it is one. A proxy's address says nothing of whom it
    /// asks for.
    pub(super) fn count_refusal(&self) {
        let shared = &self.gateway.shared;
        if let (Some(alerts), Some((Blame::Caller, _))) = (&shared.alerts, self.blame())
            && self.asker == Asker::Caller
            && matches!(self.status.as_u16(), 400 | 401 | 403 | 429)
        {
            let due = alerts.refused(self.conn.peer().address, Instant::now());
            shared.alert(due);
        }
    }
}

/// What a status says of an answer that is whole (PS3.15, section A.5.2).
fn by_status(status: u16) -> Outcome {
    match status {
        ..400 => Outcome::Success,
        401 | 403 | 429 => Outcome::SeriousFailure,
        400..500 => Outcome::MinorFailure,
        500.. => Outcome::MajorFailure,
    }
}

/// How long an answer waits for the disk: a full one is tried again each second, and one that is
/// overrun for a moment has caught up by then.
const DISK_MOST: Duration = Duration::from_secs(5);
