//! Reading and writing events as every part of the library does.

use std::sync::Arc;

use crate::commit::{Commit, Committed};
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::store::{LogPage, LogQuery, Store, StreamQuery};
use crate::stream::StreamId;

/// How many events are read at once.
pub(crate) const PAGE: usize = 1_000;

/// Reads the log and its streams, and writes commits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
}

impl Reader {
    /// A reader of a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The events of one stream: see [`Store::read_stream`].
    ///
    /// # Errors
    /// What the store answers.
    pub async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        self.store.read_stream(query).await
    }

    /// A page of the log: see [`Store::read_log`].
    ///
    /// # Errors
    /// What the store answers.
    pub async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        self.store.read_log(query).await
    }

    /// Writes a commit: see [`Store::commit`].
    ///
    /// # Errors
    /// What the store answers.
    pub async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.store.commit(commit).await
    }

    /// Every event of a category, stream by stream: see [`crate::store::StoreAdmin::scan`].
    ///
    /// # Errors
    /// What the store answers.
    pub async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        self.store.admin().scan(category, after, limit).await
    }

    /// Reads a stream from a version up to another, in pages, until `visit` answers false.
    ///
    /// # Errors
    /// What the store or `visit` answers.
    pub async fn walk(
        &self,
        stream: &StreamId,
        (mut from, to): (u64, u64),
        mut visit: impl FnMut(RecordedEvent) -> Result<bool> + Send,
    ) -> Result<()> {
        while from <= to {
            let query = StreamQuery { from, to, limit: PAGE, ..StreamQuery::all(stream.clone()) };
            let events = self.read_stream(query).await?;
            let full = events.len() == PAGE;
            for event in events {
                from = event.version + 1;
                if !visit(event)? {
                    return Ok(());
                }
            }
            if !full {
                break;
            }
        }
        Ok(())
    }
}
