//! Short ways to write commits and predicates.

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{Append, Check, Checkpoint, CheckpointWrite, Commit, DocumentOp, DocumentWrite};
use earnorm_core::event::NewEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::position::Position;
use earnorm_core::predicate::{Comparison, Predicate, TextMatch};
use earnorm_core::regex::PortableRegex;
use earnorm_core::stream::{ExpectedVersion, StreamId};

/// The collection that most cases write.
pub(super) const THINGS: &str = "things";
/// Another one.
pub(super) const OTHERS: &str = "others";

/// The seed of a random case, printed so that a failure can be repeated. `EARNORM_TEST_SEED` varies all of them.
pub(super) fn seed(of_case: u64) -> u64 {
    let varied = std::env::var("EARNORM_TEST_SEED").ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    let seed = of_case.wrapping_add(varied.wrapping_mul(1_000_003));
    println!("seed {seed}");
    seed
}

/// A moment so many milliseconds after a fixed one: cases own the clock.
pub(super) fn at(milliseconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_700_000_000_000 + milliseconds).unwrap()
}

/// A new stream of `category`.
pub(super) fn stream(category: &str) -> StreamId {
    named(category, &RandomIds.next().to_string())
}

/// The stream of `category` with this key.
pub(super) fn named(category: &str, key: &str) -> StreamId {
    StreamId::new(category, key).unwrap()
}

/// An event of this type, at a fixed time.
pub(super) fn event(event_type: &str) -> NewEvent {
    event_at(event_type, 0)
}

/// An event of this type, so many milliseconds later.
pub(super) fn event_at(event_type: &str, milliseconds: i64) -> NewEvent {
    NewEvent {
        id: RandomIds.next(),
        event_type: event_type.to_owned(),
        schema_version: 1,
        data: doc! { "of": event_type },
        metadata: Metadata::new(),
        recorded_at: at(milliseconds),
    }
}

/// An empty commit with a new id.
pub(super) fn commit() -> Commit {
    Commit::new(RandomIds.next())
}

/// A commit that is about its documents: its one event goes to a stream of its own.
pub(super) fn write() -> Commit {
    commit().append(&stream("note"), ExpectedVersion::NoStream, 1)
}

/// A document of version 1.
pub(super) fn thing(id: impl Into<Bson>, fields: Document) -> Document {
    let mut document = doc! { "_id": id.into(), "_v": 1_i64 };
    document.extend(fields);
    document
}

/// A checkpoint from numbers.
pub(super) fn mark(position: i64, epoch: u64) -> Checkpoint {
    Checkpoint { position: Position::new(position), epoch }
}

/// Adds parts to a commit.
pub(super) trait Draft: Sized {
    /// So many events of type `<category>.noted`.
    fn append(self, stream: &StreamId, expected: ExpectedVersion, events: usize) -> Self {
        let event_type = format!("{}.noted", stream.category());
        self.append_events(stream, expected, (0..events).map(|_| event(&event_type)).collect())
    }
    fn append_events(self, stream: &StreamId, expected: ExpectedVersion, events: Vec<NewEvent>) -> Self;
    fn document(self, collection: &str, id: impl Into<Bson>, op: DocumentOp) -> Self;
    fn insert(self, collection: &str, document: Document) -> Self {
        let id = document.get("_id").unwrap().clone();
        self.document(collection, id, DocumentOp::Insert { document })
    }
    /// The version of the new document is one more than expected.
    fn replace(self, collection: &str, id: impl Into<Bson>, expected: u64, fields: Document) -> Self {
        let id = id.into();
        let mut document = thing(id.clone(), fields);
        document.insert("_v", next(expected));
        self.document(collection, id, DocumentOp::Replace { expected, document })
    }
    /// The version of the new document is one more than expected.
    fn patch(self, collection: &str, id: impl Into<Bson>, expected: u64, set: Document, unset: &[&str]) -> Self {
        let mut set: Vec<_> = set.into_iter().collect();
        set.push(("_v".to_owned(), next(expected).into()));
        let unset = unset.iter().map(ToString::to_string).collect();
        self.document(collection, id, DocumentOp::Patch { expected, set, unset })
    }
    fn delete(self, collection: &str, id: impl Into<Bson>, expected: u64) -> Self {
        self.document(collection, id, DocumentOp::Delete { expected })
    }
    fn check(self, collection: &str, id: impl Into<Bson>, expected: u64) -> Self;
    fn advance(self, consumer: &str, expected: Option<Checkpoint>, next: Checkpoint) -> Self;
}

fn next(version: u64) -> i64 {
    i64::try_from(version).unwrap() + 1
}

impl Draft for Commit {
    fn append_events(mut self, stream: &StreamId, expected: ExpectedVersion, events: Vec<NewEvent>) -> Self {
        self.appends.push(Append { stream: stream.clone(), expected, not_before: None, events });
        self
    }

    fn document(mut self, collection: &str, id: impl Into<Bson>, op: DocumentOp) -> Self {
        self.documents.push(DocumentWrite { collection: collection.to_owned(), id: id.into(), op });
        self
    }

    fn check(mut self, collection: &str, id: impl Into<Bson>, expected: u64) -> Self {
        self.checks.push(Check { collection: collection.to_owned(), id: id.into(), expected });
        self
    }

    fn advance(mut self, consumer: &str, expected: Option<Checkpoint>, next: Checkpoint) -> Self {
        self.checkpoints.push(CheckpointWrite { consumer: consumer.to_owned(), expected, next });
        self
    }
}

pub(super) fn eq(path: &str, value: impl Into<Bson>) -> Predicate {
    Predicate::eq(path, value)
}

pub(super) fn compare(path: &str, op: Comparison, value: impl Into<Bson>) -> Predicate {
    Predicate::Compare { path: path.to_owned(), op, value: value.into() }
}

pub(super) fn is_in(path: &str, values: impl IntoIterator<Item = Bson>) -> Predicate {
    Predicate::In { path: path.to_owned(), values: values.into_iter().collect() }
}

pub(super) fn exists(path: &str, present: bool) -> Predicate {
    Predicate::Exists { path: path.to_owned(), present }
}

pub(super) fn text(path: &str, op: TextMatch, needle: &str) -> Predicate {
    Predicate::Text { path: path.to_owned(), op, needle: needle.to_owned() }
}

pub(super) fn regex(path: &str, pattern: &str) -> Predicate {
    Predicate::Regex { path: path.to_owned(), regex: PortableRegex::new(pattern).unwrap() }
}

pub(super) fn size(path: &str, len: u32) -> Predicate {
    Predicate::Size { path: path.to_owned(), len }
}

pub(super) fn has_all(path: &str, values: impl IntoIterator<Item = Bson>) -> Predicate {
    Predicate::HasAll { path: path.to_owned(), values: values.into_iter().collect() }
}

pub(super) fn element(path: &str, predicate: Predicate) -> Predicate {
    Predicate::Element { path: path.to_owned(), predicate: Box::new(predicate) }
}
