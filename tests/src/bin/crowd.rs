//! Very many users at once through the gateway: none of their requests may carry another's token.

use std::process::ExitCode;

use clap::Parser;
use gateway_tests::crowd::Crowd;
use tokio::runtime::Builder;

/// A crowd of users, and whose tokens the origin server saw.
#[derive(Parser)]
struct Arguments {
    /// Different users.
    #[arg(long, default_value_t = 1000)]
    users: usize,
    /// Requests, of all of them together.
    #[arg(long, default_value_t = 100_000)]
    requests: usize,
}

fn main() -> ExitCode {
    let Arguments { users, requests } = Arguments::parse();
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let tally = runtime.block_on(Crowd { users, requests }.run());
    println!("{tally:#?}");
    let served = tally.statuses.get(&200).copied().unwrap_or_default();
    if tally.anothers + tally.astray > 0 || served * 2 < requests {
        return ExitCode::FAILURE;
    }
    println!("{users} users, {requests} requests: none carried another's token");
    ExitCode::SUCCESS
}
