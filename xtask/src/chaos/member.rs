//! A member of the cluster: a server that is killed, frozen and started again, and keeps its data.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::mongo::server;
use crate::process::Group;

/// A server, at work or not.
#[derive(Debug)]
pub(crate) struct Member {
    binary: PathBuf,
    dir: PathBuf,
    port: u16,
    group: Option<Group>,
}

impl Member {
    /// A member that does not run yet.
    pub(crate) fn new(binary: &Path, dir: PathBuf, port: u16) -> Self {
        Self { binary: binary.to_path_buf(), dir, port, group: None }
    }

    /// The port at which it really listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Starts it, unless it runs. It ends when the thread that called this ends, so that must be the task's own.
    pub(crate) fn start(&mut self) -> Result<()> {
        if self.group.is_some() {
            return Ok(());
        }
        let mut command = server::command(&self.binary, &self.dir, self.port)?;
        // Servers say who they are in their greetings only with test commands; the proxy looks for that.
        command.args(["--setParameter", "enableTestCommands=1"]);
        command.args(["--oplogSize", "512", "--logappend"]);
        self.group = Some(Group::spawn(command)?);
        Ok(())
    }

    /// Kills it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.group = None;
    }

    /// Stops it where it stands.
    pub(crate) fn freeze(&self) -> Result<()> {
        self.group.as_ref().map_or(Ok(()), Group::freeze)
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) -> Result<()> {
        self.group.as_ref().map_or(Ok(()), Group::thaw)
    }

    /// Whether it ended though nobody killed it.
    pub(crate) fn has_died(&mut self) -> bool {
        self.group.as_mut().is_some_and(|group| !matches!(group.child.try_wait(), Ok(None)))
    }
}
