//! One file: whether it is ours, and connections to it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use earnorm_core::{Error, Result};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::error::{code, reason};
use super::options::SqliteStoreBuilder;
use super::schema::{self, APPLICATION, LAYOUT};

/// How long SQLite itself waits for a lock of another process before we look at the time.
const NAP: Duration = Duration::from_millis(10);
/// How many pages the write-ahead log holds before they are moved into the file, each once, with two waits for the disk.
const CHECKPOINT_PAGES: u32 = 4_000;
/// Statements that a connection keeps ready.
const STATEMENTS: usize = 128;

/// What is known of the file.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) busy_timeout: Duration,
    pub(super) max_pages: Option<u32>,
    pub(super) read_only: bool,
}

impl File {
    pub(super) fn new(options: &SqliteStoreBuilder) -> Self {
        // A relative path stays where it points to when the program changes its directory.
        let path = std::path::absolute(&options.path).unwrap_or_else(|_| options.path.clone());
        let SqliteStoreBuilder { busy_timeout, max_pages, read_only, .. } = *options;
        Self { path, busy_timeout, max_pages, read_only }
    }

    /// The first connection, after everything was looked at. It writes, unless the file is for reading only.
    pub(super) fn prepare(&self) -> Result<Connection> {
        self.look()?;
        let mut conn = self.raw(self.read_only).map_err(|error| self.refused(&error))?;
        // SQLite opens what it may not write for reading, and is asked, since a look of our own would end its locks.
        if !self.read_only && conn.is_readonly("main").map_err(|error| self.refused(&error))? {
            return Err(self.unfit("it is read-only; let this user write it, or open it with `?mode=ro`"));
        }
        // Whoever closes the file last has it for himself while its log is moved into it.
        self.patiently(|| set_up(&conn, NAP, self.read_only))?;
        if self.is_fresh(&conn)? {
            if self.read_only {
                return Err(self.unfit("it is empty, and `mode=ro` makes nothing: open it once without"));
            }
            self.log_ahead(&conn)?;
            self.create(&mut conn)?;
        } else if !self.read_only {
            self.log_ahead(&conn)?;
        }
        if let Some(pages) = self.max_pages {
            self.patiently(|| conn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())))?;
        }
        Ok(conn)
    }

    /// A connection that only reads.
    pub(super) fn reader(&self) -> rusqlite::Result<Connection> {
        let conn = self.raw(true)?;
        set_up(&conn, self.busy_timeout, true)?;
        Ok(conn)
    }

    fn raw(&self, reads: bool) -> rusqlite::Result<Connection> {
        let access = match (self.read_only, reads) {
            (true, _) => OpenFlags::SQLITE_OPEN_READ_ONLY,
            (false, true) => OpenFlags::SQLITE_OPEN_READ_WRITE,
            (false, false) => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        };
        Connection::open_with_flags(&self.path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)
    }

    /// What the file system says already.
    fn look(&self) -> Result<()> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory.filter(|directory| !directory.is_dir()) {
            let reason = format!("the directory `{}` does not exist; make it first", directory.display());
            return Err(self.unfit(&reason));
        }
        if self.path.is_dir() {
            return Err(self.unfit("it is a directory; name a file in it"));
        }
        if self.read_only && !self.path.exists() {
            return Err(self.unfit("it does not exist, and `mode=ro` makes nothing: open it once without"));
        }
        Ok(())
    }

    /// Whether nothing is in the file yet. What is not ours is refused, before anything is changed.
    fn is_fresh(&self, conn: &Connection) -> Result<bool> {
        let read = || -> rusqlite::Result<(i32, i32, i64)> {
            Ok((
                conn.pragma_query_value(None, "application_id", |row| row.get(0))?,
                conn.pragma_query_value(None, "user_version", |row| row.get(0))?,
                conn.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?,
            ))
        };
        match self.patiently(read)? {
            (0, 0, 0) => Ok(true),
            (APPLICATION, LAYOUT, _) => Ok(false),
            (APPLICATION, layout, _) if layout > LAYOUT => Err(self.unfit(&format!(
                "a newer program wrote it: it has layout {layout}, and this program knows {LAYOUT}; use the newer program"
            ))),
            (APPLICATION, layout, _) => {
                Err(self.unfit(&format!("it has layout {layout}, which no program wrote; restore a copy")))
            }
            _ => Err(self.unfit("it is a SQLite file of another program; give EarnORM a file of its own")),
        }
    }

    /// The mode in which readers and a writer do not wait for each other.
    fn log_ahead(&self, conn: &Connection) -> Result<()> {
        let set = || conn.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        let mode = self.patiently(set)?;
        if mode != "wal" {
            let reason =
                format!("its file system has no write-ahead log (it stays in mode `{mode}`); use a local disk");
            return Err(self.unfit(&reason));
        }
        // What a burst of writes made it, it need not stay.
        let limit = conn.pragma_update_and_check(None, "journal_size_limit", 64 * 1024 * 1024, |_| Ok(()));
        limit.map_err(|error| self.refused(&error))?;
        let often = conn.pragma_update_and_check(None, "wal_autocheckpoint", CHECKPOINT_PAGES, |_| Ok(()));
        often.map_err(|error| self.refused(&error))
    }

    /// Makes the tables, unless another process was faster.
    fn create(&self, conn: &mut Connection) -> Result<()> {
        self.patiently(|| {
            let transaction = rusqlite::Transaction::new_unchecked(conn, TransactionBehavior::Immediate)?;
            let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
            if tables == 0 {
                schema::create(&transaction)?;
            }
            transaction.commit()
        })?;
        self.is_fresh(conn).map(|_| ())
    }

    /// Tries again while another process has the file locked, up to the time-out.
    pub(super) fn patiently<T>(&self, mut step: impl FnMut() -> rusqlite::Result<T>) -> Result<T> {
        let deadline = Instant::now() + self.busy_timeout;
        loop {
            match step() {
                Err(error) if is_busy(&error) && Instant::now() < deadline => std::thread::sleep(NAP / 5),
                other => return other.map_err(|error| self.refused(&error)),
            }
        }
    }

    /// What is told of the file in errors.
    fn unfit(&self, reason: &str) -> Error {
        Error::Connect { uri: format!("sqlite:{}", self.path.display()), reason: reason.to_owned(), source: None }
    }

    pub(super) fn refused(&self, error: &rusqlite::Error) -> Error {
        self.unfit(&reason(error))
    }
}

fn set_up(conn: &Connection, busy_timeout: Duration, reads: bool) -> rusqlite::Result<()> {
    conn.busy_timeout(busy_timeout)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    // Else statements that may use a partial index, such as those for receipts, are compiled again for every value.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Nothing that is acknowledged may wait in the operating system only.
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "query_only", reads)
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(code(error), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// How it ends, and after how many tries, when the first so many fail like that.
    fn tried(timeout: Duration, failures: u32, like: i32) -> (Result<u32>, u32) {
        let file = File::new(&SqliteStoreBuilder::at("app.db").busy_timeout(timeout));
        let mut tries = 0;
        let answer = file.patiently(|| {
            tries += 1;
            if tries <= failures { Err(rusqlite::Error::SqliteFailure(ffi::Error::new(like), None)) } else { Ok(tries) }
        });
        (answer, tries)
    }

    #[test]
    fn a_file_that_others_have_locked_is_tried_again_up_to_the_time_out_and_no_other() {
        for locked in [ffi::SQLITE_BUSY, ffi::SQLITE_LOCKED] {
            assert_eq!(tried(Duration::from_secs(600), 2, locked).0.unwrap(), 3);
            let (refused, tries) = tried(Duration::ZERO, u32::MAX, locked);
            assert!(refused.unwrap_err().to_string().contains("locked") && tries == 1, "{tries}");
        }
        let (refused, tries) = tried(Duration::from_secs(600), 1, ffi::SQLITE_NOTADB);
        assert!(matches!(refused, Err(Error::Connect { .. })) && tries == 1, "{tries}");
    }
}
