//! From staged writes to a durable commit, and from a refused commit to an error that names the instance.

use std::collections::HashMap;

use tracing::Instrument;

use crate::commit::{Append, Commit};
use crate::database::Database;
use crate::entity::lock;
use crate::error::{Error, Result, VersionConflict};
use crate::event::{BASELINE, DELETED, ERASED};
use crate::personal;
use crate::replay::{self, version_of};
use crate::save::Receipt;
use crate::store::StreamQuery;
use crate::stream::{ExpectedVersion, StreamId};
use crate::unit::{Buffer, Staged};

/// Commits staged writes, moves their entities, and runs their post hooks. Dropping the future undoes the staging;
/// the commit itself is then wholly done or wholly not.
pub(crate) async fn commit(db: &Database, mut buffer: Buffer) -> Result<Receipt> {
    if buffer.writes.is_empty() && buffer.riders.is_empty() {
        return Ok(Receipt::default());
    }
    contradiction(&buffer.writes).map_or(Ok(()), Err)?;
    let sealed = personal::seal_writes(db, &mut buffer.writes).await?;
    let commit = build(db, &mut buffer);
    let span = span(&commit);
    let committed = match db.reader().commit(commit).instrument(span).await {
        Ok(committed) => committed,
        Err(error) => return Err(explain(db, &buffer.writes, error).await),
    };
    let mut writes = std::mem::take(&mut buffer.writes);
    for write in &mut writes {
        write.settle();
    }
    personal::settle_writes(db, &writes, sealed).await;
    let receipt = Receipt::of(committed);
    let mut failures = Vec::new();
    for write in &mut writes {
        if let Some(job) = write.post.take() {
            failures.extend(job(db.clone(), receipt.clone()).await);
        }
    }
    let receipt = receipt.with_failures(failures);
    for write in &writes {
        lock(&write.state).receipt = Some(receipt.clone());
    }
    Ok(receipt)
}

/// Two entities of one instance that were staged side by side: the second does not know what the first one wrote, which no
/// second attempt changes.
fn contradiction(writes: &[Staged]) -> Option<Error> {
    if writes.len() < 2 {
        return None;
    }
    let mut written: HashMap<&StreamId, &Staged> = HashMap::with_capacity(writes.len());
    for write in writes {
        let Some(earlier) = written.insert(&write.stream, write) else { continue };
        let actual = earlier.after.version;
        if actual == write.base {
            continue;
        }
        return Some(match write.base {
            0 => {
                let (model, id) = (write.model, write.stream.key().to_owned());
                Error::AlreadyExists { model, id, deleted: !earlier.after.live }
            }
            base => VersionConflict::new(&write.stream, ExpectedVersion::after(base), actual).into(),
        });
    }
    None
}

/// The span of a commit: it carries the trace that its first event carries to its handlers.
fn span(commit: &Commit) -> tracing::Span {
    let events = || commit.appends.iter().flat_map(|append| &append.events);
    let metadata = events().next().map(|event| &event.metadata);
    tracing::info_span!(
        "commit",
        commit = %commit.id,
        events = events().count(),
        traceparent = metadata.and_then(|metadata| metadata.traceparent.as_deref()).unwrap_or_default(),
        correlation_id = metadata.and_then(|metadata| metadata.correlation_id.as_deref()).unwrap_or_default(),
    )
}

fn build(db: &Database, buffer: &mut Buffer) -> Commit {
    let mut commit = Commit::new(db.next_id());
    for write in &mut buffer.writes {
        let events = std::mem::take(&mut write.events);
        commit.documents.extend(write.document.take());
        // A unit that saves one instance twice appends to its stream once, with the events of both.
        match commit.appends.iter_mut().find(|append| append.stream == write.stream) {
            Some(append) => append.events.extend(events),
            None => commit.appends.push(Append {
                stream: write.stream.clone(),
                expected: ExpectedVersion::after(write.base),
                not_before: write.not_before,
                events,
            }),
        }
    }
    let riders = std::mem::take(&mut buffer.riders);
    commit.appends.extend(riders.appends);
    commit.documents.extend(riders.documents);
    commit.checkpoints.extend(riders.checkpoints);
    commit
}

/// A conflict as the caller knows it: with the stream, and as [`Error::AlreadyExists`] where something was new.
async fn explain(db: &Database, writes: &[Staged], error: Error) -> Error {
    let Error::Conflict(conflict) = error else { return error };
    let expected = |write: &&Staged| ExpectedVersion::after(write.base) == conflict.expected;
    let mut suspects: Vec<_> = writes.iter().filter(expected).filter(|write| is_about(&conflict, write)).collect();
    if suspects.is_empty() {
        suspects = writes.iter().filter(expected).collect();
    }
    for write in suspects {
        let head = head(db, &write.stream).await;
        if let Some((version, deleted)) = head {
            repair(db, write, version, deleted).await;
        }
        if write.base == 0 {
            if let Some((_, deleted)) = head {
                return Error::AlreadyExists { model: write.model, id: write.stream.key().to_owned(), deleted };
            }
        } else {
            let actual = head.map_or(conflict.actual, |(version, _)| version);
            if actual != write.base {
                return VersionConflict::new(&write.stream, conflict.expected, actual).into();
            }
        }
    }
    Error::Conflict(conflict)
}

/// Whether a conflict speaks of a write, so that others of a large unit need not be looked at.
fn is_about(conflict: &VersionConflict, write: &Staged) -> bool {
    conflict.subject == write.stream.to_string()
        || conflict.subject == format!("{} {}", write.collection, write.id)
        || conflict.subject.contains(write.stream.key())
}

/// A document that lies behind its stream would make every later save fail alike: it is put right first.
async fn repair(db: &Database, write: &Staged, version: u64, deleted: bool) {
    let Ok(document) = db.store().get(write.collection, &write.id).await else { return };
    let stored = document.as_ref().map(version_of);
    if stored.is_some_and(|stored| stored >= version) || (stored.is_none() && deleted) {
        return;
    }
    match replay::repair(db, write.model, &write.stream).await {
        Ok(()) => {
            tracing::warn!(stream = %write.stream, version, "the document lay behind its stream and was repaired")
        }
        Err(error) => tracing::warn!(stream = %write.stream, %error, "the document lies behind its stream"),
    }
}

/// The last version of a stream, and whether its instance is deleted.
async fn head(db: &Database, stream: &StreamId) -> Option<(u64, bool)> {
    let mut query = StreamQuery::last(stream.clone());
    let last = db.read_stream(query.clone()).await.ok()?.pop()?;
    let mut event = last.clone();
    loop {
        match event.name() {
            // Who is deleted stays so when personal data is erased.
            ERASED if event.version > 1 => query.to = event.version - 1,
            BASELINE => return Some((last.version, !event.data().ok()?.get_bool("live").unwrap_or(true))),
            name => return Some((last.version, name == DELETED)),
        }
        let Some(before) = db.read_stream(query.clone()).await.ok()?.pop() else {
            return Some((last.version, false));
        };
        event = before;
    }
}
