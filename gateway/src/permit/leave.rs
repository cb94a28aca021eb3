//! What somebody may do, all of it.

use config::Transaction;

/// A set of transaction classes, and what goes with them.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Leave {
    /// A bit for each class.
    classes: u8,
    audit_fields: bool,
}

impl Leave {
    /// Leave for these classes.
    pub(super) fn of(classes: &[Transaction]) -> Self {
        let classes = classes.iter().fold(0, |bits, class| bits | bit(*class));
        Self { classes, audit_fields: false }
    }

    /// The same, and to write into the origin server's audit log if `rule` says so.
    pub(super) fn of_rule(rule: &config::PermitRule) -> Self {
        Self { audit_fields: rule.audit_fields, ..Self::of(&rule.allow) }
    }

    /// What either of them is leave for.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            classes: self.classes | other.classes,
            audit_fields: self.audit_fields || other.audit_fields,
        }
    }

    /// Whether this class is among them.
    pub(crate) fn allows(self, class: Transaction) -> bool {
        self.classes & bit(class) != 0
    }

    /// Whether the origin server's audit log may be written into.
    pub(super) fn may_audit(self) -> bool {
        self.audit_fields
    }
}

const fn bit(class: Transaction) -> u8 {
    1 << class as u8
}
