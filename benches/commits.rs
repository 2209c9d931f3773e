//! Commits on MongoDB where one process is not all: savers in several processes, and one commit with many events.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    missing_docs,
    reason = "a bench"
)]
#![allow(unreachable_pub, reason = "shared modules")]

#[path = "harness/batches.rs"]
mod batches;
#[path = "harness/durable.rs"]
mod durable;
mod harness;
#[path = "harness/model.rs"]
mod model;
#[path = "harness/plain.rs"]
mod plain;
#[path = "harness/saver.rs"]
mod saver;

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use bson::{Document, doc};
use earnorm::prelude::*;
use earnorm_core::commit::{Append, Commit};
use earnorm_core::event::NewEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::store::Store;
use earnorm_core::stream::{ExpectedVersion, StreamId};
use earnorm_store::MongoStore;
use harness::{Measured, Promise, in_turn, load, only_tested, report, uri};
use mongodb::options::WriteConcern;
use plain::{PlainSaver, twin};
use saver::{Prepared, Savers};

const ROUNDS: usize = 7;
const PROCESSES: usize = 8;
const SAVERS: usize = 8;
const SAVES: usize = 12;
const EVENTS: usize = 256;
const COMMITS: usize = 20;
/// The argument that makes this program one of the processes.
const CHILD: &str = "--child-saver";

/// Saves when it is told to, and says when it is done.
async fn child(name: &str, number: usize) {
    let uri = uri();
    let db = Database::builder().database(name).connect(&uri).await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(name);
    let plain = PlainSaver::new(client.clone(), raw.collection("plain_events"), raw.collection("plain_users"));
    let first = i64::try_from(number * 1_000_000 + 1).unwrap();
    let mut savers = Savers { db, plain, position: Arc::new(AtomicI64::new(first)), number: number * 1_000 };
    let Prepared { mut ours, mut plain } = savers.prepare(SAVERS).await;
    println!("ready");
    while let Some(line) = tokio::task::block_in_place(|| std::io::stdin().lines().next()) {
        match line.unwrap().as_str() {
            "ours" => savers.ours(&mut ours, SAVES).await,
            _ => savers.plain(&mut plain, SAVES).await,
        };
        println!("done");
    }
    savers.db.close().await.unwrap();
    client.shutdown().await;
}

struct Process {
    child: Child,
    tell: ChildStdin,
    told: Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(name: &str, number: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([CHILD, name, &number.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (tell, told) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut process = Self { child, tell, told: BufReader::new(told).lines() };
        process.told.next().unwrap().unwrap();
        process
    }
}

/// Saves of all processes together.
fn together(processes: &mut [Process], way: &str) {
    for process in processes.iter_mut() {
        writeln!(process.tell, "{way}").unwrap();
    }
    for process in processes.iter_mut() {
        process.told.next().unwrap().unwrap();
    }
}

async fn processes(name: &str, measured: &mut Measured) {
    let processes: Vec<_> = (1..=PROCESSES).map(|number| Process::start(name, number)).collect();
    let processes = RefCell::new(processes);
    let way = |way| tokio::task::block_in_place(|| together(&mut processes.borrow_mut(), way));
    in_turn(measured, ROUNDS, PROCESSES * SAVERS * SAVES, async |_| way("ours"), async |_| way("plain")).await;
    for Process { mut child, tell, told } in processes.into_inner() {
        drop((tell, told));
        child.wait().unwrap();
    }
}

/// As many events, each in a stream of its own, as one commit.
fn commit() -> Commit {
    let mut commit = Commit::new(Uuid::now_v7());
    for n in 0..EVENTS {
        let id = Uuid::now_v7();
        let event = NewEvent {
            id,
            event_type: "order.placed".to_owned(),
            schema_version: 1,
            data: doc! { "number": i64::try_from(n).unwrap(), "who": "someone", "what": "a thing of some kind" },
            metadata: Metadata::new().actor("bench"),
            recorded_at: Utc::now(),
        };
        let stream = StreamId::new("order.placed", id.to_string()).unwrap();
        commit.appends.push(Append {
            stream,
            expected: ExpectedVersion::NoStream,
            not_before: None,
            events: vec![event],
        });
    }
    commit
}

/// Commits of many events against bare inserts of the same documents.
async fn events(store: &MongoStore, plain: &mongodb::Collection<Document>, measured: &mut Measured) {
    let mut durable = WriteConcern::majority();
    durable.journal = Some(true);
    let mut position = 100_000_000_i64;
    let ours = async |_| {
        for _ in 0..COMMITS {
            store.commit(commit()).await.unwrap();
        }
    };
    let bare = async |_| {
        for _ in 0..COMMITS {
            let commit = commit();
            let documents: Vec<_> = commit
                .appends
                .into_iter()
                .enumerate()
                .map(|(n, append)| {
                    position += 1;
                    stored(&append, position, (n == 0).then_some(commit.id))
                })
                .collect();
            plain.insert_many(documents).write_concern(durable.clone()).await.unwrap();
        }
    };
    in_turn(measured, ROUNDS, COMMITS * EVENTS, ours, bare).await;
}

fn stored(append: &Append, position: i64, commit: Option<Uuid>) -> Document {
    let event = &append.events[0];
    let uuid = |id: Uuid| bson::Uuid::from_bytes(id.into_bytes());
    let mut stored = doc! {
        "_id": position, "s": append.stream.to_string(), "k": append.stream.category(), "v": 1_i64,
        "e": uuid(event.id), "t": &event.event_type, "sv": 1, "at": bson::DateTime::now(),
    };
    if let Some(commit) = commit {
        stored.extend(doc! { "c": uuid(commit), "n": i32::try_from(EVENTS).unwrap() });
    }
    stored.extend(doc! { "m": { "actor": "bench" }, "d": event.data.clone() });
    stored
}

#[tokio::main]
async fn main() {
    if only_tested() {
        return;
    }
    let arguments: Vec<_> = std::env::args().collect();
    if let [_, flag, name, number] = arguments.as_slice()
        && flag == CHILD
    {
        return child(name, number.parse().unwrap()).await;
    }
    let (uri, name) = (uri(), format!("bench_{}", Uuid::now_v7().simple()));
    let recorded = batches::record();
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    let store = MongoStore::builder(&uri).database(&name).connect().await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    let raw = client.database(&name);
    let plain = twin(&raw, "earnorm_events", "plain_events").await.unwrap();
    twin(&raw, "users", "plain_users").await.unwrap();
    let server = raw.run_command(doc! { "buildInfo": 1 }).await.unwrap();

    let before = load();
    let mut apart = Measured::new("64 savers in 8 processes", Promise::AtLeast(1.5));
    processes(&name, &mut apart).await;
    let mut many = Measured::new("256 events in one commit, bare inserts", Promise::AtLeast(0.5));
    batches::summary(&recorded, "");
    events(&store, &plain, &mut many).await;
    let note = batches::summary(&recorded, "256 events in one commit");
    let version = server.get_str("version").unwrap_or("unknown");
    let setting = format!("MongoDB {version}, one node, majority and journal\n{note}");
    report("Commits: ours against the plain driver", &setting, &before, &[apart, many]);

    store.close().await.unwrap();
    db.close().await.unwrap();
    raw.drop().await.unwrap();
    client.shutdown().await;
}
