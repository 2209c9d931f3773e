//! The events of one attempt: their versions, positions and times, as insert commands.

use bson::Document;
use bson::raw::{RawArrayBuf, RawDocumentBuf};
use chrono::{DateTime, Utc};
use earnorm_core::commit::{Commit, Committed, CommittedEvent};
use earnorm_core::error::StoreError;
use earnorm_core::position::Position;
use earnorm_core::stream::ExpectedVersion;

use super::attempt::Failure;
use super::codec::{Place, date, encode};
use super::error::{DUPLICATE_KEY, STORE, is_passing_code};
use super::fitness::number;
use super::raw::{COMMAND_BYTES_MAX, RawResult, WriteFault, insert_command};
use super::settle::Refusal;

/// How often a position may be taken before the counter is suspected to lie behind the log.
const FENCED_MAX: u32 = 2;

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

/// What one attempt appends.
pub(super) struct Plan {
    /// The receipt, if it succeeds.
    pub(super) committed: Committed,
    /// Ordered inserts, each with the index of its first event.
    pub(super) commands: Vec<(usize, RawDocumentBuf)>,
    /// Which append each event belongs to.
    owners: Vec<usize>,
}

impl Plan {
    /// A commit without events.
    pub(super) fn empty(commit: &Commit) -> Self {
        let committed = Committed { id: commit.id, events: Vec::new() };
        Self { committed, commands: Vec::new(), owners: Vec::new() }
    }

    /// Places the events behind `heads`, from position `first` on.
    pub(super) fn new(commit: &Commit, heads: &[Head], first: i64, collection: &str) -> RawResult<Self> {
        let mut plan = Self::empty(commit);
        let (mut batch, mut bytes, mut offset) = (RawArrayBuf::new(), 0, 0);
        let mut position = first;
        for (owner, (append, head)) in commit.appends.iter().zip(heads).enumerate() {
            let mut at = append.not_before.max(head.at);
            for (version, event) in (head.version + 1..).zip(&append.events) {
                let time = whole_millis(at.map_or(event.recorded_at, |at| at.max(event.recorded_at)));
                at = Some(time);
                let named = plan.owners.is_empty().then(|| (commit.id, commit.events()));
                let place = Place { stream: &append.stream, version, position, at: time, commit: named };
                let stored = encode(event, place)?;
                if bytes > 0 && bytes + stored.as_bytes().len() > COMMAND_BYTES_MAX {
                    let full = std::mem::replace(&mut batch, RawArrayBuf::new());
                    plan.commands.push((offset, insert_command(collection, full)));
                    (bytes, offset) = (0, plan.owners.len());
                }
                bytes += stored.as_bytes().len();
                batch.push(stored);
                plan.owners.push(owner);
                plan.committed.events.push(receipt(event.id, place));
                position += 1;
            }
        }
        plan.commands.push((offset, insert_command(collection, batch)));
        Ok(plan)
    }

    /// What a refused insert means.
    pub(super) fn judge(&self, commit: &Commit, offset: usize, fault: &WriteFault, fenced: &mut u32) -> Failure {
        if fault.code != DUPLICATE_KEY {
            return of_code(fault);
        }
        let fields = fault.fields(|name| match name {
            "earnorm_stream" => Some(vec!["s".to_owned(), "v".to_owned()]),
            "earnorm_commit" => Some(vec!["c".to_owned()]),
            _ => None,
        });
        let owner = self.owners.get(offset + fault.index).copied();
        match (fields.first().map(String::as_str), owner) {
            (Some("_id"), _) => {
                *fenced += 1;
                Failure::Again { said: "its position was filled".to_owned(), counter_behind: *fenced >= FENCED_MAX }
            }
            (Some("c"), _) => Failure::Refused(Refusal::CommitId),
            (Some("s"), Some(owner)) => {
                let expected = commit.appends.get(owner).map(|append| append.expected);
                if expected == Some(ExpectedVersion::Any) {
                    Failure::again("its stream moved on")
                } else {
                    Failure::Refused(Refusal::Stream(owner))
                }
            }
            _ => of_code(fault),
        }
    }
}

/// A statement that failed for another reason than a duplicate.
pub(super) fn of_code(fault: &WriteFault) -> Failure {
    if is_passing_code(fault.code) {
        return Failure::again(fault.message.clone());
    }
    let said = format!("the server refused a write of the commit ({}): {}", fault.code, fault.message);
    Failure::Final(StoreError::new(STORE, said).into())
}

fn receipt(id: uuid::Uuid, place: Place<'_>) -> CommittedEvent {
    CommittedEvent {
        id,
        stream: place.stream.clone(),
        version: place.version,
        position: Position::new(place.position),
        recorded_at: place.at,
    }
}

/// The database keeps whole milliseconds, and a receipt says what is kept.
fn whole_millis(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(date(at).timestamp_millis()).unwrap_or(at)
}
