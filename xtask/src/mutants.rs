//! Mutation tests: one part of all mutants, by cargo-mutants and the settings in `.cargo/mutants.toml`.

use std::process::{ExitCode, Stdio};

use anyhow::Result;
use clap::Args;

use crate::process::{self, Interrupt};
use crate::workspace::Workspace;
use crate::{cargo, say};

/// What can be asked of mutation tests.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Which part of the mutants, as `0/40`: the first of forty. All of them take days.
    #[arg(long, value_name = "K/N", value_parser = shard, default_value = "0/200")]
    shard: String,
    /// Arguments for `cargo mutants`, such as `--file` and a glob.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// Runs `cargo mutants`; what it found stands in `mutants.out/` afterwards.
pub(crate) fn run(options: &Options, workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    if !is_installed(workspace) {
        say("error: cargo-mutants is not installed, so nothing was tested");
        say("    fix: cargo install --locked cargo-mutants");
        return Ok(ExitCode::FAILURE);
    }
    let mut command = cargo::command(workspace);
    command.args(["mutants", "--workspace", "--shard", &options.shard]).args(&options.args);
    process::run(command, interrupt)
}

fn is_installed(workspace: &Workspace) -> bool {
    let mut command = cargo::command(workspace);
    command.args(["mutants", "--version"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// `K/N` with `K` below `N`.
fn shard(text: &str) -> Result<String, String> {
    let numbers = text.split_once('/').and_then(|(k, n)| Some((k.parse::<u32>().ok()?, n.parse::<u32>().ok()?)));
    match numbers {
        Some((k, n)) if k < n => Ok(text.to_owned()),
        _ => Err("a part is K/N, where K is from 0 on and below N: 0/40 is the first of forty".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_one_of_so_many() {
        assert_eq!(shard("0/40").as_deref(), Ok("0/40"));
        assert_eq!(shard("39/40").as_deref(), Ok("39/40"));
        for wrong in ["40/40", "0/0", "1", "-1/4", "a/b", ""] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
    }
}
