//! Handlers: from the log to a handler that does nothing, from a save to a live handler, and what an idle bus costs.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a bench"
)]
#![allow(unreachable_pub, reason = "shared modules")]

mod harness;
#[path = "harness/model.rs"]
mod model;
#[path = "harness/process.rs"]
mod process;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bson::{Document, doc};
use earnorm::events::{EventBus, EventContext, Handler, Start};
use earnorm::prelude::*;
use futures::TryStreamExt;
use harness::{Measured, load, median, only_tested, report, speed, uri};
use model::User;
use mongodb::Collection;
use tokio::sync::mpsc;

const ROUNDS: usize = 7;
const EVENTS: usize = 20_000;
const SAVES: usize = 300;
/// Between two saves at a low rate.
const PAUSE: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_secs(20);

/// A handler that does nothing.
fn nothing(id: String) -> Handler {
    let handler = Handler::new(id, |event: Arc<RecordedEvent>, _: EventContext| async move {
        black_box(event);
        Ok(())
    });
    handler.on(["user.*"])
}

async fn connect(store: &str, name: &str) -> Database {
    let uri = if store == "memory" { "memory:".to_owned() } else { uri() };
    Database::builder().database(name).connect(uri).await.unwrap()
}

async fn fill(db: &Database) {
    let users: Vec<_> = (0..EVENTS).map(|n| User::sample(n, format!("City {}", n % 40))).collect();
    for chunk in users.chunks(400) {
        db.create_many(chunk.to_vec()).await.unwrap();
    }
}

/// The whole log through new handlers, in events a second and handler.
async fn through(db: &Database, handlers: usize, round: usize) -> f64 {
    let builder = (0..handlers).fold(EventBus::builder(db).only_added(), |bus, n| {
        bus.handler(nothing(format!("r{round}-{handlers}-{n}")).start(Start::Beginning))
    });
    let started = Instant::now();
    let bus = builder.start().await.unwrap();
    bus.run_until_idle().await.unwrap();
    let took = started.elapsed();
    bus.stop().await.unwrap();
    speed(EVENTS * handlers, took)
}

async fn bare(log: &Collection<Document>) -> f64 {
    let started = Instant::now();
    let mut cursor = log.find(doc! { "s": { "$exists": true } }).sort(doc! { "_id": 1 }).await.unwrap();
    while let Some(event) = cursor.try_next().await.unwrap() {
        black_box(event);
    }
    speed(EVENTS, started.elapsed())
}

/// Milliseconds, sorted.
fn sorted(mut times: Vec<f64>) -> Vec<f64> {
    times.sort_by(f64::total_cmp);
    times
}

fn percentile(sorted: &[f64], part: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let index = (sorted.len() as f64 * part) as usize;
    sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// From the answer of a save to the handler, and from asking for it, in milliseconds.
async fn latency(db: &Database, handlers: usize, pause: Duration) -> (Vec<f64>, Vec<f64>) {
    let (sender, mut heard) = mpsc::unbounded_channel();
    let telling = Handler::new(format!("live-{}", Uuid::now_v7()), move |_: Arc<RecordedEvent>, _: EventContext| {
        let sender = sender.clone();
        async move {
            let _gone = sender.send(Instant::now());
            Ok(())
        }
    });
    let builder = EventBus::builder(db).only_added().handler(telling.on(["user.*"]).concurrency(1));
    let builder = (1..handlers).fold(builder, |bus, _| bus.handler(nothing(format!("also-{}", Uuid::now_v7()))));
    let bus = builder.start().await.unwrap();
    bus.run_until_idle().await.unwrap();
    let mut user = db.create(User::sample(999_999, "Rome".into())).await.unwrap();
    heard.recv().await.unwrap();
    let (mut behind, mut whole) = (Vec::new(), Vec::new());
    for n in 0..SAVES {
        user.city = format!("City {n}");
        let asked = Instant::now();
        user.save(db).await.unwrap();
        let saved = Instant::now();
        let reached = heard.recv().await.unwrap();
        behind.push(millis(reached.saturating_duration_since(saved)));
        whole.push(millis(reached.saturating_duration_since(asked)));
        tokio::time::sleep(pause).await;
    }
    bus.stop().await.unwrap();
    user.hard_delete(db).await.unwrap();
    (sorted(behind), sorted(whole))
}

async fn inserts(raw: &mongodb::Database) -> Vec<f64> {
    let plain = raw.collection::<Document>("plain");
    let mut times = Vec::new();
    for n in 0..200 {
        let started = Instant::now();
        plain.insert_one(doc! { "n": n, "city": "Rome" }).await.unwrap();
        times.push(millis(started.elapsed()));
    }
    sorted(times)
}

/// What handlers that wait cost: memory each, and a share of a core.
async fn idle(db: &Database) {
    let before = process::resident_kib();
    let many = 512;
    let builder =
        (0..many).fold(EventBus::builder(db).only_added(), |bus, n| bus.handler(nothing(format!("many-{n}"))));
    let bus = builder.start().await.unwrap();
    bus.run_until_idle().await.unwrap();
    let each = process::resident_kib().saturating_sub(before) / many;
    println!("memory of a registered handler that waits: {each} KiB of {many} (under 100)");
    bus.stop().await.unwrap();
    let builder = (0..16).fold(EventBus::builder(db).only_added(), |bus, n| bus.handler(nothing(format!("idle-{n}"))));
    let bus = builder.start().await.unwrap();
    bus.run_until_idle().await.unwrap();
    let (started, before) = (Instant::now(), process::cpu_time());
    tokio::time::sleep(IDLE).await;
    let share = (process::cpu_time() - before).as_secs_f64() / started.elapsed().as_secs_f64() * 100.0;
    println!("an idle bus with 16 handlers: {share:.2}% of a core (under 1)");
    bus.stop().await.unwrap();
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let (db, memory) = (connect("mongodb", &name).await, connect("memory", &name).await);
    // First, while the allocator has nothing to reuse.
    idle(&db).await;
    fill(&db).await;
    fill(&memory).await;
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let log = raw.collection::<Document>("earnorm_events");

    let before = load();
    let mut one = Measured::new("one handler that does nothing, MongoDB", "at least 0.1");
    let mut many = Measured::new("16 handlers, events of all, MongoDB", "none");
    let mut in_memory = Measured::new("one handler that does nothing, memory", "none");
    for round in 0..=ROUNDS {
        let plain = bare(&log).await;
        let speeds = [through(&db, 1, round).await, through(&db, 16, round).await, through(&memory, 1, round).await];
        if round > 0 {
            one.rounds.push((speeds[0], plain));
            many.rounds.push((speeds[1], plain));
            in_memory.rounds.push((speeds[2], plain));
        }
    }
    let setting = format!("{EVENTS} events, beside a bare cursor over the log on MongoDB");
    report("Handlers: from the log", &setting, &before, &[one, many, in_memory]);

    println!("from a save to a live handler, in ms (p50, p95, p99)");
    let plain = inserts(&raw).await;
    println!("  a bare majority insert_one: {:.1}", median(&plain));
    for (rate, pause) in [("low", PAUSE), ("high", Duration::ZERO)] {
        for handlers in [1, 16] {
            let (behind, whole) = latency(&db, handlers, pause).await;
            let three =
                |times: &[f64]| [0.5, 0.95, 0.99].map(|part| format!("{:.1}", percentile(times, part))).join(" / ");
            let times = |times: &[f64]| format!("{:.1}", percentile(times, 0.99) / median(&plain));
            println!(
                "  {rate} rate, {handlers} handlers: {} behind the answer (p99 {} times the insert; at most 10 at a low \
                 rate), {} from asking for the save ({} times)",
                three(&behind),
                times(&behind),
                three(&whole),
                times(&whole)
            );
        }
    }
    db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
}
