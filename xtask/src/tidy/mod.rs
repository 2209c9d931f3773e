//! The house rules that neither rustc nor clippy checks.
//!
//! Each finding says the rule, why it is there, and what to do about it.

mod exceptions;
mod files;
mod manifests;
mod scan;
mod sources;
mod supply;

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;

use self::exceptions::Exceptions;
use crate::say;
use crate::workspace::Workspace;

/// Longer files get an entry here, with the reason; entries may only shrink.
const EXCEPTIONS: &str = "xtask/tidy-exceptions.txt";

/// A house rule.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    name: &'static str,
    reason: &'static str,
    fix: &'static str,
}

/// A place where a rule does not hold.
#[derive(Debug)]
struct Finding {
    rule: &'static Rule,
    place: String,
    what: String,
}

impl Finding {
    fn new(rule: &'static Rule, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self { rule, place: place.into(), what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { name, reason, fix } = self.rule;
        writeln!(f, "{}: {} [{name}]", self.place, self.what)?;
        writeln!(f, "    why: {reason}")?;
        write!(f, "    fix: {fix}")
    }
}

/// Checks the workspace and prints the findings.
pub(crate) fn run(workspace: &Workspace) -> Result<ExitCode> {
    say("check the house rules");
    let findings = check(workspace)?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!("{} findings against the house rules", findings.len()));
    Ok(ExitCode::FAILURE)
}

fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let exceptions = Exceptions::parse(&workspace.read(EXCEPTIONS)?)?;
    let mut findings = Vec::new();
    let mut lengths = Vec::new();
    for path in files::rust_files(workspace)? {
        let source = workspace.read(&path)?;
        findings.extend(sources::check(&path, &source));
        lengths.push((path, source.lines().count()));
    }
    findings.extend(exceptions.check(&lengths));
    findings.extend(manifests::check(workspace)?);
    findings.extend(supply::check(workspace)?);
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_the_house_rules() {
        let workspace = Workspace::locate().expect("the workspace");
        let findings = check(&workspace).expect("checked");
        let report: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(report.is_empty(), "\n{}", report.join("\n"));
    }

    #[test]
    fn a_finding_says_rule_reason_and_fix() {
        let rule = &Rule { name: "some-rule", reason: "some reason", fix: "do this" };
        let text = Finding::new(rule, "src/lib.rs:3", "something is off").to_string();
        for part in ["src/lib.rs:3", "something is off", "some-rule", "some reason", "do this"] {
            assert!(text.contains(part), "{text}");
        }
    }
}
