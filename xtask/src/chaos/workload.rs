//! The programs that work on the cluster: the stress program of the stores, which also compares in the end.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::time::sleep;

use super::{Control, Options};
use crate::process::{self, GRACE, Group, Interrupt, POLL};
use crate::workspace::Workspace;
use crate::{cargo, say};

/// The example that works.
pub(crate) const EXAMPLE: &str = "stress";
/// What it has to get to work.
const READY: Duration = Duration::from_secs(60);

/// The database it works in.
pub(crate) const DATABASE: &str = "earnorm_chaos";

/// Programs at work.
pub(crate) struct Workload {
    group: Group,
    /// They write as long as this is open.
    input: Option<ChildStdin>,
    told: Arc<Mutex<Told>>,
    began: Instant,
}

/// What they told.
#[derive(Debug, Default)]
struct Told {
    is_writing: bool,
    first_acks: BTreeMap<u32, Duration>,
    report: Option<Value>,
    /// Nothing more comes.
    is_over: bool,
}

impl Told {
    fn enter(&mut self, line: &Value) {
        self.is_writing |= line == "writing";
        if let Some(ack) = line.get("first_ack") {
            let number = |field| ack.get(field).and_then(Value::as_u64);
            if let (Some(mark), Some(millis)) = (number("mark"), number("millis")) {
                self.first_acks.insert(u32::try_from(mark).unwrap_or(u32::MAX), Duration::from_millis(millis));
            }
        }
        if let Some(report) = line.get("report") {
            self.report = Some(report.clone());
        }
    }
}

/// Builds the program.
pub(crate) fn build(workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    let mut command = cargo::command(workspace);
    // The same features as the tests, or everything would be built once more.
    command.args(["build", "--workspace", "--all-features", "--example", EXAMPLE]);
    process::run(command, interrupt)
}

impl Workload {
    /// Starts the program on a cluster, to write for so long at most.
    pub(crate) fn start(
        workspace: &Workspace,
        options: &Options,
        seed: u64,
        uri: &str,
        limit: Duration,
    ) -> Result<Self> {
        let mut command = Command::new(workspace.example(EXAMPLE));
        if options.control == Some(Control::LooseHandlers) {
            command.arg("--loose-handlers");
        }
        command
            .args(["--uri", uri, "--database", DATABASE, "--keep", "--kill-writers", "--driven", "--json"])
            .args(["--time", &format!("{}s", limit.as_secs()), "--seed", &seed.to_string()])
            .args(["--writers", "2", "--tasks", "4", "--bankers", "2", "--handlers", "2", "--stall", "1s"])
            .args(&options.workload);
        Self::launch(command, "workload: ")
    }

    /// Starts a command that tells what it does; what it says to people is passed on.
    pub(crate) fn launch(mut command: Command, prefix: &'static str) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut group = Group::spawn(command)?;
        let words = group.child.stderr.take().context("the workload has no standard error")?;
        std::thread::spawn(move || {
            for line in BufReader::new(words).lines().map_while(std::io::Result::ok) {
                say(format_args!("{prefix}{line}"));
            }
        });
        let told = Arc::<Mutex<Told>>::default();
        listen(group.child.stdout.take().context("the workload has no standard output")?, &told);
        let input = group.child.stdin.take();
        Ok(Self { group, input, told, began: Instant::now() })
    }

    /// Waits until its writers are at work.
    pub(crate) async fn writing(&mut self, interrupt: &Interrupt) -> Result<()> {
        while !self.told().is_writing {
            interrupt.check()?;
            if self.group.child.try_wait()?.is_some() || self.began.elapsed() > READY {
                bail!("the workload did not begin to write");
            }
            sleep(POLL).await;
        }
        Ok(())
    }

    /// Asks how long it takes from now until a commit is acknowledged that is sent from now on.
    pub(crate) fn mark(&mut self, number: u32) -> Result<()> {
        let input = self.input.as_mut().context("the workload does not listen any more")?;
        writeln!(input, "{number}").and_then(|()| input.flush()).context("the workload ended too soon")
    }

    /// What it answered to a mark.
    pub(crate) fn first_ack(&self, number: u32) -> Option<Duration> {
        self.told().first_acks.get(&number).copied()
    }

    /// Writers end.
    pub(crate) fn stop(&mut self) {
        self.input = None;
    }

    /// Waits for its end: whether it found nothing wrong, and its report.
    pub(crate) async fn ended(&mut self, within: Duration, interrupt: &Interrupt) -> Result<(bool, Value)> {
        let deadline = Instant::now() + within;
        loop {
            let status = self.group.child.try_wait()?;
            let is_over = self.told().is_over;
            if let (Some(status), true) = (status, is_over) {
                let report = self.told().report.take();
                return Ok((status.success(), report.context("the workload could not do its work, see above")?));
            }
            interrupt.check()?;
            if Instant::now() > deadline {
                self.group.stop(GRACE)?;
                bail!("the workload did not end in time");
            }
            sleep(POLL).await;
        }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(output: ChildStdout, told: &Arc<Mutex<Told>>) {
    let told = Arc::clone(told);
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            if let Ok(line) = serde_json::from_str(&line) {
                told.lock().unwrap_or_else(PoisonError::into_inner).enter(&line);
            }
        }
        told.lock().unwrap_or_else(PoisonError::into_inner).is_over = true;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_workload_tells_is_understood() {
        let mut told = Told::default();
        for line in [r#""writing""#, r#"{"first_ack":{"mark":3,"millis":812}}"#, r#"{"report":{"seed":7}}"#] {
            told.enter(&serde_json::from_str(line).expect("JSON"));
        }
        assert!(told.is_writing);
        assert_eq!(told.first_acks, BTreeMap::from([(3, Duration::from_millis(812))]));
        assert_eq!(told.report, Some(serde_json::json!({ "seed": 7 })));
    }
}
