//! Folding on MongoDB: time travel with snapshots against loading a document, and the memory that a fold of everything
//! takes for ten times as many events.
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

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use bson::doc;
use earnorm::commit::{Append, Commit};
use earnorm::event::NewEvent;
use earnorm::prelude::*;
use earnorm::snapshot::SnapshotPolicy;
use earnorm::stream::{ExpectedVersion, StreamId};
use futures::StreamExt;
use harness::{Measured, Promise, in_turn, is_control, load, only_tested, report, uri};

const ROUNDS: usize = 11;
const EVENTS: u64 = 10_000;
const VERSION: u64 = 9_990;
const LOOKS: usize = 100;
/// Instances over which the events of the memory bench are spread.
const STREAMS: u64 = 1_000;
/// How many commits write at once while the bench is prepared.
const WRITERS: usize = 8;
/// Events that are folded, and ten times as many.
const SIZES: [u64; 2] = [100_000, 1_000_000];
/// How everything is folded.
const WAYS: [&str; 2] = ["fold_all", "rebuild"];

#[event(name = "opened")]
#[derive(Debug, Clone)]
struct Opened {
    id: String,
}

#[event(name = "deposited")]
#[derive(Debug, Clone)]
struct Deposited {
    cents: i64,
    note: String,
}

#[model(sourced, collection = "accounts")]
#[derive(Debug, Clone)]
struct Account {
    #[model(id)]
    id: String,
    cents: i64,
    last: String,
}

#[model]
impl Account {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.id.clone(), cents: 0, last: String::new() }
    }

    #[apply]
    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
        self.last.clone_from(&event.note);
    }
}

async fn connect(name: &str) -> Database {
    let builder = Database::builder().database(name).snapshots(SnapshotPolicy::default());
    builder.connect(uri()).await.unwrap()
}

fn event(name: &str, data: bson::Document) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        event_type: format!("account.{name}"),
        schema_version: 1,
        data,
        metadata: Metadata::new(),
        recorded_at: Utc::now(),
    }
}

/// A stream of `count` events, in commits of up to 1,000.
async fn append(db: &Database, id: String, count: u64) {
    let mut version = 0;
    while version < count {
        let last = (version + 1_000).min(count);
        let mut commit = Commit::new(Uuid::now_v7());
        let events = (version..last).map(|n| match n {
            0 => event("opened", doc! { "id": &id }),
            n => event("deposited", doc! { "cents": 1_i64, "note": format!("deposit number {n}") }),
        });
        commit.appends.push(Append {
            stream: StreamId::new("account", id.as_str()).unwrap(),
            expected: ExpectedVersion::after(version),
            not_before: None,
            events: events.collect(),
        });
        db.store().commit(commit).await.unwrap();
        version = last;
    }
}

async fn time_travel(server: &str) -> Measured {
    let name = format!("bench_{}", Uuid::now_v7().simple());
    let db = connect(&name).await;
    append(&db, "a".to_owned(), EVENTS).await;
    db.rebuild::<Account>().unwrap().run().await.unwrap();
    let folded = Account::at_version(&db, "a", VERSION).await.unwrap().unwrap();
    assert_eq!(folded.cents, i64::try_from(VERSION).unwrap() - 1);
    let mut measured = Measured::new("at_version(9,990) of 10,000 / load", Promise::AtMost(3.0)).cost();
    let travel = async |_| {
        for _ in 0..LOOKS {
            black_box(Account::at_version(&db, "a", VERSION).await.unwrap());
        }
    };
    let load = async |_| {
        for _ in 0..LOOKS {
            black_box(Account::load(&db, "a").await.unwrap());
        }
    };
    in_turn(&mut measured, ROUNDS, LOOKS, travel, load).await;
    drop_database(&db, server, &name).await;
    measured
}

async fn drop_database(db: &Database, server: &str, name: &str) {
    db.close().await.unwrap();
    let client = mongodb::Client::with_uri_str(server).await.unwrap();
    client.database(name).drop().await.unwrap();
    client.shutdown().await;
}

/// The most memory this process ever held, in KiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// In a process of its own: folds everything that `name` holds and prints its peak.
async fn fold_everything(name: &str, how: &str) {
    let db = connect(name).await;
    // As a control, it keeps all that it read.
    let kept = if is_control() { db.events().all().await.unwrap() } else { Vec::new() };
    match how {
        "fold_all" => assert_eq!(Account::fold_all(&db).await.unwrap().len() as u64, STREAMS),
        _ => assert!(db.rebuild::<Account>().unwrap().run().await.unwrap().streams == STREAMS),
    }
    black_box(kept);
    println!("{}", peak());
    db.close().await.unwrap();
}

/// The peak of a child process, in KiB.
fn peak_of(name: &str, how: &str) -> f64 {
    let child = Command::new(std::env::current_exe().unwrap()).args(["--child", name, how]).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    String::from_utf8(child.stdout).unwrap().trim().parse().unwrap()
}

/// What a fold of everything takes at most, of so many events and of ten times as many.
async fn memory(server: &str) -> (Vec<Measured>, String) {
    let mut all: Vec<_> = WAYS.map(|how| Measured::new(how, Promise::AtMost(1.2)).amount("KiB")).into();
    let (mut peaks, mut note) = (Vec::new(), String::new());
    for events in SIZES {
        let name = format!("bench_{}", Uuid::now_v7().simple());
        let db = connect(&name).await;
        let writes = (0..STREAMS).map(|id| append(&db, format!("a{id}"), events / STREAMS));
        futures::stream::iter(writes).buffer_unordered(WRITERS).collect::<Vec<()>>().await;
        for how in WAYS {
            let started = Instant::now();
            peaks.push(peak_of(&name, how));
            let _ = write!(note, "{how} of {events} events: {:.1} s; ", started.elapsed().as_secs_f64());
        }
        drop_database(&db, server, &name).await;
    }
    let (less, more) = peaks.split_at(WAYS.len());
    for (measured, pair) in all.iter_mut().zip(more.iter().copied().zip(less.iter().copied())) {
        measured.name = format!("peak of {}, {} events / {} events", measured.name, SIZES[1], SIZES[0]);
        measured.rounds.push(pair);
    }
    (all, note)
}

#[tokio::main]
async fn main() {
    let arguments: Vec<_> = std::env::args().collect();
    if only_tested() {
        return;
    }
    if let Some(child) = arguments.iter().position(|argument| argument == "--child") {
        fold_everything(&arguments[child + 1], &arguments[child + 2]).await;
        return;
    }
    let server = uri();
    let before = load();
    let travel = time_travel(&server).await;
    let (memory, note) = memory(&server).await;
    let setting =
        format!("snapshots as they are by default; {STREAMS} streams, each fold in a process of its own\n{note}");
    let all: Vec<_> = std::iter::once(travel).chain(memory).collect();
    report("Folding: time travel against loading, and memory", &setting, &before, &all);
}
