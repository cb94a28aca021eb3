//! What other processes and files get to see of our memory, which holds keys and tokens: nothing.
//!
//! Denied before anything secret is read, in two ways. A process that is not *dumpable* leaves no core,
//! not even to a program that the kernel pipes it to; no process of the same user may trace it, and its
//! files below `/proc` that tell of its memory and environment are root's. The limit on the size of
//! cores holds where the other is undone.

use std::io;

use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};

/// From now on: no core dump, no look into our memory by processes of the same user.
pub(crate) fn deny() -> io::Result<()> {
    // The hard limit stays until the configuration has been read: it may want dumps.
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Makes it impossible to allow them later.
pub(crate) fn deny_for_good() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    Ok(())
}

/// Undoes [`deny`]: core dumps as large as the process was started with leave for, and debuggers.
pub(crate) fn allow() -> io::Result<()> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Core);
    setrlimit(Resource::Core, Rlimit { current: maximum, maximum })?;
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    Ok(())
}
