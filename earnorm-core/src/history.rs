//! Time travel: the history of one instance, folded from the log.

use std::collections::BTreeMap;

use bson::Document;
use chrono::{DateTime, Utc};
use futures::StreamExt;

use crate::database::Database;
use crate::diff::Changes;
use crate::entity::stream_of;
use crate::error::{Error, Result};
use crate::event::RecordedEvent;
use crate::fold::{self, ModelFold, ModelRules};
use crate::model::Model;
use crate::reader::{PAGE, Reader};
use crate::schema::ModelInfo;
use crate::snapshot::{self, Bound, Counter};
use crate::store::StreamQuery;
use crate::stream::StreamId;

/// How many events at most are read without knowing whether they are needed.
const AHEAD: u64 = 200;

/// One event of an instance and the state that it led to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Revision<M> {
    /// The event.
    pub event: RecordedEvent,
    /// The instance after it; `None` where it was deleted.
    pub state: Option<M>,
}

pub(crate) async fn history<M: Model>(db: &Database, id: &M::Id) -> Result<Vec<Revision<M>>> {
    let mut revisions = Vec::new();
    let mut fold = ModelRules::<M>::of(db)?.begin();
    walk::<M>(db, id, u64::MAX, |event| {
        fold.add(&event)?;
        // What it was there is in the archive.
        if fold.cut().is_some() {
            return Ok(true);
        }
        let state = fold.model(&format!("{} version {}", event.stream, event.version))?;
        revisions.push(Revision { event, state });
        Ok(true)
    })
    .await?;
    Ok(revisions)
}

pub(crate) async fn at_version<M: Model>(db: &Database, id: &M::Id, version: u64) -> Result<Option<M>> {
    let fold = fold_to::<M>(db, id, version).await?;
    fold.model(&format!("{} version {version}", stream_of::<M>(id)?))
}

pub(crate) async fn as_of<M: Model>(db: &Database, id: &M::Id, moment: DateTime<Utc>) -> Result<Option<M>> {
    let fold = fold_within::<M>(db, id, Bound { version: u64::MAX, moment: Some(moment) }).await?;
    fold.model(&format!("{} as of {moment}, version {}", stream_of::<M>(id)?, fold.version()))
}

pub(crate) async fn changes_between<M: Model>(db: &Database, id: &M::Id, from: u64, to: u64) -> Result<Changes> {
    let mut documents: [Document; 2] = Default::default();
    for (slot, version) in documents.iter_mut().zip([from, to]) {
        if version > 0 {
            *slot = fold_to::<M>(db, id, version)
                .await?
                .document(&format!("{} version {version}", stream_of::<M>(id)?))?
                .unwrap_or_default();
        }
    }
    let [old, new] = documents;
    Ok(Changes::between(&old, &new))
}

pub(crate) async fn fold_all<M: Model>(db: &Database) -> Result<BTreeMap<String, Option<M>>> {
    let rules = ModelRules::<M>::of(db)?;
    let mut folds: BTreeMap<String, ModelFold<M>> = BTreeMap::new();
    let mut events = db.events().category(M::SCHEMA.name).stream();
    while let Some(event) = events.next().await {
        let event = event?;
        let fold = folds.entry(event.stream.key().to_owned()).or_insert_with(|| rules.begin());
        fold.add(&event)?;
    }
    let model = |(key, fold): (String, ModelFold<M>)| {
        let model = fold.model(&format!("{}-{key} version {}", M::SCHEMA.name, fold.version()))?;
        Ok((key, model))
    };
    folds.into_iter().map(model).collect()
}

async fn fold_to<M: Model>(db: &Database, id: &M::Id, version: u64) -> Result<ModelFold<M>> {
    let fold = fold_within::<M>(db, id, Bound { version, moment: None }).await?;
    if fold.version() < version {
        let reason = format!("the stream has {} versions", fold.version());
        return Err(Error::InvalidQuery { path: format!("{} `{id}` version {version}", M::SCHEMA.name), reason });
    }
    Ok(fold)
}

/// Folds a stream up to a bound, from the latest snapshot within it, and keeps the snapshots that are due on the way.
async fn fold_within<M: Model>(db: &Database, id: &M::Id, bound: Bound) -> Result<ModelFold<M>> {
    let (rules, stream, reader) = (ModelRules::<M>::of(db)?, stream_of::<M>(id)?, db.reader());
    let policy = db.snapshot_policy::<M>();
    let (snapshot, mut ahead) = if policy.is_pointless_up_to(bound.version) {
        (None, None)
    } else {
        let latest = snapshot::latest(reader, &stream, bound, M::SCHEMA.version);
        let (latest, ahead) = futures::join!(latest, read_ahead(reader, &stream, policy.nearest_below(bound.version)));
        (latest?, ahead)
    };
    if let Some(snapshot) = &snapshot
        && let Some(fold) = rules.resume(snapshot)
        && let Some(fold) = fold_on::<M>(db, &stream, bound, (fold, Some(snapshot)), ahead.take()).await?
    {
        return Ok(fold);
    }
    let fold = fold_on::<M>(db, &stream, bound, (rules.begin(), None), ahead).await?.unwrap_or_else(|| rules.begin());
    if fold.version() == 0 && bound.version > 0 {
        refuse_truncated(db, &stream, bound).await?;
    }
    Ok(fold)
}

/// The events between two versions, read while the snapshot before them is looked for, so that both cost one way to the
/// database and back. `None` where they are too many or cannot be read: what is needed of them is read afterwards.
async fn read_ahead(reader: &Reader, stream: &StreamId, range: Option<(u64, u64)>) -> Option<Vec<RecordedEvent>> {
    let (from, to) = range.filter(|(from, to)| to - from < AHEAD)?;
    read_on(reader, stream, (from, to), None).await.ok()
}

/// A stream that begins above version 1 had events before.
async fn refuse_truncated(db: &Database, stream: &StreamId, bound: Bound) -> Result<()> {
    let first = StreamQuery { limit: 1, ..StreamQuery::all(stream.clone()) };
    match db.read_stream(first).await?.first() {
        Some(first) if first.version > 1 => {
            let asked = bound.moment.map_or_else(|| format!("version {}", bound.version), |moment| moment.to_string());
            Err(fold::truncated(
                &format!("{stream} as of {asked}"),
                first.version,
                bound.version.min(first.version - 1),
            ))
        }
        _ => Ok(()),
    }
}

/// Goes on with a fold up to a bound. `None` when the snapshot that it went on from is none of this stream any more:
/// the event that it was taken at must stand there still.
async fn fold_on<M: Model>(
    db: &Database,
    stream: &StreamId,
    bound: Bound,
    (mut fold, snapshot): (ModelFold<M>, Option<&Document>),
    mut ahead: Option<Vec<RecordedEvent>>,
) -> Result<Option<ModelFold<M>>> {
    let reader = db.reader();
    let mut counter = Counter::new(db.snapshot_policy::<M>());
    let mut proof = snapshot;
    loop {
        let from = if proof.is_some() { fold.version() } else { fold.version() + 1 };
        let mut page = read_on(reader, stream, (from, bound.version), ahead.take()).await?;
        let full = page.len() == PAGE;
        if let Some(snapshot) = proof.take() {
            if !page.first().is_some_and(|event| snapshot::is_of(snapshot, event)) {
                return Ok(None);
            }
            page.remove(0);
        }
        // Time never falls within a stream, so the first later event ends the prefix.
        let within = page.iter().take_while(|event| bound.moment.is_none_or(|moment| event.recorded_at <= moment));
        let within = within.count();
        let ended = !full || within < page.len();
        page.truncate(within);
        let mut snapshots = Vec::new();
        for event in page {
            fold.add(&event)?;
            if counter.is_due(&event) {
                let taken = fold.snapshot(&format!("{stream} version {}", event.version));
                snapshots.extend(taken.ok().map(|taken| snapshot::of(taken, &event)));
            }
        }
        if !snapshots.is_empty() {
            snapshot::keep(reader, &ModelInfo::of(M::SCHEMA), stream, snapshots).await;
        }
        if ended {
            return Ok(Some(fold));
        }
    }
}

/// A page of a stream; of what was read ahead, where that has it.
async fn read_on(
    reader: &Reader,
    stream: &StreamId,
    (from, to): (u64, u64),
    ahead: Option<Vec<RecordedEvent>>,
) -> Result<Vec<RecordedEvent>> {
    if let Some(mut events) = ahead.filter(|events| events.first().is_some_and(|first| first.version <= from)) {
        events.retain(|event| event.version >= from);
        return Ok(events);
    }
    let query = StreamQuery { from, to, limit: PAGE, ..StreamQuery::all(stream.clone()) };
    reader.read_stream(query).await
}

/// Reads an instance's stream from its start up to a version, until `visit` answers false.
async fn walk<M: Model>(
    db: &Database,
    id: &M::Id,
    to: u64,
    visit: impl FnMut(RecordedEvent) -> Result<bool> + Send,
) -> Result<()> {
    db.reader().walk(&stream_of::<M>(id)?, (1, to), visit).await
}
