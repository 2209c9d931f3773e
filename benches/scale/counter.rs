//! How often a second one counter can be moved, by so many at the same time: what bounds the transactions that reserve
//! positions.

use std::time::{Duration, Instant};

use bson::{Document, doc};
use mongodb::Client;
use mongodb::options::{ClientOptions, WriteConcern};

use crate::harness::{Measured, Promise, rounds, speed};

const CLIENTS: [usize; 4] = [1, 10, 100, 1_000];
const ROUNDS: usize = 3;
const WINDOW: Duration = Duration::from_millis(500);

/// Increments of one document, acknowledged by the primary alone, as reservations are.
pub async fn measure(uri: &str) -> Vec<Measured> {
    let mut options = ClientOptions::parse(uri).await.unwrap();
    options.max_pool_size = Some(1_000);
    let client = Client::with_options(options).unwrap();
    let db = client.database("scale_counter");
    db.collection::<Document>("counter").insert_one(doc! { "_id": "positions", "n": 0_i64 }).await.unwrap();
    let mut all = Vec::new();
    for clients in CLIENTS {
        let mut measured = Measured::new("increments of one counter", Promise::None("the limit")).alone("/s");
        measured.point = Some(("MongoDB", clients));
        // The first round opens connections.
        for round in 0..=rounds(ROUNDS) {
            let figure = increments(&db, clients).await;
            if round > 0 {
                measured.push_alone(figure);
            }
        }
        all.push(measured);
    }
    db.drop().await.unwrap();
    client.shutdown().await;
    all
}

async fn increments(db: &mongodb::Database, clients: usize) -> f64 {
    let started = Instant::now();
    let tasks = (0..clients).map(|_| {
        let counter = db.collection::<Document>("counter");
        tokio::spawn(async move {
            let mut count = 0;
            while started.elapsed() < WINDOW {
                let take = counter.find_one_and_update(doc! { "_id": "positions" }, doc! { "$inc": { "n": 1_i64 } });
                take.write_concern(WriteConcern::nodes(1)).await.unwrap();
                count += 1;
            }
            count
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut count = 0;
    for task in tasks {
        count += task.await.unwrap();
    }
    speed(count, started.elapsed())
}
