//! Moving the beginning of the log into an archive.

use std::collections::BTreeSet;
use std::io::Write;

use bson::{Document, doc};
use chrono::Utc;
use futures::{StreamExt, TryStreamExt};
use uuid::Uuid;

use super::export::{Export, Exported};
use crate::commit::{Append, Commit};
use crate::error::{Error, Result};
use crate::event::{BASELINE, NewEvent};
use crate::metadata::Metadata;
use crate::personal;
use crate::position::Position;
use crate::predicate::{Comparison, Predicate};
use crate::reader::Reader;
use crate::replay::{Folded, Folds, OnProgress, Progress, Replay, Teller};
use crate::schema::{self, is_internal};
use crate::store::{DocumentQuery, Own, SortKey};
use crate::stream::{ExpectedVersion, StreamId};
use crate::value::to_millis;

/// How many baselines are under way at once; the store may send them together.
const AT_ONCE: usize = 32;
/// How often a baseline is tried again after someone else's save.
const RETRIES_MAX: usize = 20;

/// A truncation that has not begun.
///
/// First every instance with events in the part that goes gets a `baseline` event with its state, so that a fold still
/// starts somewhere; then the part is written to the archive, in the form of an export; then it is removed. The last
/// event of a deleted instance stays, so that its id never begins a second history. History before a baseline cannot be
/// asked for afterwards.
#[must_use = "nothing is truncated until it runs"]
pub struct Truncate {
    reader: Reader,
    models: Vec<Replay>,
    upto: Position,
    tell: Option<OnProgress>,
}

impl std::fmt::Debug for Truncate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Truncate").field("upto", &self.upto).finish_non_exhaustive()
    }
}

/// What a truncation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Truncated {
    /// How many streams got a baseline.
    pub baselines: u64,
    /// What the archive holds.
    pub archived: Exported,
    /// How many entries were removed.
    pub removed: u64,
}

impl Truncate {
    /// A truncation of everything at or below `upto`. Every model that has events needs its replay here.
    pub fn new(reader: Reader, models: Vec<Replay>, upto: Position) -> Self {
        Self { reader, models, upto, tell: None }
    }

    /// Is told how far it is.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + Sync + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Truncates. Others may write meanwhile; an entity that was loaded before its baseline meets a version conflict when
    /// it is saved. Dropping the future stops it; the next run goes on. What a run that died had archived and removed is
    /// in its own archive: keep them all.
    ///
    /// What goes is in the archive only, so its `flush` must make it durable before it answers. That of
    /// [`std::fs::File`] does nothing: wrap it in a writer whose `flush` calls [`std::fs::File::sync_all`].
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] when a consumer has not read that far, a handler still needs an event of that part for a
    /// parked stream or a dead letter, or the log does not reach so far;
    /// [`Error::NeedsCode`] when a model with events is not known here; what the store or the archive answers. Nothing
    /// is removed in these cases.
    pub async fn run(mut self, archive: &mut (impl Write + Send)) -> Result<Truncated> {
        self.check().await?;
        let mut teller = Teller::new(self.tell.take(), "writing baselines", None);
        let mut kept = BTreeSet::new();
        let mut baselines = 0;
        for replay in &self.models {
            baselines += self.baselines(replay, &mut kept, &mut teller).await?;
        }
        teller.step("archiving", None);
        let store = self.reader.store();
        let archived = Export::new(store.clone()).upto(self.upto).run(archive).await?;
        teller.step("removing", Some(archived.events + archived.tombstones));
        let kept: Vec<_> = kept.into_iter().collect();
        let removed = store.admin().truncate(self.upto, &kept).await?;
        teller.add(removed);
        Ok(Truncated { baselines, archived, removed })
    }

    async fn check(&self) -> Result<()> {
        let store = self.reader.store();
        let refused =
            |reason: String| Error::InvalidQuery { path: format!("log up to position {}", self.upto), reason };
        let end = store.high_water().await?;
        if self.upto > end {
            return Err(refused(format!("the log ends at {end}")));
        }
        for (consumer, checkpoint) in store.admin().checkpoints().await? {
            if checkpoint.position < self.upto {
                let reason =
                    format!("`{consumer}` has read up to {} only: let it catch up, or remove it", checkpoint.position);
                return Err(refused(reason));
            }
        }
        for (own, cure) in [
            (Own::Parked, "let it retry, or requeue or discard the event that the stream waits for"),
            (Own::DeadLetters, "requeue or discard it"),
        ] {
            if let Some((handler, event, position)) = self.needed(own).await? {
                let reason = format!("handler `{handler}` has not handled {event} at {position}: {cure}");
                return Err(refused(reason));
            }
        }
        let notes = DocumentQuery::new(store.admin().own(Own::Models), Predicate::always());
        let mut notes = store.find(notes).await?;
        while let Some(note) = notes.next().await.transpose()? {
            let name = note.get_str("_id").unwrap_or_default();
            if !self.models.iter().any(|replay| replay.folder.info().name == name) {
                let subject = format!("the log up to position {}", self.upto);
                return Err(Error::NeedsCode { subject, model: name.to_owned() });
            }
        }
        Ok(())
    }

    /// The first event in the part that goes which a handler's record needs: the handler, the event and its position.
    async fn needed(&self, own: Own) -> Result<Option<(String, String, i64)>> {
        let store = self.reader.store();
        let gone = Predicate::Compare { path: "position".into(), op: Comparison::Lte, value: self.upto.get().into() };
        let first = SortKey { path: "position".into(), descending: false };
        let query =
            DocumentQuery { sort: vec![first], limit: Some(1), ..DocumentQuery::new(store.admin().own(own), gone) };
        let Some(record) = store.find(query).await?.next().await.transpose()? else { return Ok(None) };
        let text = |field: &str| record.get_str(field).unwrap_or_default().to_owned();
        let event = format!("{} of {}", text("type"), text("stream"));
        Ok(Some((text("handler"), event, record.get_i64("position").unwrap_or_default())))
    }

    /// Writes the baselines of one model; collects the last events of deleted instances.
    async fn baselines(&self, replay: &Replay, kept: &mut BTreeSet<Position>, teller: &mut Teller) -> Result<u64> {
        let mut folds = Folds::new(replay, None);
        let mut due = Vec::new();
        let mut count = 0;
        loop {
            let next = folds.next().await?;
            let ended = next.is_none();
            if let Some(folded) = next.filter(|folded| folded.first <= self.upto) {
                teller.add(1);
                due.extend(self.needs_baseline(folded, kept)?);
            }
            if due.len() >= AT_ONCE * 4 || (ended && !due.is_empty()) {
                count += due.len() as u64;
                let writes = std::mem::take(&mut due).into_iter().map(|stream| write_baseline(replay, stream));
                futures::stream::iter(writes).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
            }
            if ended {
                return Ok(count);
            }
        }
    }

    fn needs_baseline(&self, folded: Folded, kept: &mut BTreeSet<Position>) -> Result<Option<StreamId>> {
        if folded.baseline.is_some_and(|baseline| baseline > self.upto) {
            return Ok(None);
        }
        if folded.fold?.stored_document()?.is_none() {
            kept.insert(folded.last.position);
            return Ok(None);
        }
        Ok(Some(folded.stream))
    }
}

async fn write_baseline(replay: &Replay, stream: StreamId) -> Result<()> {
    for attempt in 1.. {
        let fold = replay.fold(&stream).await?;
        let Some(document) = fold.stored_document()? else { return Ok(()) };
        match replay.reader.commit(baseline(replay, &stream, fold.version(), document).await?).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_conflict() && attempt < RETRIES_MAX => {
                let collection = replay.folder.info().collection.clone();
                replay.settle(&collection, vec![stream.clone()]).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn baseline(replay: &Replay, stream: &StreamId, version: u64, document: Document) -> Result<Commit> {
    let info = replay.folder.info();
    let live = document.get_bool(schema::LIVE).unwrap_or(true);
    let id = document.get("_id").cloned().unwrap_or_default();
    let not_before = document.get(schema::RECORDED_AT).and_then(crate::value::read_date);
    let state: Document = document.into_iter().filter(|(field, _)| !is_internal(field)).collect();
    let now = to_millis(Utc::now()).max(not_before.unwrap_or_default());
    let mut commit = Commit::new(Uuid::now_v7());
    commit.appends.push(Append {
        stream: stream.clone(),
        expected: ExpectedVersion::Exact(version),
        not_before,
        events: vec![NewEvent {
            id: Uuid::now_v7(),
            event_type: format!("{}.{BASELINE}", info.name),
            schema_version: info.version,
            data: doc! { "state": state, "live": live },
            metadata: Metadata::new().actor("truncate"),
            recorded_at: now,
        }],
    });
    commit.documents.push(replay.stamp(&id, version + 1, now).await?);
    personal::seal_commit(&replay.reader, info, &mut commit, None).await?;
    Ok(commit)
}
