//! Personal data: sealed in the log, plain in documents, and gone for good once its subject is erased.

mod edges;
mod erasing;
mod faults;
mod keys;
mod models;
mod places;
mod sealing;
pub(crate) mod store;
mod versions;

use earnorm::bson::{self, Document};
use earnorm::personal::ErasureReport;
use earnorm::position::Position;
use earnorm::predicate::Predicate;
use earnorm::prelude::*;
use earnorm::store::{DocumentQuery, EntryQuery, LogEntry, Own};
use futures::TryStreamExt;

pub(crate) use models::*;

/// Whether a text stands anywhere in a document.
fn holds(document: &Document, text: &str) -> bool {
    document.to_vec().unwrap().windows(text.len()).any(|window| window == text.as_bytes())
}

/// The data of every event as the store holds it, by both ways to read it.
async fn raw_log(db: &Database) -> Vec<Document> {
    let query = EntryQuery { after: Position::START, upto: Position::END, limit: 10_000 };
    let entries = db.store().admin().entries(query).await.unwrap();
    let events: Vec<_> = entries
        .into_iter()
        .filter_map(|entry| match entry {
            LogEntry::Event { event, .. } => Some(event.data.into_document().unwrap()),
            LogEntry::Tombstone(_) => None,
        })
        .collect();
    let page = db.store().read_log(earnorm::store::LogQuery::default()).await.unwrap();
    assert_eq!(page.events.into_iter().map(|event| event.data.into_document().unwrap()).collect::<Vec<_>>(), events);
    events
}

async fn documents(db: &Database, collection: &str) -> Vec<Document> {
    let query = DocumentQuery::new(collection, Predicate::always());
    db.store().find(query).await.unwrap().try_collect().await.unwrap()
}

/// Everything that the store holds of the models here and of the library itself.
async fn everything(db: &Database) -> Vec<Document> {
    let mut all = raw_log(db).await;
    for collection in db.models().iter().map(|schema| schema.collection) {
        all.extend(documents(db, collection).await);
    }
    for own in [Own::Models, Own::Snapshots, Own::Jobs, Own::Keys, Own::DeadLetters] {
        all.extend(documents(db, &db.store().admin().own(own)).await);
    }
    all
}

/// Nothing in the store tells what the canaries say.
async fn assert_gone(db: &Database, canaries: &[&str]) {
    for document in everything(db).await {
        for canary in canaries {
            assert!(!holds(&document, canary), "`{canary}` is still there: {document}");
        }
    }
}

/// Every document is what a fold of its events makes.
async fn assert_whole(db: &Database) {
    for model in db.models() {
        let verified = db.replay(model.name).unwrap().verify().run().await.unwrap();
        assert!(verified.is_whole(), "{:?}", verified.differences);
    }
}

/// An erasure run again has nothing left to do.
async fn assert_complete(db: &Database, subject: Uuid) {
    let again = db.erase_subject(subject).await.unwrap();
    assert_eq!((again.keys, again.events, again.documents, again.snapshots, again.dead_letters), (0, 0, 0, 0, 0));
}

fn counts(report: &ErasureReport) -> (u64, usize, usize, usize) {
    (report.keys, report.instances, report.events, report.documents)
}
