//! Who is killed when: processes of each kind in turn, in an order and at times that come from the seed.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::options::Options;
use super::worker::Kind;

/// Decides who is killed next.
#[derive(Debug)]
pub(crate) struct Kills {
    random: StdRng,
    kinds: Vec<Kind>,
    /// Who still comes in this round.
    round: Vec<Kind>,
    /// When; never where nobody is killed.
    pub(crate) due: Option<Instant>,
}

impl Kills {
    /// The kills of a seed.
    pub(crate) fn new(options: &Options, seed: u64) -> Self {
        let mut kinds = vec![Kind::Writers];
        if options.has_bank() {
            kinds.push(Kind::Bankers);
        }
        if options.handlers > 0 {
            kinds.push(Kind::Handlers);
        }
        // A wrong reader has no checkpoint to go on from.
        if options.control.is_none() {
            kinds.push(Kind::Readers);
        }
        if options.loose_handlers {
            // A control is to be caught for sure: it is killed where it matters, and stays alive to get there.
            kinds.clear();
        }
        Self { random: StdRng::seed_from_u64(seed), kinds, round: Vec::new(), due: None }
    }

    /// Chooses the time of the next.
    pub(crate) fn wait(&mut self) {
        self.due = Some(Instant::now() + Duration::from_millis(self.random.random_range(2_000..6_000)));
    }

    /// Whose turn it is.
    pub(crate) fn kind(&mut self) -> Option<Kind> {
        if self.round.is_empty() {
            self.round.clone_from(&self.kinds);
            self.round.shuffle(&mut self.random);
        }
        self.round.pop()
    }

    /// One of these.
    pub(crate) fn one_of(&mut self, numbers: &[usize]) -> Option<usize> {
        let last = numbers.len().checked_sub(1)?;
        numbers.get(self.random.random_range(0..=last)).copied()
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn kinds(args: &[&str], seed: u64) -> Vec<Kind> {
        let options = Options::parse_from([&["stress", "--kill-writers"], args].concat());
        let mut kills = Kills::new(&options, seed);
        (0..12).filter_map(|_| kills.kind()).collect()
    }

    #[test]
    fn each_kind_has_its_turn_in_each_round() {
        let all = kinds(&["--bankers", "1", "--handlers", "1"], 7);
        assert_eq!(all, kinds(&["--bankers", "1", "--handlers", "1"], 7));
        assert_ne!(all, kinds(&["--bankers", "1", "--handlers", "1"], 8));
        for round in all.chunks(4) {
            let mut round = round.to_vec();
            round.sort();
            assert_eq!(round, [Kind::Writers, Kind::Bankers, Kind::Handlers, Kind::Readers]);
        }
        assert_eq!(kinds(&["--control", "naive"], 7), [Kind::Writers; 12]);
        assert_eq!(kinds(&["--handlers", "1", "--loose-handlers"], 7), []);
    }
}
