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
use harness::{Measured, Promise, in_turn, is_control, load, millis, only_tested, percentiles, report, uri};
use model::User;
use mongodb::Collection;
use tokio::sync::mpsc;

const ROUNDS: usize = 7;
const EVENTS: usize = 20_000;
const SAVES: usize = 300;
/// Between two saves at a low rate.
const PAUSE: Duration = Duration::from_millis(10);
const IDLE: Duration = Duration::from_secs(20);
/// How long a control holds each event up.
const HELD: Duration = Duration::from_millis(100);

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

/// The whole log through new handlers.
async fn through(db: &Database, handlers: usize, round: usize) {
    let builder = (0..handlers).fold(EventBus::builder(db).only_added(), |bus, n| {
        bus.handler(nothing(format!("r{round}-{handlers}-{n}")).start(Start::Beginning))
    });
    let bus = builder.start().await.unwrap();
    bus.run_until_idle().await.unwrap();
    bus.stop().await.unwrap();
}

/// The whole log through a bare cursor.
async fn bare(log: &Collection<Document>) {
    let mut cursor = log.find(doc! { "s": { "$exists": true } }).sort(doc! { "_id": 1 }).await.unwrap();
    while let Some(event) = cursor.try_next().await.unwrap() {
        black_box(event);
    }
}

/// From the answer of a save to the handler, and from asking for it, in milliseconds.
async fn latency(db: &Database, handlers: usize, pause: Duration) -> (Vec<f64>, Vec<f64>) {
    let (sender, mut heard) = mpsc::unbounded_channel();
    let telling = Handler::new(format!("live-{}", Uuid::now_v7()), move |_: Arc<RecordedEvent>, _: EventContext| {
        let sender = sender.clone();
        async move {
            if is_control() {
                std::thread::sleep(HELD);
            }
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
    (behind, whole)
}

async fn inserts(raw: &mongodb::Database) -> Vec<f64> {
    let plain = raw.collection::<Document>("plain");
    let mut times = Vec::new();
    for n in 0..200 {
        let started = Instant::now();
        plain.insert_one(doc! { "n": n, "city": "Rome" }).await.unwrap();
        times.push(millis(started.elapsed()));
    }
    times
}

/// What handlers that wait cost: memory each, and a share of a core.
async fn idle(db: &Database) -> [Measured; 2] {
    let mut memory = Measured::new("memory of a handler that waits", Promise::AtMost(100.0)).alone("KiB");
    let before = process::resident_kib();
    let many = 512;
    let builder =
        (0..many).fold(EventBus::builder(db).only_added(), |bus, n| bus.handler(nothing(format!("many-{n}"))));
    let bus = builder.start().await.unwrap();
    bus.run_until_idle().await.unwrap();
    let ballast = if is_control() { vec![1_u8; 100 << 20] } else { Vec::new() };
    memory.push_alone(process::resident_kib().saturating_sub(before) as f64 / many as f64);
    drop(black_box(ballast));
    bus.stop().await.unwrap();
    let mut share = Measured::new("an idle bus with 16 handlers", Promise::AtMost(1.0)).alone("% core");
    let builder = (0..16).fold(EventBus::builder(db).only_added(), |bus, n| bus.handler(nothing(format!("idle-{n}"))));
    let bus = builder.start().await.unwrap();
    bus.run_until_idle().await.unwrap();
    let (started, before) = (Instant::now(), process::cpu_time());
    while is_control() && started.elapsed() < IDLE / 10 {
        black_box(());
    }
    tokio::time::sleep(IDLE).await;
    share.push_alone((process::cpu_time() - before).as_secs_f64() / started.elapsed().as_secs_f64() * 100.0);
    bus.stop().await.unwrap();
    [memory, share]
}

/// From a save to a live handler, beside a bare insert.
async fn live(db: &Database, raw: &mongodb::Database) -> Vec<Measured> {
    let inserts = percentiles(inserts(raw).await.into_iter());
    let mut all = Vec::new();
    for (rate, pause) in [("low", PAUSE), ("high", Duration::ZERO)] {
        for handlers in [1, 16] {
            let promise =
                if rate == "low" { Promise::AtMost(10.0) } else { Promise::None("the queue is measured too") };
            let (behind, whole) = latency(db, handlers, pause).await;
            let from = [("the answer of a save", behind, promise), ("asking for a save", whole, Promise::None(""))];
            for (start, times, promise) in from {
                let name = format!("from {start}, {handlers} handlers, {rate} rate");
                let mut measured = Measured::new(&name, promise).amount("ms");
                let ours = percentiles(times.into_iter());
                measured.rounds.push((ours[2], inserts[0]));
                measured.latency = Some((ours, Some(inserts)));
                all.push(measured);
            }
        }
    }
    all
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let (db, memory) = (connect("mongodb", &name).await, connect("memory", &name).await);
    let before = load();
    // First, while the allocator has nothing to reuse.
    let idle = idle(&db).await;
    report("Handlers that wait", "on MongoDB", &before, &idle);
    fill(&db).await;
    fill(&memory).await;
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let log = raw.collection::<Document>("earnorm_events");

    let before = load();
    let mut one = Measured::new("one handler that does nothing, MongoDB", Promise::AtLeast(0.1));
    in_turn(&mut one, ROUNDS, EVENTS, async |round| through(&db, 1, round).await, async |_| bare(&log).await).await;
    let mut many = Measured::new("16 handlers, the log through each, MongoDB", Promise::None("16 times the work"));
    in_turn(&mut many, ROUNDS, EVENTS, async |round| through(&db, 16, round).await, async |_| bare(&log).await).await;
    let mut apart = Measured::new("one handler that does nothing, memory", Promise::None("another store"));
    in_turn(&mut apart, ROUNDS, EVENTS, async |round| through(&memory, 1, round).await, async |_| bare(&log).await)
        .await;
    let setting = format!("{EVENTS} events, beside a bare cursor over the log on MongoDB");
    report("Handlers: from the log", &setting, &before, &[one, many, apart]);

    let before = load();
    let live = live(&db, &raw).await;
    let setting = format!("{SAVES} saves; ours is the 99th percentile, plain the median of a bare majority insert_one");
    report("Handlers: from a save to a live handler", &setting, &before, &live);
    db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
}
