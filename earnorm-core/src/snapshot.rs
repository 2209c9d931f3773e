//! Snapshots: a cache of folds. A wrong or missing one changes speed, never the result: it is taken only at a version of
//! its stream, by the same fold that would go on without it, it names the event at which it was taken, and one of another
//! schema version or format is discarded.

use std::cmp::Ordering;

use bson::{Bson, Document};
use chrono::{DateTime, Utc};
use futures::StreamExt;

use crate::error::{Error, Result};
use crate::event::RecordedEvent;
use crate::personal;
use crate::predicate::{Comparison, Predicate};
use crate::reader::Reader;
use crate::schema::ModelInfo;
use crate::store::{DocumentQuery, Own, PutRule, SortKey};
use crate::stream::StreamId;

/// The form of the notes; a higher one discards those before it.
const FORMAT: i64 = 1;

/// When a fold leaves a snapshot behind: whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotPolicy {
    events: Option<u64>,
    bytes: Option<usize>,
}

impl Default for SnapshotPolicy {
    /// Every 50 events, or 1 MiB of them: a fold then costs about as much again as a load (`benches/fold.rs`).
    fn default() -> Self {
        Self::every(50).or_bytes(1024 * 1024)
    }
}

impl SnapshotPolicy {
    /// No snapshots: every fold starts at the first event.
    #[must_use]
    pub const fn never() -> Self {
        Self { events: None, bytes: None }
    }

    /// After so many events; 0 is read as 1.
    #[must_use]
    pub const fn every(events: u64) -> Self {
        Self { events: Some(if events == 0 { 1 } else { events }), bytes: None }
    }

    /// After so many bytes of event data.
    #[must_use]
    pub const fn or_bytes(mut self, bytes: usize) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// The versions in which the latest snapshot up to `version` stands, if there is one of every fold before; `None`
    /// where that is not known.
    pub(crate) fn nearest_below(&self, version: u64) -> Option<(u64, u64)> {
        let events = self.events?;
        (version < u64::MAX).then(|| ((version + 1).saturating_sub(events).max(1), version))
    }

    /// Whether a fold of so few events leaves none behind, so that looking for one is no use.
    pub(crate) fn is_pointless_up_to(&self, version: u64) -> bool {
        match (self.events, self.bytes) {
            (None, None) => true,
            (Some(events), None) => version <= events,
            (_, Some(_)) => version <= 1,
        }
    }
}

/// Counts what a fold has read since its last snapshot.
#[derive(Debug)]
pub(crate) struct Counter {
    policy: SnapshotPolicy,
    events: u64,
    bytes: usize,
}

impl Counter {
    pub(crate) fn new(policy: SnapshotPolicy) -> Self {
        Self { policy, events: 0, bytes: 0 }
    }

    /// Whether a snapshot is due after `event`.
    pub(crate) fn is_due(&mut self, event: &RecordedEvent) -> bool {
        self.events += 1;
        if self.policy.bytes.is_some() {
            self.bytes += event.data().and_then(|data| crate::limits::size_of(data, String::new)).unwrap_or(0);
        }
        let due = self.policy.events.is_some_and(|events| self.events >= events)
            || self.policy.bytes.is_some_and(|bytes| self.bytes >= bytes);
        if due {
            (self.events, self.bytes) = (0, 0);
        }
        due
    }
}

/// Up to where a snapshot may reach.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) version: u64,
    pub(crate) moment: Option<DateTime<Utc>>,
}

/// The latest snapshot of a stream within a bound. Those of an older schema version or format are discarded.
pub(crate) async fn latest(
    reader: &Reader,
    stream: &StreamId,
    bound: Bound,
    schema_version: u32,
) -> Result<Option<Document>> {
    let own = reader.store().admin().own(Own::Snapshots);
    let version = Bson::Int64(i64::try_from(bound.version).unwrap_or(i64::MAX));
    let of_stream = Predicate::eq("s", stream.to_string());
    let mut filter = of_stream.clone().and(compare("v", Comparison::Lte, version));
    if let Some(moment) = bound.moment {
        let moment = bson::DateTime::from_millis(moment.timestamp_millis());
        filter = filter.and(compare("at", Comparison::Lte, moment.into()));
    }
    let mut query = DocumentQuery::new(&own, filter);
    query.sort = vec![SortKey { path: "v".to_owned(), descending: true }];
    query.limit = Some(1);
    let Some(mut found) = reader.store().find(query).await?.next().await.transpose()? else { return Ok(None) };
    let known = i64::from(schema_version);
    let (format, shape) = (found.get_i64("fmt").unwrap_or(0), found.get_i64("sv").unwrap_or(0));
    match (format, shape).cmp(&(FORMAT, known)) {
        Ordering::Equal => {}
        // A newer program's are left to it.
        Ordering::Greater => return Ok(None),
        Ordering::Less => {
            let old = compare("fmt", Comparison::Lt, FORMAT.into()).or(compare("sv", Comparison::Lt, known.into()));
            reader.store().admin().remove(&own, &of_stream.and(old)).await?;
            return Ok(None);
        }
    }
    let kind = kind_of(&found);
    if let Ok(state) = found.get_document_mut("state") {
        match personal::open_document(reader, stream, &kind, state).await {
            Ok(()) => {}
            // The events say what it should have been, or where they are spoilt too.
            Err(Error::Corrupt { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(found))
}

/// A snapshot with the event that it was taken at.
pub(crate) fn of(mut snapshot: Document, event: &RecordedEvent) -> Document {
    snapshot.insert("e", event.id.to_string());
    snapshot
}

/// Whether a snapshot was taken at this event. One of another history must not be gone on from: the log may have been
/// truncated, restored or imported since.
pub(crate) fn is_of(snapshot: &Document, event: &RecordedEvent) -> bool {
    let version = i64::try_from(event.version).ok();
    snapshot.get_i64("v").ok() == version && snapshot.get_str("e").is_ok_and(|id| id == event.id.to_string())
}

/// Keeps snapshots of a stream. Failing to is no failure of the fold.
pub(crate) async fn keep(reader: &Reader, info: &ModelInfo, stream: &StreamId, mut snapshots: Vec<Document>) {
    if let Err(error) = seal(reader, info, stream, &mut snapshots).await {
        tracing::warn!(%stream, %error, "snapshots could not be sealed and were not kept; the next fold is slower");
        return;
    }
    let notes = snapshots.into_iter().map(|mut snapshot| {
        let version = snapshot.get_i64("v").unwrap_or(0);
        snapshot.insert("_id", format!("{stream}@{version}"));
        snapshot.insert("s", stream.to_string());
        snapshot.insert("fmt", FORMAT);
        snapshot
    });
    let admin = reader.store().admin();
    if let Err(error) = admin.put(&admin.own(Own::Snapshots), notes.collect(), PutRule::Always).await {
        tracing::warn!(%stream, %error, "snapshots were not kept; the next fold is slower");
    }
}

/// Seals the personal data in the states of snapshots.
async fn seal(reader: &Reader, info: &ModelInfo, stream: &StreamId, snapshots: &mut [Document]) -> Result<()> {
    let kinds: Vec<_> = snapshots.iter().map(kind_of).collect();
    let states = kinds.iter().zip(snapshots).filter_map(|(kind, snapshot)| {
        let state = snapshot.get_document_mut("state").ok()?;
        Some((kind.as_str(), state))
    });
    personal::seal_documents(reader, info, stream, states.collect()).await
}

/// What its sealed values are bound to.
fn kind_of(snapshot: &Document) -> String {
    format!("snapshot {}", snapshot.get_i64("v").unwrap_or(0))
}

fn compare(path: &str, op: Comparison, value: Bson) -> Predicate {
    Predicate::Compare { path: path.to_owned(), op, value }
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use uuid::Uuid;

    use super::*;
    use crate::metadata::Metadata;
    use crate::position::Position;

    /// The versions of nine events of so many bytes after which a snapshot is due.
    fn due(policy: SnapshotPolicy, texts: &str) -> Vec<u64> {
        let mut counter = Counter::new(policy);
        let event = |version| RecordedEvent {
            id: Uuid::nil(),
            stream: StreamId::new("page", "1").unwrap(),
            version,
            position: Position::START,
            event_type: "page.updated".to_owned(),
            schema_version: 1,
            data: doc! { "t": texts }.into(),
            metadata: Metadata::new(),
            recorded_at: DateTime::UNIX_EPOCH,
        };
        (1..10).filter(|version| counter.is_due(&event(*version))).collect()
    }

    #[test]
    fn a_snapshot_is_due_after_so_many_events_or_bytes() {
        assert_eq!(due(SnapshotPolicy::every(3), ""), [3, 6, 9]);
        assert_eq!(due(SnapshotPolicy::every(0), ""), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        // Each has 13 bytes.
        assert_eq!(due(SnapshotPolicy::never().or_bytes(26), ""), [2, 4, 6, 8]);
        assert_eq!(due(SnapshotPolicy::never().or_bytes(27), ""), [3, 6, 9]);
        assert_eq!(due(SnapshotPolicy::every(2).or_bytes(1_000), ""), [2, 4, 6, 8]);
        assert_eq!(due(SnapshotPolicy::every(4).or_bytes(20), "12345678"), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert!(due(SnapshotPolicy::never(), "").is_empty());
    }

    #[test]
    fn none_is_looked_for_where_none_can_be_of_use() {
        let pointless =
            |policy: SnapshotPolicy| (0..5).map(|version| policy.is_pointless_up_to(version)).collect::<Vec<_>>();
        assert_eq!(pointless(SnapshotPolicy::never()), [true; 5]);
        assert_eq!(pointless(SnapshotPolicy::every(3)), [true, true, true, true, false]);
        assert_eq!(pointless(SnapshotPolicy::every(3).or_bytes(1)), [true, true, false, false, false]);
    }

    #[test]
    fn the_nearest_one_stands_among_the_last_events() {
        let policy = SnapshotPolicy::every(3).or_bytes(1);
        assert_eq!([1, 3, 9].map(|version| policy.nearest_below(version)), [Some((1, 1)), Some((1, 3)), Some((7, 9))]);
        assert_eq!(SnapshotPolicy::every(1).nearest_below(9), Some((9, 9)));
        assert_eq!(policy.nearest_below(u64::MAX), None);
        assert_eq!(SnapshotPolicy::never().or_bytes(1).nearest_below(9), None);
    }
}
