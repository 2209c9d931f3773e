//! What the benches hand over: one report a line, as `benches/harness` writes it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::machine::Machine;
use crate::mongo::Mongo;
use crate::workspace::Workspace;

/// The variable that names the file of a run.
pub(super) const VARIABLE: &str = "EARNORM_BENCH_RECORD";
/// The variable that holds our side up in every bench.
pub(super) const CONTROL_VARIABLE: &str = "EARNORM_BENCH_CONTROL";

/// A run: what it was made on, and what its benches handed over.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) machine: Machine,
    pub(super) reports: Vec<Report>,
}

/// A table of a bench.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    pub(super) bench: String,
    pub(super) title: String,
    pub(super) setting: String,
    pub(super) load_before: String,
    pub(super) load_after: String,
    pub(super) rows: Vec<Row>,
}

/// A case and what was measured.
#[derive(Debug, Deserialize)]
pub(super) struct Row {
    pub(super) case: String,
    pub(super) unit: String,
    pub(super) is_cost: bool,
    pub(super) ours: Option<f64>,
    pub(super) plain: Option<f64>,
    pub(super) figure: Option<f64>,
    pub(super) lowest: Option<f64>,
    pub(super) highest: Option<f64>,
    pub(super) rounds: usize,
    pub(super) promise: String,
    pub(super) verdict: String,
    pub(super) latency: Option<Sides<[f64; 3]>>,
    pub(super) kept_as: Option<Sides<String>>,
    pub(super) point: Option<Point>,
}

/// Something of ours and of the plain way.
#[derive(Debug, Deserialize)]
pub(super) struct Sides<T> {
    pub(super) ours: T,
    pub(super) plain: Option<T>,
}

/// A place on a curve: of a store, at so many savers or events.
#[derive(Debug, Deserialize)]
pub(super) struct Point {
    pub(super) curve: String,
    pub(super) at: u32,
}

impl Row {
    /// Whether it has a promise.
    pub(super) fn is_promised(&self) -> bool {
        !self.promise.starts_with("none")
    }

    /// Whether its promise was kept.
    pub(super) fn is_kept(&self) -> bool {
        self.verdict == "kept"
    }
}

/// Begins a run: where benches put their reports, with nothing but the machine in it.
pub(super) fn begin(path: PathBuf, workspace: &Workspace, mongo: &Mongo) -> Result<PathBuf> {
    let machine = serde_json::to_string(&Machine::ask(workspace, Some(mongo)))?;
    fs::write(&path, machine + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Reads a run, its reports in the order in which they were written.
pub(super) fn read(path: &Path) -> Result<Record> {
    let text = fs::read_to_string(path).with_context(|| format!("no run of benches is in {}", path.display()))?;
    let mut lines = text.lines();
    let machine = lines.next().context("the record of the benches is empty")?;
    let machine = serde_json::from_str(machine).context("the record of the benches does not begin with a machine")?;
    let report = |line| serde_json::from_str(line).with_context(|| format!("not a report of a bench: {line}"));
    Ok(Record { machine, reports: lines.map(report).collect::<Result<_>>()? })
}
