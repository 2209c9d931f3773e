//! The store in one file: a durable log and state documents on SQLite, without a server.
//!
//! One thread writes (`writer`): what waits at the same time shares a transaction, and so one wait for the disk. Positions
//! are given out in it, so the log never has a hole. Readers have snapshots of their own (`reader`) and neither wait for
//! the writer nor hold it up. Several processes may open the file: writers take turns, and `watch` looks for what the
//! others wrote. Documents and events stand there as JSON that a person can read (`json`), indexes as tables of keys
//! that sort as BSON does (`key`), and filters use these as far as they go (`pushdown`).

mod admin;
mod backend;
mod catalog;
mod commit;
mod cursor;
mod documents;
mod entries;
mod error;
mod examine;
mod explain;
mod file;
mod index;
mod json;
mod key;
mod log;
mod options;
mod pushdown;
mod query;
mod reader;
mod recent;
mod schema;
mod tx;
mod upkeep;
mod watch;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bson::{Bson, Document};
use earnorm_core::commit::{Checkpoint, Commit, Committed};
use earnorm_core::error::StoreError;
use earnorm_core::event::RecordedEvent;
use earnorm_core::limits::Limits;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{
    AggregateRow, Aggregation, Capabilities, DocumentQuery, DocumentStream, Explanation, LogPage, LogQuery, Store,
    StoreAdmin, StreamQuery,
};
use earnorm_core::{Error, Result};

use self::commit::Ready;
use self::error::{Done, NAME};
use self::file::File;
pub use self::options::SqliteStoreBuilder;
use self::reader::{Readers, blocking};
use self::tx::{Head, Tx};
use self::watch::Watch;
use self::writer::Writer;

static CAPABILITIES: Capabilities = Capabilities::new(NAME).durable();

/// A store in one file. Clones share it.
#[derive(Clone)]
pub struct SqliteStore {
    inner: Arc<Inner>,
}

struct Inner {
    file: Arc<File>,
    prefix: String,
    limits: Limits,
    readers: Arc<Readers>,
    /// None where the file is for reading only.
    writer: Option<Writer>,
    watch: Arc<Watch>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("file", &self.inner.file.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens a file with the defaults of [`SqliteStore::builder`], or makes it.
    ///
    /// # Errors
    /// [`Error::Connect`] names the file and why it will not do.
    pub async fn connect(uri: &str) -> Result<Self> {
        Self::builder(uri)?.open().await
    }

    /// Sets up a store at `uri`, such as `sqlite:app.db`, `sqlite:/var/lib/app.db` or `sqlite:app.db?busy_timeout=5s`.
    ///
    /// # Errors
    /// [`Error::Connect`] when the address names no file, or an option is none.
    pub fn builder(uri: &str) -> Result<SqliteStoreBuilder> {
        SqliteStoreBuilder::parse(uri)
    }

    /// The file, whatever became of the program's directory since.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.file.path
    }

    async fn open(options: SqliteStoreBuilder) -> Result<Self> {
        blocking(move || {
            let file = Arc::new(File::new(&options));
            let conn = file.prepare()?;
            let unfit =
                |error: String| StoreError::new(NAME, format!("could not open `{}`: {error}", file.path.display()));
            let head = file.patiently(|| Head::read(&conn))?;
            let (end, _) = tokio::sync::watch::channel(Position::new(head.end));
            let readers = Arc::new(Readers::new(Arc::clone(&file), options.readers));
            let watch = Arc::new(Watch::new(Arc::clone(&file), Arc::clone(&readers), end.clone()));
            let writer = match file.read_only {
                true => None,
                false => {
                    let started = Writer::start(Arc::clone(&file), conn, end);
                    Some(started.map_err(|error| unfit(error.to_string()))?)
                }
            };
            let SqliteStoreBuilder { prefix, limits, .. } = options;
            Ok(Self { inner: Arc::new(Inner { file, prefix, limits, readers, writer, watch }) })
        })
        .await
    }

    fn writer(&self) -> Result<&Writer> {
        self.inner.readers.open()?;
        self.inner.writer.as_ref().ok_or_else(|| {
            let file = self.inner.file.path.display();
            let message = format!("`{file}` is open for reading only: open it without `mode=ro` to write");
            StoreError::new(NAME, message).into()
        })
    }

    async fn read<T: Send + 'static>(
        &self,
        what: impl Into<String>,
        step: impl FnOnce(&Tx<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T> {
        self.inner.readers.read(what, step).await
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    fn admin(&self) -> &dyn StoreAdmin {
        self
    }

    async fn commit(&self, commit: Commit) -> Result<Committed> {
        self.inner.limits.check(&commit)?;
        // What can be written down here keeps no other writer waiting.
        let ready = Ready::new(commit);
        self.writer()?.write("commit", move |tx| tx.commit(&ready)).await
    }

    async fn read_stream(&self, query: StreamQuery) -> Result<Vec<RecordedEvent>> {
        self.read(format!("read {}", query.stream), move |tx| tx.stream(&query)).await
    }

    async fn read_log(&self, query: LogQuery) -> Result<LogPage> {
        self.read("read the log", move |tx| tx.page(&query)).await
    }

    async fn high_water(&self) -> Result<Position> {
        self.read("read the end of the log", |tx| Ok(Position::new(tx.head.end))).await
    }

    async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>> {
        let (name, id) = (collection.to_owned(), id.clone());
        self.read(format!("read `{collection}`"), move |tx| tx.get(&name, &id)).await
    }

    async fn find(&self, query: DocumentQuery) -> Result<DocumentStream> {
        cursor::find(&self.inner.readers, query).await
    }

    async fn explain(&self, query: &DocumentQuery) -> Result<Explanation> {
        let query = query.clone();
        self.read(format!("explain a query of `{}`", query.collection), move |tx| tx.explain(&query)).await
    }

    async fn count(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        let (name, predicate) = (collection.to_owned(), predicate.clone());
        self.read(format!("count `{collection}`"), move |tx| tx.count_matching(&name, &predicate)).await
    }

    async fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Result<Vec<Bson>> {
        let (name, predicate, path) = (collection.to_owned(), predicate.clone(), path.to_owned());
        self.read(format!("read `{collection}`"), move |tx| tx.distinct(&name, &predicate, &path)).await
    }

    async fn aggregate(&self, aggregation: Aggregation) -> Result<Vec<AggregateRow>> {
        self.read(format!("read `{}`", aggregation.collection), move |tx| tx.aggregate(&aggregation)).await
    }

    async fn aggregate_raw(&self, _: &str, _: Vec<Document>) -> Result<Vec<Document>> {
        let unsupported = Error::Unsupported { store: NAME, what: "run a raw pipeline; use the typed measures" };
        self.inner.readers.open().and(Err(unsupported))
    }

    async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>> {
        let consumer = consumer.to_owned();
        self.read("read a checkpoint", move |tx| tx.checkpoint(&consumer)).await
    }

    async fn moved(&self, position: Position) -> Result<()> {
        self.inner.watch.moved(position).await
    }

    async fn close(&self) -> Result<()> {
        self.inner.readers.close();
        self.inner.watch.close();
        if let Some(writer) = &self.inner.writer {
            writer.close().await;
        }
        Ok(())
    }
}
