//! `[log]`, `[runtime]` and `[drain]`.

use std::thread;

use crate::model::{Drain, Log, LogFormat, LogLevel, Runtime};
use crate::table::Table;

/// Reads `[log]`.
pub(crate) fn log(table: &Table<'_>) -> Option<Log> {
    Some(Log {
        format: table.one("format", &LogFormat::ALL, LogFormat::name)?,
        level: table.one("level", &LogLevel::ALL, LogLevel::name)?,
        transactions: table.flag("transactions"),
    })
}

/// Reads `[runtime]`, before anything that names a file with a secret.
pub(crate) fn runtime(table: &Table<'_>) -> Option<Runtime> {
    if table.flag("danger_loose_key_files") {
        table.report().let_files_be_open();
    }
    let workers = match table.count("workers")? {
        0 => thread::available_parallelism().map_or(1, usize::from),
        workers => workers,
    };
    Some(Runtime {
        workers,
        watch_interval: table.seconds("watch_interval_secs"),
        max_user_tokens_bytes: table.count("max_user_tokens_bytes")?,
        danger_core_dumps: table.flag("danger_core_dumps"),
    })
}

/// Reads `[drain]`.
pub(crate) fn drain(table: &Table<'_>) -> Drain {
    Drain { delay: table.seconds("delay_secs"), timeout: table.seconds("timeout_secs") }
}
