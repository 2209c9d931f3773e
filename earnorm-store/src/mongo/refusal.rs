//! A commit that the database refused: was it applied before, and if not, what is in its way?
//!
//! Everything here is read linearizable: what a transaction just saw on the primary is waited for, not missed because
//! the majority lags behind.

use std::time::Duration;

use bson::{Document, doc};
use earnorm_core::commit::{CheckpointWrite, Commit, Committed, CommittedEvent};
use earnorm_core::error::{UniqueViolation, VersionConflict};
use earnorm_core::event::RecordedEvent;
use earnorm_core::schema::VERSION;
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::{Error, Result};
use mongodb::options::ReadConcern;

use super::codec::read_uuid;
use super::commit::reused;
use super::error::{Explain, unknown};
use super::events::Head;
use super::fitness::number;
use super::guard::{Item, version_of};
use super::inner::Inner;
use super::member::Prepared;
use super::raw::uuid;
use crate::names::{self, plain};

/// How long one look may take on the server.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// What the database says does not hold. Numbers are those of statements and appends in their commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The document of this statement is not at its version, or the checkpoint not as expected.
    Stale(usize),
    /// The id of a new document is taken, or there is a checkpoint already.
    Taken(usize),
    /// A unique index refuses a document.
    Unique { statement: usize, fields: Vec<String> },
    /// A stream is not at its version.
    Stream(usize),
    /// The commit's id is in the log.
    CommitId,
}

impl Inner {
    /// The first receipt if this commit was applied before, else the error that names what is in its way. `None` when
    /// nothing is in its way any more.
    pub(super) async fn refuse(&self, prepared: &Prepared, refusal: &Refusal) -> Result<Option<Committed>> {
        // In this order: what a commit with this id wrote meanwhile is no obstacle to it.
        let obstacle = self.obstacle(prepared, refusal).await;
        match self.receipt(&prepared.commit).await {
            Ok(Some(committed)) => Ok(Some(committed)),
            Ok(None) => obstacle?.map_or(Ok(None), Err),
            Err(error @ Error::InvalidCommit { .. }) => Err(error),
            Err(error) => Err(unknown(&error.to_string())),
        }
    }

    /// The receipt of the first time, if this commit's id is in the store.
    async fn receipt(&self, commit: &Commit) -> Result<Option<Committed>> {
        if commit.events() == 0 {
            return self.checkpoint_receipt(commit).await;
        }
        let id = commit.id;
        let Some(first) = self.look(&self.names.events, doc! { "c": uuid(id) }, doc! { "n": 1 }).await? else {
            return Ok(None);
        };
        let from = number(&first, "_id").unwrap_or(0);
        let events = self.events_between(from, from + number(&first, "n").unwrap_or(1) - 1).await?;
        let mut sent = commit.appends.iter().flat_map(|append| &append.events).map(|event| event.id);
        if !events.iter().map(|event| event.id).eq(sent.by_ref()) {
            return Err(reused(id));
        }
        Ok(Some(Committed { id, events: events.into_iter().map(receipt).collect() }))
    }

    async fn checkpoint_receipt(&self, commit: &Commit) -> Result<Option<Committed>> {
        let Some(write) = commit.checkpoints.first() else { return Ok(None) };
        let filter = doc! { "_id": write.consumer.as_str() };
        let found = self.look(&self.names.checkpoints, filter, doc! { "c": 1 }).await?;
        let last = found.as_ref().and_then(|found| found.get("c")).and_then(read_uuid);
        Ok((last == Some(commit.id)).then(|| Committed { id: commit.id, events: Vec::new() }))
    }

    async fn obstacle(&self, prepared: &Prepared, refusal: &Refusal) -> Result<Option<Error>> {
        let statement = |index: &usize| prepared.statements.get(*index);
        let item = |index: &usize| statement(index).and_then(|statement| prepared.item(statement));
        let checkpoint = |index: &usize| statement(index).and_then(|statement| prepared.checkpoint(statement));
        match refusal {
            Refusal::Stale(index) | Refusal::Taken(index) if checkpoint(index).is_some() => match checkpoint(index) {
                Some(write) => self.checkpoint_conflict(write).await,
                None => Ok(None),
            },
            Refusal::Stale(index) => match item(index) {
                Some(item) => Ok(self.staleness(&prepared.commit, &item).await?.map(Into::into)),
                None => Ok(None),
            },
            Refusal::Taken(index) => match item(index) {
                Some(item) => self.taken(&item).await,
                None => Ok(None),
            },
            Refusal::Unique { statement, fields } => Ok(item(statement)
                .map(|item| UniqueViolation::new(item.collection, plain(item.id), fields.clone()).into())),
            Refusal::Stream(index) => self.stream_conflict(&prepared.commit, *index).await,
            Refusal::CommitId => Ok(None),
        }
    }

    async fn staleness(&self, commit: &Commit, item: &Item<'_>) -> Result<Option<VersionConflict>> {
        let Some(expected) = item.expected else { return Ok(None) };
        let actual = match self.version(item).await? {
            Some(actual) if actual == expected => return Ok(None),
            Some(actual) => actual,
            // Deleted: its stream tells how far it came.
            None => match self.stream_of(commit, item).await? {
                Some(head) if head.version != expected => head.version,
                _ => 0,
            },
        };
        Ok(Some(VersionConflict::new(
            names::document(item.collection, item.id),
            ExpectedVersion::Exact(expected),
            actual,
        )))
    }

    async fn taken(&self, item: &Item<'_>) -> Result<Option<Error>> {
        let actual = self.version(item).await?;
        let conflict = |actual| {
            VersionConflict::new(names::document(item.collection, item.id), ExpectedVersion::NoStream, actual).into()
        };
        Ok(actual.map(conflict))
    }

    async fn stream_conflict(&self, commit: &Commit, index: usize) -> Result<Option<Error>> {
        let Some(append) = commit.appends.get(index) else { return Ok(None) };
        let actual = self.end(append.stream.as_str()).await?.version;
        if append.expected.base() == Some(actual) {
            return Ok(None);
        }
        Ok(Some(VersionConflict::new(&append.stream, append.expected, actual).into()))
    }

    async fn checkpoint_conflict(&self, write: &CheckpointWrite) -> Result<Option<Error>> {
        let filter = doc! { "_id": write.consumer.as_str() };
        let found = self.look(&self.names.checkpoints, filter, doc! { "p": 1, "ep": 1 }).await?;
        let found = found.as_ref().and_then(super::query::read_checkpoint);
        let conflict = Error::CheckpointConflict { consumer: write.consumer.clone() };
        Ok((found != write.expected).then_some(conflict))
    }

    /// The version of a document, 0 for one that has none; `None` when it is not there.
    async fn version(&self, item: &Item<'_>) -> Result<Option<u64>> {
        let filter = doc! { "_id": { "$eq": item.id.clone() } };
        let found = self.look(item.collection, filter, doc! { VERSION: 1 }).await?;
        Ok(found.as_ref().map(version_of))
    }

    /// The end of the stream of this commit that has the document's key.
    async fn stream_of(&self, commit: &Commit, item: &Item<'_>) -> Result<Option<Head>> {
        let key = item.key();
        match commit.appends.iter().find(|append| append.stream.key() == key) {
            Some(append) => self.end(append.stream.as_str()).await.map(Some),
            None => Ok(None),
        }
    }

    async fn end(&self, stream: &str) -> Result<Head> {
        let events = self.db.collection::<Document>(&self.names.events);
        let found = events
            .find_one(doc! { "s": { "$eq": stream } })
            .sort(doc! { "v": -1 })
            .projection(doc! { "_id": 0, "v": 1, "at": 1 })
            .read_concern(ReadConcern::linearizable())
            .max_time(LOOK_MAX)
            .await
            .explain("look at a stream's end")?;
        Ok(found.as_ref().map_or(Head::NONE, Head::read))
    }

    async fn look(&self, collection: &str, filter: Document, fields: Document) -> Result<Option<Document>> {
        let collection = self.db.collection::<Document>(collection);
        let look = collection.find_one(filter).projection(fields);
        look.read_concern(ReadConcern::linearizable()).max_time(LOOK_MAX).await.explain("look at what is there")
    }
}

fn receipt(event: RecordedEvent) -> CommittedEvent {
    CommittedEvent {
        id: event.id,
        stream: event.stream,
        version: event.version,
        position: event.position,
        recorded_at: event.recorded_at,
    }
}
