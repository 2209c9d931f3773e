//! Saves on MongoDB against the plain driver's transaction: one event and one document, majority and journalled.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a bench"
)]
#![allow(unreachable_pub, reason = "shared modules")]

#[path = "harness/batches.rs"]
mod batches;
mod harness;
#[path = "harness/model.rs"]
mod model;
#[path = "harness/plain.rs"]
mod plain;
#[path = "harness/saver.rs"]
mod saver;

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bson::doc;
use earnorm::prelude::*;
use harness::{Measured, load, only_tested, report, uri};
use plain::{PlainSaver, twin};
use saver::Savers;

const ROUNDS: usize = 9;

/// So many savers, each with a model of its own: saves a second of ours and of the plain way, round by round.
async fn run(bench: &mut Savers, savers: usize, saves: usize, measured: &mut Measured) {
    let mut prepared = bench.prepare(savers).await;
    for round in 0..=ROUNDS {
        let mut pair = (0.0, 0.0);
        for turn in [round % 2, 1 - round % 2] {
            if turn == 0 {
                pair.0 = bench.ours(&mut prepared, saves).await;
            } else {
                pair.1 = bench.plain(&mut prepared, saves).await;
            }
        }
        // The first round warms connections and caches.
        if round > 0 {
            measured.rounds.push(pair);
        }
    }
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let recorded = batches::record();
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let events = twin(&raw, "earnorm_events", "plain_events").await.unwrap();
    let users = twin(&raw, "users", "plain_users").await.unwrap();
    let server = raw.run_command(doc! { "buildInfo": 1 }).await.unwrap();
    let plain = PlainSaver { client: client.clone(), events, users };
    let mut bench = Savers { db, plain, position: Arc::new(AtomicI64::new(1)), number: 0 };

    let before = load();
    let mut all = Vec::new();
    let mut notes = Vec::new();
    for (savers, saves, promise) in [(1, 200, "at least 0.75"), (64, 15, "at least 4"), (256, 8, "at least 7")] {
        let name = if savers == 1 { "one saver".to_owned() } else { format!("{savers} savers, each its own model") };
        let mut measured = Measured::new(&name, promise);
        batches::summary(&recorded, &name);
        run(&mut bench, savers, saves, &mut measured).await;
        notes.push(batches::summary(&recorded, &name));
        all.push(measured);
    }
    let version = server.get_str("version").unwrap_or("unknown");
    let setting =
        format!("MongoDB {version}, one node, majority and journal; one changed field of 11\n{}", notes.join("\n"));
    report("Saves: ours against the plain driver's transaction", &setting, &before, &all);

    bench.db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
}
