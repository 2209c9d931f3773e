//! All collections, and the way back from a commit that failed half-way.

use std::collections::HashMap;
use std::sync::Arc;

use bson::{Bson, Document};
use earnorm_core::Result;
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::Drift;

use super::collection::Collection;

/// The collections by name.
#[derive(Debug, Default)]
pub(super) struct Documents {
    collections: HashMap<String, Collection>,
}

/// A document as it was before a write.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) collection: String,
    pub(super) id: Bson,
    pub(super) document: Option<Arc<Document>>,
}

impl Documents {
    pub(super) fn collection(&self, name: &str) -> Option<&Collection> {
        self.collections.get(name)
    }

    /// The collection, made if it is not there.
    pub(super) fn collection_mut(&mut self, name: &str) -> &mut Collection {
        self.collections.entry(name.to_owned()).or_default()
    }

    pub(super) fn get(&self, collection: &str, id: &Bson) -> Option<&Arc<Document>> {
        self.collection(collection)?.get(id)
    }

    /// Brings back what stood before the writes, the last one first.
    pub(super) fn undo(&mut self, writes: Vec<Before>) {
        for before in writes.into_iter().rev() {
            self.collection_mut(&before.collection).put(&before.id, before.document);
        }
    }

    pub(super) fn prepare(&mut self, spec: &CollectionSpec) -> Result<Vec<Drift>> {
        self.collection_mut(&spec.name).prepare(spec)
    }

    /// Puts a collection in the place of another, with its indexes; `false` when it is not there.
    pub(super) fn rename(&mut self, from: &str, to: &str) -> bool {
        if from == to {
            return false;
        }
        let found = self.collections.remove(from);
        found.map(|collection| self.collections.insert(to.to_owned(), collection)).is_some()
    }

    pub(super) fn drop_collection(&mut self, name: &str) {
        self.collections.remove(name);
    }
}
