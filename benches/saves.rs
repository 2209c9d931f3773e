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

mod harness;
#[path = "harness/model.rs"]
mod model;
#[path = "harness/plain.rs"]
mod plain;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use bson::{Document, doc};
use earnorm::prelude::*;
use futures::TryStreamExt;
use harness::{Measured, load, only_tested, report, speed, uri};
use model::User;
use plain::{PlainSaver, twin};

const ROUNDS: usize = 9;

struct Bench {
    db: Database,
    plain: PlainSaver,
    /// The next position of the plain log.
    position: Arc<AtomicI64>,
    number: usize,
}

impl Bench {
    /// So many savers, each with a model of its own: saves a second of ours and of the plain way, round by round.
    async fn run(&mut self, savers: usize, saves: usize, measured: &mut Measured) {
        let (ours, plain) = self.prepare(savers).await;
        let (mut ours, mut versions) = (ours, vec![1_i64; plain.len()]);
        for round in 0..=ROUNDS {
            let mut pair = (0.0, 0.0);
            for turn in [round % 2, 1 - round % 2] {
                if turn == 0 {
                    pair.0 = self.ours(&mut ours, saves).await;
                } else {
                    pair.1 = self.plain(&plain, &mut versions, saves).await;
                }
            }
            // The first round warms connections and caches.
            if round > 0 {
                measured.rounds.push(pair);
            }
        }
    }

    async fn prepare(&mut self, savers: usize) -> (Vec<Entity<User>>, Vec<Uuid>) {
        let models: Vec<_> = (0..savers).map(|n| User::sample(self.number + n, "Here".into())).collect();
        self.number += savers;
        let ours = self.db.create_many(models).await.unwrap();
        let source =
            self.plain.client.database(self.plain.users.namespace().db.as_str()).collection::<Document>("users");
        let stored: Vec<Document> = source.find(doc! { "visits": 0 }).await.unwrap().try_collect().await.unwrap();
        let ids: Vec<_> = ours.iter().map(|user| user.id).collect();
        let mine = stored.into_iter().filter(|found| {
            let id = found.get("_id").and_then(|id| match id {
                bson::Bson::Binary(binary) => Uuid::from_slice(&binary.bytes).ok(),
                _ => None,
            });
            id.is_some_and(|id| ids.contains(&id))
        });
        self.plain.users.insert_many(mine).await.unwrap();
        (ours, ids)
    }

    async fn ours(&self, users: &mut Vec<Entity<User>>, saves: usize) -> f64 {
        let count = users.len() * saves;
        let started = Instant::now();
        let tasks = users.drain(..).map(|mut user| {
            let db = self.db.clone();
            tokio::spawn(async move {
                for _ in 0..saves {
                    user.visits += 1;
                    user.save(&db).await.unwrap();
                }
                user
            })
        });
        let tasks: Vec<_> = tasks.collect();
        for task in tasks {
            users.push(task.await.unwrap());
        }
        speed(count, started.elapsed())
    }

    async fn plain(&self, users: &[Uuid], versions: &mut [i64], saves: usize) -> f64 {
        let started = Instant::now();
        let tasks: Vec<_> = users
            .iter()
            .zip(versions.iter())
            .map(|(id, version)| {
                let (plain, position, id, version) = (self.plain.clone(), Arc::clone(&self.position), *id, *version);
                tokio::spawn(async move {
                    for save in 0..saves {
                        let at = version + i64::try_from(save).unwrap();
                        plain.save(id, at, at, position.fetch_add(1, Ordering::Relaxed)).await.unwrap();
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        for version in versions {
            *version += i64::try_from(saves).unwrap();
        }
        speed(users.len() * saves, started.elapsed())
    }
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let events = twin(&raw, "earnorm_events", "plain_events").await.unwrap();
    let users = twin(&raw, "users", "plain_users").await.unwrap();
    let server = raw.run_command(doc! { "buildInfo": 1 }).await.unwrap();
    let plain = PlainSaver { client: client.clone(), events, users };
    let mut bench = Bench { db, plain, position: Arc::new(AtomicI64::new(1)), number: 0 };

    let before = load();
    let mut one = Measured::new("one saver", "at least 0.55");
    bench.run(1, 200, &mut one).await;
    let mut many = Measured::new("64 savers, each its own model", "at least 0.65");
    bench.run(64, 15, &mut many).await;
    let version = server.get_str("version").unwrap_or("unknown");
    let setting = format!("MongoDB {version}, one node, majority and journal; one changed field of 11");
    report("Saves: ours against the plain driver's transaction", &setting, &before, &[one, many]);

    bench.db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
}
