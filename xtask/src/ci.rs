//! The checks that need no server: format, house rules, lints and documentation.

use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::process::{self, Interrupt};
use crate::workspace::Workspace;
use crate::{cargo, say, tidy};

const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const LINTS: &[&str] = &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
const DOCUMENTATION: &[&str] = &["doc", "--workspace", "--no-deps", "--all-features"];

/// Runs the checks, the quick ones first, up to the first that fails.
pub(crate) fn run(workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    let steps: [&dyn Fn() -> Result<ExitCode>; 4] = [
        &|| process::run(cargo(workspace, FORMAT), interrupt),
        &|| tidy::run(workspace),
        &|| process::run(cargo(workspace, LINTS), interrupt),
        &|| process::run(documentation(workspace), interrupt),
    ];
    for step in steps {
        let code = step()?;
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
    }
    say("format, house rules, lints and documentation are in order");
    Ok(ExitCode::SUCCESS)
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = cargo::command(workspace);
    command.args(args);
    command
}

fn documentation(workspace: &Workspace) -> Command {
    let mut command = cargo(workspace, DOCUMENTATION);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}
