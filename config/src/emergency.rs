//! `[route.emergency]`, and what a route says of the principal to the origin server's audit log.

use crate::audit::Emergency;
use crate::caller::Callers;
use crate::callers::{partition, to};
use crate::model::{Profile, Transaction};
use crate::table::Table;

/// Reads who may assert an emergency on a route with these callers.
pub(crate) fn emergency(route: &Table<'_>, callers: Option<&Callers>) -> Option<Emergency> {
    let table = route.has("emergency").then(|| route.table("emergency"))?;
    if callers == Some(&Callers::Anyone) {
        let advice = "and nobody here proves who it is; say who may call ([route.callers])";
        route.problem("emergency", format!("is asserted by somebody, {advice}"));
    }
    Some(Emergency {
        to: to(&table, callers),
        allow: table.many("allow", &Transaction::ALL, Transaction::name),
        partitions: table.texts("partitions", partition),
        max: table.seconds("max_secs"),
    })
}

/// Reports the routes where an emergency would be known to nobody.
pub(crate) fn check_is_recorded(root: &Table<'_>, routes: &[Table<'_>]) {
    let unrecorded = routes.iter().filter(|route| route.has("emergency") && !root.has("audit"));
    for route in unrecorded {
        let advice = "add [audit]: somebody has to look at it afterwards";
        route.problem("emergency", format!("leaves no record; {advice}"));
    }
}

/// Reads whether the origin server's audit log is told who the principal is.
pub(crate) fn stamp_principal(route: &Table<'_>, profile: Profile) -> bool {
    let is_wanted = route.flag("stamp_principal");
    if is_wanted && profile != Profile::Azure {
        route.problem(
            "stamp_principal",
            "is for the audit log of Azure's service; write profile = \"azure\", or leave it out",
        );
    }
    is_wanted
}
