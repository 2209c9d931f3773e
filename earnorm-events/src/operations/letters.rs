//! `db.dead_letters()`: the events that handlers have given up, listed and shown.

use bson::{Bson, Document};
use chrono::{DateTime, Utc};
use earnorm_core::database::Database;
use earnorm_core::event::RecordedEvent;
use earnorm_core::pattern::EventPattern;
use earnorm_core::position::Position;
use earnorm_core::predicate::{Comparison, Predicate};
use earnorm_core::store::{DocumentQuery, Own, SortKey, StreamQuery};
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};
use futures::TryStreamExt;
use uuid::Uuid;

use crate::bus::Nudge;
use crate::chain;
use crate::records::{Dead, Parked, parked_id};

/// How many letters a page has unless the filter says otherwise.
const PAGE: usize = 100;

/// Operations on dead letters: see [`super::Operate::dead_letters`].
///
/// Each works whether the handler runs, here or elsewhere, or not: what is requeued is handled when it runs. What is on its
/// way while its records change may be handled twice.
#[derive(Debug, Clone)]
pub struct DeadLetters {
    pub(super) db: Database,
    pub(super) nudge: Nudge,
}

/// An event that a handler has given up.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DeadLetter {
    /// Its own id: the handler's and the event's.
    pub id: String,
    /// The handler.
    pub handler: String,
    /// The event.
    pub event_id: Uuid,
    /// The event's type.
    pub event_type: String,
    /// The event's stream.
    pub stream: StreamId,
    /// The event's version.
    pub version: u64,
    /// The event's place in the log.
    pub position: Position,
    /// Why it was given up: `exhausted`, `fatal`, `cycle`.
    pub reason: String,
    /// The last error with its causes.
    pub error: String,
    /// How many attempts were made.
    pub attempts: u32,
    /// When the first of them failed.
    pub first_failed_at: DateTime<Utc>,
    /// When the last of them failed.
    pub failed_at: DateTime<Utc>,
    /// Whether it is to be tried again.
    pub requeued: bool,
    /// Whether a person gave it other data.
    pub edited: bool,
}

impl DeadLetter {
    fn of(handler: &str, id: &str, dead: Dead) -> Self {
        Self {
            id: id.to_owned(),
            handler: handler.to_owned(),
            event_id: dead.event.id,
            event_type: dead.event.event_type,
            stream: dead.event.stream,
            version: dead.event.version,
            position: dead.event.position,
            reason: dead.reason,
            error: dead.failure.error,
            attempts: dead.failure.attempts,
            first_failed_at: dead.failure.first_failed_at,
            failed_at: dead.failure.failed_at,
            requeued: dead.requeued,
            edited: dead.data.is_some(),
        }
    }
}

/// A dead letter with everything that belongs to it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ShownLetter {
    /// The letter.
    pub letter: DeadLetter,
    /// The event, personal data opened; `None` when it is not in the log any more.
    pub event: Option<RecordedEvent>,
    /// What the handler gets instead of the event's data, where a person has edited it.
    pub data: Option<Document>,
    /// The handlers that led to the event, the first one first: `handler stream`.
    pub causes: Vec<String>,
    /// Whether the stream waits for it.
    pub parked: bool,
}

/// Which dead letters. Conditions are joined by and; none takes all.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct LetterFilter {
    handler: Option<String>,
    types: Option<String>,
    reason: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    after: Option<String>,
    limit: Option<usize>,
}

impl LetterFilter {
    /// All of them.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only those of a handler.
    pub fn handler(self, id: impl Into<String>) -> Self {
        Self { handler: Some(id.into()), ..self }
    }

    /// Only events whose type matches a pattern: `user.*`.
    pub fn event_type(self, pattern: impl Into<String>) -> Self {
        Self { types: Some(pattern.into()), ..self }
    }

    /// Only those that were given up for this reason: `exhausted`, `fatal`, `cycle`.
    pub fn reason(self, reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..self }
    }

    /// Only those that failed last at or after a moment.
    pub fn since(self, moment: DateTime<Utc>) -> Self {
        Self { since: Some(moment), ..self }
    }

    /// Only those that failed last before a moment.
    pub fn until(self, moment: DateTime<Utc>) -> Self {
        Self { until: Some(moment), ..self }
    }

    /// Only those behind this letter, by id: the last one of the page before.
    pub fn after(self, id: impl Into<String>) -> Self {
        Self { after: Some(id.into()), ..self }
    }

    /// At most so many letters; 100 unless set.
    pub fn limit(self, letters: usize) -> Self {
        Self { limit: Some(letters), ..self }
    }

    /// The limit, where one was set.
    pub(super) fn limit_set(&self) -> Option<usize> {
        self.limit
    }

    fn predicate(&self) -> Predicate {
        let compare = |path: &str, op, value: Bson| Predicate::Compare { path: path.to_owned(), op, value };
        let time = |at: DateTime<Utc>| Bson::from(bson::DateTime::from_millis(at.timestamp_millis()));
        let eq = |path: &str, text: &String| Predicate::eq(path, text.as_str());
        let parts = [
            self.handler.as_ref().map(|handler| eq("handler", handler)),
            self.reason.as_ref().map(|reason| eq("reason", reason)),
            self.since.map(|at| compare("failed_at", Comparison::Gte, time(at))),
            self.until.map(|at| compare("failed_at", Comparison::Lt, time(at))),
        ];
        Predicate::All(parts.into_iter().flatten().collect())
    }
}

impl DeadLetters {
    pub(crate) fn new(db: Database) -> Self {
        Self { db, nudge: Nudge::default() }
    }

    pub(crate) fn nudging(self, nudge: Nudge) -> Self {
        Self { nudge, ..self }
    }

    /// A page of letters, by id. What follows it is behind the last one: [`LetterFilter::after`].
    ///
    /// # Errors
    /// [`Error::InvalidName`] for a pattern that is not valid; what the store answers.
    pub async fn list(&self, filter: &LetterFilter) -> Result<Vec<DeadLetter>> {
        let store = self.db.store();
        let types = filter.types.as_deref().map(EventPattern::new).transpose()?;
        let limit = filter.limit.unwrap_or(PAGE);
        let mut after = filter.after.clone();
        let mut letters = Vec::new();
        while letters.len() < limit {
            let behind = after.as_deref().map(|after| Predicate::Compare {
                path: "_id".into(),
                op: Comparison::Gt,
                value: after.into(),
            });
            let predicate = filter.predicate().and(Predicate::All(behind.into_iter().collect()));
            let query = DocumentQuery {
                sort: vec![SortKey { path: "_id".into(), descending: false }],
                limit: Some(PAGE as u64),
                ..DocumentQuery::new(store.admin().own(Own::DeadLetters), predicate)
            };
            let stored: Vec<Document> = store.find(query).await?.try_collect().await?;
            for document in &stored {
                let letter = read(document)?;
                if types.as_ref().is_none_or(|types| types.matches(&letter.event_type)) {
                    letters.push(letter);
                }
            }
            let Some(last) = stored.last().filter(|_| stored.len() == PAGE) else { break };
            after = last.get_str("_id").ok().map(ToOwned::to_owned);
        }
        letters.truncate(limit);
        Ok(letters)
    }

    /// One letter with its event, as the log has it today, upcast when it is handled.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when there is no such letter; what the store answers.
    pub async fn show(&self, id: &str) -> Result<ShownLetter> {
        let store = self.db.store();
        let stored = store.get(&store.admin().own(Own::DeadLetters), &id.into()).await?.ok_or_else(|| missing(id))?;
        let letter = read(&stored)?;
        let (from, to) = (letter.version, letter.version);
        let query = StreamQuery { from, to, limit: 1, ..StreamQuery::all(letter.stream.clone()) };
        let event = self.db.reader().read_stream(query).await?.pop();
        let parked =
            store.get(&store.admin().own(Own::Parked), &parked_id(&letter.handler, &letter.stream).into()).await?;
        let parked = parked.as_ref().map(Parked::from_document).transpose()?;
        Ok(ShownLetter {
            causes: event.as_ref().map(chain::of).unwrap_or_default(),
            event,
            data: stored.get_document("data").ok().cloned(),
            parked: parked.is_some_and(|parked| parked.event.id == letter.event_id),
            letter,
        })
    }
}

/// Reads a stored letter.
pub(super) fn read(document: &Document) -> Result<DeadLetter> {
    let id = document.get_str("_id").unwrap_or_default();
    let handler = document.get_str("handler").unwrap_or_default();
    Ok(DeadLetter::of(handler, id, Dead::from_document(document)?))
}

/// The error for a letter that is not there.
pub(super) fn missing(id: &str) -> Error {
    Error::InvalidName {
        what: "dead letter",
        name: id.to_owned(),
        hint: "it was handled or discarded: list them again",
    }
}
