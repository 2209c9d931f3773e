//! Application events: facts that belong to no model. They go to the log first, like all others.

use bson::{Document, doc};
use earnorm_core::commit::Append;
use earnorm_core::database::Database;
use earnorm_core::event::{Event, NewEvent, RESERVED_EVENTS, is_dotted_name};
use earnorm_core::stream::{ExpectedVersion, StreamId};
use earnorm_core::unit::{Riders, Target};
use earnorm_core::{Error, Result};
use uuid::Uuid;

/// An event that belongs to no model.
#[derive(Debug, Clone, PartialEq)]
pub struct AppEvent {
    event_type: String,
    data: Document,
    schema_version: u32,
    key: Option<String>,
}

impl AppEvent {
    /// An event of a type such as `cache.cleared`.
    pub fn new(event_type: impl Into<String>, data: Document) -> Self {
        Self { event_type: event_type.into(), data, schema_version: 1, key: None }
    }

    /// A struct with `#[event]` above it, under a topic: `till.opened` for `opened` and the topic `till`.
    ///
    /// # Errors
    /// [`Error::Encode`] when a value of it has no stored form.
    pub fn of<E: Event>(topic: &str, event: &E) -> Result<Self> {
        let data = event
            .encode()
            .map_err(|source| Error::Encode { subject: format!("the event `{topic}.{}`", E::NAME), source })?;
        Ok(Self { event_type: format!("{topic}.{}", E::NAME), data, schema_version: E::VERSION, key: None })
    }

    /// Puts it on the stream of this key, behind what was published there before, so that handlers keep their order.
    /// Without a key it is a stream of its own.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Its type.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// Refuses types that belong to models, and what is no type.
    pub(crate) fn check(&self, db: &Database) -> Result<()> {
        let hint = "join lower-case words by dots, such as `cache.cleared`";
        if !is_dotted_name(&self.event_type) {
            return Err(Error::invalid_name("event type", &self.event_type, hint));
        }
        let (topic, name) = self.event_type.rsplit_once('.').unwrap_or(("", &self.event_type));
        if RESERVED_EVENTS.contains(&name) && db.models().iter().any(|model| model.name == topic) {
            let hint = "only the library records the life of a model: save or delete the instance";
            return Err(Error::invalid_name("event type", &self.event_type, hint));
        }
        Ok(())
    }

    pub(crate) fn append(self, db: &Database) -> Result<Append> {
        let id = db.next_id();
        self.append_as(db, id)
    }

    /// As the event with this id.
    pub(crate) fn append_as(self, db: &Database, id: Uuid) -> Result<Append> {
        self.check(db)?;
        let (key, expected) = match self.key {
            Some(key) => (key, ExpectedVersion::Any),
            None => (id.to_string(), ExpectedVersion::NoStream),
        };
        let event = NewEvent {
            id,
            event_type: self.event_type.clone(),
            schema_version: self.schema_version,
            data: self.data,
            metadata: db.metadata().clone(),
            recorded_at: db.now(),
        };
        let stream = StreamId::new(self.event_type, key)?;
        Ok(Append { stream, expected, not_before: None, events: vec![event] })
    }
}

/// Events that wait for their time.
impl AppEvent {
    pub(crate) fn to_document(&self) -> Document {
        doc! {
            "type": &self.event_type,
            "schema_version": i64::from(self.schema_version),
            "key": self.key.clone(),
            "data": self.data.clone(),
        }
    }

    /// `None` when it has no type.
    pub(crate) fn from_document(document: &Document) -> Option<Self> {
        let version = document.get_i64("schema_version").ok();
        Some(Self {
            event_type: document.get_str("type").ok()?.to_owned(),
            data: document.get_document("data").cloned().unwrap_or_default(),
            schema_version: version.and_then(|version| u32::try_from(version).ok()).unwrap_or(1),
            key: document.get_str("key").ok().map(ToOwned::to_owned),
        })
    }
}

/// Publishing application events, wherever one can write: a database, a unit of work, the context of a hook or handler.
pub trait Publish: Target {
    /// Publishes an event: durable when this returns on a database, with the rest of it in a unit of work.
    ///
    /// # Errors
    /// [`Error::InvalidName`] when its type is none, or one that only the library records; [`Error::TooLarge`],
    /// [`Error::TooDeep`], [`Error::InvalidField`] for its data; what the store answers.
    fn publish(&self, event: AppEvent) -> impl Future<Output = Result<Self::Receipt>> + Send {
        async move {
            let scope = self.enter()?;
            let append = event.append(self.database())?;
            scope.take_along(Riders { appends: vec![append], ..Riders::default() });
            self.leave(scope).await
        }
    }
}

impl<T: Target> Publish for T {}
