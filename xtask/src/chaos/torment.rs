//! Faults as they are done: one after another, each until it has had its effect, and then everything is made whole.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use mongodb::bson::doc;
use tokio::time::sleep;

use super::FIRST_ACK;
use super::cluster::Cluster;
use super::control::Notes;
use super::faults::{Done, Fault, Faults, Times, missing};
use super::links::{Mode, Way};
use super::workload::Workload;
use crate::process::POLL;
use crate::say;

/// What the cluster has to get to work again after a fault, and to elect another primary in one.
const RECOVERY: Duration = Duration::from_secs(60);

/// Until when there are faults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    /// When there are enough, if each kind was among them.
    pub(crate) end: Instant,
    /// When there are enough whatever was among them.
    pub(crate) limit: Instant,
}

/// Whom it happens to.
pub(crate) struct Scene<'a> {
    pub(crate) cluster: &'a mut Cluster,
    pub(crate) workload: &'a mut Workload,
    /// Who writes to a primary that has lost the others, where that is wanted.
    pub(crate) notes: Option<Notes>,
}

impl Scene<'_> {
    /// Torments the cluster, and leaves it whole.
    pub(crate) async fn torment(&mut self, faults: &mut Faults, until: Until) -> Result<Vec<Done>> {
        let mut all = Vec::new();
        loop {
            let now = Instant::now();
            if now >= until.limit || (now >= until.end && missing(&all).is_empty()) {
                return Ok(all);
            }
            let (fault, times) = faults.next();
            let number = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let done = self.inflict(number, fault, times).await.with_context(|| format!("in {fault:?}"))?;
            say(format_args!(
                "{fault:?} for {:.1?}, {} elections, whole again {:.1?} later, first acknowledgement after {}",
                done.lasted,
                done.elections,
                done.recovery,
                done.first_ack.map_or_else(|| "NEVER".to_owned(), |after| format!("{after:.1?}"))
            ));
            all.push(done);
            sleep(times.pause).await;
        }
    }

    async fn inflict(&mut self, number: u32, fault: Fault, times: Times) -> Result<Done> {
        let primary = self.cluster.wait_for_primary(RECOVERY).await?;
        let term = self.cluster.term().await;
        let began = Instant::now();
        self.begin(fault, primary, times).await?;
        self.workload.mark(number)?;
        if fault.deposes() {
            self.cluster.wait_for_successor(primary, RECOVERY).await?;
        }
        sleep(times.lasts).await;
        if fault == Fault::CutKill {
            self.change_places(primary).await?;
        }
        let ended = Instant::now();
        self.cluster.settle(RECOVERY).await?;
        let recovery = ended.elapsed();
        let elections = self.cluster.term().await - term;
        // Programs get to work again too, so that each fault shows for how long they did not.
        let late = ended + FIRST_ACK;
        while self.workload.first_ack(number).is_none() && Instant::now() < late {
            self.cluster.check()?;
            sleep(POLL).await;
        }
        let first_ack = self.workload.first_ack(number);
        Ok(Done { fault, lasted: ended - began, recovery, elections, first_ack })
    }

    async fn begin(&mut self, fault: Fault, primary: usize, times: Times) -> Result<()> {
        let secondary = (primary + times.secondary) % self.cluster.members.len();
        match fault {
            Fault::CutKill => {
                self.kill(|member| member != primary);
                if let Some(notes) = &mut self.notes {
                    notes.write(self.cluster, primary).await?;
                }
            }
            Fault::KillPrimary => self.kill(|member| member == primary),
            Fault::KillSecondary => self.kill(|member| member == secondary),
            Fault::KillAll => self.kill(|_| true),
            Fault::StepDown => {
                let command = doc! { "replSetStepDown": 5, "secondaryCatchUpPeriodSecs": 1, "force": true };
                // It may be gone before it answers.
                let _unheard = self.cluster.ask(primary, "admin", command).await;
            }
            Fault::FreezePrimary => self.freeze(primary)?,
            Fault::FreezeSecondary => self.freeze(secondary)?,
            Fault::IsolatePrimary => self.cluster.links.peers(primary, Way::Both, Mode::Hold),
            Fault::MutePrimary => self.cluster.links.peers(primary, Way::From, Mode::Hold),
            Fault::DeafPrimary => self.cluster.links.peers(primary, Way::To, Mode::Hold),
            Fault::CutPrimary => {
                self.cluster.links.peers(primary, Way::Both, Mode::Cut);
                self.cluster.links.clients(primary, Mode::Cut);
            }
            Fault::HidePrimary => self.cluster.links.clients(primary, Mode::Hold),
            Fault::Slow => {
                let member = if times.is_primary { primary } else { secondary };
                self.cluster.links.peers(member, Way::Both, Mode::Delay(times.delay));
                self.cluster.links.clients(member, Mode::Delay(times.delay));
            }
        }
        Ok(())
    }

    /// The primary goes, and only then the others come back.
    async fn change_places(&mut self, primary: usize) -> Result<()> {
        self.kill(|member| member == primary);
        for (number, member) in self.cluster.members.iter_mut().enumerate() {
            if number != primary {
                member.start()?;
            }
        }
        self.cluster.wait_for_successor(primary, RECOVERY).await
    }

    fn kill(&mut self, who: impl Fn(usize) -> bool) {
        for (number, member) in self.cluster.members.iter_mut().enumerate() {
            if who(number) {
                member.kill();
            }
        }
    }

    fn freeze(&mut self, who: usize) -> Result<()> {
        self.cluster.members.get(who).context("there is no such member")?.freeze()
    }
}
