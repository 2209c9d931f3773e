//! What is done to the cluster: which faults there are, and in which order and for which times a seed brings them.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::links::MEMBERS;

/// Something that happens to clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The secondaries are killed with -9, then the primary, which comes back last: what it alone had is lost.
    CutKill,
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
    /// Nothing gets from the primary to the others; it hears them.
    MutePrimary,
    /// Nothing gets from the others to the primary; they hear it.
    DeafPrimary,
    /// The connections between the primary and everybody else are closed and refused.
    CutPrimary,
    /// Programs do not reach the primary, members do.
    HidePrimary,
    /// Everything to and from a member takes longer.
    Slow,
}

impl Fault {
    /// All there are.
    pub(crate) const ALL: [Self; 13] = [
        Self::CutKill,
        Self::KillPrimary,
        Self::KillSecondary,
        Self::KillAll,
        Self::StepDown,
        Self::FreezePrimary,
        Self::FreezeSecondary,
        Self::IsolatePrimary,
        Self::MutePrimary,
        Self::DeafPrimary,
        Self::CutPrimary,
        Self::HidePrimary,
        Self::Slow,
    ];

    /// Whether another member must take the primary's place while it lasts.
    pub(crate) fn deposes(self) -> bool {
        match self {
            Self::KillPrimary
            | Self::StepDown
            | Self::FreezePrimary
            | Self::IsolatePrimary
            | Self::MutePrimary
            | Self::DeafPrimary
            | Self::CutPrimary => true,
            // Nobody is left, or the primary does its work.
            Self::CutKill
            | Self::KillSecondary
            | Self::KillAll
            | Self::FreezeSecondary
            | Self::HidePrimary
            | Self::Slow => false,
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Done {
    pub(crate) fault: Fault,
    /// How long it lasted.
    pub(crate) lasted: Duration,
    /// How long it took from its end until the cluster was whole again.
    pub(crate) recovery: Duration,
    /// How many elections there were.
    pub(crate) elections: i64,
    /// How long it took from its beginning until a commit was acknowledged that was sent after that, if any was.
    pub(crate) first_ack: Option<Duration>,
}

/// Decides what happens next.
#[derive(Debug)]
pub(crate) struct Faults {
    random: StdRng,
    /// What still comes in this round, the next one last.
    round: Vec<Fault>,
    /// The longest that one lasts, and the longest pause after it.
    longest: Duration,
    pause: Duration,
}

/// Times of one fault.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// How long it lasts after it had its effect.
    pub(crate) lasts: Duration,
    pub(crate) pause: Duration,
    /// By how much a slow link is slow.
    pub(crate) delay: Duration,
    /// Which of the secondaries is meant.
    pub(crate) secondary: usize,
    /// Whether the primary is meant, where both would do.
    pub(crate) is_primary: bool,
}

impl Faults {
    /// The faults of a seed in a run of that length: each kind fits into a run of a minute.
    pub(crate) fn new(seed: u64, time: Duration) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            round: Vec::new(),
            longest: (time / 40).clamp(Duration::from_millis(1_000), Duration::from_secs(4)),
            pause: (time / 60).clamp(Duration::from_millis(500), Duration::from_secs(5)),
        }
    }

    /// The next fault: in each round all of them, after one that loses what only the primary had.
    pub(crate) fn next(&mut self) -> (Fault, Times) {
        if self.round.is_empty() {
            self.round = Fault::ALL.to_vec();
            if let Some(others) = self.round.get_mut(1..) {
                others.shuffle(&mut self.random);
            }
            self.round.reverse();
        }
        let times = Times {
            lasts: self.upto(self.longest),
            pause: self.upto(self.pause),
            delay: Duration::from_millis(self.random.random_range(5..150)),
            secondary: self.random.random_range(1..MEMBERS),
            is_primary: self.random.random_bool(0.5),
        };
        (self.round.pop().unwrap_or(Fault::CutKill), times)
    }

    fn upto(&mut self, longest: Duration) -> Duration {
        longest.mul_f64(self.random.random_range(0.2..1.0))
    }
}

/// The kinds of faults that were not among these.
pub(crate) fn missing(done: &[Done]) -> Vec<Fault> {
    let seen: BTreeSet<Fault> = done.iter().map(|done| done.fault).collect();
    Fault::ALL.into_iter().filter(|fault| !seen.contains(fault)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64) -> Vec<Fault> {
        let mut faults = Faults::new(seed, Duration::from_secs(60));
        (0..26).map(|_| faults.next().0).collect()
    }

    #[test]
    fn the_same_seed_brings_the_same_faults_and_each_round_brings_all() {
        assert_eq!(order(7), order(7));
        assert_ne!(order(7), order(8));
        for round in order(7).chunks(Fault::ALL.len()) {
            assert_eq!(round[0], Fault::CutKill);
            let done: Vec<_> = round.iter().map(|&fault| done(fault)).collect();
            assert_eq!(missing(&done), []);
            assert_eq!(missing(&done[1..]), [Fault::CutKill]);
        }
    }

    fn done(fault: Fault) -> Done {
        let none = Duration::ZERO;
        Done { fault, lasted: none, recovery: none, elections: 0, first_ack: None }
    }
}
