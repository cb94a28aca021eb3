//! One work item and its states (PS3.4, section CC.1.1): scheduled, then in progress with an owner who
//! knows its transaction's UID, then completed or canceled for good.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use crate::origin::json::{self, Attributes, key};

/// A work item.
#[derive(Debug)]
pub(super) struct WorkItem {
    /// Without the transaction's UID.
    pub(super) attributes: Attributes,
    state: State,
    transaction: Option<String>,
}

/// A procedure step state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Scheduled,
    InProgress,
    Completed,
    Canceled,
}

/// Why a work item stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rejected {
    /// The request is not one that could be done.
    Wrong(&'static str),
    /// It could be, were the work item in another state.
    Conflicting(&'static str),
}

impl WorkItem {
    /// A scheduled one of these attributes; what must have a value has one.
    pub(super) fn new(mut attributes: Attributes) -> Result<Self, Rejected> {
        let scheduled = json::text(&attributes, tags::PROCEDURE_STEP_STATE) == Some("SCHEDULED");
        if !scheduled || !json::values(&attributes, tags::TRANSACTION_UID).is_empty() {
            return Err(Rejected::Wrong("A new work item is SCHEDULED and nobody's."));
        }
        if REQUIRED.iter().any(|&tag| json::values(&attributes, tag).is_empty()) {
            return Err(Rejected::Wrong("An attribute of the work item has no value and must."));
        }
        attributes.remove(&key(tags::TRANSACTION_UID));
        Ok(Self { attributes, state: State::Scheduled, transaction: None })
    }

    /// Takes over `changes`, if they are made by whom they may be made by.
    pub(super) fn update(
        &mut self,
        changes: Attributes,
        transaction: Option<&str>,
    ) -> Result<(), Rejected> {
        match (self.state, transaction) {
            (State::Scheduled, None) => {}
            (State::Scheduled, Some(_)) => {
                return Err(Rejected::Wrong(
                    "The work item is nobody's, yet a transaction is named.",
                ));
            }
            (State::InProgress, transaction) => self.check(transaction)?,
            (State::Completed | State::Canceled, _) => {
                return Err(Rejected::Wrong("The work item is in a final state."));
            }
        }
        if FIXED.iter().any(|&tag| changes.contains_key(&key(tag))) {
            return Err(Rejected::Wrong("An attribute among these cannot be changed this way."));
        }
        self.attributes.extend(changes);
        Ok(())
    }

    /// Goes into the state `wanted`. `Ok` has a warning where it was there already.
    pub(super) fn change_state(
        &mut self,
        wanted: State,
        transaction: &str,
    ) -> Result<Option<&'static str>, Rejected> {
        match (self.state, wanted) {
            (_, State::Scheduled) => {
                return Err(Rejected::Wrong("No work item can be scheduled again."));
            }
            (State::Scheduled, State::InProgress) => {
                self.transaction = Some(transaction.to_owned())
            }
            (State::Scheduled, _) => {
                return Err(Rejected::Conflicting("The work item is not in progress."));
            }
            (State::InProgress, State::InProgress) => {
                self.check(Some(transaction))?;
                return Err(Rejected::Conflicting("The work item is in progress already."));
            }
            (State::InProgress, _) => self.check(Some(transaction))?,
            (now, wanted) => {
                if self.transaction.is_some() {
                    self.check(Some(transaction))?;
                }
                return match now == wanted {
                    true => Ok(Some("The work item is in this final state already.")),
                    false => Err(Rejected::Conflicting("The work item is in a final state.")),
                };
            }
        }
        self.enter(wanted);
        Ok(None)
    }

    /// Cancels what nobody has taken on.
    pub(super) fn request_cancel(&mut self) -> Result<(), Rejected> {
        match self.state {
            State::Scheduled => {
                self.enter(State::Canceled);
                Ok(())
            }
            State::InProgress => Err(Rejected::Conflicting("The owner cannot be told.")),
            State::Completed => Err(Rejected::Conflicting("The work item is completed.")),
            State::Canceled => Err(Rejected::Conflicting("The work item is CANCELED already.")),
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.attributes
            .insert(key(tags::PROCEDURE_STEP_STATE), json::strings("CS", &[state.name()]));
    }

    fn check(&self, transaction: Option<&str>) -> Result<(), Rejected> {
        match transaction == self.transaction.as_deref() {
            true => Ok(()),
            false => Err(Rejected::Wrong("The transaction's UID is missing or another.")),
        }
    }
}

impl State {
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Scheduled, Self::InProgress, Self::Completed, Self::Canceled]
            .into_iter()
            .find(|state| state.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::InProgress => "IN PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Canceled => "CANCELED",
        }
    }
}

/// What a new work item must have a value of (PS3.4, table CC.2.5-3, type 1).
const REQUIRED: [Tag; 5] = [
    tags::SCHEDULED_PROCEDURE_STEP_PRIORITY,
    tags::PROCEDURE_STEP_LABEL,
    tags::WORKLIST_LABEL,
    tags::SCHEDULED_PROCEDURE_STEP_START_DATE_TIME,
    tags::INPUT_READINESS_STATE,
];

const FIXED: [Tag; 3] = [tags::PROCEDURE_STEP_STATE, tags::SOP_INSTANCE_UID, tags::TRANSACTION_UID];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_work_item_takes_the_ways_of_the_standard_and_no_others() {
        use Rejected::{Conflicting, Wrong};
        use State::{Canceled, Completed, InProgress, Scheduled};

        for (from, to, by_owner, by_another) in [
            (Scheduled, InProgress, 200, 200),
            (Scheduled, Completed, 409, 409),
            (Scheduled, Canceled, 409, 409),
            (InProgress, InProgress, 409, 400),
            (InProgress, Completed, 200, 400),
            (InProgress, Canceled, 200, 400),
            (Completed, InProgress, 409, 400),
            (Completed, Completed, 299, 400),
            (Completed, Canceled, 409, 400),
            (Canceled, InProgress, 409, 400),
            (Canceled, Completed, 409, 400),
            (Canceled, Canceled, 299, 400),
            (InProgress, Scheduled, 400, 400),
        ] {
            for (transaction, expected) in [("1.1", by_owner), ("1.2", by_another)] {
                let owned = from != Scheduled;
                let mut item = WorkItem {
                    attributes: Attributes::new(),
                    state: from,
                    transaction: owned.then(|| "1.1".to_owned()),
                };
                let told = match item.change_state(to, transaction) {
                    Ok(None) => 200,
                    Ok(Some(_)) => 299,
                    Err(Wrong(_)) => 400,
                    Err(Conflicting(_)) => 409,
                };
                assert_eq!(told, expected, "{from:?} to {to:?} by {transaction}");
                assert_eq!(item.state == from, told != 200, "{from:?} to {to:?}");
            }
        }
    }
}
