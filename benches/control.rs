//! The control of the benches themselves: what is slow must be found slow, and what is written less durably must not be
//! compared. It fails when either goes unnoticed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a bench"
)]
#![allow(unreachable_pub, reason = "shared modules")]

#[path = "harness/durable.rs"]
mod durable;
mod harness;
#[path = "harness/model.rs"]
mod model;
#[path = "harness/plain.rs"]
mod plain;
#[path = "harness/saver.rs"]
mod saver;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use earnorm::prelude::*;
use harness::{Measured, Promise, Verdict, in_turn, is_control, load, only_tested, report, uri};
use model::User;
use mongodb::options::WriteConcern;
use plain::{PlainSaver, twin};
use saver::{Prepared, Savers};

const ROUNDS: usize = 3;
const SAVES: usize = 40;

/// Holds every save of a slow one up.
#[pre_save]
fn dawdle(user: &mut User) {
    let until = Instant::now() + Duration::from_millis(5);
    while user.name == "Slow" && Instant::now() < until {
        std::hint::spin_loop();
    }
}

async fn saves(db: &Database, user: &mut Entity<User>) {
    for _ in 0..SAVES {
        user.visits += 1;
        user.save(db).await.unwrap();
    }
}

/// A slow hook on one side of two that are the same otherwise.
async fn slowed() -> Measured {
    let db = Database::connect("memory:").await.unwrap();
    let mut slow = User::sample(1, "Here".into());
    slow.name = "Slow".into();
    let (mut slow, mut quick) =
        (db.create(slow).await.unwrap(), db.create(User::sample(2, "Here".into())).await.unwrap());
    let mut measured = Measured::new("saves that a hook holds up / the same without", Promise::AtLeast(0.5));
    let ours = async |_| saves(&db, &mut slow).await;
    in_turn(&mut measured, ROUNDS, SAVES, ours, async |_| saves(&db, &mut quick).await).await;
    measured
}

/// The plain driver with a write concern, against ours.
async fn compared(bench: &mut Savers, name: &str, concern: WriteConcern) -> Measured {
    bench.plain.durable = concern;
    let Prepared { mut ours, mut plain } = bench.prepare(1).await;
    let kept_as = bench.kept_as().await;
    let bench = &*bench;
    let mut measured = Measured::new(name, Promise::AtLeast(0.1)).kept_as(&kept_as);
    let ours = async |_| bench.ours(&mut ours, SAVES).await;
    in_turn(&mut measured, ROUNDS, SAVES, ours, async |_| bench.plain(&mut plain, SAVES).await).await;
    measured
}

#[tokio::main]
async fn main() -> ExitCode {
    if only_tested() {
        return ExitCode::SUCCESS;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let before = load();
    let slowed = slowed().await;
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let events = twin(&raw, "earnorm_events", "plain_events").await.unwrap();
    let users = twin(&raw, "users", "plain_users").await.unwrap();
    let plain = PlainSaver::new(client.clone(), events, users);
    let durable = plain.durable.clone();
    let mut bench = Savers { db, plain, position: Arc::new(AtomicI64::new(1)), number: 0 };
    let mut one = WriteConcern::nodes(1);
    one.journal = Some(false);
    let unequal = compared(&mut bench, "saves on MongoDB / the plain driver with w: 1", one).await;
    let equal = compared(&mut bench, "saves on MongoDB / the plain driver, as durable", durable).await;

    let all = [slowed, unequal, equal];
    // Where every bench is held up, so is what would be kept.
    let last = if is_control() { Verdict::NotKept } else { Verdict::Kept };
    let wanted = [Verdict::NotKept, Verdict::Refused, last];
    let setting = "the first must not be kept, the second not be compared, the third be kept";
    report("Control: what must be found wrong", setting, &before, &all);
    bench.db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
    let is_caught = all.iter().zip(wanted).all(|(measured, wanted)| measured.verdict() == wanted);
    println!("{}", if is_caught { "the control was caught, as it must be" } else { "the control was NOT CAUGHT" });
    if is_caught { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
