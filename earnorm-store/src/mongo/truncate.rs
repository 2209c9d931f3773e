//! The old part of the log, removed on purpose. A note says how far before anything goes, so that no reader ever takes
//! what is gone for a hole.

use bson::raw::RawDocumentBuf;
use bson::{Document, doc};
use earnorm_core::Result;
use earnorm_core::error::StoreError;
use earnorm_core::position::Position;

use super::error::{Explain, STORE};
use super::fitness::number;
use super::inner::Inner;
use super::mark::HIGH_WATER;
use super::raw::{faults, unencodable};
use crate::upkeep::check_truncation;

/// The note of how far the log was truncated.
const TRUNCATED: &str = "truncated";
/// How many positions one delete covers.
const BATCH: i64 = 5_000;

impl Inner {
    /// The position up to which the log was truncated.
    pub(super) async fn truncated(&self) -> Result<i64> {
        self.note(TRUNCATED).await
    }

    pub(super) async fn truncate(&self, upto: Position, kept: &[Position]) -> Result<u64> {
        let high_water = self.mark_for(upto).await?;
        let checkpoints = self.checkpoints().await?;
        let checkpoints = checkpoints.iter().map(|(consumer, checkpoint)| (consumer.as_str(), checkpoint.position));
        check_truncation(upto, Position::new(high_water), checkpoints)?;
        let upto = upto.get();
        if upto == 0 {
            return Ok(0);
        }
        self.note_cut().await?;
        self.raise_note(TRUNCATED, upto).await?;
        self.raise_note(HIGH_WATER, upto).await?;
        let mut kept: Vec<_> = kept.iter().map(|position| position.get()).collect();
        kept.sort_unstable();
        let (mut gone, mut after) = (0, 0);
        while let Some(first) = self.next_entry(after, upto).await? {
            let last = first.saturating_add(BATCH - 1).min(upto);
            let from = kept.partition_point(|position| *position < first);
            let to = kept.partition_point(|position| *position <= last);
            gone += self.delete_between(first, last, kept.get(from..to).unwrap_or_default()).await?;
            after = last;
        }
        Ok(gone)
    }

    /// The first position above `after`, up to `upto`, that has an entry.
    async fn next_entry(&self, after: i64, upto: i64) -> Result<Option<i64>> {
        let events = self.db.collection::<Document>(&self.names.events);
        let next = events
            .find_one(doc! { "_id": { "$gt": after, "$lte": upto } })
            .sort(doc! { "_id": 1 })
            .projection(doc! { "_id": 1 })
            .await
            .explain("look for what to remove")?;
        Ok(next.and_then(|next| number(&next, "_id")))
    }

    async fn delete_between(&self, first: i64, last: i64, kept: &[i64]) -> Result<u64> {
        let mut positions = doc! { "$gte": first, "$lte": last };
        if !kept.is_empty() {
            positions.insert("$nin", kept.to_vec());
        }
        let delete = doc! { "q": { "_id": positions }, "limit": 0 };
        let command = RawDocumentBuf::try_from(&doc! { "delete": &self.names.events, "deletes": [delete] });
        let command = command.map_err(|error| unencodable(&error))?;
        let answer = self.durably("remove entries of the log", command).await?;
        if let Some(fault) = faults(&answer).first() {
            let said = format!("could not remove the entries from position {first} on: {}", fault.message);
            return Err(StoreError::new(STORE, said).retryable().into());
        }
        Ok(number(&answer, "n").and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
    }
}
