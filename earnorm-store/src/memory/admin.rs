//! Upkeep: whole documents without events, shadow collections, raw entries, truncation.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bson::Document;
use earnorm_core::Result;
use earnorm_core::commit::Checkpoint;
use earnorm_core::error::StoreError;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::{Drift, EntryQuery, Finding, LogEntry, Own, PutRule, Severity, StoreAdmin, StreamHead};

use super::state::{Receipt, State};
use super::{MemoryStore, NAME, query};
use crate::documents::applies;
use crate::documents::touched::Touched;
use crate::import::{check, follows, refused, same};
use crate::upkeep::{check_documents, check_truncation, own_id};

#[async_trait]
impl StoreAdmin for MemoryStore {
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        let mut state = self.open()?;
        let mut drifts = Vec::new();
        for spec in collections {
            drifts.extend(state.documents.prepare(spec)?);
        }
        Ok(drifts)
    }

    fn own(&self, what: Own) -> String {
        format!("earnorm_{}", what.suffix())
    }

    async fn put(&self, collection: &str, documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        check_documents(collection, &documents)?;
        let mut state = self.open()?;
        let mut written = 0;
        for document in documents {
            let id = own_id(collection, &document)?.clone();
            let target = state.documents.collection_mut(collection);
            if applies(rule, target.get(&id).map(Arc::as_ref), &document) {
                target.write(collection, &id, document, Touched::Everything)?;
                written += 1;
            }
        }
        Ok(written)
    }

    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        let mut state = self.open()?;
        let found = query::matching(&state, collection, predicate)?;
        for document in &found {
            state.documents.collection_mut(collection).put(own_id(collection, document)?, None);
        }
        Ok(found.len() as u64)
    }

    async fn swap(&self, shadow: &str, live: &str) -> Result<()> {
        if self.open()?.documents.rename(shadow, live) {
            return Ok(());
        }
        let reason = if shadow == live { "it is the same collection" } else { "it is not there" };
        Err(StoreError::new(NAME, format!("could not rename `{shadow}` over `{live}`: {reason}")).into())
    }

    async fn drop_collection(&self, collection: &str) -> Result<()> {
        self.open()?.documents.drop_collection(collection);
        Ok(())
    }

    async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>> {
        Ok(self.open()?.log.heads(category, after, limit))
    }

    async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        let events = self.open()?.log.scan(category, after, limit);
        Ok(events.into_iter().map(Arc::unwrap_or_clone).collect())
    }

    async fn categories(&self) -> Result<Vec<String>> {
        Ok(self.open()?.log.categories())
    }

    async fn entries(&self, query: EntryQuery) -> Result<Vec<LogEntry>> {
        Ok(self.open()?.log.entries(&query))
    }

    async fn append_entries(&self, entries: Vec<LogEntry>) -> Result<u64> {
        check(&entries)?;
        let (written, end) = {
            let mut state = self.open()?;
            (state.import(entries)?, state.log.end())
        };
        self.signal(end);
        Ok(written)
    }

    async fn truncate(&self, upto: Position, kept: &[Position]) -> Result<u64> {
        let mut state = self.open()?;
        let checkpoints = state.checkpoints.iter().map(|(name, stored)| (name.as_str(), stored.value.position));
        check_truncation(upto, state.log.end(), checkpoints)?;
        let mut kept: Vec<_> = kept.iter().map(|position| position.get()).collect();
        kept.sort_unstable();
        let gone = state.log.truncate(upto.get(), &kept);
        state.forget_receipts();
        Ok(gone)
    }

    async fn truncated(&self) -> Result<Position> {
        Ok(self.open()?.log.truncated())
    }

    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        let state = self.open()?;
        let mut all: Vec<_> = state.checkpoints.iter().map(|(name, stored)| (name.clone(), stored.value)).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        Ok(all)
    }

    async fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Result<bool> {
        let mut state = self.open()?;
        if state.checkpoint(consumer) == Some(expected)
            && let Some(receipt) = state.checkpoints.remove(consumer).and_then(|stored| stored.receipt_of)
        {
            state.commits.remove(&receipt);
        }
        Ok(state.checkpoint(consumer).is_none())
    }

    async fn examine(&self) -> Result<Vec<Finding>> {
        let (end, (events, tombstones)) = {
            let state = self.open()?;
            (state.log.end(), state.log.census())
        };
        let [events, tombstones] = [events, tombstones].map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        Ok(vec![
            Finding::new("durability", Severity::Fine, "everything is in memory and ends with the process"),
            Finding::new("log", Severity::Fine, format!("{events} events up to position {end}")).value(events),
            Finding::new("holes", Severity::Fine, format!("no hole, {tombstones} tombstones")).value(tombstones),
        ])
    }
}

impl State {
    /// All of the entries that are not there yet, or none.
    fn import(&mut self, entries: Vec<LogEntry>) -> Result<u64> {
        let mut heads = HashMap::new();
        let mut fresh = Vec::new();
        for entry in entries {
            if entry.position() <= self.log.end() {
                self.check_present(&entry)?;
                continue;
            }
            if let LogEntry::Event { event, commit } = &entry {
                let head = heads.entry(event.stream.clone()).or_insert_with(|| self.log.version(&event.stream));
                // A stream whose start was truncated begins above 1.
                if *head > 0 {
                    follows(&entry, *head)?;
                }
                *head = event.version;
                if self.log.holds(event.id) {
                    return Err(refused(&entry, format!("its event id {} stands in the log already", event.id)));
                }
                if let Some((id, _)) = commit.filter(|(id, _)| self.commits.contains_key(id)) {
                    return Err(refused(&entry, format!("its commit id {id} stands in the log already")));
                }
            }
            fresh.push(entry);
        }
        let written = fresh.len() as u64;
        for entry in fresh {
            if let LogEntry::Event { event, commit: Some((id, count)) } = &entry {
                self.commits.insert(*id, Receipt { first: event.position, count: *count });
            }
            self.log.import(entry);
        }
        Ok(written)
    }

    fn check_present(&self, entry: &LogEntry) -> Result<()> {
        let position = entry.position();
        match self.log.entry(position.get()) {
            Some(found) if same(&found, entry) => Ok(()),
            Some(LogEntry::Event { event, .. }) => {
                Err(refused(entry, format!("there stands version {} of {} already", event.version, event.stream)))
            }
            Some(LogEntry::Tombstone(_)) => Err(refused(entry, "there stands a tombstone already")),
            None => Err(refused(entry, format!("the log was truncated up to position {}", self.log.truncated()))),
        }
    }

    /// Forgets the commits whose events are not all there any more.
    fn forget_receipts(&mut self) {
        let log = &self.log;
        self.commits.retain(|_, receipt| log.receipts(receipt.first, receipt.count).len() == receipt.count);
    }
}
