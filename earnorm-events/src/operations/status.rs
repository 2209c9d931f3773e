//! What became of an event at each handler that takes it: from the handler's place in the log and its records, since
//! what is handled leaves no row.

use chrono::{DateTime, TimeDelta, Utc};
use earnorm_core::database::Database;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::{LogQuery, Own};
use earnorm_core::{Error, Result};
use uuid::Uuid;

use super::letters::{DeadLetter, read};
use super::nodes::NodeInfo;
use super::{Handlers, nodes};
use crate::note::{self, Note};
use crate::records::{Parked, dead_id, parked_id};

/// How far the time in an event's id may be from the time at which it was recorded, for a quick search.
const NEAR: TimeDelta = TimeDelta::minutes(15);

/// Which event: its id, or its place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKey {
    /// By its id: found through the time in it, else by a search through the log.
    Id(Uuid),
    /// By its place in the log.
    At(Position),
}

impl From<Uuid> for EventKey {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<Position> for EventKey {
    fn from(position: Position) -> Self {
        Self::At(position)
    }
}

/// How far one handler is with an event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HandlerStatus {
    /// The handler.
    pub handler: String,
    /// How far it is.
    pub status: EventStatus,
    /// Whether the handler looks into events to decide which it handles: by a condition ([`crate::Handler::when`],
    /// [`crate::Handler::when_of`]), or by a key that names the instance ([`crate::OnModel::key`]). Then
    /// [`EventStatus::Completed`] says that it is done with the event, not that its function ran: an event that it passes
    /// over leaves no trace, and only its program knows the condition.
    pub conditional: bool,
}

/// How far a handler is with an event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventStatus {
    /// Its turn has not come: it stands behind the handler's place, or behind an event that its stream waits for.
    Pending,
    /// The process that runs the handler has read it, and not recorded what became of it.
    Processing,
    /// It failed and is tried again.
    Retrying {
        /// How many attempts were made.
        attempts: u32,
        /// The last error.
        error: String,
        /// When the first attempt failed.
        first_failed_at: DateTime<Utc>,
        /// When the last attempt failed.
        failed_at: DateTime<Utc>,
        /// When it is tried again.
        next_try_at: DateTime<Utc>,
    },
    /// The handler has given it up.
    Dead(Box<DeadLetter>),
    /// The handler is done with it: it was handled, or discarded, or passed over where the handler is
    /// [`HandlerStatus::conditional`].
    Completed,
}

impl Handlers {
    /// How far each handler is with an event that takes events of its type, by the handlers' ids. A handler that began
    /// behind the event is left out.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when there is no such event; what the store answers.
    pub async fn status_of(&self, event: impl Into<EventKey> + Send) -> Result<Vec<HandlerStatus>> {
        let event = find(&self.db, event.into()).await?;
        let nodes = nodes(&self.db).await?;
        let mut all = Vec::new();
        for note in note::all(&self.db).await?.into_iter().filter(|note| note.takes(&event.event_type)) {
            if let Some(status) = self.status(&note, &event, &nodes).await? {
                all.push(HandlerStatus { handler: note.id, status, conditional: note.conditions });
            }
        }
        Ok(all)
    }

    /// The place is read before the records: what was moved from one to the other meanwhile is seen at least once.
    async fn status(&self, note: &Note, event: &RecordedEvent, nodes: &[NodeInfo]) -> Result<Option<EventStatus>> {
        let (store, handler) = (self.db.store(), note.id.as_str());
        let lease = crate::lease::find(&self.db, handler).await?;
        if lease.as_ref().is_some_and(|lease| event.position <= lease.began) {
            return Ok(None);
        }
        let checkpoint = store.checkpoint(handler).await?;
        let parked = store.get(&store.admin().own(Own::Parked), &parked_id(handler, &event.stream).into()).await?;
        let parked = parked.as_ref().map(Parked::from_document).transpose()?;
        let letter = store.get(&store.admin().own(Own::DeadLetters), &dead_id(handler, event.id).into()).await?;
        let letter = letter.as_ref().map(read).transpose()?;
        let requeued = letter.as_ref().is_some_and(|letter| letter.requeued);
        if let Some(letter) = letter.filter(|_| !requeued) {
            return Ok(Some(EventStatus::Dead(Box::new(letter))));
        }
        let before = parked.filter(|parked| parked.event.version <= event.version);
        if let Some(parked) = before {
            let ours = parked.event.id == event.id;
            return Ok(Some(match (parked.failure, parked.next_try_at) {
                (Some(failure), Some(next_try_at)) if ours => EventStatus::Retrying {
                    attempts: failure.attempts,
                    error: failure.error,
                    first_failed_at: failure.first_failed_at,
                    failed_at: failure.failed_at,
                    next_try_at,
                },
                _ if ours && parked.discarded => EventStatus::Completed,
                _ => EventStatus::Pending,
            }));
        }
        let Some(checkpoint) = checkpoint else { return Ok(Some(EventStatus::Pending)) };
        if event.position <= checkpoint.position {
            return Ok(Some(if requeued { EventStatus::Pending } else { EventStatus::Completed }));
        }
        let holder = lease.and_then(|lease| lease.node);
        let owner = nodes.iter().find(|node| holder.as_deref() == Some(node.id.as_str()));
        let owner = owner.filter(|node| node.is_alive(self.db.now()));
        let read = owner.and_then(|node| node.read.get(handler)).copied().unwrap_or_default();
        let running = event.position <= read && note.paused.is_none();
        Ok(Some(if running { EventStatus::Processing } else { EventStatus::Pending }))
    }
}

/// Finds an event.
async fn find(db: &Database, key: EventKey) -> Result<RecordedEvent> {
    let missing = |name: String| Error::InvalidName {
        what: "event",
        name,
        hint: "it is not in the log: write the id of an event, or its position",
    };
    match key {
        EventKey::At(position) => {
            let after = Position::new(position.get().saturating_sub(1));
            let query = LogQuery { after, upto: position, limit: 1, ..LogQuery::default() };
            let found = db.read_log(query).await?.events.pop();
            found.ok_or_else(|| missing(position.to_string()))
        }
        EventKey::Id(id) => {
            let at = id.get_timestamp().and_then(|at| {
                let (seconds, nanos) = at.to_unix();
                DateTime::from_timestamp(i64::try_from(seconds).ok()?, nanos)
            });
            let near = at.map(|at| LogQuery { since: Some(at - NEAR), until: Some(at + NEAR), ..LogQuery::default() });
            for query in near.into_iter().chain([LogQuery::default()]) {
                if let Some(found) = search(db, query, id).await? {
                    return Ok(found);
                }
            }
            Err(missing(id.to_string()))
        }
    }
}

async fn search(db: &Database, mut query: LogQuery, id: Uuid) -> Result<Option<RecordedEvent>> {
    loop {
        let page = db.read_log(query.clone()).await?;
        let last = page.events.last().map(|event| event.position);
        if let Some(found) = page.events.into_iter().find(|event| event.id == id) {
            return Ok(Some(found));
        }
        match last {
            Some(last) if page.more => query.after = last,
            _ => return Ok(None),
        }
    }
}
