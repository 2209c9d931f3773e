//! Notes of long work, so that it can go on after its process died.

use bson::{Bson, Document, doc};

use crate::error::Result;
use crate::predicate::Predicate;
use crate::schema::VERSION;
use crate::store::{Own, PutRule, Store};

/// The note of one piece of work.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) note: Document,
}

impl Job {
    /// The note of work that was begun and not ended.
    pub(crate) async fn load(store: &dyn Store, id: &str) -> Result<Option<Self>> {
        let found = store.get(&store.admin().own(Own::Jobs), &Bson::from(id)).await?;
        Ok(found.map(|note| Self { note }))
    }

    /// A note of work that begins: it tells itself from the notes of other runs under the same id.
    pub(crate) fn new(id: &str) -> Self {
        let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
        let run = i64::try_from((high ^ low) >> 1).unwrap_or(i64::MAX);
        Self { note: doc! { "_id": id, VERSION: run } }
    }

    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.note.get_str(field).ok()
    }

    pub(crate) fn number(&self, field: &str) -> Option<i64> {
        self.note.get_i64(field).ok()
    }

    /// Writes one field down; `false` when the note is not there any more, or another run has put its own in its place.
    pub(crate) async fn set(&mut self, store: &dyn Store, field: &str, value: impl Into<Bson>) -> Result<bool> {
        self.note.insert(field, value);
        let own = store.admin().own(Own::Jobs);
        Ok(store.admin().put(&own, vec![self.note.clone()], PutRule::SameVersion).await? == 1)
    }

    pub(crate) async fn save(&self, store: &dyn Store) -> Result<()> {
        let own = store.admin().own(Own::Jobs);
        store.admin().put(&own, vec![self.note.clone()], PutRule::Always).await.map(|_| ())
    }

    /// Claims a step that must happen once; `false` when it was claimed before.
    pub(crate) async fn claim(store: &dyn Store, id: &str) -> Result<bool> {
        let own = store.admin().own(Own::Jobs);
        Ok(store.admin().put(&own, vec![doc! { "_id": id }], PutRule::Absent).await? == 1)
    }

    /// Whether the note is still there, and not another run's.
    pub(crate) async fn is_noted(&self, store: &dyn Store) -> Result<bool> {
        let own = store.admin().own(Own::Jobs);
        Ok(store.count(&own, &self.mine()).await? > 0)
    }

    /// The work is done. The note of another run under the same id stays.
    pub(crate) async fn end(self, store: &dyn Store) -> Result<()> {
        let own = store.admin().own(Own::Jobs);
        store.admin().remove(&own, &self.mine()).await.map(|_| ())
    }

    fn mine(&self) -> Predicate {
        let of = |field: &str| Predicate::eq(field, self.note.get(field).cloned().unwrap_or(Bson::Null));
        of("_id").and(of(VERSION))
    }

    /// Gives a claim back.
    pub(crate) async fn release(store: &dyn Store, id: &str) -> Result<()> {
        let own = store.admin().own(Own::Jobs);
        store.admin().remove(&own, &Predicate::eq("_id", id)).await.map(|_| ())
    }
}
