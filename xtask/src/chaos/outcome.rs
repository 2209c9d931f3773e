//! What a run came to, and how it is judged.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::FIRST_ACK;
use super::control::Lost;
use super::faults::{Done, Fault, missing};
use crate::say;

/// Kinds of processes: writers, bankers, handlers, readers.
const PROCESSES: usize = 4;

/// What a run came to.
pub(crate) struct Outcome {
    /// The command that runs it again.
    pub(crate) command: String,
    /// Whether each kind of fault had to happen.
    pub(crate) must_be_whole: bool,
    /// Whether processes of each kind are killed.
    pub(crate) kills_all: bool,
    pub(crate) faults: Vec<Done>,
    /// Whether the programs found nothing wrong but what is wrong on purpose.
    pub(crate) is_fine: bool,
    /// Collections that are not the same on all members.
    pub(crate) differences: Vec<String>,
    /// What the control `w1` lost, where there was one.
    pub(crate) lost: Option<Lost>,
    /// What the workload reports.
    pub(crate) report: Value,
}

impl Outcome {
    /// Whether nothing is wrong but what is wrong on purpose, and that was caught.
    pub(crate) fn is_good(&self) -> bool {
        self.is_fine && self.wrong().is_empty()
    }

    /// Everything that is wrong beside what the workload found.
    fn wrong(&self) -> Vec<String> {
        let mut wrong: Vec<_> =
            self.differences.iter().map(|name| format!("collection {name} is not the same on all members")).collect();
        for late in self.faults.iter().filter(|done| done.is_late()) {
            wrong.push(format!("no commit was acknowledged within {FIRST_ACK:?} after {:?}", late.fault));
        }
        if self.must_be_whole && !missing(&self.faults).is_empty() {
            wrong.push(format!("these faults did not happen in time: {:?}", missing(&self.faults)));
        }
        let killed = self.report.pointer("/commits/killed").and_then(Value::as_object);
        if self.must_be_whole && self.kills_all && killed.is_none_or(|killed| killed.len() < PROCESSES) {
            wrong.push("not each kind of process was killed".to_owned());
        }
        if self.lost.is_some_and(|lost| lost.lost == 0) {
            wrong.push("the control w1 was not caught".to_owned());
        }
        wrong
    }

    /// How many faults of each kind there were, and the longest of the times after them.
    pub(crate) fn by_kind(&self) -> BTreeMap<Fault, Kind> {
        let mut kinds: BTreeMap<Fault, Kind> = BTreeMap::new();
        for done in &self.faults {
            kinds.entry(done.fault).or_default().add(Kind {
                count: 1,
                elections: done.elections,
                recovery: done.recovery,
                first_ack: done.first_ack.unwrap_or(Duration::MAX),
            });
        }
        kinds
    }

    /// Says it.
    pub(crate) fn tell(&self) {
        for (fault, kind) in self.by_kind() {
            let Kind { count, elections, recovery, first_ack } = kind;
            say(format_args!(
                "{count} x {fault:?}: {elections} elections, first acknowledgement after {first_ack:.1?} at the latest, \
                 whole again {recovery:.1?} after its end"
            ));
        }
        if let Some(Lost { acknowledged, lost }) = self.lost {
            let ruling = if lost > 0 { "caught, as it must be" } else { "NOT CAUGHT" };
            say(format_args!("control w1: {lost} of {acknowledged} acknowledged writes are lost: {ruling}"));
        }
        for wrong in self.wrong() {
            say(format_args!("WRONG: {wrong}"));
        }
        let ruling = if self.is_good() { "nothing is wrong" } else { "SOMETHING IS WRONG" };
        say(format_args!("{} faults: {ruling} (`{}`)", self.faults.len(), self.command));
    }
}

/// Faults of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kind {
    pub(crate) count: u64,
    pub(crate) elections: i64,
    pub(crate) recovery: Duration,
    pub(crate) first_ack: Duration,
}

impl Kind {
    /// Adds those of another run.
    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.elections += other.elections;
        self.recovery = self.recovery.max(other.recovery);
        self.first_ack = self.first_ack.max(other.first_ack);
    }
}

impl Done {
    /// Whether programs could not write for too long.
    fn is_late(&self) -> bool {
        self.first_ack.is_none_or(|first| first > self.lasted + FIRST_ACK)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn outcome(change: impl FnOnce(&mut Outcome)) -> bool {
        let done = |fault| {
            let second = Duration::from_secs(1);
            Done { fault, lasted: second, recovery: second, elections: 1, first_ack: Some(second) }
        };
        let mut outcome = Outcome {
            command: String::new(),
            must_be_whole: true,
            kills_all: true,
            faults: Fault::ALL.into_iter().map(done).collect(),
            is_fine: true,
            differences: Vec::new(),
            lost: Some(Lost { acknowledged: 2, lost: 1 }),
            report: json!({ "commits": { "killed": { "writers": 1, "bankers": 1, "handlers": 1, "readers": 1 } } }),
        };
        change(&mut outcome);
        outcome.is_good()
    }

    #[test]
    fn everything_must_be_right_and_the_control_be_caught() {
        assert!(outcome(|_| ()));
        assert!(outcome(|outcome| outcome.lost = None));
        assert!(!outcome(|outcome| outcome.lost = Some(Lost { acknowledged: 2, lost: 0 })));
        assert!(!outcome(|outcome| outcome.is_fine = false));
        assert!(!outcome(|outcome| outcome.differences.push("events".to_owned())));
        assert!(!outcome(|outcome| outcome.faults[3].first_ack = None));
        assert!(!outcome(|outcome| outcome.faults[3].first_ack = Some(FIRST_ACK + Duration::from_secs(2))));
        assert!(!outcome(|outcome| outcome.faults.truncate(12)));
        assert!(!outcome(|outcome| outcome.report = json!({ "commits": { "killed": { "writers": 9 } } })));
        assert!(!outcome(|outcome| outcome.report = Value::Null));
        assert!(outcome(|outcome| {
            outcome.faults.truncate(12);
            outcome.must_be_whole = false;
        }));
    }
}
