//! Waiting for other handlers: an event is taken only when they are done with it.
//!
//! While they are merely behind, events wait in line, and with them the checkpoint. A stream that one of them has parked
//! is parked here too, so that the others go on: its record says that nothing failed, and it goes on when they have.

use std::collections::HashMap;
use std::time::Duration;

use bson::Document;
use earnorm_core::Result;
use earnorm_core::commit::DocumentWrite;
use earnorm_core::database::Database;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, Own};
use earnorm_core::stream::StreamId;
use futures::TryStreamExt;
use tokio::time::Instant;

use super::Consumer;
use crate::records::{EventRef, Parked};

/// How long until it looks again whether the others are done.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// How many streams are parked in one commit.
const PARK_AT_ONCE: usize = 200;

/// How far the handlers are that this one waits for, as of the last look.
#[derive(Debug)]
pub(super) struct Gate {
    others: Vec<Other>,
    looked: Option<Instant>,
}

#[derive(Debug)]
struct Other {
    id: String,
    /// Everything up to here is done, or stands behind a record.
    reached: Position,
    /// The version at which each of its parked streams waits.
    parked: HashMap<StreamId, u64>,
}

impl Gate {
    pub(super) fn new(after: &[String]) -> Self {
        let other = |id: &String| Other { id: id.clone(), reached: Position::START, parked: HashMap::new() };
        Self { others: after.iter().map(other).collect(), looked: None }
    }

    fn passes(&self, stream: &StreamId, version: u64, position: Position) -> bool {
        let done = |other: &Other| {
            let waits = other.parked.get(stream).is_some_and(|parked| *parked <= version);
            other.reached >= position && !waits
        };
        self.others.iter().all(done)
    }

    /// Whether the others are done with an event.
    pub(super) fn is_open_to(&self, event: &RecordedEvent) -> bool {
        self.passes(&event.stream, event.version, event.position)
    }

    /// The same for an event that waits behind a record.
    pub(super) fn is_open_to_next(&self, event: &EventRef) -> bool {
        self.passes(&event.stream, event.version, event.position)
    }

    /// Whether one of the others has the event's stream parked.
    fn is_parked_before(&self, event: &RecordedEvent) -> bool {
        self.others.iter().any(|other| other.parked.get(&event.stream).is_some_and(|parked| *parked <= event.version))
    }

    /// How long until it is time to look again.
    pub(super) fn rests_for(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| LOOK_AGAIN.saturating_sub(looked.elapsed()))
    }

    async fn look(&mut self, db: &Database) -> Result<()> {
        let (store, began) = (db.store(), Instant::now());
        for other in &mut self.others {
            // The place first: what has failed up to there has its record by then.
            other.reached =
                store.checkpoint(&other.id).await?.map_or(Position::START, |checkpoint| checkpoint.position);
            let query = DocumentQuery::new(store.admin().own(Own::Parked), Predicate::eq("handler", &*other.id));
            let stored: Vec<Document> = store.find(query).await?.try_collect().await?;
            let parked = stored.iter().map(Parked::from_document).collect::<Result<Vec<_>>>()?;
            other.parked = parked.into_iter().map(|parked| (parked.event.stream, parked.event.version)).collect();
        }
        self.looked = Some(began);
        Ok(())
    }
}

impl Consumer {
    /// Holds the streams back whose next event others are not done with, after a look at them where it is time; `false`
    /// when the handler was taken over.
    pub(super) async fn see_others(&mut self) -> Result<bool> {
        if self.handler.after.is_empty() {
            return Ok(true);
        }
        self.lanes.hold_back(|event| self.gate.is_open_to(event));
        if self.waits_for_others() && self.gate.rests_for().is_zero() {
            self.gate.look(&self.shared.db).await?;
            self.lanes.let_go();
            self.lanes.hold_back(|event| self.gate.is_open_to(event));
        }
        let parked: Vec<_> = self
            .lanes
            .held()
            .filter(|event| self.gate.is_parked_before(event))
            .map(|event| EventRef::of(event))
            .collect();
        for some in parked.chunks(PARK_AT_ONCE) {
            let documents = some.iter().filter_map(|event| self.park_behind(event.clone())).collect();
            if !self.write(documents).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets a stream wait behind a record of its own until the others have released it.
    fn park_behind(&mut self, event: EventRef) -> Option<DocumentWrite> {
        for position in self.lanes.remove(&event.stream) {
            self.open.remove(&position);
        }
        let next_try_at = Some(self.now());
        self.replace(None, Some(Parked { record: 1, event, failure: None, next_try_at, discarded: false }))
    }

    /// Whether something is held back.
    pub(super) fn waits_for_others(&self) -> bool {
        self.lanes.holds() || self.parked.values().any(|parked| !self.is_its_turn(parked))
    }

    /// Whether a parked stream may go on: what has failed was let through already, and what comes behind it was not.
    pub(super) fn is_its_turn(&self, parked: &Parked) -> bool {
        parked.failure.is_some() || parked.discarded || self.gate.is_open_to_next(&parked.event)
    }

    /// When it was looked last, if all that there is to do is held back.
    pub(super) fn held_since(&self) -> Option<Instant> {
        let nothing_else = self.jobs.is_empty() && !self.lanes.is_ready() && self.next_due().is_none();
        let held = nothing_else && self.waits_for_others();
        if held { self.gate.looked } else { None }
    }
}
