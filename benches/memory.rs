//! A save on `memory:` with one pre hook against encoding the same model to BSON twice.
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

use std::hint::black_box;
use std::time::Instant;

use earnorm::prelude::*;
use harness::{Measured, load, only_tested, report, speed};
use model::User;
use plain::PlainUser;

const ROUNDS: usize = 15;
const SAVES: usize = 2_000;

#[pre_save]
fn keep_active(user: &mut User) {
    user.active = true;
}

fn plain(user: &User) -> PlainUser {
    let User { id, email, name, city, street, age, visits, score, active, tags, seen } = user.clone();
    let (id, seen) = (bson::Uuid::from_bytes(id.into_bytes()), bson::DateTime::from_millis(seen.timestamp_millis()));
    PlainUser { id, email, name, city, street, age, visits, score, active, tags, seen }
}

async fn saves(db: &Database, user: &mut Entity<User>) -> f64 {
    let started = Instant::now();
    for _ in 0..SAVES {
        user.visits += 1;
        user.save(db).await.unwrap();
    }
    speed(SAVES, started.elapsed())
}

fn encodings(user: &mut PlainUser) -> f64 {
    let started = Instant::now();
    for _ in 0..SAVES {
        user.visits += 1;
        black_box(bson::serialize_to_document(black_box(user)).unwrap());
        black_box(bson::serialize_to_document(black_box(user)).unwrap());
    }
    speed(SAVES, started.elapsed())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if only_tested() {
        return;
    }
    let before = load();
    let mut measured = Measured::new("cost of a save in two encodings", "at most 3 times").cost();
    for round in 0..=ROUNDS {
        // A fresh store each round: the log of the round before is not part of what is measured.
        let db = Database::connect("memory:").await.unwrap();
        let mut user = db.create(User::sample(0, "Here".into())).await.unwrap();
        let mut encoded = plain(&user);
        let mut pair = (0.0, 0.0);
        for turn in [round % 2, 1 - round % 2] {
            if turn == 0 {
                pair.0 = saves(&db, &mut user).await;
            } else {
                pair.1 = encodings(&mut encoded);
            }
        }
        if round > 0 {
            measured.rounds.push(pair);
        }
    }
    let setting = "11 fields, one changed; plain = bson::serialize_to_document of the same fields, twice";
    report("Memory: a save with one pre hook", setting, &before, &[measured]);
}
