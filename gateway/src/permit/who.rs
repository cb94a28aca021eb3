//! Whether a principal is among those whom a rule is for.

use config::{CallerKind, Who};

use crate::caller::Principal;

impl Principal {
    /// Whether it is one of these callers. Everything is compared exactly, and only what the issuer, the
    /// file of keys or the certificate says of who it is: no address of mail, and no name that a person
    /// can choose, ever counts.
    pub(crate) fn is(&self, who: &Who) -> bool {
        match (self, who) {
            (_, Who::Kind(kind)) => self.caller_kind() == Some(*kind),
            (Self::Bearer(user), Who::Role(role)) => user.roles.contains(role),
            (Self::Bearer(user), Who::Scope(scope)) => user.scopes.contains(scope),
            (Self::Bearer(user), Who::Group(group)) => user.groups.contains(group),
            (Self::Bearer(user), Who::Subject(subject)) => user.subject == *subject,
            (Self::Bearer(user), Who::Application(id)) => user.application == *id,
            (Self::ApiKey(name), Who::ApiKey(wanted)) => **name == **wanted,
            (Self::Certificate(names), Who::Certificate(pattern)) => names.is(pattern),
            (
                Self::Anyone | Self::Bearer(_) | Self::ApiKey(_) | Self::Certificate(_),
                Who::Role(_)
                | Who::Scope(_)
                | Who::Group(_)
                | Who::Subject(_)
                | Who::Application(_)
                | Who::ApiKey(_)
                | Who::Certificate(_),
            ) => false,
        }
    }

    /// How it proved who it is; `None` where nobody has to.
    pub(super) fn caller_kind(&self) -> Option<CallerKind> {
        match self {
            Self::Anyone => None,
            Self::Bearer(_) => Some(CallerKind::Bearer),
            Self::ApiKey(_) => Some(CallerKind::ApiKey),
            Self::Certificate(_) => Some(CallerKind::Certificate),
        }
    }
}

/// The kind of callers among whom these can be found.
pub(super) fn kind_of(who: &Who) -> CallerKind {
    match who {
        Who::Kind(kind) => *kind,
        Who::Role(_) | Who::Scope(_) | Who::Group(_) | Who::Subject(_) | Who::Application(_) => {
            CallerKind::Bearer
        }
        Who::ApiKey(_) => CallerKind::ApiKey,
        Who::Certificate(_) => CallerKind::Certificate,
    }
}
