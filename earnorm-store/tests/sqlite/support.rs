//! A directory of its own for each test, and commits.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use bson::{Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{Append, Commit, DocumentOp, DocumentWrite};
use earnorm_core::event::NewEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::store::{DocumentQuery, LogQuery, Store};
use earnorm_core::stream::{ExpectedVersion, StreamId};
use earnorm_store::SqliteStore;
use futures::TryStreamExt;
use rusqlite::Connection;
use uuid::Uuid;

/// A directory that goes with its test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(format!("earnorm-sqlite-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn uri(&self, name_and_options: &str) -> String {
        format!("sqlite:{}", self.path(name_and_options).display())
    }

    pub(crate) async fn open(&self, name_and_options: &str) -> SqliteStore {
        SqliteStore::connect(&self.uri(name_and_options)).await.unwrap()
    }

    /// The file as any other program sees it.
    pub(crate) fn look(&self, name: &str) -> Connection {
        Connection::open(self.path(name)).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn stream(key: impl ToString) -> StreamId {
    StreamId::new("thing", key.to_string()).unwrap()
}

pub(crate) fn event(data: Document) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        event_type: "thing.noted".to_owned(),
        schema_version: 1,
        data,
        metadata: Metadata::new(),
        recorded_at: DateTime::<Utc>::from_timestamp_millis(1_700_000_000_123).unwrap(),
    }
}

/// Events of one stream, and the documents `things` that are new with them.
pub(crate) fn commit(key: impl ToString, events: Vec<Document>, documents: Vec<Document>) -> Commit {
    let append = Append {
        stream: stream(key),
        expected: ExpectedVersion::Any,
        not_before: None,
        events: events.into_iter().map(event).collect(),
    };
    let insert = |mut document: Document| {
        document.insert("_v", 1_i64);
        let id = document.get("_id").unwrap().clone();
        DocumentWrite { collection: "things".to_owned(), id, op: DocumentOp::Insert { document } }
    };
    let documents = documents.into_iter().map(insert).collect();
    Commit { appends: vec![append], documents, ..Commit::new(Uuid::now_v7()) }
}

/// One event and one document of the same name.
pub(crate) fn pair(key: &str) -> Commit {
    commit(key, vec![doc! { "of": key }], vec![doc! { "_id": key, "n": 1 }])
}

pub(crate) async fn found(store: &SqliteStore, query: DocumentQuery) -> Vec<Document> {
    store.find(query).await.unwrap().try_collect().await.unwrap()
}

/// How many events the log holds, after a look at all of them.
pub(crate) async fn events(store: &SqliteStore) -> usize {
    store.read_log(LogQuery { limit: 1_000_000, ..LogQuery::default() }).await.unwrap().events.len()
}

/// Starts this test binary again, to do what the test of this name does in another process.
pub(crate) fn process(test: &str, variables: &[(&str, &str)]) -> Child {
    command(test, variables).spawn().unwrap()
}

pub(crate) fn command(test: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
