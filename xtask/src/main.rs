//! Developer tasks: tests and benches with a real MongoDB, house rules, and the checks of CI.
//!
//! Run `cargo xtask help` for the list. Each task says on standard error what it does, one line
//! a step, and passes on the exit code of the command it ran.
#![forbid(unsafe_code)]

mod bench;
mod cargo;
mod chaos;
mod ci;
mod machine;
mod mongo;
mod mutants;
mod process;
mod soak;
mod tidy;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::process::Interrupt;
use crate::workspace::Workspace;

/// Developer tasks of the EarnORM workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Run every test, those on a real MongoDB included, and a short `chaos` where nothing else was chosen.
    Test {
        /// Arguments for `cargo test`; with `--package`, only that package is tested.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the benches on a real MongoDB; without arguments all of them, into `BENCHMARKS.md` and its plot.
    Bench(bench::Options),
    /// Measure stores that hold up to ten million events, and write the table in `docs/scaling.md`. Takes long.
    Scale(bench::scale::Options),
    /// Run writers, readers, handlers and a bank on a replica set of three, and do it all kinds of harm meanwhile.
    ///
    /// It ends with 0 when nothing was lost, doubled, half there or out of order. With `--control` it ends with 0 when
    /// what is wrong on purpose was caught, and nothing else is wrong.
    Chaos(chaos::Options),
    /// Run it all for longer: cluster faults, hostile writers on each store, killed processes, and every control.
    ///
    /// It writes the figures to `docs/soak.md`, and ends with 0 when nothing is wrong and each control was caught.
    Soak(soak::Options),
    /// Change the code in one small way at a time, and see whether a test notices; `docs/mutants.md` says how it went.
    Mutants(mutants::Options),
    /// Keep a MongoDB running until Ctrl-C and print its URI.
    Mongo,
    /// Check the house rules.
    Tidy,
    /// Check format, lints, documentation and house rules, as CI does.
    Ci,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match start(&cli.task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(task: &Task) -> Result<ExitCode> {
    let workspace = Workspace::locate()?;
    let interrupt = Interrupt::install()?;
    let outcome = run(task, &workspace, &interrupt);
    if outcome.is_err() && interrupt.raised() {
        say("interrupted");
        return Ok(process::interrupted());
    }
    outcome
}

fn run(task: &Task, workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    match task {
        Task::Test { args } => {
            let code =
                mongo::with_server(workspace, interrupt, |mongo| cargo::test(workspace, interrupt, mongo, args))?;
            // Who chose tests wants those.
            let is_whole = args.iter().all(|arg| arg == "--no-fail-fast");
            if code == ExitCode::SUCCESS && is_whole { chaos::short(workspace, interrupt) } else { Ok(code) }
        }
        Task::Bench(options) if options.again => bench::document(workspace),
        Task::Bench(options) => {
            mongo::with_server(workspace, interrupt, |mongo| bench::run(options, workspace, interrupt, mongo))
        }
        Task::Scale(options) => {
            mongo::with_server(workspace, interrupt, |mongo| bench::scale::run(options, workspace, interrupt, mongo))
        }
        Task::Chaos(options) => chaos::run(options, workspace, interrupt),
        Task::Soak(options) => soak::run(options, workspace, interrupt),
        Task::Mutants(options) => mutants::run(options, workspace, interrupt),
        Task::Mongo => mongo::keep_running(workspace, interrupt),
        Task::Tidy => tidy::run(workspace),
        Task::Ci => ci::run(workspace, interrupt),
    }
}

/// Tells the developer what happens, on standard error so that standard output stays usable.
fn say(message: impl std::fmt::Display) {
    eprintln!("xtask: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_args(line: &[&str]) -> Vec<String> {
        match Cli::try_parse_from(line).expect("parses").task {
            Task::Test { args } => args,
            other => panic!("expected the test task, got {other:?}"),
        }
    }

    #[test]
    fn arguments_of_benches_pass_on_to_cargo() {
        let line = ["xtask", "bench", "--bench", "saves", "--", "--bench"];
        match Cli::try_parse_from(line).expect("parses").task {
            Task::Bench(options) => assert_eq!(options.args, line[2..]),
            other => panic!("expected the bench task, got {other:?}"),
        }
    }

    #[test]
    fn arguments_for_cargo_pass_with_or_without_a_separator() {
        let wanted = ["--test", "hooks", "--", "--nocapture"];
        let bare = ["xtask", "test", "--test", "hooks", "--", "--nocapture"];
        let separated = ["xtask", "test", "--", "--test", "hooks", "--", "--nocapture"];
        assert_eq!(test_args(&bare), wanted);
        assert_eq!(test_args(&separated), wanted);
        assert!(test_args(&["xtask", "test"]).is_empty());
    }
}
