//! Saves a second and how long one takes, against how many save at the same time: 1 to 256 savers on each store, beside
//! the plain way where there is one.
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
#[path = "harness/rows.rs"]
mod rows;
#[path = "harness/saver.rs"]
mod saver;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::{Duration, Instant};

use earnorm::prelude::*;
use harness::{Measured, Promise, load, millis, only_tested, percentiles, report, rounds, speed, uri};
use model::User;
use plain::{PlainSaver, twin};
use rows::Rows;
use saver::{PlainModel, Prepared, Savers, plain_save};
use tokio::sync::Mutex;
use tokio::task::block_in_place;

const SAVERS: [usize; 9] = [1, 2, 4, 8, 16, 32, 64, 128, 256];
const ROUNDS: usize = 3;
/// How long one way saves in a round.
const WINDOW: Duration = Duration::from_millis(400);
const PLOTTED: Promise = Promise::None("a point of the curve");

/// Who saves one model again and again.
trait Saver: Send + 'static {
    fn save(&mut self) -> impl Future<Output = ()> + Send;
}

struct Ours {
    db: Database,
    user: Entity<User>,
}

impl Saver for Ours {
    async fn save(&mut self) {
        self.user.visits += 1;
        self.user.save(&self.db).await.unwrap();
    }
}

/// The plain driver.
struct Plain {
    saver: PlainSaver,
    position: Arc<AtomicI64>,
    model: PlainModel,
}

impl Saver for Plain {
    async fn save(&mut self) {
        plain_save(&self.saver, &mut self.model, &self.position).await;
    }
}

/// One connection that all share, first come, first served: what does best of the plain ways to share a file.
struct Bare {
    rows: Arc<Mutex<Rows>>,
    index: usize,
}

impl Saver for Bare {
    async fn save(&mut self) {
        let mut rows = self.rows.lock().await;
        block_in_place(|| rows.save(self.index));
    }
}

/// All save until the window is over, each at least once: saves a second, and how long each save took.
async fn window(savers: &mut Vec<impl Saver>) -> (f64, Vec<f64>) {
    let started = Instant::now();
    let tasks = savers.drain(..).map(|mut saver| {
        tokio::spawn(async move {
            let mut times = Vec::new();
            while times.is_empty() || started.elapsed() < WINDOW {
                let asked = Instant::now();
                saver.save().await;
                times.push(millis(asked.elapsed()));
                // A store that never waits would keep the others from beginning.
                tokio::task::yield_now().await;
            }
            (saver, times)
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut all = Vec::new();
    for task in tasks {
        let (saver, times) = task.await.unwrap();
        savers.push(saver);
        all.extend(times);
    }
    (speed(all.len(), started.elapsed()), all)
}

/// The rounds of one point.
#[derive(Default)]
struct Point {
    rounds: Vec<(f64, f64)>,
    ours: Vec<f64>,
    plain: Vec<f64>,
}

impl Point {
    fn push(&mut self, round: usize, ours: (f64, Vec<f64>), plain: Option<(f64, Vec<f64>)>) {
        // The first round warms connections and caches.
        if round > 0 {
            self.ours.extend(ours.1);
            self.rounds.push((ours.0, plain.as_ref().map_or(f64::NAN, |plain| plain.0)));
            self.plain.extend(plain.into_iter().flat_map(|plain| plain.1));
        }
    }

    fn measured(self, store: &'static str, savers: usize) -> Measured {
        let mut measured = Measured::new(&format!("{store}, savers: {savers}"), PLOTTED);
        if self.plain.is_empty() {
            measured = measured.alone("/s");
        }
        let plain = (!self.plain.is_empty()).then(|| percentiles(self.plain.into_iter()));
        measured.latency = Some((percentiles(self.ours.into_iter()), plain));
        measured.rounds = self.rounds;
        measured.point = Some((store, savers));
        measured
    }
}

async fn created(db: &Database, savers: usize) -> Vec<Ours> {
    let users: Vec<_> = (0..savers).map(|n| User::sample(n, "Here".into())).collect();
    db.create_many(users).await.unwrap().into_iter().map(|user| Ours { db: db.clone(), user }).collect()
}

async fn memory(savers: usize) -> Measured {
    let mut point = Point::default();
    for round in 0..=rounds(ROUNDS) {
        // A fresh store each round: the log of the round before is not part of what is measured.
        let db = Database::connect("memory:").await.unwrap();
        let mut ours = created(&db, savers).await;
        point.push(round, window(&mut ours).await, None);
    }
    point.measured("memory", savers)
}

async fn sqlite(folder: &Path, savers: usize) -> Measured {
    let path = folder.join(format!("ours_{savers}.db"));
    let db = Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
    let mut ours = created(&db, savers).await;
    let rows = Arc::new(Mutex::new(Rows::copy(&path, &folder.join(format!("bare_{savers}.db")))));
    let mut bare: Vec<_> = (0..savers).map(|index| Bare { rows: Arc::clone(&rows), index }).collect();
    let mut point = Point::default();
    for round in 0..=rounds(ROUNDS) {
        let ours = window(&mut ours).await;
        point.push(round, ours, Some(window(&mut bare).await));
    }
    db.close().await.unwrap();
    point.measured("sqlite", savers)
}

async fn mongo(bench: &mut Savers, savers: usize, kept_as: &(String, String)) -> Measured {
    let Prepared { ours, plain } = bench.prepare(savers).await;
    let mut ours: Vec<_> = ours.into_iter().map(|user| Ours { db: bench.db.clone(), user }).collect();
    let plain = plain.into_iter().map(|model| {
        let (saver, position) = (bench.plain.clone(), Arc::clone(&bench.position));
        Plain { saver, position, model }
    });
    let mut plain: Vec<_> = plain.collect();
    let mut point = Point::default();
    for round in 0..=rounds(ROUNDS) {
        let ours = window(&mut ours).await;
        point.push(round, ours, Some(window(&mut plain).await));
    }
    point.measured("MongoDB", savers).kept_as(kept_as)
}

/// Beside the build: temporary directories may be in memory, where nothing is durable.
fn folder() -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench_{}", Uuid::now_v7().simple()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let events = twin(&raw, "earnorm_events", "plain_events").await.unwrap();
    let users = twin(&raw, "users", "plain_users").await.unwrap();
    let plain = PlainSaver::new(client.clone(), events, users);
    let mut bench = Savers { db, plain, position: Arc::new(AtomicI64::new(1)), number: 0 };
    let folder = folder();

    let before = load();
    let kept_as = bench.kept_as().await;
    let mut all = Vec::new();
    for savers in SAVERS {
        all.push(memory(savers).await);
        all.push(sqlite(&folder, savers).await);
        all.push(mongo(&mut bench, savers, &kept_as).await);
    }
    let setting = "each saver has a model of its own and saves it again and again, one changed field of 11\n\
                   MongoDB: beside the plain driver's transaction; sqlite: beside one bare connection that all share, a \
                   transaction each save, WAL, synchronous=FULL; memory: nothing beside it";
    report("Savers: saves a second and their time, 1 to 256 at the same time", setting, &before, &all);

    bench.db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
    std::fs::remove_dir_all(&folder).unwrap();
}
