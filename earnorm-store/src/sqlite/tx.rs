//! A transaction on one connection: the log's end, the collections, and what may be undone.

use std::cell::RefCell;
use std::sync::Arc;

use earnorm_core::commit::Checkpoint;
use earnorm_core::position::Position;
use rusqlite::{Connection, OptionalExtension};

use super::catalog::{Catalog, Collection};
use super::error::Done;
use super::recent::Recent;

/// The row of `earnorm_log`: what a transaction sees of the log as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) end: i64,
    pub(super) truncated: i64,
    /// How often collections or their indexes changed.
    pub(super) catalog: i64,
}

impl Head {
    pub(super) fn read(conn: &Connection) -> rusqlite::Result<Self> {
        let mut read = conn.prepare_cached("SELECT \"end\", truncated, catalog FROM earnorm_log")?;
        read.query_row((), |row| Ok(Self { end: row.get(0)?, truncated: row.get(1)?, catalog: row.get(2)? }))
    }
}

/// Collections as of one number of the head; kept from one transaction to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    number: Option<i64>,
    catalog: Arc<Catalog>,
}

/// What was so before a part of a transaction.
pub(super) struct Mark {
    head: Head,
    catalog: Arc<Catalog>,
}

/// An open transaction.
#[derive(Debug)]
pub(super) struct Tx<'c> {
    pub(super) conn: &'c Connection,
    pub(super) head: Head,
    stored: Head,
    pub(super) catalog: Arc<Catalog>,
    /// Where one writes.
    pub(super) recent: Option<&'c RefCell<Recent>>,
}

impl<'c> Tx<'c> {
    /// Looks around in a transaction that has begun. `known` is brought up to date.
    pub(super) fn look(conn: &'c Connection, known: &mut Known) -> Done<Self> {
        let head = Head::read(conn)?;
        if known.number != Some(head.catalog) {
            *known = Known { number: Some(head.catalog), catalog: Arc::new(Catalog::load(conn)?) };
        }
        Ok(Self { conn, head, stored: head, catalog: Arc::clone(&known.catalog), recent: None })
    }

    /// With the documents that were written last.
    pub(super) fn remembering(self, recent: &'c RefCell<Recent>) -> Self {
        Self { recent: Some(recent), ..self }
    }

    /// What this transaction knows of the collections, for after its commit.
    pub(super) fn known(&self) -> Known {
        Known { number: Some(self.head.catalog), catalog: Arc::clone(&self.catalog) }
    }

    /// Begins a part that can be undone by itself.
    pub(super) fn begin_part(&self) -> Done<Mark> {
        self.conn.prepare_cached("SAVEPOINT part")?.execute(())?;
        Ok(Mark { head: self.head, catalog: Arc::clone(&self.catalog) })
    }

    pub(super) fn keep_part(&self) -> Done<()> {
        self.conn.prepare_cached("RELEASE part")?.execute(())?;
        Ok(())
    }

    pub(super) fn undo_part(&mut self, mark: Mark) -> Done<()> {
        self.conn.prepare_cached("ROLLBACK TO part")?.execute(())?;
        self.head = mark.head;
        self.catalog = mark.catalog;
        self.keep_part()
    }

    /// Writes the head, where it changed; the last step before the commit.
    pub(super) fn write_head(&mut self) -> Done<()> {
        if self.head != self.stored {
            let Head { end, truncated, catalog } = self.head;
            let mut write =
                self.conn.prepare_cached("UPDATE earnorm_log SET \"end\" = ?, truncated = ?, catalog = ?")?;
            write.execute((end, truncated, catalog))?;
            self.stored = self.head;
        }
        Ok(())
    }

    pub(super) fn collection(&self, name: &str) -> Option<Arc<Collection>> {
        self.catalog.get(name).map(Arc::clone)
    }

    /// Changes what is known of the collections.
    pub(super) fn change_catalog(&mut self, change: impl FnOnce(&mut Catalog)) {
        change(Arc::make_mut(&mut self.catalog));
        self.head.catalog += 1;
    }

    pub(super) fn checkpoint(&self, consumer: &str) -> Done<Option<Checkpoint>> {
        let mut read =
            self.conn.prepare_cached("SELECT position, epoch FROM earnorm_checkpoints WHERE consumer = ?")?;
        Ok(read.query_row([consumer], |row| Ok(checkpoint(row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Removes a checkpoint where it stands at `expected`; answers whether there is none any more.
    pub(super) fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Done<bool> {
        let found = self.checkpoint(consumer)?;
        if found == Some(expected) {
            self.conn.prepare_cached("DELETE FROM earnorm_checkpoints WHERE consumer = ?")?.execute([consumer])?;
        }
        Ok(found.is_none_or(|found| found == expected))
    }

    /// Every consumer's checkpoint, by name.
    pub(super) fn checkpoints(&self) -> Done<Vec<(String, Checkpoint)>> {
        let sql = "SELECT position, epoch, consumer FROM earnorm_checkpoints ORDER BY consumer";
        let mut read = self.conn.prepare_cached(sql)?;
        let rows = read.query_map((), |row| Ok((row.get(2)?, checkpoint(row.get(0)?, row.get(1)?))))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// Epochs fill 64 bits without a sign; SQLite has one.
fn checkpoint(position: i64, epoch: i64) -> Checkpoint {
    Checkpoint { position: Position::new(position), epoch: epoch.cast_unsigned() }
}
