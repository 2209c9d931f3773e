//! The one thread that writes. Whatever waits shares a transaction, and so one wait for the disk; each write in it is
//! taken back by itself when it is refused.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use earnorm_core::error::{Applied, StoreError};
use earnorm_core::position::Position;
use earnorm_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::error::{Done, Failure, NAME, locked, uncommitted};
use super::file::{File, is_busy};
use super::recent::Recent;
use super::tx::{Known, Tx};

/// How many writes may wait before callers wait to hand theirs in.
const WAITING_MAX: usize = 1_024;
/// How many writes share a transaction at most.
const BATCH_MAX: usize = 256;
/// How long the thread looks for the next write before it sleeps, where the last one came as soon: to be woken takes about
/// as long, and so does one who saves again and again.
const SPIN: std::time::Duration = std::time::Duration::from_micros(100);
/// How long to look away while another process writes.
const NAP: std::time::Duration = std::time::Duration::from_millis(2);

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    file: Arc<File>,
    sender: Mutex<Option<mpsc::Sender<Box<dyn Work>>>>,
    /// Ends with the thread.
    running: watch::Receiver<()>,
}

impl Writer {
    /// Starts the thread. `moved` hears of each new end of the log.
    pub(super) fn start(file: Arc<File>, conn: Connection, moved: watch::Sender<Position>) -> std::io::Result<Self> {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        let (alive, running) = watch::channel(());
        let thread =
            Thread { file: Arc::clone(&file), conn, known: Known::default(), recent: RefCell::default(), moved };
        std::thread::Builder::new().name("earnorm-sqlite".to_owned()).spawn(move || {
            thread.run(waiting);
            drop(alive);
        })?;
        Ok(Self { file, sender: Mutex::new(Some(sender)), running })
    }

    /// Runs `step` in a transaction and answers when its outcome is durable. It runs again when a transaction that it
    /// shared with others could not be committed. `what` completes "could not …".
    pub(super) async fn write<T: Send + 'static>(
        &self,
        what: impl Into<String>,
        step: impl FnMut(&mut Tx<'_>) -> Done<T> + Send + 'static,
    ) -> Result<T> {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sender = sender.ok_or(Error::Closed)?;
        let (reply, answer) = oneshot::channel();
        let (file, what) = (Arc::clone(&self.file), what.into());
        let job = Job { file, what, step, outcome: None, reply };
        sender.send(Box::new(job)).await.map_err(|_| stopped())?;
        drop(sender);
        answer.await.map_err(|_| stopped())?
    }

    /// Lets waiting writes finish and gives the connection back.
    pub(super) async fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let mut running = self.running.clone();
        while running.changed().await.is_ok() {}
    }
}

/// The thread is gone, which it never is while someone holds the way to it.
fn stopped() -> Error {
    let message = "the writer stopped unexpectedly; open the file again, then send the same commit again";
    StoreError::new(NAME, message).applied(Applied::Unknown).into()
}

/// A write on its way.
trait Work: Send {
    /// Does it, and keeps the outcome.
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran;

    /// Answers the caller with the outcome, or with the error of the whole transaction.
    fn answer(self: Box<Self>, fault: Option<&Fault>);
}

/// How a write went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ran {
    Through,
    /// We refused it.
    Refused,
    /// SQLite failed in it.
    Failed,
}

struct Job<T, F> {
    file: Arc<File>,
    what: String,
    step: F,
    outcome: Option<Done<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T: Send, F: FnMut(&mut Tx<'_>) -> Done<T> + Send> Work for Job<T, F> {
    fn run(&mut self, tx: &mut Tx<'_>) -> Ran {
        let outcome = (self.step)(tx);
        let ran = match &outcome {
            Ok(_) => Ran::Through,
            Err(Failure::Refused(_)) => Ran::Refused,
            Err(Failure::Sqlite(_)) => Ran::Failed,
        };
        self.outcome = Some(outcome);
        ran
    }

    fn answer(self: Box<Self>, fault: Option<&Fault>) {
        let Self { file, what, outcome, reply, .. } = *self;
        let answer = match (outcome, fault) {
            // What was refused by itself is not in the file, whatever became of the others.
            (Some(Err(failure)), _) => Err(failure.explain(&file.path, &what)),
            (_, Some(fault)) => Err(fault.explain(&file, &what)),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(stopped()),
        };
        // Nobody may be there to hear it: a dropped commit is wholly there or wholly not all the same.
        let _ = reply.send(answer);
    }
}

/// Why a whole transaction is not there.
enum Fault {
    /// Another process wrote for longer than we wait.
    Locked,
    /// It did not begin.
    Begin(rusqlite::Error),
    /// SQLite ended it while it ran, or refused to commit.
    Commit(rusqlite::Error),
}

impl Fault {
    fn explain(&self, file: &File, what: &str) -> Error {
        match self {
            Self::Locked => locked(&file.path, what, file.busy_timeout),
            Self::Begin(error) => Failure::Sqlite(copy(error)).explain(&file.path, what),
            Self::Commit(error) => uncommitted(&file.path, what, error),
        }
    }
}

/// SQLite's errors cannot be cloned.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error.sqlite_error() {
        Some(code) => rusqlite::Error::SqliteFailure(*code, Some(error.to_string())),
        None => rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR), None),
    }
}

/// The next write, once there is one. `soon` tells whether it came so soon that a sleep is not worth it.
fn next(waiting: &mut mpsc::Receiver<Box<dyn Work>>, soon: &mut bool) -> Option<Box<dyn Work>> {
    let since = Instant::now();
    while *soon && since.elapsed() < SPIN {
        match waiting.try_recv() {
            Ok(first) => return Some(first),
            Err(mpsc::error::TryRecvError::Disconnected) => return None,
            Err(mpsc::error::TryRecvError::Empty) => std::thread::yield_now(),
        }
    }
    let first = waiting.blocking_recv();
    *soon = since.elapsed() < 2 * SPIN;
    first
}

struct Thread {
    file: Arc<File>,
    conn: Connection,
    known: Known,
    recent: RefCell<Recent>,
    moved: watch::Sender<Position>,
}

impl Thread {
    fn run(mut self, mut waiting: mpsc::Receiver<Box<dyn Work>>) {
        let mut soon = false;
        while let Some(first) = next(&mut waiting, &mut soon) {
            let mut batch = vec![first];
            while batch.len() < BATCH_MAX
                && let Ok(next) = waiting.try_recv()
            {
                batch.push(next);
            }
            self.settle(batch);
        }
    }

    /// Writes a batch and answers everyone in it.
    fn settle(&mut self, mut batch: Vec<Box<dyn Work>>) {
        match self.attempt(&mut batch) {
            Ok(()) => batch.into_iter().for_each(|job| job.answer(None)),
            // One of them may be the reason: each gets a transaction of its own.
            Err(Fault::Commit(_)) if batch.len() > 1 => batch.into_iter().for_each(|job| self.settle(vec![job])),
            Err(fault) => batch.into_iter().for_each(|job| job.answer(Some(&fault))),
        }
    }

    fn attempt(&mut self, batch: &mut [Box<dyn Work>]) -> std::result::Result<(), Fault> {
        let written = match self.transact(batch, false)? {
            Some(written) => Some(written),
            // Alone, it was refused, and nothing is left of it.
            None if batch.len() == 1 => None,
            None => self.transact(batch, true)?,
        };
        let Some((known, end)) = written else { return Ok(()) };
        self.known = known;
        self.moved.send_if_modified(|at| {
            let higher = end > *at;
            *at = end.max(*at);
            higher
        });
        Ok(())
    }

    /// A transaction of a batch. `None` when it was taken back because one of the writes could not be by itself.
    fn transact(&mut self, batch: &mut [Box<dyn Work>], apart: bool) -> std::result::Result<Option<Written>, Fault> {
        self.begin()?;
        let written = self.write(batch, apart);
        if !matches!(written, Ok(Some(_))) && !self.conn.is_autocommit() {
            let _ = self.conn.execute_batch("ROLLBACK");
        }
        written
    }

    /// Takes the turn to write, after other processes.
    fn begin(&self) -> std::result::Result<(), Fault> {
        let deadline = Instant::now() + self.file.busy_timeout;
        loop {
            match self.conn.prepare_cached("BEGIN IMMEDIATE").and_then(|mut begin| begin.execute(())) {
                Ok(_) => return Ok(()),
                Err(error) if !is_busy(&error) => return Err(Fault::Begin(error)),
                Err(_) if Instant::now() >= deadline => return Err(Fault::Locked),
                Err(_) => std::thread::sleep(NAP),
            }
        }
    }

    /// Does the writes of a batch, and commits. Most writes that are refused are so before they change anything: parts
    /// that can be undone by themselves are made only when that is needed, `apart`.
    fn write(&mut self, batch: &mut [Box<dyn Work>], apart: bool) -> std::result::Result<Option<Written>, Fault> {
        let mut tx = Tx::look(&self.conn, &mut self.known).map_err(fatal)?.remembering(&self.recent);
        for job in batch {
            if apart {
                let mark = tx.begin_part().map_err(fatal)?;
                match job.run(&mut tx) {
                    Ran::Through => tx.keep_part().map_err(fatal)?,
                    Ran::Refused | Ran::Failed => tx.undo_part(mark).map_err(fatal)?,
                }
                continue;
            }
            let (head, changes) = (tx.head, self.conn.total_changes());
            match job.run(&mut tx) {
                Ran::Through => {}
                Ran::Refused if tx.head == head && self.conn.total_changes() == changes => {}
                Ran::Refused | Ran::Failed => return Ok(None),
            }
        }
        tx.write_head().map_err(fatal)?;
        let commit = self.conn.prepare_cached("COMMIT").and_then(|mut commit| commit.execute(()));
        commit.map_err(Fault::Commit)?;
        Ok(Some((tx.known(), Position::new(tx.head.end))))
    }
}

/// What is so after a commit: the collections, and the end of the log.
type Written = (Known, Position);

/// A step between the writes failed, and with it the transaction.
fn fatal(failure: Failure) -> Fault {
    match failure {
        Failure::Sqlite(error) => Fault::Commit(error),
        Failure::Refused(error) => {
            let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
            Fault::Commit(rusqlite::Error::SqliteFailure(code, Some(error.to_string())))
        }
    }
}
