//! Shapes change: data that an older program stored is upcast when it is read, and a program never writes over what a
//! newer one stored.

mod checks;
mod events;
mod failures;
mod lock;
mod sourced;
mod tracked;

use std::sync::Arc;

use earnorm::Registry;
use earnorm::bson::Bson;
use earnorm::prelude::*;
use earnorm::stream::StreamId;

/// Another program at the same store: its own models, hooks and upcasters.
async fn program(db: &Database, registry: Registry) -> Database {
    Database::builder().registry(registry).store(Arc::clone(db.store())).await.unwrap()
}

/// A document as it is stored.
async fn stored(db: &Database, collection: &str, id: impl Into<Bson>) -> Option<Document> {
    db.store().get(collection, &id.into()).await.unwrap()
}

/// The names and schema versions of all events, oldest first.
async fn recorded(db: &Database) -> Vec<(String, u32)> {
    let events = db.events().all().await.unwrap();
    events.into_iter().map(|event| (event.event_type, event.schema_version)).collect()
}

fn is_ahead<T: std::fmt::Debug>(answer: Result<T>) -> bool {
    matches!(answer, Err(Error::SchemaAhead { .. }))
}

/// Whether a stored document is what its stream folds to.
async fn is_fold(db: &Database, stream: &str, collection: &str, id: impl Into<Bson>) -> bool {
    let (category, key) = stream.split_once('-').unwrap();
    let mut fold = db.folder(category).unwrap().begin();
    for event in db.events().stream_of(StreamId::new(category, key).unwrap()).all().await.unwrap() {
        fold.add(&event).unwrap();
    }
    fold.stored_document().unwrap() == stored(db, collection, id).await
}
