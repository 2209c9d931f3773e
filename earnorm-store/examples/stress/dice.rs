//! The decisions of a writer, all of which come from the seed.

use std::time::Duration;

use earnorm_store::sabotage::Sabotage;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::line::How;

/// How many streams all writers share.
pub(crate) const SHARED_STREAMS: u64 = 64;
/// How many accounts all writers share.
pub(crate) const SHARED_ACCOUNTS: u64 = 32;

/// What a writer sends next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Events at any version of shared streams: stream and number of events, each stream once.
    Shared(Vec<(u64, usize)>),
    /// The first event of a stream of its own.
    Note,
    /// A change of the lane's own account: the stream and its state document.
    Own { events: usize, whole: bool },
    /// The end of the lane's own account; the next one is another.
    Close,
    /// A change of an account that others change too.
    Contested { account: u64, events: usize },
}

/// A seeded writer's mind.
#[derive(Debug)]
pub(crate) struct Dice {
    random: StdRng,
    stall_max: Duration,
}

impl Dice {
    pub(crate) fn new(seed: u64, lane: u32, stall_max: Duration) -> Self {
        // The golden ratio spreads neighbouring lanes over all seeds (Steele et al., SplitMix, OOPSLA 2014).
        let seed = seed.wrapping_add(u64::from(lane).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self { random: StdRng::seed_from_u64(seed), stall_max }
    }

    /// What goes wrong: 10% abandon, 10% abort, 3% stall, 4% lose an answer.
    pub(crate) fn fate(&mut self) -> (How, Option<Sabotage>) {
        match self.random.random_range(0..100) {
            0..10 => (How::Abandon, Some(Sabotage::AbandonAfterReserve)),
            10..20 => (How::Abort, Some(Sabotage::AbortAfterInsert)),
            20..23 => {
                let time = self.stall_max.mul_f64(self.random.random_range(0.1..1.0));
                (How::Stall, Some(Sabotage::Stall(time)))
            }
            23..25 => (How::LoseAnswer, Some(Sabotage::LoseCommitAnswer)),
            25..27 => (How::FailOnce, Some(Sabotage::FailCommitOnce)),
            _ => (How::Plain, None),
        }
    }

    /// What to send. One that stalls mostly keeps to itself: it would hold up all others who want the same stream.
    pub(crate) fn shape(&mut self, how: How) -> Shape {
        let random = &mut self.random;
        let alone = how == How::Stall && random.random_range(0..4) > 0;
        match random.random_range(0..100) {
            _ if alone => Shape::Own { events: random.random_range(1..4), whole: false },
            0..35 => Shape::Shared(vec![(random.random_range(0..SHARED_STREAMS), random.random_range(1..4))]),
            35..45 => {
                let first = random.random_range(0..SHARED_STREAMS);
                let streams = random.random_range(2..5);
                let stream = |step: u64| (first + step * 7) % SHARED_STREAMS;
                Shape::Shared((0..streams).map(|step| (stream(step), random.random_range(1..3))).collect())
            }
            45..50 => Shape::Shared(vec![(random.random_range(0..SHARED_STREAMS), random.random_range(20..60))]),
            50..60 => Shape::Note,
            60..83 => Shape::Own { events: random.random_range(1..4), whole: random.random_bool(0.2) },
            83..85 => Shape::Close,
            _ => {
                Shape::Contested { account: random.random_range(0..SHARED_ACCOUNTS), events: random.random_range(1..3) }
            }
        }
    }

    /// Whether to look at the high-water mark before the next commit.
    pub(crate) fn looks(&mut self) -> bool {
        self.random.random_range(0..10) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_decides_the_same() {
        let decisions = |seed, lane| {
            let mut dice = Dice::new(seed, lane, Duration::from_secs(3));
            (0..200)
                .map(|_| {
                    let fate = dice.fate();
                    (fate, dice.shape(fate.0))
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(decisions(42, 1), decisions(42, 1));
        assert_ne!(decisions(42, 1), decisions(42, 2));
        assert_ne!(decisions(42, 1), decisions(43, 1));
    }
}
