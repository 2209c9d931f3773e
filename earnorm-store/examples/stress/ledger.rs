//! The parent's book of a run: what writers were told, and what readers saw.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde::Serialize;

use super::bank::Fate;
use super::keys::{Key, lane};
use super::line::{How, Line, Why};
use super::worker::Kind;

/// An event that a writer was told is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Acked {
    pub(crate) key: Key,
    pub(crate) position: i64,
    pub(crate) version: u64,
}

/// An event that a reader saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) position: i64,
    pub(crate) key: Key,
    pub(crate) version: u64,
}

/// One pass of a reader over the log.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pass {
    pub(crate) reader: u32,
    pub(crate) after: i64,
    pub(crate) seen: Vec<Seen>,
}

/// How many commits came to what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) acknowledged: u64,
    pub(crate) acknowledged_events: u64,
    pub(crate) abandoned: u64,
    pub(crate) aborted: u64,
    pub(crate) stalled: u64,
    pub(crate) answers_lost: u64,
    pub(crate) conflicts: u64,
    pub(crate) failed: u64,
    pub(crate) unclear: u64,
    /// Processes that were killed, by what they did.
    pub(crate) killed: BTreeMap<Kind, u64>,
}

/// Everything that was told.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) counts: Counts,
    pub(crate) acked: Vec<Acked>,
    /// First key and number of events of each refused commit.
    pub(crate) refused: Vec<(Key, u64)>,
    /// The same of those whose fate the store could not tell.
    pub(crate) unclear: Vec<(Key, u64)>,
    pub(crate) transfers: Vec<(String, Fate)>,
    /// How often the bank's event at each position was handled.
    pub(crate) handled: HashMap<i64, u64>,
    /// The last pass of a reader is its newest.
    pub(crate) passes: Vec<Pass>,
    pub(crate) resumed: HashMap<u32, u64>,
    pub(crate) done: BTreeSet<u32>,
    pub(crate) troubles: Vec<String>,
    /// The longest time in which nobody was told that a commit is in the log.
    pub(crate) silence_max: Duration,
    /// How long commits took that nothing was done to.
    pub(crate) millis: Vec<u64>,
    /// The pass that each reader is at.
    current: HashMap<u32, usize>,
    /// The highest position that each lane was told.
    lanes: HashMap<u64, i64>,
}

impl Ledger {
    /// Enters a line.
    pub(crate) fn enter(&mut self, line: Line) {
        match line {
            Line::Ack { first, events, mark, how, millis } => {
                if how == How::Plain && millis > 0 {
                    self.millis.push(millis);
                }
                self.acknowledge(first, &events, mark, how);
            }
            Line::No { first, events, how, why } => {
                self.count_how(how);
                self.refused.push((first, events));
                match why {
                    Why::Abandoned => self.counts.abandoned += 1,
                    Why::Aborted => self.counts.aborted += 1,
                    Why::Conflict => self.counts.conflicts += 1,
                    Why::Failed => self.counts.failed += 1,
                }
            }
            Line::Unclear { first, events } => {
                self.counts.unclear += 1;
                self.unclear.push((first, events));
            }
            Line::Transfer { transfer, fate } => self.transfers.push((transfer, fate)),
            Line::Handled { position } => *self.handled.entry(position).or_default() += 1,
            Line::Brink => {}
            Line::Begin { reader, after } => {
                self.current.insert(reader, self.passes.len());
                self.passes.push(Pass { reader, after, seen: Vec::new() });
            }
            Line::Seen { reader, events } => {
                let pass = self.current.get(&reader).and_then(|&pass| self.passes.get_mut(pass));
                let seen = events.into_iter().map(|(position, key, version)| Seen { position, key, version });
                match pass {
                    Some(pass) => pass.seen.extend(seen),
                    None => self.troubles.push(format!("reader {reader} saw events before it began")),
                }
            }
            Line::Resumed { reader } => *self.resumed.entry(reader).or_default() += 1,
            Line::Done { reader } => {
                self.done.insert(reader);
            }
            Line::Trouble { what } => self.troubles.push(what),
        }
    }

    /// The newest pass of a reader.
    pub(crate) fn is_current(&self, pass: usize, reader: u32) -> bool {
        self.current.get(&reader) == Some(&pass)
    }

    /// The time within which such a share of the undisturbed commits was acknowledged, in milliseconds.
    pub(crate) fn within(&self, share: f64) -> u64 {
        let mut millis = self.millis.clone();
        millis.sort_unstable();
        let last = millis.len().saturating_sub(1);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index within the list")]
        let index = (last as f64 * share).round() as usize;
        millis.get(index).copied().unwrap_or(0)
    }

    /// How far a reader has come.
    pub(crate) fn reached(&self, reader: u32) -> i64 {
        let pass = self.current.get(&reader).and_then(|&pass| self.passes.get(pass));
        pass.map_or(0, |pass| pass.seen.last().map_or(pass.after, |seen| seen.position))
    }

    /// How many readers have begun.
    pub(crate) fn begun(&self) -> usize {
        self.current.len()
    }

    /// How many events readers saw in all.
    pub(crate) fn seen(&self) -> usize {
        self.passes.iter().map(|pass| pass.seen.len()).sum()
    }

    fn count_how(&mut self, how: How) {
        match how {
            How::Stall => self.counts.stalled += 1,
            How::LoseAnswer | How::FailOnce => self.counts.answers_lost += 1,
            How::Plain | How::Abandon | How::Abort => {}
        }
    }

    fn acknowledge(&mut self, first: Key, events: &[(i64, u64)], mark: i64, how: How) {
        self.count_how(how);
        self.counts.acknowledged += 1;
        self.counts.acknowledged_events += events.len() as u64;
        // Who has seen an event writes after it: its own last one, and everything at or below the mark that it saw.
        let told = self.lanes.entry(lane(first)).or_default();
        let mut before = (*told).max(mark);
        for (&(position, version), key) in events.iter().zip(first..) {
            if position <= before {
                self.troubles.push(format!("key {key} was written at {position}, behind {before} which it had seen"));
            }
            before = position;
            self.acked.push(Acked { key, position, version });
        }
        *told = before;
    }
}
