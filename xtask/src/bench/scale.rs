//! The table of `docs/scaling.md`: what operations cost and what is stored, against the number of events.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use super::document::{thousands, verdict};
use super::record::{self, Record, Report, Row};
use crate::machine::Machine;
use crate::mongo::{Mongo, URI_VARIABLE};
use crate::process::{self, Interrupt};
use crate::workspace::Workspace;
use crate::{cargo, say};

const DOCUMENT: &str = "docs/scaling.md";
const BEGIN: &str = "<!-- written by `cargo xtask scale`: begin -->\n";
const END: &str = "<!-- written by `cargo xtask scale`: end -->\n";
/// The variable that says how many events the largest store gets.
const VARIABLE: &str = "EARNORM_SCALE";
/// What `docs/scaling.md` speaks of.
const WHOLE: usize = 10_000_000;

/// What can be asked of the program.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Events of the largest store; the table is written only when this is 10,000,000 or `--write` is given.
    #[arg(long, default_value_t = WHOLE)]
    most: usize,
    /// Writes the table whatever the sizes.
    #[arg(long)]
    write: bool,
    /// Holds the largest store up: it ends with 0 when no promise was kept. Nothing is written.
    #[arg(long)]
    control: bool,
}

/// Fills the stores, measures them, and writes the table.
pub(crate) fn run(options: &Options, workspace: &Workspace, interrupt: &Interrupt, mongo: &Mongo) -> Result<ExitCode> {
    let record = record::begin(workspace.scale_record(), workspace, mongo)?;
    let code = process::run(command(options, workspace, mongo, &record), interrupt)?;
    if code != ExitCode::SUCCESS {
        return Ok(code);
    }
    let Record { machine, reports } = record::read(&record)?;
    if options.control {
        return Ok(super::judge_control(&reports));
    }
    if options.write || options.most == WHOLE {
        let path = workspace.root.join(DOCUMENT);
        let text = between(&workspace.read(DOCUMENT)?, &table(&reports, &machine))?;
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        say(format_args!("the table in {DOCUMENT} is written"));
    }
    Ok(ExitCode::SUCCESS)
}

fn command(options: &Options, workspace: &Workspace, mongo: &Mongo, record: &std::path::Path) -> Command {
    let mut command = cargo::command(workspace);
    command.args(["bench", "--all-features", "--bench", "scale"]);
    command.env(URI_VARIABLE, &mongo.uri).env(record::VARIABLE, record).env(VARIABLE, options.most.to_string());
    if options.control {
        command.env(record::CONTROL_VARIABLE, "1");
    }
    command
}

/// The text with what stands between the marks replaced.
fn between(text: &str, table: &str) -> Result<String> {
    let parts = text.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let Some((head, tail)) = parts else { bail!("{DOCUMENT} has lost its marks {}", BEGIN.trim()) };
    Ok(format!("{head}{BEGIN}\n{table}\n{END}{tail}"))
}

/// A row for each store and what was measured, a column for each size.
fn table(reports: &[Report], machine: &Machine) -> String {
    let mut out = String::new();
    for (what, which) in &machine.facts {
        let _ = writeln!(out, "- {what}: {which}");
    }
    for report in reports {
        let _ = writeln!(
            out,
            "- {}: {}; load before {}, after {}",
            report.title, report.setting, report.load_before, report.load_after
        );
    }
    let rows: Vec<_> = reports.iter().flat_map(|report| &report.rows).collect();
    let of = |unit: &str| {
        let rows = rows.iter().filter(|row| row.unit == unit);
        rows.filter_map(|row| Some(row.point.as_ref()?.at)).collect::<BTreeSet<_>>()
    };
    let costs_of = "Milliseconds an operation, medians; the ratio is that of the largest size to a tenth of it:";
    let _ = writeln!(out, "\n{costs_of}");
    costs(&mut out, &rows, &of("ms"));
    for (unit, what) in [("MiB", "MiB by events"), ("/s", "A second, by how many do it at the same time")] {
        if !of(unit).is_empty() {
            let _ = writeln!(out, "\n{what}:");
            amounts(&mut out, &rows, unit, &of(unit));
        }
    }
    out
}

fn head(out: &mut String, sizes: &BTreeSet<u32>, more: &str) {
    out.push_str("\n| store | what |");
    for size in sizes {
        let _ = write!(out, " {} |", thousands(&size.to_string()));
    }
    let _ = writeln!(out, "{more}");
    let columns = 2 + sizes.len() + more.matches('|').count();
    let _ = writeln!(out, "|{}", "---|".repeat(columns));
}

/// Milliseconds, and the ratio of the two largest sizes.
fn costs(out: &mut String, rows: &[&Row], sizes: &BTreeSet<u32>) {
    head(out, sizes, " ratio | rounds from–to | promise | verdict |");
    for (store, case) in kinds(rows, "ms") {
        let _ = write!(out, "| {store} | {case} |");
        for size in sizes {
            let found = at(rows, &store, &case, *size).and_then(|row| row.ours);
            let _ = write!(out, " {} |", found.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}")));
        }
        let last = sizes.iter().rev().find_map(|size| at(rows, &store, &case, *size));
        if let Some(row) = last {
            let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
            let (low, high) = (number(row.lowest), number(row.highest));
            let _ = writeln!(out, " {} | {low}–{high} | {} | {} |", number(row.figure), row.promise, verdict(row));
        }
    }
}

/// Figures that nothing is promised of.
fn amounts(out: &mut String, rows: &[&Row], unit: &str, sizes: &BTreeSet<u32>) {
    head(out, sizes, "");
    for (store, case) in kinds(rows, unit) {
        let _ = write!(out, "| {store} | {case} |");
        for size in sizes {
            let found = at(rows, &store, &case, *size).and_then(|row| row.ours);
            let digits = usize::from(unit == "MiB");
            let shown = found.map_or_else(|| "–".to_owned(), |value| thousands(&format!("{value:.digits$}")));
            let _ = write!(out, " {shown} |");
        }
        out.push('\n');
    }
}

/// Stores and cases of a unit, in the order in which they were measured.
fn kinds(rows: &[&Row], unit: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for row in rows.iter().filter(|row| row.unit == unit) {
        let Some(point) = &row.point else { continue };
        let kind = (point.curve.clone(), row.case.clone());
        if !found.contains(&kind) {
            found.push(kind);
        }
    }
    found
}

fn at<'a>(rows: &[&'a Row], store: &str, case: &str, size: u32) -> Option<&'a Row> {
    let is_it = |row: &&&Row| {
        row.case == case && row.point.as_ref().is_some_and(|point| point.curve == store && point.at == size)
    };
    rows.iter().find(is_it).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(at: u32, promise: &str, verdict: &str) -> String {
        format!(
            r#"{{"case":"append","unit":"ms","is_cost":false,"ours":1.5,"plain":1.0,"figure":1.5,"lowest":1.4,"highest":1.6,
            "rounds":3,"promise":"{promise}","verdict":"{verdict}","latency":null,"kept_as":null,
            "point":{{"curve":"sqlite","at":{at}}}}}"#
        )
    }

    #[test]
    fn the_largest_size_is_judged() {
        let rows = [row(100_000, "none", "no promise"), row(1_000_000, "at most 1.3", "NOT kept")].join(",");
        let line = format!(
            r#"{{"bench":"scale","title":"T","setting":"S","load_before":"1","load_after":"2","rows":[{rows}]}}"#
        );
        let report = serde_json::from_str(&line).expect("a report");
        let text = table(&[report], &Machine { facts: Vec::new() });
        assert!(text.contains("| store | what | 100,000 | 1,000,000 | ratio |"), "{text}");
        let judged = "| sqlite | append | 1.500 | 1.500 | 1.50 | 1.40–1.60 | at most 1.3 | **NOT kept** |";
        assert!(text.contains(judged), "{text}");
    }

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let text = format!("before\n{BEGIN}old\n{END}after\n");
        let new = between(&text, "new").expect("marks");
        assert_eq!(new, format!("before\n{BEGIN}\nnew\n{END}after\n"));
        assert_eq!(between(&new, "new").expect("marks"), new);
        assert!(between("no marks", "new").is_err());
    }
}
