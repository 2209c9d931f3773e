//! What the figures were measured on: the machine and the versions.

use std::fs;
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::mongo::Mongo;
use crate::workspace::Workspace;

/// Facts, each with its name.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) facts: Vec<(String, String)>,
}

impl Machine {
    /// Asks the system; what it does not tell is left out.
    pub(super) fn ask(workspace: &Workspace, mongo: &Mongo) -> Self {
        let facts = [
            ("processor", processor()),
            ("memory", memory()),
            ("system", said("uname", &["-srm"], workspace)),
            ("Rust", said("rustc", &["--version"], workspace)),
            ("EarnORM", version(workspace)),
            ("MongoDB", mongo.version()),
            ("day", said("date", &["-u", "+%Y-%m-%d"], workspace)),
        ];
        Self { facts: facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?))).collect() }
    }
}

fn processor() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok();
    let model = text.as_deref().and_then(|text| field(text, "model name"));
    let cores = thread::available_parallelism().ok()?;
    Some(format!("{}, {cores} cores", model.unwrap_or("unknown")))
}

fn memory() -> Option<String> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let kib: u64 = field(&text, "MemTotal")?.trim_end_matches(" kB").parse().ok()?;
    Some(format!("{} GiB", kib.div_ceil(1 << 20)))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim())
}

/// The version in the manifest and, in a working copy, the commit.
fn version(workspace: &Workspace) -> Option<String> {
    let version = env!("CARGO_PKG_VERSION");
    let manifest = workspace.read("Cargo.toml").ok()?.parse::<toml::Table>().ok()?;
    let shared =
        manifest.get("workspace").and_then(|table| table.get("package")).and_then(|table| table.get("version"));
    let version = shared.and_then(toml::Value::as_str).unwrap_or(version);
    let commit = said("git", &["rev-parse", "--short", "HEAD"], workspace);
    Some(commit.map_or_else(|| version.to_owned(), |commit| format!("{version} at {commit}")))
}

/// What a program says in one line.
fn said(program: &str, args: &[&str], workspace: &Workspace) -> Option<String> {
    let output = Command::new(program).args(args).current_dir(&workspace.root).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
