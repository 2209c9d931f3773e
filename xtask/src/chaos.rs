//! Cluster faults: programs work on a replica set of three while its members are killed, frozen and cut from each other,
//! and in the end it is compared what they were told, what they saw and what is there.

mod cluster;
mod control;
mod faults;
mod links;
mod member;
mod proxy;
mod workload;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rand::Rng;

use self::cluster::Cluster;
use self::control::Lost;
use self::faults::{Done, Faults};
use self::workload::Workload;
use crate::process::Interrupt;
use crate::workspace::Workspace;
use crate::{mongo, say};

/// How long before the writers' end the last fault begins at the latest.
const LAST: Duration = Duration::from_secs(5);
/// How long programs write in a short run.
const SHORT: Duration = Duration::from_secs(20);
/// What secondaries have to catch up in the end.
const SAME: Duration = Duration::from_secs(30);
/// Threads for proxies.
const THREADS: usize = 2;

/// What can be asked of a run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// For how long programs write, in seconds: `60` or `60s`.
    #[arg(long, value_parser = parse_time, default_value = "60s")]
    time: Duration,
    /// Where faults and the programs' decisions come from; drawn and printed unless given.
    #[arg(long)]
    seed: Option<u64>,
    /// Adds a program that works by a wrong rule and must be caught losing what was acknowledged to it.
    #[arg(long, value_enum)]
    control: Option<Control>,
    /// Arguments for the workload, `earnorm-store/examples/stress`.
    #[arg(last = true)]
    workload: Vec<String>,
}

/// A wrong way to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Control {
    /// Takes the word of one member for an acknowledgement.
    W1,
    /// Handlers count in one commit and remember in another where they are. The workload catches them.
    LooseHandlers,
}

/// What a run came to.
struct Outcome {
    faults: Vec<Done>,
    /// Whether the programs found nothing wrong but what is wrong on purpose.
    is_fine: bool,
    /// Collections that are not the same on all members.
    differences: Vec<String>,
    lost: Option<Lost>,
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

/// Runs it all.
pub(crate) fn run(options: &Options, workspace: &Workspace, interrupt: &Interrupt) -> Result<ExitCode> {
    let seed = options.seed.unwrap_or_else(|| rand::rng().random_range(0..1_000_000_000));
    let built = workload::build(workspace, interrupt)?;
    if built != ExitCode::SUCCESS {
        return Ok(built);
    }
    let binary = mongo::own_program(workspace, interrupt)?;
    say(format_args!("seed {seed}: `cargo xtask chaos --seed {seed}` brings the same faults in the same order"));
    // Servers end with the thread that starts them, so everything but the proxies stays on this one.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(THREADS).enable_all().build()?;
    runtime.block_on(async {
        let mut cluster = Cluster::start(&binary, &workspace.mongodb_dir(), interrupt).await?;
        let outcome = torment(options, seed, workspace, interrupt, &mut cluster).await;
        let is_good = outcome.as_ref().is_ok_and(|outcome| outcome.is_good(options));
        cluster.finish(!is_good && !interrupt.raised())?;
        outcome?.tell(options, seed);
        Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
    let mut workload = Workload::start(workspace, options, seed, &uri)?;
    let end = workload.writing(interrupt).await?;
    let lost = match options.control {
        Some(Control::W1) => Some(control::run(cluster).await.context("the control could not be run")?),
        Some(Control::LooseHandlers) | None => None,
    };
    let last = end.checked_sub(LAST).unwrap_or_else(Instant::now);
    let faults = Faults::new(seed).torment(cluster, last).await?;
    let is_fine = workload.ended(interrupt).await?;
    let differences = cluster.differences(workload::DATABASE, SAME).await?;
    Ok(Outcome { faults, is_fine, differences, lost })
}

impl Outcome {
    /// Whether nothing is wrong but what is wrong on purpose.
    fn is_good(&self, options: &Options) -> bool {
        let is_caught = self.lost.is_some_and(|lost| lost.lost > 0);
        self.is_fine && self.differences.is_empty() && is_caught == (options.control == Some(Control::W1))
    }

    fn tell(&self, options: &Options, seed: u64) {
        let slowest = self.faults.iter().max_by_key(|done| done.recovery);
        if let Some(Done { fault, recovery }) = slowest {
            let count = self.faults.len();
            say(format_args!("{count} faults; whole again after {recovery:?} at the latest, after {fault:?}"));
        }
        for name in &self.differences {
            say(format_args!("WRONG: collection {name} is not the same on all members"));
        }
        if let Some(Lost { acknowledged, lost }) = self.lost {
            let ruling = if lost > 0 { "caught, as it must be" } else { "NOT CAUGHT" };
            say(format_args!("control w1: {lost} of {acknowledged} acknowledged writes are lost: {ruling}"));
        }
        let ruling = if self.is_good(options) { "nothing is wrong" } else { "SOMETHING IS WRONG" };
        say(format_args!("{ruling} (seed {seed})"));
    }
}

/// Reads `60` and `60s`.
fn parse_time(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix('s').unwrap_or(text).parse();
    number.map(Duration::from_secs).map_err(|_| format!("`{text}` is no number of seconds: write it as `60s`"))
}
