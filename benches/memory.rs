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

use earnorm::prelude::*;
use harness::{Measured, Promise, in_turn, load, only_tested, report};
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

async fn saves(db: &Database, user: &mut Entity<User>) {
    for _ in 0..SAVES {
        user.visits += 1;
        user.save(db).await.unwrap();
    }
}

fn encodings(user: &mut PlainUser) {
    for _ in 0..SAVES {
        user.visits += 1;
        black_box(bson::serialize_to_document(black_box(user)).unwrap());
        black_box(bson::serialize_to_document(black_box(user)).unwrap());
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    if only_tested() {
        return;
    }
    let before = load();
    let mut measured = Measured::new("cost of a save in two encodings", Promise::AtMost(3.0)).cost();
    // A fresh store each round: the log of the round before is not part of what is measured.
    let mut stores = Vec::new();
    for _ in 0..=ROUNDS {
        let db = Database::connect("memory:").await.unwrap();
        let user = db.create(User::sample(0, "Here".into())).await.unwrap();
        stores.push((db, user));
    }
    let mut encoded = plain(&stores[0].1);
    let ours = async |round: usize| {
        let (db, user) = &mut stores[round];
        saves(db, user).await;
    };
    in_turn(&mut measured, ROUNDS, SAVES, ours, async |_| encodings(&mut encoded)).await;
    let setting = "11 fields, one changed; plain = bson::serialize_to_document of the same fields, twice";
    report("Memory: a save with one pre hook", setting, &before, &[measured]);
}
