//! Runs cargo for a task: its tests, with the MongoDB URI they look for.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::mongo::{Mongo, PROGRAM_VARIABLE, URI_VARIABLE};
use crate::process::{self, Interrupt};
use crate::workspace::Workspace;

/// A cargo command in the workspace root.
///
/// The variables which `cargo run` set for this package are taken away: build scripts that watch
/// them would otherwise run anew each time a task calls cargo.
pub(crate) fn command(workspace: &Workspace) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(&workspace.root);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `cargo test` on everything, or on what `args` choose.
pub(crate) fn test(workspace: &Workspace, interrupt: &Interrupt, mongo: &Mongo, args: &[String]) -> Result<ExitCode> {
    let mut command = command(workspace);
    command.arg("test");
    if !chooses_packages(args) {
        command.arg("--workspace");
    }
    command.arg("--all-features").args(args).env(URI_VARIABLE, &mongo.uri);
    if let Some(program) = &mongo.program {
        command.env(PROGRAM_VARIABLE, program);
    }
    process::run(command, interrupt)
}

/// Whether the arguments before a `--` name packages; cargo would ignore them next to
/// `--workspace`.
fn chooses_packages(args: &[String]) -> bool {
    args.iter()
        .take_while(|arg| *arg != "--")
        .any(|arg| arg == "--package" || arg.starts_with("--package=") || is_short_package(arg))
}

fn is_short_package(arg: &str) -> bool {
    arg.starts_with("-p") && !arg.starts_with("--")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chooses(args: &[&str]) -> bool {
        chooses_packages(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_named_package_replaces_the_whole_workspace() {
        assert!(chooses(&["-p", "earnorm"]));
        assert!(chooses(&["-pearnorm"]));
        assert!(chooses(&["--package", "earnorm"]));
        assert!(chooses(&["--test", "hooks", "--package=earnorm"]));
    }

    #[test]
    fn other_arguments_keep_the_whole_workspace() {
        assert!(!chooses(&[]));
        assert!(!chooses(&["--profile", "release"]));
        assert!(!chooses(&["--", "-p", "earnorm"]));
    }
}
