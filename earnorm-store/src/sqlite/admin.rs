//! Upkeep: whole documents without events, shadow collections, raw entries, truncation.

use async_trait::async_trait;
use bson::Document;
use earnorm_core::Result;
use earnorm_core::commit::Checkpoint;
use earnorm_core::error::StoreError;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::{Drift, EntryQuery, Finding, LogEntry, Own, PutRule, StoreAdmin, StreamHead};

use super::SqliteStore;
use super::documents::Target;
use super::error::NAME;
use super::query::matcher;
use crate::documents::applies;
use crate::import::check;
use crate::upkeep::{check_documents, own_id};

#[async_trait]
impl StoreAdmin for SqliteStore {
    async fn prepare(&self, collections: &[CollectionSpec]) -> Result<Vec<Drift>> {
        let collections = collections.to_vec();
        let prepare = move |tx: &mut super::tx::Tx<'_>| {
            let mut drifts = Vec::new();
            for spec in &collections {
                drifts.extend(tx.prepare(spec)?);
            }
            Ok(drifts)
        };
        self.writer()?.write("prepare the collections", prepare).await
    }

    fn own(&self, what: Own) -> String {
        format!("{}{}", self.inner.prefix, what.suffix())
    }

    async fn put(&self, collection: &str, documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        check_documents(collection, &documents)?;
        let name = collection.to_owned();
        let put = move |tx: &mut super::tx::Tx<'_>| {
            let mut written = 0;
            for document in &documents {
                let id = own_id(&name, document)?;
                let target = Target::new(&name, id);
                let found = tx.found(&target)?;
                if applies(rule, found.as_ref().map(|found| &found.document), document) {
                    tx.write(&target, document, found.as_ref())?;
                    written += 1;
                }
            }
            Ok(written)
        };
        self.writer()?.write(format!("put documents into `{collection}`"), put).await
    }

    async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        matcher(predicate)?;
        let (name, predicate) = (collection.to_owned(), predicate.clone());
        let what = format!("remove documents of `{collection}`");
        self.writer()?.write(what, move |tx| tx.remove(&name, &predicate)).await
    }

    async fn swap(&self, shadow: &str, live: &str) -> Result<()> {
        let what = format!("rename `{shadow}` over `{live}`");
        let names = (shadow.to_owned(), live.to_owned());
        let renamed = self.writer()?.write(what.clone(), move |tx| tx.rename_collection(&names.0, &names.1)).await?;
        if renamed {
            return Ok(());
        }
        let reason = if shadow == live { "it is the same collection" } else { "it is not there" };
        Err(StoreError::new(NAME, format!("could not {what}: {reason}")).into())
    }

    async fn drop_collection(&self, collection: &str) -> Result<()> {
        let name = collection.to_owned();
        self.writer()?.write(format!("drop `{collection}`"), move |tx| tx.drop_collection(&name)).await
    }

    async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>> {
        let (category, after) = (category.to_owned(), after.map(str::to_owned));
        self.read("list streams", move |tx| tx.heads(&category, after.as_deref(), limit)).await
    }

    async fn scan(&self, category: &str, after: Option<(&str, u64)>, limit: usize) -> Result<Vec<RecordedEvent>> {
        let (category, after) = (category.to_owned(), after.map(|(key, version)| (key.to_owned(), version)));
        self.read("read a category", move |tx| tx.scan(&category, after.clone(), limit)).await
    }

    async fn categories(&self) -> Result<Vec<String>> {
        self.read("list the categories", |tx| tx.categories()).await
    }

    async fn entries(&self, query: EntryQuery) -> Result<Vec<LogEntry>> {
        self.read("read the log", move |tx| tx.entries(&query)).await
    }

    async fn append_entries(&self, entries: Vec<LogEntry>) -> Result<u64> {
        check(&entries)?;
        self.writer()?.write("append entries to the log", move |tx| tx.import(&entries)).await
    }

    async fn truncate(&self, upto: Position, kept: &[Position]) -> Result<u64> {
        let kept = kept.to_vec();
        self.writer()?.write("truncate the log", move |tx| tx.truncate(upto, &kept)).await
    }

    async fn truncated(&self) -> Result<Position> {
        self.read("read where the log begins", |tx| Ok(Position::new(tx.head.truncated))).await
    }

    async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        self.read("read the checkpoints", |tx| tx.checkpoints()).await
    }

    async fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Result<bool> {
        let name = consumer.to_owned();
        let what = format!("remove the checkpoint of `{consumer}`");
        self.writer()?.write(what, move |tx| tx.remove_checkpoint(&name, expected)).await
    }

    async fn examine(&self) -> Result<Vec<Finding>> {
        let file = self.inner.file.clone();
        self.read("examine the file", move |tx| super::examine::examine(tx, &file)).await
    }
}
