//! Cluster faults: programs work on a replica set of three while its members are killed, frozen and cut from each other,
//! and in the end it is compared what they were told, what they saw and what is there.

mod cluster;
mod control;
mod faults;
mod links;
mod member;
mod outcome;
mod proxy;
mod torment;
pub(crate) mod workload;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rand::Rng;
use tokio::time::sleep_until;

use self::cluster::Cluster;
use self::control::Notes;
pub(crate) use self::faults::Fault;
use self::faults::Faults;
pub(crate) use self::outcome::{Kind, Outcome};
use self::torment::{Scene, Until};
use self::workload::Workload;
use crate::process::Interrupt;
use crate::workspace::Workspace;
use crate::{mongo, say};

/// How long before the writers' end the last fault begins at the latest.
const LAST: Duration = Duration::from_secs(5);
/// How long programs write in a short run.
const SHORT: Duration = Duration::from_secs(12);
/// From this length on each kind of fault must happen.
const WHOLE: Duration = Duration::from_secs(60);
/// After its end, how soon a commit must be acknowledged again that was sent after the beginning of a fault.
const FIRST_ACK: Duration = Duration::from_secs(30);
/// What the workload has to end and compare after its time.
const END: Duration = Duration::from_secs(180);
/// What members have to tell that their content is the same. Secondaries may have to catch up; and on the primary the
/// question waits for the transaction of a process that was killed last, which nobody waits for any more, and which the
/// server therefore keeps for a minute.
const SAME: Duration = Duration::from_secs(90);
/// Threads for proxies.
const THREADS: usize = 2;

/// What can be asked of a run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For how long programs write: `60s`, `5m`. From 60 s on they write longer where the machine is too
    /// slow for each kind of fault within that.
    #[arg(long, value_parser = parse_time, default_value = "60s")]
    pub(crate) time: Duration,
    /// Where faults and the programs' decisions come from; drawn and printed unless given.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Adds something that works by a wrong rule and must be caught. Then the run ends with 0 when it was caught.
    #[arg(long, value_enum)]
    pub(crate) control: Option<Control>,
    /// Arguments for the workload, `earnorm-store/examples/stress`.
    #[arg(last = true)]
    pub(crate) workload: Vec<String>,
}

/// A wrong way to work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Control {
    /// Takes the word of one member for an acknowledgement.
    W1,
    /// Handlers count in one commit and remember in another where they are. The workload catches them.
    LooseHandlers,
}

impl Options {
    /// The command that runs this again.
    pub(crate) fn command(&self, seed: u64) -> String {
        let control = self.control.map(|control| match control {
            Control::W1 => " --control w1",
            Control::LooseHandlers => " --control loose-handlers",
        });
        let time = self.time.as_secs();
        format!("cargo xtask chaos --seed {seed} --time {time}s{}", control.unwrap_or_default())
    }

    /// Whether each kind of fault must happen.
    fn is_whole(&self) -> bool {
        self.time >= WHOLE
    }

    /// How long faults may go on.
    fn limit(&self) -> Duration {
        if self.is_whole() { 3 * self.time } else { self.time }
    }
}

/// A short run, with the control.
pub(crate) fn short(workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    if !cfg!(unix) {
        say("no cluster faults: this system cannot freeze a process");
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options { time: SHORT, seed: None, control: Some(Control::W1), workload: Vec::new() };
    run(&options, workspace, interrupt)
}

/// Builds the workload and runs it all.
pub(crate) fn run(options: &Options, workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    let built = workload::build(workspace, interrupt)?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let outcome = torture(options, workspace, interrupt)?;
    Ok(if outcome.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs it all with a workload that is built, and says what it came to.
pub(crate) fn torture(options: &Options, workspace: &Workspace, interrupt: &Interrupt) -> Result<Outcome> {
    let seed = options.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000_000));
    let binary = mongo::own_program(workspace, interrupt)?;
    say(format_args!("seed {seed}: `{}` brings the same faults in the same order", options.command(seed)));
    // Servers end with the thread that starts them, so everything but the proxies stays on this one.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(async {
        let mut cluster = Cluster::start(&binary, &workspace.mongodb_dir(), interrupt).await?;
        let outcome = torment(options, seed, workspace, interrupt, &mut cluster).await;
        let is_good = outcome.as_ref().is_ok_and(Outcome::is_good);
        cluster.finish(!is_good && !interrupt.raised())?;
        let outcome = outcome.with_context(|| format!("seed {seed}"))?;
        outcome.tell();
        Ok(outcome)
    })
}

async fn torment(
    options: &Options,
    seed: u64,
    workspace: &Workspace,
    interrupt: &Interrupt,
    cluster: &mut Cluster,
) -> Result<Outcome> {
    let uri = cluster.uri();
    say(format_args!("three members are at work behind {uri}"));
    let notes = match options.control {
        Some(Control::W1) => Some(Notes::begin(cluster).await.context("the control could not begin")?),
        Some(Control::LooseHandlers) | None => None,
    };
    let mut workload = Workload::start(workspace, options, seed, &uri, options.limit() + 3 * FIRST_ACK)?;
    workload.writing(interrupt).await?;
    let began = Instant::now();
    let until = Until { end: began + options.time.saturating_sub(LAST), limit: began + options.limit() };
    let mut scene = Scene { cluster: &mut *cluster, workload: &mut workload, notes };
    let faults = scene.torment(&mut Faults::new(seed, options.time), until).await?;
    let notes = scene.notes;
    sleep_until((began + options.time).into()).await;
    workload.stop();
    // Handlers may have as much left to do as writers have done.
    let (is_fine, report) = workload.ended(2 * began.elapsed() + END, interrupt).await?;
    let differences = cluster.differences(workload::DATABASE, SAME).await?;
    let lost = match notes {
        Some(notes) => Some(notes.lost(cluster).await.context("the control could not be judged")?),
        None => None,
    };
    let command = options.command(seed);
    let kills_all = options.control != Some(Control::LooseHandlers);
    let must_be_whole = options.is_whole();
    Ok(Outcome { command, must_be_whole, kills_all, faults, is_fine, differences, lost, report })
}

/// Reads `60`, `60s`, `10m` and `1h`.
pub(crate) fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3_600),
        _ => None,
    };
    let number: Option<u64> = number.parse().ok();
    let time = number.zip(seconds).and_then(|(number, seconds)| number.checked_mul(seconds));
    time.map(Duration::from_secs).ok_or_else(|| format!("`{text}` is no time: write it as `60s` or `10m`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_seeds_are_given_again_with_all_that_decides() {
        assert_eq!(["60", "60s", "1m"].map(parse_time), [const { Ok(Duration::from_secs(60)) }; 3]);
        assert!(["", "m", "5d", "-1s"].map(parse_time).iter().all(Result::is_err));
        let options = Options { time: WHOLE, seed: None, control: Some(Control::W1), workload: Vec::new() };
        assert_eq!(options.command(7), "cargo xtask chaos --seed 7 --time 60s --control w1");
    }
}
