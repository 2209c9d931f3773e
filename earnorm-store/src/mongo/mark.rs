//! The high-water mark: the end of the run of positions without a hole, and the filling of holes.
//!
//! A position is final only when a majority read shows an entry at it. A hole may be a transaction that still runs or a
//! writer that died; after a grace readers insert a tombstone there, by a plain insert: while a live transaction holds
//! the position the insert waits; afterwards one of both has it for good. No clock is trusted for safety.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use earnorm_core::Result;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::attempt::Range;
use super::codec::tombstone;
use super::error::{Explain, text};
use super::fitness::number;
use super::inner::Inner;
use super::meters;

/// How long a reader waits in all for holes below what was visible when it asked.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long one insert of tombstones may wait for a live transaction.
const FILL_MAX: Duration = Duration::from_secs(1);
/// How many tombstones one insert holds.
const FILL_BATCH: i64 = 1_000;
/// How many entries one look at the log reads: a few at first, many when there is a backlog.
const SCAN_FIRST: usize = 256;
const SCAN_MORE: usize = 8_192;
/// How far the mark moves before it is written down.
const SAVE_EVERY: i64 = 1_000;
/// The document in the meta collection.
pub(super) const HIGH_WATER: &str = "high_water";
/// The first and the longest wait between two looks at a hole.
const POLL_FIRST: Duration = Duration::from_millis(2);
const POLL_MAX: Duration = Duration::from_millis(25);

/// What a store handle knows of the mark.
#[derive(Debug, Default)]
pub(super) struct Mark {
    state: Mutex<State>,
    reached: AtomicI64,
}

#[derive(Debug, Default)]
struct State {
    loaded: bool,
    at: i64,
    saved: i64,
    /// When the last look began that found no hole.
    whole_at: Option<Instant>,
    /// Positions that were the log's end at some time: what is missing below one is missing since then.
    sightings: BTreeMap<i64, Instant>,
}

/// What a look at the log found.
enum Look {
    /// No hole below anything visible.
    Whole,
    /// Nothing at these positions, but something behind them.
    Hole(Range),
}

impl Inner {
    /// The highest position that this handle knows to be final.
    pub(super) fn reached(&self) -> i64 {
        self.mark.reached.load(Ordering::Acquire)
    }

    /// Moves the mark as far as it goes. Callers at the same time share the work.
    pub(super) async fn high_water(&self) -> Result<i64> {
        let asked = Instant::now();
        let deadline = asked + PATIENCE;
        let mut poll = POLL_FIRST;
        let mut visible = None;
        loop {
            let Ok(mut state) = tokio::time::timeout_at(deadline, self.mark.state.lock()).await else { break };
            if state.whole_at.is_some_and(|at| at >= asked) {
                return Ok(state.at);
            }
            let Look::Hole(hole) = self.advance(&mut state).await? else { break };
            let top = match visible {
                Some(top) => top,
                None => *visible.insert(self.top().await?),
            };
            if state.at >= top {
                break;
            }
            if self.is_ripe(&mut state, hole, top) {
                self.fill_batch(batch(hole)).await;
                let before = state.at;
                if let Look::Whole = self.advance(&mut state).await? {
                    break;
                }
                if state.at > before && Instant::now() < deadline {
                    continue;
                }
            }
            drop(state);
            if Instant::now() + poll >= deadline {
                tracing::debug!(position = hole.0, "a hole is not filled yet; answering with the mark below it");
                break;
            }
            tokio::time::sleep(poll).await;
            meters::stalled(poll);
            poll = (poll * 2).min(POLL_MAX);
        }
        Ok(self.reached())
    }

    /// Whether the hole has been one for longer than the grace.
    fn is_ripe(&self, state: &mut State, hole: Range, top: i64) -> bool {
        let now = Instant::now();
        let (first, _) = hole;
        let since = match state.sightings.range(first + 1..).next() {
            Some((_, since)) => *since,
            None => *state.sightings.entry(top).or_insert(now),
        };
        now.duration_since(since) >= self.grace
    }

    /// Walks on from the mark until the end or the first hole.
    async fn advance(&self, state: &mut State) -> Result<Look> {
        if !state.loaded {
            self.load(state).await?;
        }
        let began = Instant::now();
        let mut limit = SCAN_FIRST;
        let look = loop {
            let entries = self.positions_after(state.at, limit).await?;
            let hole = entries.iter().find_map(|&entry| {
                let next = state.at + 1;
                if entry == next {
                    state.at = entry;
                }
                (entry > next).then_some((next, entry - 1))
            });
            match hole {
                // What was truncated is no hole. It is noted before it goes, so a look after the hole was seen tells.
                Some(_) if self.skip_truncated(state).await? => limit = SCAN_FIRST,
                Some(hole) => break Look::Hole(hole),
                None if entries.len() < limit => break Look::Whole,
                None => limit = SCAN_MORE,
            }
        };
        if let Look::Whole = look {
            state.whole_at = Some(began);
        }
        state.sightings = state.sightings.split_off(&(state.at + 1));
        self.mark.reached.fetch_max(state.at, Ordering::AcqRel);
        if state.at - state.saved >= SAVE_EVERY {
            self.save(state).await;
        }
        Ok(look)
    }

    /// Starts where an earlier process wrote the mark down, but never behind the log's end: data may be restored.
    async fn load(&self, state: &mut State) -> Result<()> {
        let meta = self.db.collection::<Document>(&self.names.meta);
        let saved = meta.find_one(doc! { "_id": HIGH_WATER }).await.explain("read the high-water mark")?;
        let saved = saved.as_ref().and_then(|saved| number(saved, "p")).unwrap_or(0);
        let saved = if saved > 0 { saved.min(self.top().await?) } else { 0 };
        state.at = saved.max(self.truncated().await?);
        state.saved = state.at;
        state.loaded = true;
        Ok(())
    }

    /// Moves past what was truncated; `false` when that is behind.
    async fn skip_truncated(&self, state: &mut State) -> Result<bool> {
        let truncated = self.truncated().await?;
        let skips = truncated > state.at;
        state.at = state.at.max(truncated);
        Ok(skips)
    }

    /// Makes the place where the mark is written down.
    pub(super) async fn prepare_mark(&self) -> Result<()> {
        let meta = self.db.collection::<Document>(&self.names.meta);
        let change = doc! { "$max": { "p": 0_i64 } };
        let made = meta.update_one(doc! { "_id": HIGH_WATER }, change).upsert(true).await;
        made.explain("set the high-water mark").map(|_| ())
    }

    /// Writes the mark down, so that the next process need not start at 1.
    pub(super) async fn save_mark(&self) {
        if let Ok(mut state) = self.mark.state.try_lock() {
            self.save(&mut state).await;
        }
    }

    async fn save(&self, state: &mut State) {
        if state.at == state.saved {
            return;
        }
        let meta = self.db.collection::<Document>(&self.names.meta);
        let change = doc! { "$max": { "p": state.at } };
        // No upsert: a database that was dropped meanwhile must stay so.
        match meta.update_one(doc! { "_id": HIGH_WATER }, change).await {
            Ok(_) => state.saved = state.at,
            Err(error) => tracing::debug!(error = text(&error), "could not write the high-water mark down"),
        }
    }

    /// Puts tombstones at positions that nobody filled. What comes of it, a majority read must show.
    pub(super) async fn fill(&self, (mut first, last): Range) {
        while first <= last {
            let part = batch((first, last));
            self.fill_batch(part).await;
            first = part.1 + 1;
        }
    }

    async fn fill_batch(&self, (first, last): Range) {
        let tombstones: Vec<_> = (first..=last).map(tombstone).collect();
        let command = doc! {
            "insert": &self.names.events,
            "documents": tombstones,
            "ordered": false,
            "maxTimeMS": i64::try_from(FILL_MAX.as_millis()).unwrap_or(i64::MAX),
            "writeConcern": { "w": "majority", "wtimeout": i64::try_from(FILL_MAX.as_millis()).unwrap_or(i64::MAX) },
        };
        match self.db.run_command(command).await {
            Ok(answer) => {
                let filled = number(&answer, "n").unwrap_or(0);
                meters::filled(filled);
                tracing::debug!(first, last, filled, "filled positions");
            }
            Err(error) => {
                tracing::debug!(first, last, error = text(&error), "could not fill positions yet");
                self.watch().await;
            }
        }
    }

    /// Whether a majority read shows an entry at each position.
    pub(super) async fn is_filled(&self, (first, last): Range) -> Result<bool> {
        let wanted = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
        let found = self.positions_after(first - 1, wanted).await?;
        Ok(found.len() == wanted && found.last() == Some(&last))
    }

    /// The highest position that a majority read shows.
    pub(super) async fn top(&self) -> Result<i64> {
        let events = self.db.collection::<Document>(&self.names.events);
        let last = events.find_one(doc! {}).sort(doc! { "_id": -1 }).projection(doc! { "_id": 1 }).await;
        Ok(last.explain("read the end of the log")?.and_then(|last| number(&last, "_id")).unwrap_or(0))
    }

    /// The next positions that a majority read shows, tombstones too.
    async fn positions_after(&self, after: i64, limit: usize) -> Result<Vec<i64>> {
        let events = self.db.collection::<Document>(&self.names.events);
        let mut cursor = events
            .find(doc! { "_id": { "$gt": after } })
            .sort(doc! { "_id": 1 })
            .projection(doc! { "_id": 1 })
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .batch_size(u32::try_from(limit).unwrap_or(u32::MAX))
            .await
            .explain("read positions")?;
        let mut found = Vec::new();
        while cursor.advance().await.explain("read positions")? {
            if let Ok(Some(bson::RawBsonRef::Int64(position))) = cursor.current().get("_id") {
                found.push(position);
            }
        }
        Ok(found)
    }
}

/// The first positions of a hole, as many as one insert fills.
fn batch((first, last): Range) -> Range {
    (first, last.min(first.saturating_add(FILL_BATCH - 1)))
}
