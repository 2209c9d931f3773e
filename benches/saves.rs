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
#[path = "harness/durable.rs"]
mod durable;
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
use harness::{Measured, Promise, in_turn, load, only_tested, report, uri};
use plain::{PlainSaver, twin};
use saver::{Prepared, Savers};

const ROUNDS: usize = 9;

/// So many savers, each with a model of its own.
async fn run(bench: &mut Savers, savers: usize, saves: usize, measured: &mut Measured) {
    let Prepared { mut ours, mut plain } = bench.prepare(savers).await;
    let bench = &*bench;
    let ours = async |_| bench.ours(&mut ours, saves).await;
    let plain = async |_| bench.plain(&mut plain, saves).await;
    in_turn(measured, ROUNDS, savers * saves, ours, plain).await;
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
    let plain = PlainSaver::new(client.clone(), events, users);
    let mut bench = Savers { db, plain, position: Arc::new(AtomicI64::new(1)), number: 0 };

    let before = load();
    let kept_as = bench.kept_as().await;
    let mut all = Vec::new();
    let mut notes = Vec::new();
    // Enough that the beginning and the end of a round, where not all savers wait, are a small part of it.
    for (savers, saves, promise) in [(1, 200, 0.75), (64, 15, 4.0), (256, 24, 7.0)] {
        let name = if savers == 1 { "one saver".to_owned() } else { format!("{savers} savers, each its own model") };
        let mut measured = Measured::new(&name, Promise::AtLeast(promise)).kept_as(&kept_as);
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
