//! Several processes on one file: writers take turns, and who waits hears of what others wrote.

use std::time::Duration;

use bson::doc;
use earnorm_core::commit::{Commit, DocumentOp, DocumentWrite};
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, PutRule, Store};
use earnorm_store::SqliteStore;

use crate::support::{Scratch, commit, events, pair, process};

/// Names the file, and the writer, in the process of a writer.
const FILE: &str = "EARNORM_TEST_SQLITE_SHARED";
const WRITER: &str = "EARNORM_TEST_SQLITE_WRITER";
const EACH: usize = 150;

/// What a process does that the tests below started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    let (Ok(uri), Ok(writer)) = (std::env::var(FILE), std::env::var(WRITER)) else { return };
    let store = SqliteStore::connect(&uri).await.unwrap();
    for n in 0..EACH {
        // All of them write one stream, and documents of their own.
        let sent = commit("shared", vec![doc! { "by": &writer }], vec![doc! { "_id": format!("{writer}.{n}") }]);
        store.commit(sent).await.unwrap();
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_of_several_processes_take_turns() {
    let scratch = Scratch::new();
    let uri = scratch.uri("a.db");
    // Nobody made the file before: they meet at that too.
    let start = |n: usize| process("processes::writer", &[(FILE, &uri), (WRITER, &n.to_string())]);
    let writers: Vec<_> = (0..4).map(start).collect();
    for writer in writers {
        assert!(writer.wait_with_output().unwrap().status.success());
    }
    let store = scratch.open("a.db").await;
    assert_eq!(events(&store).await, 4 * EACH);
    let page = store.read_log(LogQuery { limit: 10_000, ..LogQuery::default() }).await.unwrap();
    for (number, event) in (1_i64..).zip(&page.events) {
        assert_eq!((event.position.get(), event.version), (number, number.unsigned_abs()), "in one line");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_writes_is_heard_of() {
    let scratch = Scratch::new();
    let (uri, store) = (scratch.uri("a.db"), scratch.open("a.db").await);
    let child = process("processes::writer", &[(FILE, &uri), (WRITER, "0")]);
    let mut seen = Position::START;
    let listening = async {
        while seen.get() < i64::try_from(EACH).unwrap() {
            store.moved(seen).await.unwrap();
            let page = store.read_log(LogQuery { after: seen, ..LogQuery::default() }).await.unwrap();
            assert!(page.high_water >= seen);
            seen = page.high_water;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), listening).await.expect("it hears of all");
    assert!(child.wait_with_output().unwrap().status.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_patch_changes_what_others_wrote_meanwhile_at_the_same_version() {
    let scratch = Scratch::new();
    let (one, other) = (scratch.open("a.db").await, scratch.open("a.db").await);
    one.commit(pair("x")).await.unwrap();
    let patch = |version: u64, field: &str| {
        let set = vec![(field.to_owned(), true.into()), ("_v".to_owned(), i64::try_from(version + 1).unwrap().into())];
        let op = DocumentOp::Patch { expected: version, set, unset: Vec::new() };
        let documents = vec![DocumentWrite { collection: "things".to_owned(), id: "x".into(), op }];
        Commit { documents, ..commit("x", vec![doc! {}], Vec::new()) }
    };
    one.commit(patch(1, "first")).await.unwrap();
    // As a rebuild that another process runs.
    let rebuilt = doc! { "_id": "x", "_v": 2_i64, "rebuilt": true };
    other.admin().put("things", vec![rebuilt], PutRule::Always).await.unwrap();
    one.commit(patch(2, "second")).await.unwrap();
    let whole = doc! { "_id": "x", "_v": 3_i64, "rebuilt": true, "second": true };
    assert_eq!(one.get("things", &"x".into()).await.unwrap(), Some(whole));
}
