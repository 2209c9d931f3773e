//! The events of one attempt: their versions, positions and times, as insert commands.

use std::collections::HashMap;

use bson::Document;
use bson::raw::{RawArrayBuf, RawDocumentBuf};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{Append, Commit, Committed, CommittedEvent};
use earnorm_core::position::Position;

use super::codec::{Place, date, encode, int64};
use super::fitness::number;
use super::member::Member;
use super::raw::{COMMAND_BYTES_MAX, RawResult, WriteFault, insert_command};

/// The end of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) version: u64,
    pub(super) at: Option<DateTime<Utc>>,
}

impl Head {
    /// A stream without events.
    pub(super) const NONE: Self = Self { version: 0, at: None };

    /// The end as an event's `v` and `at` tell it.
    pub(super) fn read(event: &Document) -> Self {
        let at = event.get_datetime("at").ok().and_then(|at| DateTime::from_timestamp_millis(at.timestamp_millis()));
        Self { version: number(event, "v").and_then(|v| u64::try_from(v).ok()).unwrap_or(0), at }
    }
}

/// The ends of streams that were read, by member and append.
pub(super) type Heads = HashMap<(usize, usize), Head>;

/// An event as it is stored, but for what each attempt decides: its position, version and time are written over.
#[derive(Debug)]
pub(super) struct Stored {
    bytes: Vec<u8>,
    version: usize,
    time: usize,
}

/// Where the position stands: behind the document's length, a type byte and `_id`.
const POSITION_OFFSET: usize = 4 + 1 + 4;

impl Stored {
    /// All events of `commit`, in order.
    pub(super) fn of(commit: &Commit) -> RawResult<Vec<Self>> {
        let mut stored = Vec::with_capacity(commit.events());
        for append in &commit.appends {
            for event in &append.events {
                let named = stored.is_empty().then(|| (commit.id, commit.events()));
                let place =
                    Place { stream: &append.stream, version: 0, position: 0, at: event.recorded_at, commit: named };
                let bytes = encode(event, place)?.into_bytes();
                let stream = append.stream.category().len() + append.stream.key().len() + 1;
                // A text takes its type, name, length and end; then the version's type and name.
                let version = POSITION_OFFSET + 8 + text(1, stream) + text(1, append.stream.category().len()) + 3;
                // Then the event's id, its type, its schema version, and the time's type and name.
                let time = version + 8 + (3 + 5 + 16) + text(1, event.event_type.len()) + (4 + 4) + 4;
                stored.push(Self { bytes, version, time });
            }
        }
        Ok(stored)
    }

    pub(super) fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The event at a place in the log.
    fn at(&self, position: i64, version: u64, time: DateTime<Utc>) -> RawResult<RawDocumentBuf> {
        let mut bytes = self.bytes.clone();
        let numbers =
            [(POSITION_OFFSET, position), (self.version, int64(version)), (self.time, date(time).timestamp_millis())];
        for (offset, number) in numbers {
            if let Some(place) = bytes.get_mut(offset..offset + 8) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        }
        RawDocumentBuf::from_bytes(bytes)
    }
}

/// How many bytes a text takes whose name has `name` and whose value has `value` bytes.
const fn text(name: usize, value: usize) -> usize {
    1 + name + 1 + 4 + value + 1
}

/// What one attempt appends.
#[derive(Default)]
pub(super) struct Plan {
    /// The receipts of the members, if it succeeds.
    pub(super) receipts: Vec<(usize, Committed)>,
    /// Ordered inserts, each with the index of its first event.
    pub(super) commands: Vec<(usize, RawDocumentBuf)>,
    /// Which member and append each event belongs to.
    owners: Vec<(usize, usize)>,
    batch: RawArrayBuf,
    bytes: usize,
    /// The index of the first event in `batch`.
    offset: usize,
}

/// What stands in the way of an insert.
pub(super) enum Taken {
    /// The position was filled.
    Position,
    /// A member's id is in the log.
    CommitId(usize),
    /// A member's stream moved on.
    Stream { member: usize, append: usize },
    /// The event of a member is refused for another reason.
    Other(Option<usize>),
}

impl Plan {
    /// Places the events of the `live` members behind `heads`, from position `first` on.
    pub(super) fn new(
        members: &[Member],
        live: &[usize],
        heads: &Heads,
        first: i64,
        collection: &str,
    ) -> RawResult<Self> {
        let mut plan = Self::default();
        let mut position = first;
        for &index in live {
            let Some(member) = members.get(index) else { continue };
            let commit = &member.prepared.commit;
            let mut stored = member.prepared.events.iter();
            let mut committed = Committed { id: commit.id, events: Vec::with_capacity(commit.events()) };
            for (number, append) in commit.appends.iter().enumerate() {
                let head = heads.get(&(index, number)).copied();
                let head = head.unwrap_or(Head { version: append.expected.base().unwrap_or(0), at: None });
                for (receipt, stored) in receipts(append, head, &mut position).zip(&mut stored) {
                    let event = stored.at(receipt.position.get(), receipt.version, receipt.recorded_at)?;
                    plan.push(event, (index, number), collection);
                    committed.events.push(receipt);
                }
            }
            plan.receipts.push((index, committed));
        }
        plan.close(collection);
        Ok(plan)
    }

    fn push(&mut self, event: RawDocumentBuf, owner: (usize, usize), collection: &str) {
        let size = event.as_bytes().len();
        if self.bytes > 0 && self.bytes + size > COMMAND_BYTES_MAX {
            self.close(collection);
        }
        self.bytes += size;
        self.batch.push(event);
        self.owners.push(owner);
    }

    fn close(&mut self, collection: &str) {
        if self.bytes > 0 {
            let full = std::mem::replace(&mut self.batch, RawArrayBuf::new());
            self.commands.push((self.offset, insert_command(collection, full)));
            (self.bytes, self.offset) = (0, self.owners.len());
        }
    }

    /// What a duplicate in the command that starts at event `offset` means.
    pub(super) fn taken(&self, offset: usize, fault: &WriteFault) -> Taken {
        let fields = fault.fields(|name| match name {
            "earnorm_stream" => Some(vec!["s".to_owned(), "v".to_owned()]),
            "earnorm_commit" => Some(vec!["c".to_owned()]),
            _ => None,
        });
        let owner = self.owner(offset, fault);
        match (fields.first().map(String::as_str), owner) {
            (Some("_id"), _) => Taken::Position,
            (Some("c"), Some((member, _))) => Taken::CommitId(member),
            (Some("s"), Some((member, append))) => Taken::Stream { member, append },
            _ => Taken::Other(owner.map(|(member, _)| member)),
        }
    }

    /// Whose event a fault in the command that starts at event `offset` speaks of.
    pub(super) fn owner(&self, offset: usize, fault: &WriteFault) -> Option<(usize, usize)> {
        self.owners.get(offset + fault.index).copied()
    }
}

/// Where the events of one append go, and when they count as recorded: never before the one in front of them.
fn receipts(append: &Append, head: Head, position: &mut i64) -> impl Iterator<Item = CommittedEvent> {
    let mut at = append.not_before.max(head.at);
    (head.version + 1..).zip(&append.events).map(move |(version, event)| {
        let time = whole_millis(at.map_or(event.recorded_at, |at| at.max(event.recorded_at)));
        at = Some(time);
        let taken = *position;
        *position += 1;
        CommittedEvent {
            id: event.id,
            stream: append.stream.clone(),
            version,
            position: Position::new(taken),
            recorded_at: time,
        }
    })
}

/// The database keeps whole milliseconds, and a receipt says what is kept.
fn whole_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(date(at).timestamp_millis()).unwrap_or(at)
}

#[cfg(test)]
mod tests;
