//! After an unclear answer: is the transaction applied, or fenced off?

use bson::{Document, doc};
use earnorm_core::Result;
use earnorm_core::commit::Committed;

use super::attempt::Range;
use super::codec::read_uuid;
use super::error::Explain;
use super::inner::Inner;

impl Inner {
    /// Whether a transaction that reserved `range` is in the log: `None` while a majority does not show an entry at each
    /// of its positions, since it may still come.
    pub(super) async fn is_there(&self, range: Range, receipts: &[(usize, Committed)]) -> Result<Option<bool>> {
        if !self.is_filled(range).await? {
            return Ok(None);
        }
        let first = receipts.iter().find_map(|(_, receipt)| Some((receipt.id, receipt.events.first()?.position.get())));
        let Some((id, position)) = first else { return Ok(Some(false)) };
        let events = self.db.collection::<Document>(&self.names.events);
        let found = events.find_one(doc! { "_id": position }).projection(doc! { "c": 1 }).await;
        let found = found.explain("look for an unclear commit")?;
        let named = found.as_ref().and_then(|found| found.get("c")).and_then(read_uuid);
        // The transaction is there as a whole or not at all, and a tombstone has no commit's id.
        Ok(Some(named == Some(id)))
    }
}
