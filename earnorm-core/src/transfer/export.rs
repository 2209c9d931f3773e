//! Writing the log down.

use std::io::Write;
use std::sync::Arc;

use chrono::{SecondsFormat, Utc};
use serde_json::json;

use super::io;
use super::line::{self, Chain, FORMAT};
use crate::error::Result;
use crate::position::Position;
use crate::replay::{OnProgress, Progress, Teller};
use crate::store::{EntryQuery, LogEntry, Store};

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// An export that has not begun.
///
/// Personal data stays encrypted in it; keys, checkpoints and state documents are not part of it.
#[must_use = "nothing is exported until it runs"]
pub struct Export {
    store: Arc<dyn Store>,
    after: Position,
    upto: Position,
    tell: Option<OnProgress>,
}

impl std::fmt::Debug for Export {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Export").field("after", &self.after).field("upto", &self.upto).finish_non_exhaustive()
    }
}

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// How many events.
    pub events: u64,
    /// How many tombstones.
    pub tombstones: u64,
    /// The position of the last entry.
    pub last: Position,
}

impl Export {
    /// An export of a store's log.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, after: Position::START, upto: Position::END, tell: None }
    }

    /// Only positions above this one.
    pub fn after(mut self, position: Position) -> Self {
        self.after = position;
        self
    }

    /// Only positions up to this one; the high-water mark at the start of the export bounds it anyway.
    pub fn upto(mut self, position: Position) -> Self {
        self.upto = position;
        self
    }

    /// Is told how far it is, after each page.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + Sync + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Exports. A file whose export was interrupted has no end and is refused by an import.
    ///
    /// # Errors
    /// What the store or the writer answers.
    pub async fn run(mut self, out: &mut (impl Write + Send)) -> Result<Exported> {
        let upto = self.upto.min(self.store.high_water().await?);
        let total = u64::try_from(upto.get() - self.after.get()).ok();
        let mut teller = Teller::new(self.tell.take(), "exporting", total);
        let mut chain = Chain::new();
        let mut write = |line: String| writeln!(out, "{line}").map_err(|error| io("write the export", error));
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let store = self.store.capabilities().name;
        let header =
            json!({ "earnorm": "log", "format": FORMAT, "after": self.after.get(), "store": store, "at": now });
        write(chain.seal(&header))?;
        let mut report = Exported { events: 0, tombstones: 0, last: self.after };
        while report.last < upto {
            let query = EntryQuery { after: report.last, upto, limit: PAGE };
            let entries = self.store.admin().entries(query).await?;
            let Some(last) = entries.last() else { break };
            report.last = last.position();
            for entry in &entries {
                match entry {
                    LogEntry::Event { .. } => report.events += 1,
                    LogEntry::Tombstone(_) => report.tombstones += 1,
                }
                write(chain.seal(&line::write(entry)?))?;
            }
            teller.add(entries.len() as u64);
        }
        let count = report.events + report.tombstones;
        write(chain.seal(&json!({ "end": true, "entries": count, "last": report.last.get() })))?;
        out.flush().map_err(|error| io("write the export", error))?;
        Ok(report)
    }
}
