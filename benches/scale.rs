//! What appending, loading and subscribing cost when the log holds 10^5, 10^6 and 10^7 events, and what it takes on disk.
//!
//! It fills stores for minutes and takes gigabytes, so `cargo bench` passes it over: run it with `cargo xtask scale`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a bench"
)]
#![allow(unreachable_pub, reason = "shared modules")]

#[path = "scale/counter.rs"]
mod counter;
#[path = "scale/fill.rs"]
mod fill;
mod harness;
#[path = "harness/process.rs"]
mod process;
#[path = "scale/sizes.rs"]
mod sizes;

use std::future::poll_fn;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::task::Poll;
use std::time::Instant;

use bson::doc;
use earnorm::position::Position;
use earnorm::prelude::*;
use fill::{Account, Deposited, LENGTH};
use futures::StreamExt;
use harness::{Measured, Promise, hold_up, load, millis, only_tested, report, rounds, uri};

/// The most events a store is filled with; set by `cargo xtask scale`.
const MOST: &str = "EARNORM_SCALE";
/// What memory holds at most: there, events are as large as they are when they are used.
const MOST_IN_MEMORY: usize = 1_000_000;
const MEMORY: &str = "memory";
const ROUNDS: usize = 41;
/// How often an operation is repeated in a round.
const TIMES: usize = 20;
/// How far behind the end a consumer catches up from.
const BEHIND: usize = 1_000;
/// What a store ten times as large may cost more.
const BOUND: f64 = 1.3;

const OPERATIONS: [&str; 5] =
    ["append to a stream", "load by id", "fold of a stream", "catch up on 1,000", "subscribe at the end, next event"];

/// A store that holds so many events.
struct Filled {
    events: usize,
    db: Database,
    ids: Vec<Uuid>,
    /// What one of each operation took in each round, in milliseconds.
    took: [Vec<f64>; OPERATIONS.len()],
}

impl Filled {
    /// So many instances, none twice.
    fn any(&self, count: usize) -> Vec<Uuid> {
        let drawn = rand::seq::index::sample(&mut rand::rng(), self.ids.len(), count);
        drawn.into_iter().map(|index| self.ids[index]).collect()
    }

    /// One round of one operation.
    async fn round(&mut self, operation: usize, is_held_up: bool) {
        let (started, times) = match operation {
            0 => (self.append().await, TIMES),
            1 => {
                let ids = self.any(TIMES);
                let started = Instant::now();
                for id in ids {
                    black_box(Account::load(&self.db, id).await.unwrap());
                }
                (started, TIMES)
            }
            2 => {
                let ids = self.any(TIMES);
                let started = Instant::now();
                for id in ids {
                    assert!(Account::at_version(&self.db, id, LENGTH as u64).await.unwrap().is_some());
                }
                (started, TIMES)
            }
            3 => {
                let end = self.db.store().high_water().await.unwrap();
                let started = Instant::now();
                let from = Position::new(end.get() - i64::try_from(BEHIND).unwrap());
                let events = self.db.subscribe().after(from).stream().take(BEHIND);
                assert_eq!(events.map(|event| black_box(event).unwrap()).count().await, BEHIND);
                (started, 1)
            }
            _ => (self.next().await, 1),
        };
        if is_held_up {
            hold_up(started);
        }
        self.took[operation].push(millis(started.elapsed()) / times as f64);
    }

    /// Accounts that are loaded and changed, and not yet saved.
    async fn changed(&self, count: usize) -> Vec<Entity<Account>> {
        let mut accounts = Vec::new();
        for id in self.any(count) {
            let mut account = Account::load(&self.db, id).await.unwrap();
            account.raise(Deposited::sample(id, LENGTH)).unwrap();
            accounts.push(account);
        }
        accounts
    }

    async fn append(&self) -> Instant {
        let accounts = self.changed(TIMES).await;
        let started = Instant::now();
        for mut account in accounts {
            account.save(&self.db).await.unwrap();
        }
        started
    }

    /// Opens a subscription at the end, waits until it stands there, and saves what it then gets.
    async fn next(&self) -> Instant {
        let mut changed = self.changed(1).await;
        let started = Instant::now();
        let mut events = self.db.subscribe().from_end().stream();
        poll_fn(|context| {
            assert!(events.poll_next_unpin(context).is_pending(), "nothing new was saved");
            if events.is_caught_up() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        changed[0].save(&self.db).await.unwrap();
        black_box(events.next().await.unwrap().unwrap());
        started
    }
}

/// The sizes up to `most`: 10^5, 10^6 and so on; fewer where even the first is too large.
fn steps(most: usize) -> Vec<usize> {
    let first = if most < 1_000_000 { most / 10 } else { 100_000 };
    std::iter::successors(Some(first), |step| Some(step * 10)).take_while(|step| *step <= most).collect()
}

/// All operations on all sizes in turn, so that what disturbs one disturbs the others too.
async fn measure(stores: &mut [Filled]) {
    let count = stores.len();
    for round in 0..=rounds(ROUNDS) {
        for operation in 0..OPERATIONS.len() {
            for turn in 0..count {
                let size = (turn + round) % count;
                stores[size].round(operation, size + 1 == count && round > 0).await;
            }
        }
        if round == 0 {
            // The first round warms connections and caches.
            stores.iter_mut().for_each(|store| store.took = Default::default());
        }
    }
}

/// A row for each operation and size, each beside the size before it.
fn rows(store: &'static str, stores: &[Filled]) -> Vec<Measured> {
    let mut all = Vec::new();
    for (operation, name) in OPERATIONS.into_iter().enumerate() {
        for (size, filled) in stores.iter().enumerate() {
            let is_largest = size + 1 == stores.len() && size > 0;
            let promise = match (is_largest, store) {
                (true, MEMORY) => Promise::None("the promise is about more than memory is filled with"),
                (true, _) => Promise::AtMost(BOUND),
                (false, _) => Promise::None("a smaller size"),
            };
            let mut measured = Measured::new(name, promise).amount("ms");
            let ours = filled.took[operation].iter().copied();
            match size.checked_sub(1).and_then(|before| stores.get(before)) {
                Some(before) => measured.rounds = ours.zip(before.took[operation].iter().copied()).collect(),
                None => {
                    measured = measured.alone("ms");
                    ours.for_each(|ours| measured.push_alone(ours));
                }
            }
            measured.point = Some((store, filled.events));
            all.push(measured);
        }
    }
    all
}

async fn filled(db: Database, events: usize) -> Filled {
    let started = Instant::now();
    let ids = fill::fill(&db, events).await;
    let took = started.elapsed().as_secs_f64();
    println!("{events} events in {} streams written in {took:.0} s", ids.len());
    Filled { events, db, ids, took: Default::default() }
}

async fn close(stores: Vec<Filled>) {
    for store in stores {
        store.db.close().await.unwrap();
    }
}

async fn memory(most: usize) {
    let (mut stores, mut sizes) = (Vec::new(), Vec::new());
    for events in steps(most.min(MOST_IN_MEMORY)) {
        let before = process::resident_kib();
        stores.push(filled(Database::connect("memory:").await.unwrap(), events).await);
        let took = process::resident_kib().saturating_sub(before) as f64 / 1024.0;
        sizes.push(sizes::row(MEMORY, events, "memory of the process", took));
    }
    finish(MEMORY, &mut stores, sizes).await;
    close(stores).await;
}

async fn sqlite(most: usize, folder: &Path) {
    let (mut stores, mut files) = (Vec::new(), Vec::new());
    for events in steps(most) {
        let path = folder.join(format!("{events}.db"));
        let db = Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
        stores.push(filled(db, events).await);
        files.push((events, path));
    }
    let sizes = files.iter().flat_map(|(events, path)| sizes::sqlite(*events, path)).collect();
    finish("sqlite", &mut stores, sizes).await;
    close(stores).await;
}

async fn mongo(most: usize) {
    let client = mongodb::Client::with_uri_str(uri()).await.unwrap();
    let (mut stores, mut sizes, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for events in steps(most) {
        let name = format!("scale_{}", Uuid::now_v7().simple());
        let db = Database::builder().database(&name).connect(uri()).await.unwrap();
        stores.push(filled(db, events).await);
        names.push((events, name));
    }
    for (events, name) in &names {
        sizes.extend(sizes::mongo(*events, &client.database(name)).await);
    }
    sizes.extend(counter::measure(&uri()).await);
    // What was filled in is moved to its place now, and not while it is measured.
    client.database("admin").run_command(doc! { "fsync": 1 }).await.unwrap();
    finish("MongoDB", &mut stores, sizes).await;
    close(stores).await;
    for (_, name) in names {
        client.database(&name).drop().await.unwrap();
    }
    client.shutdown().await;
}

/// Reads every document once, by its id: else the first look at each page is measured, of which a large store has more.
async fn warm(filled: &Filled) {
    let mut accounts = Account::all().sort(Account::ID.asc()).stream(&filled.db).await.unwrap();
    while let Some(account) = accounts.next().await {
        black_box(account.unwrap());
    }
}

async fn finish(store: &'static str, stores: &mut [Filled], sizes: Vec<Measured>) {
    for filled in &*stores {
        warm(filled).await;
    }
    let before = load();
    measure(stores).await;
    let setting = format!(
        "streams of {LENGTH} events with about 150 bytes of data, interleaved; {ROUNDS} rounds over all sizes in turn"
    );
    let mut all = rows(store, stores);
    all.extend(sizes);
    report(&format!("Scale of {store}"), &setting, &before, &all);
}

#[tokio::main]
async fn main() {
    let most = std::env::var(MOST).ok().and_then(|most| most.parse().ok());
    let Some(most) = most.filter(|_| !only_tested()) else {
        println!("scale: runs for long; run it with `cargo xtask scale`");
        return;
    };
    let folder: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scale_{}", Uuid::now_v7().simple()));
    std::fs::create_dir_all(&folder).unwrap();
    memory(most).await;
    sqlite(most, &folder).await;
    std::fs::remove_dir_all(&folder).unwrap();
    mongo(most).await;
}
