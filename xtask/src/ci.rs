//! The checks that need no server: format, house rules, dependencies, lints, the fuzzer's targets and documentation.

use std::process::{Command, ExitCode, Stdio};

use anyhow::Result;

use crate::process::{self, Interrupt};
use crate::workspace::Workspace;
use crate::{cargo, say, tidy};

const FORMAT: &[&str] = &["fmt", "--all", "--check"];
const LINTS: &[&str] = &["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
/// Without the advisories: their database has to be fetched, and what it says changes without a change here.
const SUPPLY: &[&str] = &["deny", "check", "licenses", "bans", "sources"];
/// A workspace of its own, which no other step builds: what it calls must not change without it.
const FUZZ: &[&str] = &["clippy", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--", "-D", "warnings"];
const DOCUMENTATION: &[&str] = &["doc", "--workspace", "--no-deps", "--all-features"];

/// Runs the checks, the quick ones first, up to the first that fails.
pub(crate) fn run(workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    let steps: [&dyn Fn() -> Result<ExitCode>; 6] = [
        &|| process::run(cargo(workspace, FORMAT), interrupt),
        &|| tidy::run(workspace),
        &|| supply_chain(workspace, interrupt),
        &|| process::run(cargo(workspace, LINTS), interrupt),
        &|| process::run(fuzz_targets(workspace), interrupt),
        &|| process::run(documentation(workspace), interrupt),
    ];
    for step in steps {
        let code = step()?;
        if code != ExitCode::SUCCESS {
            return Ok(code);
        }
    }
    say("format, house rules, lints, fuzz targets and documentation are in order");
    Ok(ExitCode::SUCCESS)
}

fn cargo(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = cargo::command(workspace);
    command.args(args);
    command
}

/// What cargo-deny says, where it is installed.
fn supply_chain(workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    if !is_installed(workspace) {
        say("NOT CHECKED: cargo-deny is not installed, so deny.toml was tested by the house rules alone");
        say("    fix: cargo install --locked cargo-deny");
        return Ok(ExitCode::SUCCESS);
    }
    process::run(cargo(workspace, SUPPLY), interrupt)
}

fn is_installed(workspace: &Workspace) -> bool {
    let mut command = cargo(workspace, &["deny", "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Into the build folder of the workspace, where most of what it depends on is built already.
fn fuzz_targets(workspace: &Workspace) -> Command {
    let mut command = cargo(workspace, FUZZ);
    command.env("CARGO_TARGET_DIR", workspace.target());
    // Nothing is linked, so that LLVM's fuzzer need not be compiled, which takes a C++ compiler: any file will do for it.
    command.env("CUSTOM_LIBFUZZER_PATH", workspace.root.join("fuzz/Cargo.toml"));
    command
}

fn documentation(workspace: &Workspace) -> Command {
    let mut command = cargo(workspace, DOCUMENTATION);
    command.env("RUSTDOCFLAGS", "-D warnings");
    command
}
