//! The one write, within a part of a transaction: whatever is refused undoes all of it.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use earnorm_core::Error;
use earnorm_core::commit::{
    Append, Check, CheckpointWrite, Commit, Committed, CommittedEvent, DocumentOp, DocumentWrite,
};
use earnorm_core::error::VersionConflict;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::value::to_millis;
use rusqlite::OptionalExtension;

use super::documents::Target;
use super::error::Done;
use super::log::{EventTexts, Place};
use super::tx::Tx;
use crate::documents::{after, expect};

/// A commit and what of it can be written down before its turn comes.
#[derive(Debug)]
pub(super) struct Ready {
    commit: Commit,
    id: String,
    appends: Vec<AppendTexts>,
}

#[derive(Debug)]
struct AppendTexts {
    stream: String,
    events: Vec<EventTexts>,
}

impl Ready {
    pub(super) fn new(commit: Commit) -> Self {
        let texts = |append: &Append| AppendTexts {
            stream: append.stream.to_string(),
            events: append.events.iter().map(|new| EventTexts::new(new.id, &new.data, &new.metadata)).collect(),
        };
        Self { id: commit.id.to_string(), appends: commit.appends.iter().map(texts).collect(), commit }
    }

    fn appends(&self) -> impl Iterator<Item = (&Append, &AppendTexts)> {
        self.commit.appends.iter().zip(&self.appends)
    }
}

/// The version and time of a stream's last event.
type Last = Option<(u64, DateTime<Utc>)>;

impl Tx<'_> {
    pub(super) fn commit(&mut self, ready: &Ready) -> Done<Committed> {
        let commit = &ready.commit;
        if let Some(events) = self.receipt(&ready.id)? {
            return Ok(Committed { id: commit.id, events });
        }
        let lasts = self.check_appends(ready)?;
        commit.checks.iter().try_for_each(|check| self.check_version(check))?;
        commit.checkpoints.iter().try_for_each(|write| self.check_checkpoint(write))?;
        commit.documents.iter().try_for_each(|write| self.write_document(write))?;
        let mut begins = Some((ready.id.as_str(), commit.events()));
        let mut events = Vec::with_capacity(commit.events());
        for ((append, texts), last) in ready.appends().zip(lasts) {
            self.append(append, texts, last, &mut begins, &mut events)?;
        }
        self.write_checkpoints(&commit.checkpoints, &ready.id, events.is_empty())?;
        Ok(Committed { id: commit.id, events })
    }

    /// The answer to a commit that comes again, as long as all of its events are there.
    pub(super) fn receipt(&self, commit: &str) -> Done<Option<Vec<CommittedEvent>>> {
        let sql = "SELECT position, commit_events FROM events WHERE commit_id = ?1 \
                   UNION ALL SELECT 1, 0 FROM earnorm_checkpoints WHERE commit_id = ?1";
        let mut read = self.conn.prepare_cached(sql)?;
        let first: Option<(i64, i64)> = read.query_row([commit], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((first, count)) = first else { return Ok(None) };
        let events = self.events_between(first - 1, first.saturating_add(count - 1))?;
        let known = i64::try_from(events.len()) == Ok(count);
        let receipt = |event: RecordedEvent| CommittedEvent {
            id: event.id,
            stream: event.stream,
            version: event.version,
            position: event.position,
            recorded_at: event.recorded_at,
        };
        Ok(known.then(|| events.into_iter().map(receipt).collect()))
    }

    /// Answers with the last event of each stream.
    fn check_appends(&self, ready: &Ready) -> Done<Vec<Last>> {
        let mut ids = HashSet::new();
        let mut lasts = Vec::with_capacity(ready.appends.len());
        for (append, texts) in ready.appends() {
            let last = self.last_of(&texts.stream)?;
            let actual = last.map_or(0, |(version, _)| version);
            if append.expected.base().is_some_and(|base| base != actual) {
                return Err(Error::from(VersionConflict::new(&append.stream, append.expected, actual)).into());
            }
            for (event, texts) in append.events.iter().zip(&texts.events) {
                if !ids.insert(event.id) || self.holds(texts)? {
                    let reason = format!("event id {} stands in the log already; every event needs its own", event.id);
                    return Err(Error::InvalidCommit { reason }.into());
                }
            }
            lasts.push(last);
        }
        Ok(lasts)
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
        let target = Target::new(name, id);
        let found = self.found(&target)?;
        match (op, found) {
            (DocumentOp::Patch { expected, set, unset }, Some(found)) => {
                expect(name, id, *expected, Some(&found.document))?;
                self.patch(target, found, set, unset)
            }
            (op, found) => match (after(name, id, op, found.as_ref().map(|found| &found.document))?, found) {
                (Some(document), found) => self.write(&target, &document, found.as_ref()),
                (None, Some(found)) => self.erase(&target, &found.document),
                (None, None) => {
                    debug_assert!(matches!(op, DocumentOp::Delete { .. }), "a delete of nothing was refused before");
                    Ok(())
                }
            },
        }
    }

    fn append<'r>(
        &mut self,
        append: &'r Append,
        texts: &'r AppendTexts,
        last: Last,
        begins: &mut Option<(&'r str, usize)>,
        events: &mut Vec<CommittedEvent>,
    ) -> Done<()> {
        let next = last.map_or(0, |(version, _)| version) + 1;
        let mut moment = [append.not_before, last.map(|(_, moment)| moment)].into_iter().flatten().max();
        for ((version, event), texts_of) in (next..).zip(&append.events).zip(&texts.events) {
            let recorded_at = to_millis(moment.map_or(event.recorded_at, |moment| moment.max(event.recorded_at)));
            moment = Some(recorded_at);
            self.head.end += 1;
            let place = Place {
                position: self.head.end,
                stream: &texts.stream,
                version,
                event_type: &event.event_type,
                schema_version: event.schema_version,
                recorded_at,
                begins: begins.take(),
            };
            self.insert_event(&place, texts_of)?;
            let (id, stream, position) = (event.id, append.stream.clone(), Position::new(self.head.end));
            events.push(CommittedEvent { id, stream, version, position, recorded_at });
        }
        Ok(())
    }

    fn write_checkpoints(&self, writes: &[CheckpointWrite], commit: &str, without_events: bool) -> Done<()> {
        let mut receipt_of = without_events.then_some(commit);
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
