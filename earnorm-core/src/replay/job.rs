//! Notes of long work, so that it can go on after its process died.

use bson::{Bson, Document, doc};

use crate::error::Result;
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

    pub(crate) fn new(id: &str) -> Self {
        Self { note: doc! { "_id": id } }
    }

    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.note.get_str(field).ok()
    }

    pub(crate) fn number(&self, field: &str) -> Option<i64> {
        self.note.get_i64(field).ok()
    }

    /// Writes one field down.
    pub(crate) async fn set(&mut self, store: &dyn Store, field: &str, value: impl Into<Bson>) -> Result<()> {
        self.note.insert(field, value);
        self.save(store).await
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

    /// The work is done.
    pub(crate) async fn end(self, store: &dyn Store) -> Result<()> {
        let id = self.note.get("_id").cloned().unwrap_or_default();
        let own = store.admin().own(Own::Jobs);
        store.admin().remove(&own, &crate::predicate::Predicate::eq("_id", id)).await.map(|_| ())
    }
}
