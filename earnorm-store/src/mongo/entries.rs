//! The log as it stands, tombstones included.

use bson::raw::RawDocumentBuf;
use bson::{Document, doc};
use earnorm_core::Result;
use earnorm_core::store::{EntryQuery, LogEntry};

use super::codec::decode_entry;
use super::error::Explain;
use super::inner::Inner;

/// How many entries one batch holds at most; its bytes are bound by the server.
pub(super) const BATCH_MAX: usize = 10_000;

impl Inner {
    pub(super) async fn entries(&self, query: &EntryQuery) -> Result<Vec<LogEntry>> {
        let (after, limit) = (query.after.get(), query.limit.max(1));
        let upto = query.upto.get().min(self.mark_for(query.upto).await?);
        let mut entries = Vec::new();
        if after >= upto {
            return Ok(entries);
        }
        let mut cursor = self.positions(after, upto, limit).await?;
        while cursor.advance().await.explain("read the log")? {
            entries.push(decode_entry(cursor.current())?);
        }
        Ok(entries)
    }

    /// What stands above `after` and up to `upto`, in order, at most `limit`.
    pub(super) async fn positions(
        &self,
        after: i64,
        upto: i64,
        limit: usize,
    ) -> Result<mongodb::Cursor<RawDocumentBuf>> {
        let events = self.db.collection::<RawDocumentBuf>(&self.names.events);
        let filter: Document = doc! { "_id": { "$gt": after, "$lte": upto } };
        let mut find = events.find(filter).sort(doc! { "_id": 1 });
        find = find.batch_size(u32::try_from(limit.min(BATCH_MAX)).unwrap_or(u32::MAX));
        if let Ok(limit) = i64::try_from(limit) {
            find = find.limit(limit);
        }
        find.await.explain("read the log")
    }
}
