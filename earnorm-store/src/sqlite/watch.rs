//! Waiting for the log to grow: by this process, which tells at once, or by another, which is looked for.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use earnorm_core::Result;
use earnorm_core::position::Position;
use rusqlite::Connection;
use tokio::sync::watch;

use super::error::Failure;
use super::file::File;
use super::reader::{Readers, blocking};
use super::tx::Head;

/// How long [`earnorm_core::store::Store::moved`] waits at most.
const MOVED_MAX: Duration = Duration::from_secs(1);
/// How often someone who waits looks for what other processes wrote.
const POLL: Duration = Duration::from_millis(50);

/// The end of the log as far as it is known here, and the connection that looks further.
#[derive(Debug)]
pub(super) struct Watch {
    file: Arc<File>,
    readers: Arc<Readers>,
    end: watch::Sender<Position>,
    look: Mutex<Option<Look>>,
}

/// A connection that never writes: SQLite tells it whether anyone else did.
#[derive(Debug)]
struct Look {
    conn: Connection,
    /// What `PRAGMA data_version` said last.
    version: i64,
    at: Instant,
}

impl Watch {
    pub(super) fn new(file: Arc<File>, readers: Arc<Readers>, end: watch::Sender<Position>) -> Self {
        Self { file, readers, end, look: Mutex::default() }
    }

    pub(super) fn close(&self) {
        self.end.send_replace(Position::END);
        *self.look.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) async fn moved(self: &Arc<Self>, position: Position) -> Result<()> {
        self.readers.open()?;
        let deadline = tokio::time::Instant::now() + MOVED_MAX;
        let mut end = self.end.subscribe();
        while *end.borrow_and_update() <= position {
            let this = Arc::clone(self);
            if blocking(move || this.look()).await? > position {
                break;
            }
            let pause = deadline.min(tokio::time::Instant::now() + POLL);
            // The time-out is an answer as good as any: it is a reason to look.
            let _ = tokio::time::timeout_at(pause, end.wait_for(|end| *end > position)).await;
            if tokio::time::Instant::now() >= deadline {
                break;
            }
        }
        self.readers.open()
    }

    /// The end of the log, after a look at the file unless someone has just looked.
    fn look(&self) -> Result<Position> {
        let mut look = self.look.lock().unwrap_or_else(PoisonError::into_inner);
        self.readers.open()?;
        let failed = |error: rusqlite::Error| Failure::from(error).explain(&self.file.path, "look for new events");
        let read = match look.take() {
            Some(look) if look.at.elapsed() < POLL / 5 => Ok(look),
            Some(last) => self.look_again(last),
            None => self.file.reader().and_then(|conn| self.look_again(Look { conn, version: -1, at: Instant::now() })),
        };
        *look = Some(read.map_err(failed)?);
        Ok(*self.end.borrow())
    }

    fn look_again(&self, look: Look) -> rusqlite::Result<Look> {
        let version = look.conn.pragma_query_value(None, "data_version", |row| row.get(0))?;
        if version != look.version {
            let end = Position::new(Head::read(&look.conn)?.end);
            self.end.send_if_modified(|at| {
                let higher = end > *at;
                *at = end.max(*at);
                higher
            });
        }
        Ok(Look { version, at: Instant::now(), ..look })
    }
}
