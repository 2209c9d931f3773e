//! One commit on its way: encoded once, since no attempt changes it, and answered once.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher};

use bson::Bson;
use earnorm_core::Result;
use earnorm_core::commit::{CheckpointWrite, Commit, Committed};
use earnorm_core::stream::ExpectedVersion;
use tokio::sync::{OwnedRwLockReadGuard, OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use super::committer::Hold;
use super::events::Stored;
use super::fault::Fault;
use super::guard::{Item, Statement, What, statements};
use super::meters;
use super::options::Names;
use super::raw::unencodable;

/// A commit as the database takes it.
pub(super) struct Prepared {
    pub(super) commit: Commit,
    /// What must hold and is written before the events, in order.
    pub(super) statements: Vec<Statement>,
    /// The events of all appends, in order.
    pub(super) events: Vec<Stored>,
    /// The appends whose stream's end is not implied by a guarded document and must be read.
    pub(super) heads: Vec<usize>,
    pub(super) bytes: usize,
}

impl Prepared {
    /// Encodes `commit`.
    pub(super) fn new(commit: Commit) -> Result<Self> {
        let statements = statements(&commit).map_err(|error| unencodable(&error))?;
        let events = Stored::of(&commit).map_err(|error| unencodable(&error))?;
        let bytes =
            statements.iter().map(Statement::size).sum::<usize>() + events.iter().map(Stored::size).sum::<usize>();
        let mut prepared = Self { commit, statements, events, heads: Vec::new(), bytes };
        prepared.heads = prepared.heads_to_read();
        Ok(prepared)
    }

    fn heads_to_read(&self) -> Vec<usize> {
        let read = |expected, key: &str| match expected {
            // The index of streams and versions refuses a first event that is there.
            ExpectedVersion::NoStream => false,
            ExpectedVersion::Exact(version) => !self.is_guarded(key, version),
            ExpectedVersion::Any => true,
        };
        let appends = self.commit.appends.iter().enumerate();
        appends.filter(|(_, append)| read(append.expected, append.stream.key())).map(|(index, _)| index).collect()
    }

    /// Whether a document of this commit with the stream's key is guarded at `version`: a state document's version is
    /// its stream's, so the stream needs no look of its own.
    fn is_guarded(&self, key: &str, version: u64) -> bool {
        let mut items = self.statements.iter().filter_map(|statement| self.item(statement));
        items.any(|item| item.expected == Some(version) && item.key() == key)
    }

    /// What a statement writes; `None` for a checkpoint.
    pub(super) fn item(&self, statement: &Statement) -> Option<Item<'_>> {
        match statement.what {
            What::Check(index) => self.commit.checks.get(index).map(|check| Item {
                collection: &check.collection,
                id: &check.id,
                expected: Some(check.expected),
            }),
            What::Document(index) => self.commit.documents.get(index).map(Item::of),
            What::Checkpoint(_) => None,
        }
    }

    /// The checkpoint that a statement moves.
    pub(super) fn checkpoint(&self, statement: &Statement) -> Option<&CheckpointWrite> {
        match statement.what {
            What::Checkpoint(index) => self.commit.checkpoints.get(index),
            _ => None,
        }
    }

    /// The collection that a statement writes to.
    pub(super) fn collection<'a>(&'a self, statement: &Statement, names: &'a Names) -> &'a str {
        self.item(statement).map_or(names.checkpoints.as_str(), |item| item.collection)
    }

    /// Hashes of what it touches: no two commits that share one go at the same time. A false match only makes one of
    /// both wait.
    pub(super) fn keys(&self) -> Vec<u64> {
        let commit = &self.commit;
        let mut keys = vec![hash(&(0_u8, commit.id))];
        keys.extend(commit.appends.iter().map(|append| hash(&(1_u8, append.stream.category(), append.stream.key()))));
        keys.extend(commit.documents.iter().map(|write| document_key(&write.collection, &write.id)));
        keys.extend(commit.checks.iter().map(|check| document_key(&check.collection, &check.id)));
        keys.extend(commit.checkpoints.iter().map(|write| hash(&(3_u8, &write.consumer))));
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

fn hash(value: &impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

/// Ids that the database holds to be equal have one key: numbers go by value.
fn document_key(collection: &str, id: &Bson) -> u64 {
    let mut hasher = DefaultHasher::default();
    (2_u8, collection).hash(&mut hasher);
    match id {
        Bson::String(text) => text.hash(&mut hasher),
        Bson::ObjectId(id) => id.bytes().hash(&mut hasher),
        Bson::Binary(binary) => binary.bytes.hash(&mut hasher),
        Bson::Int32(number) => i64::from(*number).hash(&mut hasher),
        Bson::Int64(number) => number.hash(&mut hasher),
        #[allow(clippy::cast_possible_truncation, reason = "a false match only makes one commit wait")]
        Bson::Double(number) => (*number as i64).hash(&mut hasher),
        other => other.to_string().hash(&mut hasher),
    }
    hasher.finish()
}

/// What a commit holds on to while it waits and is on its way: room, and the right to finish before `close` returns.
pub(super) struct Stay {
    pub(super) _room: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    pub(super) _flight: OwnedRwLockReadGuard<()>,
}

/// A commit that someone waits for.
pub(super) struct Member {
    pub(super) prepared: Prepared,
    pub(super) deadline: Instant,
    pub(super) enqueued: Instant,
    /// How often it was tried in vain.
    pub(super) tries: u32,
    /// What goes wrong with it; only tests ask for it.
    pub(super) fault: Option<Fault>,
    pub(super) reply: oneshot::Sender<Result<Committed>>,
    /// Its place in the queue, given back before it is answered.
    pub(super) hold: Option<Hold>,
    pub(super) stay: Stay,
}

impl Member {
    /// Lets those behind it go on, and answers.
    pub(super) fn answer(self, result: Result<Committed>) {
        drop(self.hold);
        drop(self.stay);
        meters::answered(&result);
        // A caller that went away does not hear what became of its commit.
        let _unheard = self.reply.send(result);
    }
}
