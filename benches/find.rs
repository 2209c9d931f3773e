//! Finding and decoding on MongoDB against the plain driver with serde.
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

use bson::{Document, doc};
use earnorm::prelude::*;
use futures::TryStreamExt;
use harness::{Measured, Promise, in_turn, load, only_tested, report, uri};
use model::User;
use mongodb::Collection;
use plain::PlainUser;

const ROUNDS: usize = 11;
const USERS: usize = 5_000;

/// What is looked for: a filter for both ways and how many it finds.
struct Case {
    name: &'static str,
    finds: usize,
    ours: fn(usize) -> Filter<User>,
    plain: fn(usize) -> Document,
    queries: usize,
}

const CASES: [Case; 3] = [
    Case {
        name: "one, by a unique field",
        finds: 1,
        ours: |n| User::EMAIL.eq(format!("user{n}@example.org")),
        plain: |n| doc! { "email": format!("user{n}@example.org") },
        queries: 400,
    },
    Case {
        name: "one, by an indexed field",
        finds: 1,
        ours: |n| User::CITY.eq(format!("Only {}", n % 1_000)),
        plain: |n| doc! { "city": format!("Only {}", n % 1_000) },
        queries: 400,
    },
    Case {
        name: "100, by an indexed field",
        finds: 100,
        ours: |n| User::CITY.eq(format!("City {}", n % 40)),
        plain: |n| doc! { "city": format!("City {}", n % 40) },
        queries: 60,
    },
];

async fn ours(db: &Database, case: &Case, round: usize) {
    for query in 0..case.queries {
        let found = User::find((case.ours)(round * 37 + query)).all(db).await.unwrap();
        assert_eq!(black_box(found).len(), case.finds);
    }
}

async fn plain(users: &Collection<PlainUser>, case: &Case, round: usize) {
    for query in 0..case.queries {
        let cursor = users.find((case.plain)(round * 37 + query)).await.unwrap();
        let found: Vec<PlainUser> = cursor.try_collect().await.unwrap();
        assert_eq!(black_box(found).len(), case.finds);
    }
}

async fn fill(db: &Database) {
    let users: Vec<_> = (0..USERS)
        .map(|n| User::sample(n, if n < 1_000 { format!("Only {n}") } else { format!("City {}", n % 40) }))
        .collect();
    for chunk in users.chunks(400) {
        db.create_many(chunk.to_vec()).await.unwrap();
    }
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    fill(&db).await;
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let users = raw.collection::<PlainUser>("users");
    let server = raw.run_command(doc! { "buildInfo": 1 }).await.unwrap();

    let before = load();
    let mut all = Vec::new();
    for case in &CASES {
        let mut measured = Measured::new(case.name, Promise::AtLeast(0.9));
        let ours = async |round| ours(&db, case, round).await;
        let plain = async |round| plain(&users, case, round).await;
        in_turn(&mut measured, ROUNDS, case.queries, ours, plain).await;
        all.push(measured);
    }
    let version = server.get_str("version").unwrap_or("unknown");
    let setting = format!("MongoDB {version}; {USERS} documents of 11 fields on one collection for both ways");
    report("Find: query and full decode against the driver with serde", &setting, &before, &all);

    db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
}
