//! A FHIR server that takes records (IHE ITI-20, FHIR feed): one by one as `AuditEvent`, several as a
//! `Bundle` of the kind `batch`, of which each stands for itself.

use std::collections::HashMap;

use serde::Serialize;

use super::super::atna::Source;
use super::super::deliver::Sent;
use super::super::entry::Entry;
use super::AuditEvent;
use super::answer::{Fate, one, several};
use super::exchange::{Exchange, FhirError, Tokens};

/// A FHIR server, and what is under way to it.
///
/// What it has acknowledged is never sent again: in a batch some records may be taken and others not,
/// and only those others are sent once more.
pub(crate) struct Fhir {
    exchange: Exchange,
    source: Source,
    /// How many records it is asked to take at once; fewer once that was too much for it.
    most: usize,
    /// How many requests it has taken in a row.
    taken: usize,
    /// What became of records that follow one that is still open.
    settled: HashMap<Key, Fate>,
}

/// Names a record: its id alone was drawn by chance.
type Key = (String, String);

impl Fhir {
    /// The server as configured, which is sent a token if `tokens` has any for it.
    pub(crate) fn new(config: config::AuditFhir, source: Source, tokens: Tokens) -> Self {
        let exchange = Exchange::new(config, tokens);
        Self { exchange, source, most: MOST, taken: 0, settled: HashMap::new() }
    }

    /// Sends the first of these records, in one request. Called again it has to be given those that
    /// were not acknowledged, in their order, and may be given more.
    pub(crate) async fn send(&mut self, entries: &[Entry]) -> Sent {
        loop {
            let is_open = |entry: &&Entry| !self.settled.contains_key(&key(entry));
            let open = entries.iter().filter(is_open).take(self.most).collect::<Vec<_>>();
            let fates = match self.ask(&open).await {
                Ok(fates) => fates,
                Err(error) if open.len() > 1 && error.may_be_too_much() => {
                    self.most = open.len() / 2;
                    self.taken = 0;
                    continue;
                }
                Err(error) => return Sent { failure: Some(error.into()), ..Sent::default() },
            };
            return self.settle(entries, &open, &fates);
        }
    }

    /// What becomes of each of these.
    async fn ask(&self, open: &[&Entry]) -> Result<Vec<Fate>, FhirError> {
        let resource = |entry| AuditEvent::of(entry, &self.source);
        match open {
            [] => Ok(Vec::new()),
            [entry] => {
                let answer = self.exchange.post("/AuditEvent", &resource(entry)).await?;
                Ok(vec![one(&answer)?])
            }
            entries => {
                let items = entries.iter().map(|entry| Item::of(resource(entry)));
                let bundle = Bundle { kind: "batch", entry: items.collect() };
                let answer = self.exchange.post("", &bundle).await?;
                several(&answer, entries.len())
            }
        }
    }

    fn settle(&mut self, entries: &[Entry], open: &[&Entry], fates: &[Fate]) -> Sent {
        let mut failure = None;
        for (entry, fate) in open.iter().zip(fates) {
            match fate {
                Fate::Again(status) => failure = Some(FhirError::NotAll(*status).into()),
                Fate::Stored | Fate::Refused => {
                    self.settled.insert(key(entry), *fate);
                }
            }
        }
        self.taken += 1;
        if self.most < MOST && self.taken >= PATIENCE {
            self.most = MOST.min(self.most * 2);
            self.taken = 0;
        }
        let mut sent = Sent { failure, ..Sent::default() };
        for entry in entries {
            match self.settled.remove(&key(entry)) {
                None => break,
                Some(Fate::Refused) => sent.refused.push(sent.acknowledged),
                Some(_) => {}
            }
            sent.acknowledged += 1;
        }
        sent
    }
}

fn key(entry: &Entry) -> Key {
    (entry.id.clone(), entry.time.clone())
}

#[derive(Serialize)]
#[serde(tag = "resourceType")]
struct Bundle<'e> {
    #[serde(rename = "type")]
    kind: &'static str,
    entry: Vec<Item<'e>>,
}

#[derive(Serialize)]
struct Item<'e> {
    resource: AuditEvent<'e>,
    request: Request,
}

#[derive(Serialize)]
struct Request {
    method: &'static str,
    url: &'static str,
}

impl<'e> Item<'e> {
    fn of(resource: AuditEvent<'e>) -> Self {
        Self { resource, request: Request { method: "POST", url: "AuditEvent" } }
    }
}

/// As many as some servers take at most.
const MOST: usize = 500;

/// After so many requests a server is asked to take twice as much again.
const PATIENCE: usize = 64;

#[cfg(test)]
mod tests;
