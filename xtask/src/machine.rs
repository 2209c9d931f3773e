//! What the figures were measured on: the machine and the versions.

use std::fs;
use std::process::Command;
use std::thread;

use serde::{Deserialize, Serialize};

use crate::mongo::Mongo;
use crate::workspace::Workspace;

/// Facts, each with its name.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) facts: Vec<(String, String)>,
}

impl Machine {
    /// Asks the system; what it does not tell is left out.
    pub(crate) fn ask(workspace: &Workspace, mongo: Option<&Mongo>) -> Self {
        let facts = [
            ("processor", processor()),
            ("memory", memory()),
            ("system", said("uname", &["-srm"], workspace)),
            ("Rust", said("rustc", &["--version"], workspace)),
            ("EarnORM", version(workspace)),
            ("MongoDB", mongo.and_then(Mongo::version)),
            ("day", said("date", &["-u", "+%Y-%m-%d"], workspace)),
        ];
        Self { facts: facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?))).collect() }
    }

    /// Rows of a table in Markdown.
    pub(crate) fn rows(&self) -> String {
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        self.facts.iter().map(|(what, which)| format!("| {what} | {} |\n", cell(which))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_its_processor_and_versions() {
        let rows = Machine::ask(&Workspace::locate().expect("the workspace"), None).rows();
        for part in [" cores |\n", "| memory | ", "| Rust | rustc 1.", "| EarnORM | 0."] {
            assert!(rows.contains(part), "{part} is not in\n{rows}");
        }
    }
}
