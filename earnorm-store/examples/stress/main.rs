//! Proof that the log never skips: hostile writers and readers in several processes, and a count of what was missed.
//!
//! `cargo run -p earnorm-store --example stress --features mongo,sqlite,conformance -- --time 1m --seed 42`; see
//! `docs/stress.md`. It ends with 1 when anything is wrong.
#![forbid(unsafe_code)]

// By path, as the tests include it: its parts lie beside it.
#[path = "run.rs"]
mod run;

use std::process::ExitCode;

use clap::Parser;

use run::{Launch, Options, parent, report, worker};

fn main() -> ExitCode {
    if let Some(task) = worker::task() {
        return worker::run(task);
    }
    match parent::run(&Options::parse(), &Launch::this_program(&[])) {
        Ok(report) => {
            report.print();
            if report.is_fine() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            report::say(&format!("stress: {error:#}"));
            ExitCode::from(2)
        }
    }
}
