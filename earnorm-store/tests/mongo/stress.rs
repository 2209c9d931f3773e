//! Short runs of the stress program, which starts this test binary again as its workers.

use clap::Parser;

#[path = "../../examples/stress/run.rs"]
mod run;

use run::report::Report;
use run::{Launch, Options, parent, worker};

use crate::support::uri;

/// What a process does that a run started; in a run of the tests there is no task.
#[test]
fn worker() {
    if let Some(task) = worker::task() {
        worker::run(task);
    }
}

fn launch() -> Launch {
    Launch::this_program(&["--exact", "stress::worker", "--nocapture"])
}

#[test]
fn readers_miss_nothing_of_hostile_writers_in_other_processes_and_a_naive_one_is_caught() {
    let uri = uri();
    let args = ["stress", "--uri", &uri, "--time", "3s", "--stall", "1s", "--seed", "42", "--control", "naive"];
    let report = parent::run(&Options::parse_from(args), &launch()).expect("it runs");
    report.print();
    let control = report.control.as_ref().expect("a control");
    assert!(control.missed_acknowledged > 0, "{control:?}");
    assert_eq!(report.verdict.readers.len(), 4);
    assert!(report.is_fine(), "seed {}: {:?}", report.seed, report.verdict);
    assert!(report.commits.acknowledged > 0 && report.commits.abandoned > 0 && report.commits.aborted > 0);
    assert!(report.holes_filled > 0);
}

#[test]
fn readers_of_a_file_miss_nothing_of_writers_in_other_processes_that_are_killed() {
    let args = ["--time", "9s", "--kill-writers", "--bankers", "1", "--handlers", "1"];
    let report = on_sqlite(&args);
    assert!(report.is_fine(), "{report:?}");
    assert!(!report.commits.killed.is_empty());
}

#[test]
fn handlers_that_count_without_a_transaction_are_caught_when_they_are_killed() {
    let args = ["--time", "2s", "--kill-writers", "--writers", "1", "--bankers", "1", "--handlers", "1"];
    let report = on_sqlite(&[&args[..], &["--loose-handlers"]].concat());
    let bank = report.verdict.bank.as_ref().expect("a bank");
    assert!(bank.control_caught > Some(0) && report.is_fine(), "{report:?}");
}

fn on_sqlite(args: &[&str]) -> Report {
    let all = [&["stress", "--store", "sqlite", "--seed", "42"], args].concat();
    let report = parent::run(&Options::parse_from(all), &launch()).expect("it runs");
    report.print();
    report
}

#[test]
fn readers_of_the_memory_store_miss_nothing() {
    let args = ["stress", "--store", "memory", "--time", "500ms", "--seed", "42"];
    let report = parent::run(&Options::parse_from(args), &launch()).expect("it runs");
    report.print();
    assert!(report.is_fine() && report.commits.acknowledged > 0, "{report:?}");
}
