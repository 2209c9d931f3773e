//! The store in one file against bare `rusqlite` that writes and reads the same rows of the same tables, as durably.
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
#[path = "harness/rows.rs"]
mod rows;

use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bson::Document;
use earnorm::prelude::*;
use futures::TryStreamExt;
use harness::{Measured, Promise, in_turn, load, median, only_tested, report};
use model::User;
use rows::Rows;

/// Rounds of saves: many and short, since a disk that others use too is fast and slow by turns.
const SAVE_ROUNDS: usize = 81;
const READ_ROUNDS: usize = 9;
const SAVERS: usize = 64;
/// Commits after which the write-ahead log of either side has its size: until then each makes the file longer, which costs
/// the disk more. This is paid once after a file is opened, by ours for longer, since its log grows larger.
const GROWING: usize = 800;
const EVENTS: usize = 20_000;

/// A directory that goes with the bench.
struct Scratch(PathBuf);

impl Scratch {
    /// Beside the build: temporary directories may be in memory, where nothing is durable.
    fn new() -> Self {
        let name = format!("bench_{}", Uuid::now_v7().simple());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How long the disk takes to keep a page of a growing file, in milliseconds.
fn disk(scratch: &Scratch) -> f64 {
    let mut file = File::create(scratch.file("disk")).unwrap();
    let mut took: Vec<_> = (0..101)
        .map(|_| {
            let started = Instant::now();
            file.write_all(&[7; 4_096]).unwrap();
            file.sync_data().unwrap();
            started.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    took.sort_by(f64::total_cmp);
    median(&took)
}

/// Every saver saves so many times.
async fn ours(db: &Database, savers: &mut Vec<Entity<User>>, saves: usize) {
    let tasks = savers.drain(..).map(|mut user| {
        let db = db.clone();
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
        savers.push(task.await.unwrap());
    }
}

/// Savers of ours in turn with bare transactions of as many saves.
async fn saves(scratch: &Scratch, savers: usize, saves: usize, measured: &mut Measured) {
    let path = scratch.file(&format!("ours_{savers}.db"));
    let db = Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
    let users: Vec<_> = (0..savers).map(|n| User::sample(n, "Here".into())).collect();
    let mut users = db.create_many(users).await.unwrap();
    let mut rows = Rows::copy(&path, &scratch.file(&format!("bare_{savers}.db")));
    ours(&db, &mut users, GROWING / savers).await;
    tokio::task::block_in_place(|| rows.saves(GROWING / savers));
    let ours = async |_| ours(&db, &mut users, saves).await;
    let bare = async |_| tokio::task::block_in_place(|| rows.saves(saves));
    in_turn(measured, SAVE_ROUNDS, savers * saves, ours, bare).await;
    db.close().await.unwrap();
}

/// Reads all events; `look`: and what they tell.
async fn all_events(db: &Database, look: bool) {
    let mut events = db.events().stream();
    let mut count = 0;
    while let Some(event) = events.try_next().await.unwrap() {
        if look {
            black_box(event.data().unwrap());
        }
        black_box(event);
        count += 1;
    }
    assert_eq!(count, EVENTS);
}

/// Documents that are only made, of BSON in memory: what any reading of events takes at least.
fn documents(built: &[Vec<u8>]) {
    for bytes in built {
        black_box(Document::from_reader(bytes.as_slice()).unwrap());
    }
}

/// Reads the log, and tells what it takes in the file.
async fn log(scratch: &Scratch, [measured, looked, floor]: [&mut Measured; 3]) -> String {
    let path = scratch.file("log.db");
    let db = Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
    let users: Vec<_> = (0..EVENTS).map(|n| User::sample(n, format!("City {}", n % 40))).collect();
    for chunk in users.chunks(400) {
        db.create_many(chunk.to_vec()).await.unwrap();
    }
    let rows = Rows::copy(&path, &scratch.file("bare_log.db"));
    let built: Vec<_> =
        db.events().all().await.unwrap().iter().map(|event| event.data().unwrap().to_vec().unwrap()).collect();
    let bare = async |_| assert_eq!(tokio::task::block_in_place(|| rows.read()), EVENTS);
    in_turn(measured, READ_ROUNDS, EVENTS, async |_| all_events(&db, false).await, bare).await;
    in_turn(looked, READ_ROUNDS, EVENTS, async |_| all_events(&db, true).await, bare).await;
    let made = async |_| tokio::task::block_in_place(|| documents(&built));
    in_turn(floor, READ_ROUNDS, EVENTS, made, bare).await;
    db.close().await.unwrap();
    rows.sizes(EVENTS)
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let scratch = Scratch::new();
    let (before, disk_before) = (load(), disk(&scratch));
    let mut one = Measured::new("one saver", Promise::AtLeast(0.7));
    saves(&scratch, 1, 60, &mut one).await;
    let mut many = Measured::new("64 savers, bare: 64 saves a transaction", Promise::AtLeast(0.4));
    saves(&scratch, SAVERS, 10, &mut many).await;
    let mut reads = Measured::new("the whole log, bare: texts as they are", Promise::AtLeast(0.5));
    let mut looked = Measured::new("the same, all data looked at", Promise::None("what parsing takes"));
    let mut floor = Measured::new("its documents made of BSON in memory", Promise::None("the floor of the line above"));
    let sizes = log(&scratch, [&mut reads, &mut looked, &mut floor]).await;
    let mut setting = format!(
        "SQLite {}, WAL, synchronous=FULL; one changed field of 11; after {GROWING} commits, in which the write-ahead log \
         gets its size",
        rows::version()
    );
    let _ = write!(setting, "\nthe disk keeps 4 KiB in {disk_before:.2} ms before, {:.2} ms after", disk(&scratch));
    let _ = write!(setting, "\n{sizes}");
    report("A database file: ours against bare rusqlite", &setting, &before, &[one, many, reads, looked, floor]);
}
