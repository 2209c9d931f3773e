//! Staged writes. Every save has a scope of its own, which is merged into its parent only when the save succeeds, so
//! that a failed save takes the writes of its hooks with it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bson::Bson;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::commit::{Append, CheckpointWrite, DocumentWrite};
use crate::database::Database;
use crate::entity::{Before, KeptState, Loaded, State, lock};
use crate::error::{Error, Result};
use crate::event::NewEvent;
use crate::hook::BoxFuture;
use crate::save::{HookFailure, Receipt};
use crate::schema::ModelSchema;
use crate::stream::StreamId;

/// How deep hooks may write through hooks.
const HOOK_DEPTH_MAX: usize = 8;

static NEXT_UNIT: AtomicU64 = AtomicU64::new(1);

/// Post hooks of one staged write.
pub(crate) type PostJob = Arc<dyn Fn(Database, Receipt) -> BoxFuture<'static, Vec<HookFailure>> + Send + Sync>;

/// One write of one instance.
#[derive(Clone)]
pub(crate) struct Staged {
    pub(crate) unit: u64,
    pub(crate) stream: StreamId,
    /// The version before it.
    pub(crate) base: u64,
    pub(crate) not_before: Option<DateTime<Utc>>,
    pub(crate) events: Vec<NewEvent>,
    pub(crate) document: Option<DocumentWrite>,
    /// Where the document lives, and what this write makes of the instance.
    pub(crate) collection: &'static str,
    pub(crate) id: Bson,
    pub(crate) after: Loaded,
    pub(crate) model: &'static str,
    pub(crate) schema: &'static ModelSchema,
    /// The document before this write, and the personal fields of the events that were raised with it.
    pub(crate) previous: Option<KeptState>,
    pub(crate) raised: Vec<(Uuid, &'static [&'static str])>,
    pub(crate) post: Option<PostJob>,
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) before: Option<Before>,
}

impl Staged {
    /// Takes the write back from its entity.
    fn undo(mut self) {
        if let Some(before) = self.before.take() {
            lock(&self.state).take_back(before);
        }
    }

    /// The write is durable.
    pub(crate) fn settle(&mut self) {
        self.before = None;
        lock(&self.state).settle(self.unit);
    }
}

/// Staged writes of one unit that are undone when they are dropped, which is what a failed commit, a failed hook and a
/// dropped future have in common.
#[derive(Default)]
pub(crate) struct Buffer {
    pub(crate) writes: Vec<Staged>,
    pub(crate) riders: Riders,
}

impl Buffer {
    /// The same writes for another attempt, for entities that nobody else holds.
    pub(crate) fn copy(&self) -> Self {
        Self { writes: self.writes.clone(), riders: self.riders.clone() }
    }

    /// Takes over what another one staged.
    pub(crate) fn absorb(&mut self, mut other: Self) {
        self.writes.append(&mut other.writes);
        self.riders.extend(std::mem::take(&mut other.riders));
    }
}

/// What a commit takes along beside the writes of models: events of no model, a consumer's checkpoint and its records.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct Riders {
    pub appends: Vec<Append>,
    pub documents: Vec<DocumentWrite>,
    pub checkpoints: Vec<CheckpointWrite>,
}

impl Riders {
    pub(crate) fn is_empty(&self) -> bool {
        self.appends.is_empty() && self.documents.is_empty() && self.checkpoints.is_empty()
    }

    fn extend(&mut self, more: Self) {
        self.appends.extend(more.appends);
        self.documents.extend(more.documents);
        self.checkpoints.extend(more.checkpoints);
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        while let Some(write) = self.writes.pop() {
            write.undo();
        }
    }
}

/// A place for staged writes.
#[doc(hidden)]
pub struct Scope {
    db: Database,
    unit: u64,
    parent: Option<Arc<Scope>>,
    buffer: Mutex<Buffer>,
    /// The instances whose writes are in progress, outermost first.
    chain: Vec<StreamId>,
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("unit", &self.unit).finish_non_exhaustive()
    }
}

impl Scope {
    pub(crate) fn root(db: Database) -> Arc<Self> {
        let unit = NEXT_UNIT.fetch_add(1, Ordering::Relaxed);
        let buffer = Mutex::default();
        Arc::new(Self { db, unit, parent: None, buffer, chain: Vec::new() })
    }

    pub(crate) fn child(parent: &Arc<Self>) -> Arc<Self> {
        Self::below(parent, parent.chain.clone())
    }

    fn below(parent: &Arc<Self>, chain: Vec<StreamId>) -> Arc<Self> {
        let buffer = Mutex::default();
        Arc::new(Self { db: parent.db.clone(), unit: parent.unit, parent: Some(Arc::clone(parent)), buffer, chain })
    }

    /// The scope of the hooks of a write of `stream`.
    pub(crate) fn within(self: &Arc<Self>, stream: &StreamId) -> Result<Arc<Self>> {
        if self.chain.contains(stream) {
            return Err(Error::Reentrant { stream: stream.clone() });
        }
        if self.chain.len() >= HOOK_DEPTH_MAX {
            let chain: Vec<_> = self.chain.iter().chain([stream]).map(ToString::to_string).collect();
            return Err(Error::HookDepth { limit: HOOK_DEPTH_MAX, chain: chain.join(" → ") });
        }
        let chain = self.chain.iter().cloned().chain([stream.clone()]).collect();
        Ok(Self::below(self, chain))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.db
    }

    pub(crate) fn unit(&self) -> u64 {
        self.unit
    }

    pub(crate) fn stage(&self, write: Staged) {
        lock(&self.buffer).writes.push(write);
    }

    /// Takes something along with the commit.
    #[doc(hidden)]
    pub fn take_along(&self, riders: Riders) {
        lock(&self.buffer).riders.extend(riders);
    }

    /// Hands the staged writes on to the scope above.
    pub(crate) fn merge(&self) {
        if let Some(parent) = &self.parent {
            let staged = self.drain();
            lock(&parent.buffer).absorb(staged);
        }
    }

    pub(crate) fn drain(&self) -> Buffer {
        std::mem::take(&mut lock(&self.buffer))
    }

    /// What the staged writes make of an instance, and the state of its entity, so that an entity that is loaded within
    /// the unit shares it. `None` when they do not touch it.
    pub(crate) fn staged(&self, collection: &str, id: &Bson) -> Option<(Loaded, Arc<Mutex<State>>)> {
        let found = lock(&self.buffer)
            .writes
            .iter()
            .rev()
            .find(|write| write.collection == collection && write.id == *id)
            .map(|write| (write.after.clone(), Arc::clone(&write.state)));
        found.or_else(|| self.parent.as_ref()?.staged(collection, id))
    }
}
