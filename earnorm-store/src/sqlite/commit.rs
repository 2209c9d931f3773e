//! The one write, within a part of a transaction: whatever is refused undoes all of it.

use std::collections::HashSet;

use earnorm_core::Error;
use earnorm_core::commit::{
    Append, Check, CheckpointWrite, Commit, Committed, CommittedEvent, DocumentOp, DocumentWrite,
};
use earnorm_core::error::VersionConflict;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::value::to_millis;
use rusqlite::OptionalExtension;
use uuid::Uuid;

use super::error::Done;
use super::tx::Tx;
use crate::documents::{after, expect};

impl Tx<'_> {
    pub(super) fn commit(&mut self, commit: &Commit) -> Done<Committed> {
        if let Some(events) = self.receipt(commit.id)? {
            return Ok(Committed { id: commit.id, events });
        }
        self.check_appends(&commit.appends)?;
        commit.checks.iter().try_for_each(|check| self.check_version(check))?;
        commit.checkpoints.iter().try_for_each(|write| self.check_checkpoint(write))?;
        commit.documents.iter().try_for_each(|write| self.write_document(write))?;
        let mut begins = Some((commit.id, commit.events()));
        let mut events = Vec::with_capacity(commit.events());
        for append in &commit.appends {
            self.append(append, &mut begins, &mut events)?;
        }
        self.write_checkpoints(&commit.checkpoints, commit.id, events.is_empty())?;
        Ok(Committed { id: commit.id, events })
    }

    /// The answer to a commit that comes again, as long as all of its events are there.
    pub(super) fn receipt(&self, commit: Uuid) -> Done<Option<Vec<CommittedEvent>>> {
        let mut read = self.conn.prepare_cached("SELECT position, commit_events FROM events WHERE commit_id = ?")?;
        let first: Option<(i64, i64)> =
            read.query_row([commit.to_string()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if let Some((first, count)) = first {
            let events = self.events_between(first - 1, first.saturating_add(count - 1))?;
            let known = i64::try_from(events.len()) == Ok(count);
            let receipt = |event: RecordedEvent| CommittedEvent {
                id: event.id,
                stream: event.stream,
                version: event.version,
                position: event.position,
                recorded_at: event.recorded_at,
            };
            return Ok(known.then(|| events.into_iter().map(receipt).collect()));
        }
        let mut read = self.conn.prepare_cached("SELECT 1 FROM earnorm_checkpoints WHERE commit_id = ?")?;
        Ok(read.exists([commit.to_string()])?.then(Vec::new))
    }

    fn check_appends(&self, appends: &[Append]) -> Done<()> {
        let mut ids = HashSet::new();
        for append in appends {
            let actual = self.last_of(&append.stream)?.map_or(0, |(version, _)| version);
            if append.expected.base().is_some_and(|base| base != actual) {
                return Err(Error::from(VersionConflict::new(&append.stream, append.expected, actual)).into());
            }
            for event in &append.events {
                if !ids.insert(event.id) || self.holds(event.id)? {
                    let reason = format!("event id {} stands in the log already; every event needs its own", event.id);
                    return Err(Error::InvalidCommit { reason }.into());
                }
            }
        }
        Ok(())
    }

    fn check_version(&self, check: &Check) -> Done<()> {
        let found = self.get(&check.collection, &check.id)?;
        Ok(expect(&check.collection, &check.id, check.expected, found.as_ref())?)
    }

    fn check_checkpoint(&self, write: &CheckpointWrite) -> Done<()> {
        if self.checkpoint(&write.consumer)? == write.expected {
            return Ok(());
        }
        Err(Error::CheckpointConflict { consumer: write.consumer.clone() }.into())
    }

    fn write_document(&mut self, write: &DocumentWrite) -> Done<()> {
        let DocumentWrite { collection: name, id, op } = write;
        let found = self.get(name, id)?;
        match (after(name, id, op, found.as_ref())?, found) {
            (Some(document), found) => self.write(name, id, &document, found.as_ref()),
            (None, Some(found)) => match self.collection(name) {
                Some(collection) => self.erase(&collection, id, &found),
                None => Ok(()),
            },
            (None, None) => {
                debug_assert!(matches!(op, DocumentOp::Delete { .. }), "a delete of nothing was refused before");
                Ok(())
            }
        }
    }

    fn append(
        &mut self,
        append: &Append,
        begins: &mut Option<(Uuid, usize)>,
        events: &mut Vec<CommittedEvent>,
    ) -> Done<()> {
        let last = self.last_of(&append.stream)?;
        let next = last.map_or(0, |(version, _)| version) + 1;
        let mut moment = [append.not_before, last.map(|(_, moment)| moment)].into_iter().flatten().max();
        for (version, event) in (next..).zip(&append.events) {
            let recorded_at = to_millis(moment.map_or(event.recorded_at, |moment| moment.max(event.recorded_at)));
            moment = Some(recorded_at);
            self.head.end += 1;
            let event = RecordedEvent {
                id: event.id,
                stream: append.stream.clone(),
                version,
                position: Position::new(self.head.end),
                event_type: event.event_type.clone(),
                schema_version: event.schema_version,
                data: event.data.clone(),
                metadata: event.metadata.clone(),
                recorded_at,
            };
            self.insert_event(&event, begins.take())?;
            let RecordedEvent { id, stream, version, position, recorded_at, .. } = event;
            events.push(CommittedEvent { id, stream, version, position, recorded_at });
        }
        Ok(())
    }

    fn write_checkpoints(&self, writes: &[CheckpointWrite], commit: Uuid, without_events: bool) -> Done<()> {
        let mut receipt_of = without_events.then(|| commit.to_string());
        for write in writes {
            let sql = "INSERT INTO earnorm_checkpoints (consumer, position, epoch, commit_id) VALUES (?, ?, ?, ?) \
                       ON CONFLICT (consumer) DO UPDATE SET position = excluded.position, epoch = excluded.epoch, \
                       commit_id = excluded.commit_id";
            let (position, epoch) = (write.next.position.get(), write.next.epoch.cast_signed());
            self.conn.prepare_cached(sql)?.execute((&write.consumer, position, epoch, receipt_of.take()))?;
        }
        Ok(())
    }
}
