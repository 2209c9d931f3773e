//! Runs what is planned, one after another, and keeps what each came to.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::runtime::{Builder, Runtime};

use super::figures::{Control, Figures, Killed, Results};
use super::plan::{Kills, Plan, Stress};
use crate::chaos::workload::{self, Workload};
use crate::chaos::{self, Outcome};
use crate::mongo::{Mongo, URI_VARIABLE};
use crate::process::{self, Group, Interrupt, POLL};
use crate::workspace::Workspace;
use crate::{cargo, say};

/// What a run of the stress program has beyond three times that of its writers.
const END: Duration = Duration::from_secs(180);

/// A soak and what it has come to.
pub(super) struct Soak<'a> {
    workspace: &'a Workspace,
    interrupt: &'a Interrupt,
    runtime: Runtime,
    pub(super) results: Results,
}

impl<'a> Soak<'a> {
    pub(super) fn new(workspace: &'a Workspace, interrupt: &'a Interrupt) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { workspace, interrupt, runtime, results: Results::default() })
    }

    /// The runs on a cluster of three.
    pub(super) fn cluster(&mut self, plan: &Plan) -> Result<()> {
        for run in &plan.cluster {
            say(format_args!("soak: {}", run.name));
            let seed = run.options.seed.unwrap_or_default();
            let outcome = chaos::torture(&run.options, self.workspace, self.interrupt);
            let command = run.options.command(seed);
            let Some(outcome) = self.unless_failed(&command, outcome)? else { continue };
            self.results.add_faults(&outcome);
            match run.options.control {
                Some(_) => self.results.controls.push(Control::of_cluster(&run.name, &outcome)),
                None => {
                    let is_good = outcome.is_good();
                    self.results.runs.push(Figures::new(&run.name, &command, &outcome.report, is_good));
                }
            }
        }
        Ok(())
    }

    /// The runs of the stress program.
    pub(super) fn stress(&mut self, plan: &Plan, mongo: &Mongo) -> Result<()> {
        for run in &plan.stress {
            say(format_args!("soak: {}", run.name));
            let command = run.command();
            let ended = self.stress_once(run, mongo);
            let Some((is_good, report)) = self.unless_failed(&command, ended)? else { continue };
            match run.is_control {
                true => self.results.controls.push(Control::of_stress(&run.name, &command, &report, is_good)),
                false => self.results.runs.push(Figures::new(&run.name, &command, &report, is_good)),
            }
        }
        Ok(())
    }

    fn stress_once(&self, run: &Stress, mongo: &Mongo) -> Result<(bool, serde_json::Value)> {
        let mut command = Command::new(self.workspace.example(workload::EXAMPLE));
        command.args(&run.args).args(["--uri", &mongo.uri, "--json"]);
        let mut workload = Workload::launch(command, "stress: ")?;
        let within = 3 * run.time + END;
        self.runtime.block_on(workload.ended(within, self.interrupt))
    }

    /// The tests that kill processes.
    pub(super) fn kills(&mut self, plan: &Plan, mongo: &Mongo) -> Result<()> {
        for run in &plan.kills {
            say(format_args!("soak: {} kills in {}", run.kills, run.name));
            let began = Instant::now();
            let passed = self.kill(run, mongo);
            let command = run.command();
            let Some(passed) = self.unless_failed(&command, passed)? else { continue };
            self.results.killed.push(Killed { command, kills: run.kills, passed, took: began.elapsed() });
        }
        Ok(())
    }

    fn kill(&self, run: &Kills, mongo: &Mongo) -> Result<bool> {
        let mut command = cargo::command(self.workspace);
        command.args(["test", "--workspace", "--all-features", "--test", run.target, "--", "--exact", run.name]);
        command.env(URI_VARIABLE, &mongo.uri).env("EARNORM_TEST_KILLS", run.kills.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        say(format_args!("$ {}", process::describe(&command)));
        let mut group = Group::spawn(command)?;
        let mut output = group.child.stdout.take().context("the tests have no standard output")?;
        // A thread of its own: who waits for the output does not see an interrupt.
        let reading = std::thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).map(|_| text)
        });
        while group.child.try_wait()?.is_none() {
            self.interrupt.check()?;
            std::thread::sleep(POLL);
        }
        let text = reading.join().ok().context("the tests' output could not be read")??;
        // A test that is not there any more would pass too.
        let passed = text.contains("test result: ok. 1 passed");
        if !passed {
            say(text);
        }
        Ok(passed)
    }

    /// What there is; a run that could not be made is a fault, but no reason not to make the others.
    fn unless_failed<T>(&mut self, command: &str, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Ok(outcome) => Ok(Some(outcome)),
            Err(error) => {
                self.interrupt.check()?;
                say(format_args!("WRONG: {error:#}"));
                self.results.failed.push(command.to_owned());
                Ok(None)
            }
        }
    }
}

impl Results {
    fn add_faults(&mut self, outcome: &Outcome) {
        for (fault, kind) in outcome.by_kind() {
            self.faults.entry(fault).or_default().add(kind);
        }
    }
}
