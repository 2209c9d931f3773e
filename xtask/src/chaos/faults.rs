//! What is done to the cluster, one thing after another, in an order and for times that come from the seed.

use std::time::{Duration, Instant};

use anyhow::Result;
use mongodb::bson::doc;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tokio::time::sleep;

use super::cluster::Cluster;
use super::links::{MEMBERS, Mode};
use crate::say;

/// What the cluster has to get to work again after a fault.
const RECOVERY: Duration = Duration::from_secs(60);

/// Something that happens to clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The primary is killed with -9 and comes back.
    KillPrimary,
    /// A secondary is killed with -9 and comes back.
    KillSecondary,
    /// All are killed with -9 at once and come back.
    KillAll,
    /// The primary is asked to let another take its place.
    StepDown,
    /// The primary stands still, and does not know so when it goes on.
    FreezePrimary,
    /// A secondary stands still.
    FreezeSecondary,
    /// Nothing gets from the primary to the others and back; programs still reach it.
    IsolatePrimary,
    /// The connections between the primary and everybody else are closed and refused.
    CutPrimary,
    /// Programs do not reach the primary, members do.
    HidePrimary,
    /// Everything to and from a member takes longer.
    Slow,
}

const ALL: [Fault; 9] = [
    Fault::StepDown,
    Fault::FreezePrimary,
    Fault::IsolatePrimary,
    Fault::CutPrimary,
    Fault::HidePrimary,
    Fault::Slow,
    Fault::KillSecondary,
    Fault::FreezeSecondary,
    Fault::KillAll,
];

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) fault: Fault,
    /// How long it took from its end until the cluster was whole again.
    pub(crate) recovery: Duration,
}

/// Decides what happens next.
#[derive(Debug)]
pub(crate) struct Faults {
    random: StdRng,
    /// What still comes in this round, the next one last.
    round: Vec<Fault>,
}

impl Faults {
    /// The faults of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: StdRng::seed_from_u64(seed), round: Vec::new() }
    }

    /// The next fault: a kill of the primary and all others in each round.
    fn next(&mut self) -> Fault {
        if let Some(fault) = self.round.pop() {
            return fault;
        }
        self.round = ALL.to_vec();
        self.round.shuffle(&mut self.random);
        Fault::KillPrimary
    }

    /// Torments a cluster until then, and leaves it whole.
    pub(crate) async fn torment(&mut self, cluster: &mut Cluster, until: Instant) -> Result<Vec<Done>> {
        let mut all = Vec::new();
        while Instant::now() < until {
            cluster.check()?;
            let fault = self.next();
            let time = self.time(500..4_000);
            self.inflict(cluster, fault, time).await?;
            let ended = Instant::now();
            cluster.settle(RECOVERY).await?;
            let recovery = ended.elapsed();
            say(format_args!("{fault:?} for {} ms, whole again {} ms later", time.as_millis(), recovery.as_millis()));
            all.push(Done { fault, recovery });
            sleep(self.time(2_000..6_000)).await;
        }
        Ok(all)
    }

    fn time(&mut self, millis: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(millis))
    }

    async fn inflict(&mut self, cluster: &mut Cluster, fault: Fault, time: Duration) -> Result<()> {
        let primary = cluster.wait_for_primary(RECOVERY).await?;
        let secondary = (primary + self.random.random_range(1..MEMBERS)) % MEMBERS;
        // A partition must outlast the election to be worth its name.
        let long = time + Duration::from_secs(3);
        match fault {
            Fault::KillPrimary => kill(cluster, |member| member == primary, time).await,
            Fault::KillSecondary => kill(cluster, |member| member == secondary, time).await,
            Fault::KillAll => kill(cluster, |_| true, time / 4).await,
            Fault::StepDown => {
                let command = doc! { "replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 1, "force": true };
                // It may be gone before it answers.
                let _unheard = cluster.ask(primary, "admin", command).await;
            }
            Fault::FreezePrimary => freeze(cluster, primary, long).await?,
            Fault::FreezeSecondary => freeze(cluster, secondary, time).await?,
            Fault::IsolatePrimary => {
                cluster.links.peers(primary, Mode::Hold);
                sleep(long).await;
            }
            Fault::CutPrimary => {
                cluster.links.peers(primary, Mode::Cut);
                cluster.links.clients(primary, Mode::Cut);
                sleep(long).await;
            }
            Fault::HidePrimary => {
                cluster.links.clients(primary, Mode::Hold);
                sleep(time).await;
            }
            Fault::Slow => {
                let mode = Mode::Delay(self.time(5..150));
                let member = if self.random.random_bool(0.5) { primary } else { secondary };
                cluster.links.peers(member, mode);
                cluster.links.clients(member, mode);
                sleep(time).await;
            }
        }
        Ok(())
    }
}

async fn kill(cluster: &mut Cluster, who: impl Fn(usize) -> bool, time: Duration) {
    for (number, member) in cluster.members.iter_mut().enumerate() {
        if who(number) {
            member.kill();
        }
    }
    sleep(time).await;
}

async fn freeze(cluster: &Cluster, who: usize, time: Duration) -> Result<()> {
    let Some(member) = cluster.members.get(who) else { return Ok(()) };
    member.freeze()?;
    sleep(time).await;
    member.thaw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64) -> Vec<Fault> {
        let mut faults = Faults::new(seed);
        (0..20).map(|_| faults.next()).collect()
    }

    #[test]
    fn the_same_seed_brings_the_same_faults_and_each_round_brings_all() {
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        for round in order(7).chunks(10) {
            let mut round = round.to_vec();
            round.sort_unstable();
            round.dedup();
            assert_eq!(round.len(), 10);
        }
    }
}
