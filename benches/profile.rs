//! One kind of work again and again, for a profiler: `valgrind --tool=callgrind <this program> --bench <what> <times>`.
//!
//! Instructions do not mind a noisy machine. What one time takes is the difference of two runs by that of their times.
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
use std::path::Path;

use bson::doc;
use earnorm::prelude::*;
use futures::TryStreamExt;
use harness::uri;
use model::User;
use plain::PlainUser;

const FOUND: usize = 100;
const LOGGED: usize = 5_000;
const SAVERS: usize = 256;

#[pre_save]
fn keep_active(user: &mut User) {
    user.active = true;
}

async fn saves(db: &Database, times: usize) {
    let mut user = db.create(User::sample(0, "Here".into())).await.unwrap();
    for _ in 0..times {
        user.visits += 1;
        user.save(db).await.unwrap();
    }
}

/// So many saves of each of 256 savers, which share transactions.
async fn savers(db: &Database, times: usize) {
    let models = (0..SAVERS).map(|n| User::sample(n, "Here".into()));
    let models = db.create_many(models.collect::<Vec<_>>()).await.unwrap();
    let saving = models.into_iter().map(async |mut user| {
        for _ in 0..times {
            user.visits += 1;
            user.save(db).await.unwrap();
        }
    });
    futures::future::join_all(saving).await;
}

async fn fill(db: &Database, from: usize) {
    let users = (from..from + FOUND).map(|n| User::sample(n, "Here".into()));
    db.create_many(users.collect::<Vec<_>>()).await.unwrap();
}

async fn finds(db: &Database, times: usize) {
    fill(db, 0).await;
    for _ in 0..times {
        assert_eq!(black_box(User::find(User::CITY.eq("Here")).all(db).await.unwrap()).len(), FOUND);
    }
}

/// The log of so many saves, again and again.
async fn logs(db: &Database, times: usize) {
    for part in 0..LOGGED / FOUND {
        fill(db, part * FOUND).await;
    }
    for _ in 0..times {
        let mut events = db.events().stream();
        while let Some(event) = events.try_next().await.unwrap() {
            black_box(event);
        }
    }
}

/// The same with the driver and serde.
async fn plain_finds(db: &Database, name: &str, times: usize) {
    fill(db, 0).await;
    let client = mongodb::Client::with_uri_str(uri()).await.unwrap();
    let users = client.database(name).collection::<PlainUser>("users");
    for _ in 0..times {
        let found: Vec<PlainUser> = users.find(doc! { "city": "Here" }).await.unwrap().try_collect().await.unwrap();
        assert_eq!(black_box(found).len(), FOUND);
    }
    client.shutdown().await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<_> = std::env::args().filter(|argument| argument != "--bench").collect();
    let [_, what, times] = arguments.as_slice() else {
        println!(
            "profile: for a profiler; arguments are one of memory, sqlite, sqlite-log, mongo, mongo-savers, find, \
             plain-find, and how often"
        );
        return;
    };
    let (name, times) = (format!("bench_{}", Uuid::now_v7().simple()), times.parse().unwrap());
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.db"));
    let place = match what.as_str() {
        "memory" => "memory:".to_owned(),
        "sqlite" | "sqlite-log" => format!("sqlite:{}", file.display()),
        _ => uri(),
    };
    let builder = if what.starts_with("sqlite") { Database::builder() } else { Database::builder().database(&name) };
    let db = builder.connect(&place).await.unwrap();
    match what.as_str() {
        "find" => finds(&db, times).await,
        "sqlite-log" => logs(&db, times).await,
        "plain-find" => plain_finds(&db, &name, times).await,
        "mongo-savers" => savers(&db, times).await,
        _ => saves(&db, times).await,
    }
    db.close().await.unwrap();
    if what.starts_with("sqlite") {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", file.display()));
        }
    } else if what != "memory" {
        let client = mongodb::Client::with_uri_str(uri()).await.unwrap();
        client.database(&name).drop().await.unwrap();
        client.shutdown().await;
    }
}
