//! A longer torment of everything, and the document with its figures: cluster faults, hostile writers on each store,
//! processes that are killed, and the controls that must be caught.

mod document;
mod figures;
mod plan;
mod run;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use rand::Rng;

use self::plan::Plan;
use self::run::Soak;
use crate::chaos::{parse_time, workload};
use crate::machine::Machine;
use crate::mongo;
use crate::process::Interrupt;
use crate::say;
use crate::workspace::Workspace;

/// Where the figures are written to, from the workspace root.
const DOCUMENT: &str = "docs/soak.md";
/// About how long it takes unless told otherwise.
const TIME: Duration = Duration::from_secs(10 * 60);
const TIME_FULL: Duration = Duration::from_secs(60 * 60);

/// What can be asked of a soak.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// About how long it takes in all: `10m`, `1h`; 10 minutes unless given, an hour with `--full`.
    #[arg(long, value_parser = parse_time)]
    time: Option<Duration>,
    /// More seeds of cluster faults, longer runs, and 1000 kills instead of 200.
    #[arg(long)]
    full: bool,
    /// The first seed; drawn and printed unless given.
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs it all and writes the document, whatever it came to.
pub(crate) fn run(options: &Options, workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000));
    let time = options.time.unwrap_or(if options.full { TIME_FULL } else { TIME });
    let plan = Plan::new(seed, time, options.full);
    let built = workload::build(workspace, interrupt)?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let machine = Machine::ask(workspace, None);
    let mut soak = Soak::new(workspace, interrupt)?;
    soak.cluster(&plan)?;
    mongo::with_server(workspace, interrupt, |mongo| {
        soak.stress(&plan, mongo)?;
        soak.kills(&plan, mongo)?;
        Ok(if soak.results.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })?;
    let full = if options.full { " --full" } else { "" };
    let command = format!("cargo xtask soak --seed {seed} --time {}s{full}", time.as_secs());
    let text = document::write(&command, &machine, &soak.results);
    let path = workspace.root.join(DOCUMENT);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&path, text).with_context(|| format!("cannot write {DOCUMENT}"))?;
    let is_good = soak.results.is_good();
    let ruling = if is_good { "nothing is wrong" } else { "SOMETHING IS WRONG" };
    say(format_args!("{ruling}; the figures are in {DOCUMENT}"));
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
