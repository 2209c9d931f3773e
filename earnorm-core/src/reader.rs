//! Reading and writing events as every part of the library does.

use std::sync::Arc;

use crate::commit::{Commit, Committed};
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::personal::{KeyRing, KeyStore, StoredKeys, open_events};
use crate::ports::{Clock, SystemClock};
use crate::store::{LogPage, LogQuery, Store, StreamQuery};
use crate::stream::StreamId;

/// How many events are read at once.
pub(crate) const PAGE: usize = 1_000;

/// Reads the log and its streams, and writes commits. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    keys: Arc<KeyRing>,
}

impl Reader {
    /// A reader of a store, in which the keys of personal data are kept too.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        let keys = Arc::new(StoredKeys::new(Arc::clone(&store)));
        Self::with_keys(store, keys, Arc::new(SystemClock))
    }

    /// A reader of a store, with the keys of personal data elsewhere. The clock says how old a key is that was read.
    #[must_use]
    pub fn with_keys(store: Arc<dyn Store>, keys: Arc<dyn KeyStore>, clock: Arc<dyn Clock>) -> Self {
        Self { store, keys: Arc::new(KeyRing::new(keys, clock)) }
    }

    pub(crate) fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The store below.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The events of one stream: see [`Store::read_stream`]. Personal data is opened, and null where it was erased.
    ///
    /// # Errors
    /// What the store answers, and the key store where personal data is to be opened; [`crate::Error::Corrupt`] for
    /// sealed data that was changed or moved.
    pub async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        let mut events = self.store.read_stream(query).await?;
        open_events(self, &mut events).await?;
        Ok(events)
    }

    /// A page of the log: see [`Store::read_log`]. Personal data is opened, and null where it was erased.
    ///
    /// # Errors
    /// As [`Reader::read_stream`].
    pub async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        let mut page = self.store.read_log(query).await?;
        open_events(self, &mut page.events).await?;
        Ok(page)
    }

    /// Writes a commit: see [`Store::commit`].
    ///
    /// # Errors
    /// What the store answers.
    pub async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.store.commit(commit).await
    }

    /// Every event of a category, stream by stream: see [`crate::store::StoreAdmin::scan`]. Personal data is opened, and
    /// null where it was erased.
    ///
    /// # Errors
    /// As [`Reader::read_stream`].
    pub async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        let mut events = self.store.admin().scan(category, after, limit).await?;
        open_events(self, &mut events).await?;
        Ok(events)
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
