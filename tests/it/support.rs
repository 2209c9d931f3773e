//! A fresh database for a case, on every store.

pub(crate) mod front;
pub(crate) mod meddler;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use earnorm::ports::Clock;
use earnorm::{Database, Registry};
use uuid::Uuid;

/// A clock that stands still until it is moved.
#[derive(Debug, Clone)]
pub(crate) struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    pub(crate) fn at(millis: i64) -> Self {
        Self(Arc::new(AtomicI64::new(millis)))
    }

    pub(crate) fn advance(&self, millis: i64) {
        self.0.fetch_add(millis, Ordering::SeqCst);
    }
}

pub(crate) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn clock() -> ManualClock {
    ManualClock::at(time("2026-03-28T12:00:00Z").timestamp_millis())
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

pub(crate) async fn memory(registry: Registry) -> Database {
    Database::builder().registry(registry).connect("memory:").await.unwrap()
}

pub(crate) fn mongodb_uri() -> String {
    std::env::var("EARNORM_TEST_MONGODB_URI")
        .expect("EARNORM_TEST_MONGODB_URI is not set: run the tests with `cargo xtask test`")
}

pub(crate) async fn mongodb(registry: Registry, name: &str) -> Database {
    Database::builder().registry(registry).database(name).connect(mongodb_uri()).await.unwrap()
}

/// The file of a database. It goes when the case ends, however that ends.
#[derive(Debug)]
pub(crate) struct DatabaseFile(PathBuf);

impl DatabaseFile {
    pub(crate) fn new() -> Self {
        Self(std::env::temp_dir().join(format!("{}.db", database_name())))
    }

    pub(crate) fn uri(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }
}

impl Drop for DatabaseFile {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}

pub(crate) async fn sqlite(registry: Registry, file: &DatabaseFile) -> Database {
    Database::builder().registry(registry).connect(file.uri()).await.unwrap()
}

pub(crate) fn database_name() -> String {
    format!("it_{}", Uuid::now_v7().simple())
}

/// Writes a case once and runs it on every store, each time in a fresh database with the models of `registry()`.
macro_rules! every_store {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: Database) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports, clippy::wildcard_imports)]
            use super::*;

            $(#[$meta])*
            async fn case($db: earnorm::Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_memory() {
                case(crate::support::memory(super::registry()).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let file = crate::support::DatabaseFile::new();
                let db = crate::support::sqlite(super::registry(), &file).await;
                case(db.clone()).await;
                db.close().await.unwrap();
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mongodb() {
                let name = crate::support::database_name();
                let db = crate::support::mongodb(super::registry(), &name).await;
                case(db.clone()).await;
                db.close().await.unwrap();
                crate::support::drop_database(&name).await;
            }
        })*
    };
}

/// As `every_store!`, with a clock that the case moves: it begins at noon of 28 March 2026, the day before the clocks of Rome
/// are put forward.
macro_rules! with_clock {
    ($($(#[$meta:meta])* async fn $name:ident($db:ident: Database, $clock:ident: ManualClock) $body:block)*) => {
        $(mod $name {
            #[allow(unused_imports, clippy::wildcard_imports)]
            use super::*;

            $(#[$meta])*
            async fn case($db: earnorm::Database, $clock: crate::support::ManualClock) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_memory() {
                let clock = crate::support::clock();
                let db = earnorm::Database::builder().registry(super::registry()).clock(clock.clone());
                case(db.connect("memory:").await.unwrap(), clock).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_sqlite() {
                let (clock, file) = (crate::support::clock(), crate::support::DatabaseFile::new());
                let db = earnorm::Database::builder().registry(super::registry()).clock(clock.clone());
                let db = db.connect(file.uri()).await.unwrap();
                case(db.clone(), clock).await;
                db.close().await.unwrap();
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_mongodb() {
                let (clock, name) = (crate::support::clock(), crate::support::database_name());
                let db = earnorm::Database::builder().registry(super::registry()).clock(clock.clone()).database(&name);
                let db = db.connect(crate::support::mongodb_uri()).await.unwrap();
                case(db.clone(), clock).await;
                db.close().await.unwrap();
                crate::support::drop_database(&name).await;
            }
        })*
    };
}

/// Leaves nothing behind on the server.
pub(crate) async fn drop_database(name: &str) {
    let client = mongodb::Client::with_uri_str(mongodb_uri()).await.unwrap();
    client.database(name).drop().await.unwrap();
    client.shutdown().await;
}
