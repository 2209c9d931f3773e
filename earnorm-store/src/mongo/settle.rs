//! After an attempt that did not answer "yes": is the commit there already, what is in its way, and is an unclear one
//! applied or fenced off?
//!
//! Everything here is read linearizable: what a transaction just saw on the primary is waited for, not missed because
//! the majority lags behind.

use std::time::Duration;

use bson::{Bson, Document, doc};
use earnorm_core::commit::{Committed, CommittedEvent};
use earnorm_core::error::{UniqueViolation, VersionConflict};
use earnorm_core::event::RecordedEvent;
use earnorm_core::schema::VERSION;
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::{Error, Result};
use mongodb::options::ReadConcern;

use super::attempt::{Flush, Range};
use super::codec::read_uuid;
use super::commit::{Backoff, reused};
use super::error::{Explain, unknown};
use super::events::Head;
use super::fitness::number;
use super::guard::Item;
use super::raw::uuid;

/// How long one look may take on the server.
const LOOK_MAX: Duration = Duration::from_secs(5);

/// What the database says does not hold.
pub(super) enum Refusal {
    /// A document of this group is not at its version.
    Stale(usize),
    /// A new document's id is taken.
    Taken { group: usize, item: usize },
    /// A unique index refuses a document.
    Unique { group: usize, item: usize, fields: Vec<String> },
    /// A stream is not at its version.
    Stream(usize),
    /// A checkpoint is not as expected.
    Checkpoint(usize),
    /// The commit's id is in the log.
    CommitId,
}

/// The fate of an unclear commit.
pub(super) enum Settled {
    /// It is there.
    Applied(Committed),
    /// It is not there and never will be.
    Absent,
    /// Time ran out.
    Unknown,
}

impl Flush<'_> {
    /// The first receipt if this commit was applied before, else the error that names what is in its way. `None` when
    /// nothing is in its way any more.
    pub(super) async fn refuse(&self, refusal: &Refusal) -> Result<Option<Committed>> {
        match self.receipt().await {
            Ok(None) => {}
            Ok(Some(committed)) => return Ok(Some(committed)),
            Err(error @ Error::InvalidCommit { .. }) => return Err(error),
            Err(error) => return Err(unknown(&error.to_string())),
        }
        match self.obstacle(refusal).await? {
            Some(error) => Err(error),
            None => Ok(None),
        }
    }

    /// Fences off an unclear transaction by filling its positions, which waits while it lives, then looks for it.
    pub(super) async fn settle(&self, range: Option<Range>) -> Result<Settled> {
        let mut backoff = Backoff::new(self.deadline);
        loop {
            let decided = match range {
                Some(range) => {
                    self.inner.fill(range).await;
                    self.inner.is_filled(range).await.unwrap_or(false)
                }
                None => true,
            };
            if decided {
                match self.receipt().await {
                    Ok(Some(committed)) => return Ok(Settled::Applied(committed)),
                    Ok(None) => return Ok(Settled::Absent),
                    Err(error @ Error::InvalidCommit { .. }) => return Err(error),
                    Err(error) => tracing::debug!(%error, "could not look for an unclear commit yet"),
                }
            }
            if !backoff.wait().await {
                return Ok(Settled::Unknown);
            }
        }
    }

    /// The receipt of the first time, if this commit's id is in the store.
    async fn receipt(&self) -> Result<Option<Committed>> {
        if self.commit.events() == 0 {
            return self.checkpoint_receipt().await;
        }
        let id = self.commit.id;
        let Some(first) = self.look(&self.inner.names.events, doc! { "c": uuid(id) }, doc! { "n": 1 }).await? else {
            return Ok(None);
        };
        let from = number(&first, "_id").unwrap_or(0);
        let events = self.inner.events_between(from, from + number(&first, "n").unwrap_or(1) - 1).await?;
        let mut sent = self.commit.appends.iter().flat_map(|append| &append.events).map(|event| event.id);
        if !events.iter().map(|event| event.id).eq(sent.by_ref()) {
            return Err(reused(id));
        }
        Ok(Some(Committed { id, events: events.into_iter().map(receipt).collect() }))
    }

    async fn checkpoint_receipt(&self) -> Result<Option<Committed>> {
        let Some(write) = self.commit.checkpoints.first() else { return Ok(None) };
        let filter = doc! { "_id": write.consumer.as_str() };
        let found = self.look(&self.inner.names.checkpoints, filter, doc! { "c": 1 }).await?;
        let last = found.as_ref().and_then(|found| found.get("c")).and_then(read_uuid);
        Ok((last == Some(self.commit.id)).then(|| Committed { id: self.commit.id, events: Vec::new() }))
    }

    async fn obstacle(&self, refusal: &Refusal) -> Result<Option<Error>> {
        match refusal {
            Refusal::Stale(group) => {
                for item in self.groups.get(*group).map(|group| group.items.as_slice()).unwrap_or_default() {
                    if let Some(conflict) = self.staleness(item).await? {
                        return Ok(Some(conflict.into()));
                    }
                }
                Ok(None)
            }
            Refusal::Taken { group, item } => match self.item(*group, *item) {
                Some(item) => self.taken(item).await,
                None => Ok(None),
            },
            Refusal::Unique { group, item, fields } => Ok(self
                .item(*group, *item)
                .map(|item| UniqueViolation::new(item.collection, name(item), fields.clone()).into())),
            Refusal::Stream(index) => self.stream_conflict(*index).await,
            Refusal::Checkpoint(group) => self.checkpoint_conflict(*group).await,
            Refusal::CommitId => Ok(None),
        }
    }

    fn item(&self, group: usize, item: usize) -> Option<&Item<'_>> {
        self.groups.get(group)?.items.get(item)
    }

    async fn staleness(&self, item: &Item<'_>) -> Result<Option<VersionConflict>> {
        let Some(expected) = item.expected else { return Ok(None) };
        let actual = match self.version(item).await? {
            Some(actual) if actual == expected => return Ok(None),
            Some(actual) => actual,
            // Deleted: its stream tells how far it came.
            None => match self.stream_of(item).await? {
                Some(head) if head.version != expected => head.version,
                _ => 0,
            },
        };
        Ok(Some(VersionConflict::new(subject(item), ExpectedVersion::after(expected), actual)))
    }

    async fn taken(&self, item: &Item<'_>) -> Result<Option<Error>> {
        let actual = self.version(item).await?;
        let conflict = |actual| VersionConflict::new(subject(item), ExpectedVersion::NoStream, actual).into();
        Ok(actual.map(conflict))
    }

    async fn stream_conflict(&self, index: usize) -> Result<Option<Error>> {
        let Some(append) = self.commit.appends.get(index) else { return Ok(None) };
        let actual = self.end(&append.stream.to_string()).await?.version;
        if append.expected.base() == Some(actual) {
            return Ok(None);
        }
        Ok(Some(VersionConflict::new(&append.stream, append.expected, actual).into()))
    }

    async fn checkpoint_conflict(&self, group: usize) -> Result<Option<Error>> {
        let Some(write) = self.groups.get(group).and_then(|group| group.checkpoint) else { return Ok(None) };
        let filter = doc! { "_id": write.consumer.as_str() };
        let found = self.look(&self.inner.names.checkpoints, filter, doc! { "p": 1, "ep": 1 }).await?;
        let found = found.as_ref().and_then(super::query::read_checkpoint);
        let conflict = Error::CheckpointConflict { consumer: write.consumer.clone() };
        Ok((found != write.expected).then_some(conflict))
    }

    /// The version of a document, 0 for one that has none; `None` when it is not there.
    async fn version(&self, item: &Item<'_>) -> Result<Option<u64>> {
        let filter = doc! { "_id": { "$eq": item.id.clone() } };
        let found = self.look(item.collection, filter, doc! { VERSION: 1 }).await?;
        Ok(found.map(|found| number(&found, VERSION).and_then(|version| u64::try_from(version).ok()).unwrap_or(0)))
    }

    /// The end of the stream of this commit that has the document's key.
    async fn stream_of(&self, item: &Item<'_>) -> Result<Option<Head>> {
        let key = item.key();
        match self.commit.appends.iter().find(|append| append.stream.key() == key) {
            Some(append) => self.end(&append.stream.to_string()).await.map(Some),
            None => Ok(None),
        }
    }

    async fn end(&self, stream: &str) -> Result<Head> {
        let events = self.inner.db.collection::<Document>(&self.inner.names.events);
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
        let collection = self.inner.db.collection::<Document>(collection);
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

fn name(item: &Item<'_>) -> String {
    match item.id {
        Bson::String(text) => text.clone(),
        id => Some(item.key()).filter(|key| !key.is_empty()).unwrap_or_else(|| id.to_string()),
    }
}

fn subject(item: &Item<'_>) -> String {
    format!("document {} of {}", name(item), item.collection)
}
