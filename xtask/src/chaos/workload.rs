//! The programs that work on the cluster: the stress program of the stores, which also compares in the end.

use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::time::sleep;

use super::{Control, Options};
use crate::process::{self, GRACE, Group, Interrupt, POLL};
use crate::workspace::Workspace;
use crate::{cargo, say};

/// The example that works.
const EXAMPLE: &str = "stress";
/// How it says that its writers are at work.
const WRITING: &str = "writing for";
/// What it has to get to work.
const READY: Duration = Duration::from_secs(60);
/// What it has to end and compare after its time.
const END: Duration = Duration::from_secs(180);

/// The database it works in.
pub(crate) const DATABASE: &str = "earnorm_chaos";

/// Programs at work.
pub(crate) struct Workload {
    group: Group,
    is_writing: Arc<AtomicBool>,
    time: Duration,
    began: Instant,
}

/// Builds the program.
pub(crate) fn build(workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    let mut command = cargo::command(workspace);
    // The same features as the tests, or everything would be built once more.
    command.args(["build", "--workspace", "--all-features", "--example", EXAMPLE]);
    process::run(command, interrupt)
}

impl Workload {
    /// Starts the program on a cluster.
    pub(crate) fn start(workspace: &Workspace, options: &Options, seed: u64, uri: &str) -> Result<Self> {
        let mut command = Command::new(workspace.example(EXAMPLE));
        let time = options.time.as_secs();
        if options.control == Some(Control::LooseHandlers) {
            command.arg("--loose-handlers");
        }
        command
            .args(["--uri", uri, "--database", DATABASE, "--keep", "--kill-writers"])
            .args(["--time", &format!("{time}s"), "--seed", &seed.to_string()])
            .args(["--writers", "2", "--tasks", "4", "--bankers", "2", "--handlers", "2", "--stall", "1s"])
            .args(&options.workload)
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut group = Group::spawn(command)?;
        let words = BufReader::new(group.child.stderr.take().context("the workload has no standard error")?);
        let is_writing = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_writing);
        std::thread::spawn(move || {
            for line in words.lines().map_while(std::io::Result::ok) {
                if line.starts_with(WRITING) {
                    seen.store(true, Ordering::SeqCst);
                }
                say(format_args!("workload: {line}"));
            }
        });
        Ok(Self { group, is_writing, time: options.time, began: Instant::now() })
    }

    /// Waits until its writers are at work; when they will stop.
    pub(crate) async fn writing(&mut self, interrupt: &Interrupt) -> Result<Instant> {
        while !self.is_writing.load(Ordering::SeqCst) {
            interrupt.check()?;
            if self.group.child.try_wait()?.is_some() || self.began.elapsed() > READY {
                bail!("the workload did not begin to write");
            }
            sleep(POLL).await;
        }
        Ok(Instant::now() + self.time)
    }

    /// Waits for its end; whether it found nothing wrong.
    pub(crate) async fn ended(&mut self, interrupt: &Interrupt) -> Result<bool> {
        // Handlers may take longer than writers.
        let deadline = self.began + READY + 3 * self.time + END;
        loop {
            if let Some(status) = self.group.child.try_wait()? {
                return Ok(status.success());
            }
            interrupt.check()?;
            if Instant::now() > deadline {
                self.group.stop(GRACE)?;
                say("the workload did not end in time");
                return Ok(false);
            }
            sleep(POLL).await;
        }
    }
}
