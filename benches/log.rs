//! Reading the whole log on MongoDB against a bare cursor of the driver over the same collection.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a bench"
)]
#![allow(unreachable_pub, reason = "shared modules")]

mod harness;
#[path = "harness/model.rs"]
mod model;

use std::hint::black_box;

use bson::raw::RawDocumentBuf;
use bson::{Document, doc};
use earnorm::prelude::*;
use futures::TryStreamExt;
use harness::{Measured, Promise, in_turn, load, only_tested, report, uri};
use model::User;
use mongodb::Collection;

const ROUNDS: usize = 11;
const EVENTS: usize = 20_000;

/// Reads all events; `look`: and what they tell.
async fn ours(db: &Database, look: bool) {
    let mut events = db.events().stream();
    let mut count = 0;
    while let Some(event) = events.try_next().await.unwrap() {
        if look {
            black_box(event.data().unwrap());
        }
        black_box(event);
        count += 1;
    }
    assert_eq!(count, EVENTS);
}

async fn bare<T: serde::de::DeserializeOwned + Send + Sync + Unpin>(log: &Collection<T>) {
    let mut cursor = log.find(doc! { "s": { "$exists": true } }).sort(doc! { "_id": 1 }).await.unwrap();
    let mut count = 0;
    while let Some(event) = cursor.try_next().await.unwrap() {
        black_box(event);
        count += 1;
    }
    assert_eq!(count, EVENTS);
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    let users: Vec<_> = (0..EVENTS).map(|n| User::sample(n, format!("City {}", n % 40))).collect();
    for chunk in users.chunks(400) {
        db.create_many(chunk.to_vec()).await.unwrap();
    }
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let documents = raw.collection::<Document>("earnorm_events");
    let bytes = raw.collection::<RawDocumentBuf>("earnorm_events");
    let server = raw.run_command(doc! { "buildInfo": 1 }).await.unwrap();

    let before = load();
    let mut decoded = Measured::new("the whole log, both make documents of the data", Promise::AtLeast(0.7));
    let mut undecoded = Measured::new(
        "the whole log, both leave the data as bytes",
        Promise::None("the cursor reads nothing at all of what it gets"),
    );
    in_turn(&mut decoded, ROUNDS, EVENTS, async |_| ours(&db, true).await, async |_| bare(&documents).await).await;
    in_turn(&mut undecoded, ROUNDS, EVENTS, async |_| ours(&db, false).await, async |_| bare(&bytes).await).await;
    let version = server.get_str("version").unwrap_or("unknown");
    let setting = format!("MongoDB {version}; {EVENTS} events, in the order of positions");
    report("Log: every event against a bare cursor", &setting, &before, &[decoded, undecoded]);

    db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
}
