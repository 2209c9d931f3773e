//! Benches: all of them into `BENCHMARKS.md` and a plot, some of them for who looks, or with our side held up as a control.

mod document;
mod plot;
mod record;
pub(crate) mod scale;

use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Args;

use self::document::{Run, is_control};
use self::record::{Record, Report};
use crate::mongo::{Mongo, URI_VARIABLE};
use crate::process::{self, Interrupt};
use crate::workspace::Workspace;
use crate::{cargo, say};

const DOCUMENT: &str = "BENCHMARKS.md";
const PLOT: &str = "benches/savers.svg";
const COSTS: &str = "benches/costs.md";

/// What can be asked of benches.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Holds our side up in every bench: it ends with 0 when no promise was kept. Nothing is written.
    #[arg(long)]
    control: bool,
    /// Runs nothing, and writes `BENCHMARKS.md` from what the last run handed over: for changes to `benches/costs.md`.
    #[arg(long, conflicts_with = "control")]
    pub(crate) again: bool,
    /// Arguments for `cargo bench`. Without any, `BENCHMARKS.md` and its plot are written.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

/// Runs `cargo bench`.
pub(crate) fn run(options: &Options, workspace: &Workspace, interrupt: &Interrupt, mongo: &Mongo) -> Result<ExitCode> {
    let mut command = cargo::command(workspace);
    command.args(["bench", "--all-features"]).args(&options.args).env(URI_VARIABLE, &mongo.uri);
    let is_whole = options.args.is_empty();
    if !is_whole && !options.control {
        return process::run(command, interrupt);
    }
    // What is built while the first bench runs would slow it down.
    let mut build = cargo::command(workspace);
    build.args(["bench", "--all-features", "--no-run"]);
    let built = process::run(build, interrupt)?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let record = record::begin(workspace.bench_record(), workspace, mongo)?;
    command.env(record::VARIABLE, &record);
    if options.control {
        command.env(record::CONTROL_VARIABLE, "1");
    }
    let started = Instant::now();
    // The control of the benches themselves is one of them, and ends the run where it was not caught.
    let code = process::run(command, interrupt)?;
    if code != ExitCode::SUCCESS {
        return Ok(code);
    }
    say(format_args!("the benches took {} s", started.elapsed().as_secs()));
    if options.control { Ok(judge_control(&record::read(&record)?.reports)) } else { document(workspace) }
}

/// The file about the last run.
pub(crate) fn document(workspace: &Workspace) -> Result<ExitCode> {
    let costs = workspace.read(COSTS)?;
    let Record { machine, reports } = record::read(&workspace.bench_record())?;
    let drawing = plot::draw(&reports)?;
    if let Some(drawing) = &drawing {
        fs::write(workspace.root.join(PLOT), drawing).with_context(|| format!("cannot write {PLOT}"))?;
    }
    let plot = drawing.map(|_| PLOT);
    let text = document::write(&Run { reports: &reports, machine: &machine, plot, costs: &costs });
    fs::write(workspace.root.join(DOCUMENT), text).with_context(|| format!("cannot write {DOCUMENT}"))?;
    say(format_args!("{DOCUMENT} and {PLOT} are written"));
    for report in reports.iter().filter(|report| !is_control(report)) {
        for row in report.rows.iter().filter(|row| row.is_promised() && !row.is_kept()) {
            say(format_args!("{}: {}: {} is {}", report.bench, row.case, row.promise, row.verdict));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails where a promise was kept although our side was held up.
fn judge_control(reports: &[Report]) -> ExitCode {
    let rows = || reports.iter().filter(|report| !is_control(report)).flat_map(|report| &report.rows);
    let promised = rows().filter(|row| row.is_promised()).count();
    let kept: Vec<_> = rows().filter(|row| row.is_kept()).collect();
    for row in &kept {
        say(format_args!("NOT CAUGHT: `{}` keeps its promise ({}) while ours is held up", row.case, row.promise));
    }
    say(format_args!("control: {} of {promised} promises that cannot be kept were found so", promised - kept.len()));
    if kept.is_empty() && promised > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(verdicts: &[&str]) -> bool {
        let rows = verdicts.iter().map(|verdict| {
            format!(
                r#"{{"case":"c","unit":"/s","is_cost":false,"ours":1,"plain":1,"figure":1,"lowest":1,"highest":1,"rounds":1,
                "promise":"at least 0.5","verdict":"{verdict}","latency":null,"kept_as":null,"point":null}}"#
            )
        });
        let line = format!(
            r#"{{"bench":"saves","title":"T","setting":"S","load_before":"1","load_after":"2","rows":[{}]}}"#,
            rows.collect::<Vec<_>>().join(",")
        );
        judge_control(&[serde_json::from_str(&line).expect("a report")]) == ExitCode::SUCCESS
    }

    #[test]
    fn a_control_is_caught_when_no_promise_is_kept() {
        assert!(judged(&["NOT kept", "REFUSED"]));
        assert!(!judged(&["NOT kept", "kept"]), "one promise survived the control");
        assert!(!judged(&[]), "nothing was measured at all");
    }
}
