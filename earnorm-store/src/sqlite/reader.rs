//! Connections that read, each in a snapshot of its own, away from the threads that must not wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use earnorm_core::error::StoreError;
use earnorm_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::error::{Done, NAME};
use super::file::File;
use super::tx::{Known, Tx};

/// The connections that rest, and how many may work at a time.
#[derive(Debug)]
pub(super) struct Readers {
    file: Arc<File>,
    resting: Mutex<Vec<Connection>>,
    known: Mutex<Known>,
    permits: Arc<Semaphore>,
    keep: usize,
    closed: AtomicBool,
}

impl Readers {
    pub(super) fn new(file: Arc<File>, readers: u32) -> Self {
        let keep = usize::try_from(readers).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            file,
            resting: Mutex::default(),
            known: Mutex::default(),
            permits: Arc::new(Semaphore::new(keep)),
            keep,
            closed: AtomicBool::new(false),
        }
    }

    /// Refuses work once the store is closed.
    pub(super) fn open(&self) -> Result<()> {
        if self.closed.load(Ordering::SeqCst) { Err(Error::Closed) } else { Ok(()) }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.permits.close();
        self.resting().clear();
    }

    /// Runs `step` in one snapshot. `what` completes "could not …".
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        what: impl Into<String>,
        step: impl FnOnce(&Tx<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| Error::Closed)?;
        let (readers, what) = (Arc::clone(self), what.into());
        blocking(move || {
            // Held by the work itself: a dropped future does not let another reader in while this one still runs.
            let _permit = permit;
            let snapshot = readers.snapshot(&what)?;
            snapshot.look(&what, step)
        })
        .await
    }

    /// A snapshot that lasts until it is dropped. It does not count as a read at work.
    pub(super) fn snapshot(self: &Arc<Self>, what: &str) -> Result<Snapshot> {
        self.open()?;
        let explain = |error: rusqlite::Error| super::error::Failure::from(error).explain(&self.file.path, what);
        let resting = self.resting().pop();
        let conn = match resting {
            Some(conn) => conn,
            None => self.file.reader().map_err(explain)?,
        };
        conn.prepare_cached("BEGIN").and_then(|mut begin| begin.execute(())).map_err(explain)?;
        Ok(Snapshot { readers: Arc::clone(self), conn: Some(conn) })
    }

    fn resting(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection with an open transaction. It goes back to rest when it is dropped.
#[derive(Debug)]
pub(super) struct Snapshot {
    readers: Arc<Readers>,
    conn: Option<Connection>,
}

impl Snapshot {
    pub(super) fn look<T>(&self, what: &str, step: impl FnOnce(&Tx<'_>) -> Done<T>) -> Result<T> {
        let Some(conn) = &self.conn else { return Err(Error::Closed) };
        let mut known = self.readers.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let looked = Tx::look(conn, &mut known).and_then(|tx| {
            *self.readers.known.lock().unwrap_or_else(PoisonError::into_inner) = tx.known();
            step(&tx)
        });
        looked.map_err(|failure| failure.explain(&self.readers.file.path, what))
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        let ended = conn.prepare_cached("ROLLBACK").and_then(|mut end| end.execute(())).is_ok();
        let mut resting = self.readers.resting();
        if ended && self.readers.open().is_ok() && resting.len() < self.readers.keep {
            resting.push(conn);
        }
    }
}

/// Runs `work` where it may wait.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer,
        Err(error) => Err(StoreError::new(NAME, format!("a read stopped unexpectedly: {error}")).into()),
    }
}
