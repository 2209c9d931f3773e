//! Folding: a state from its events. Pure: it never runs hooks and has no side effects.
//!
//! `Fold` keeps what all models share: versions, life and death, times. `Rules` say what an event does to the state
//! of one kind of model: `TrackedRules` need no Rust type, `SourcedRules` run `#[apply]` methods.

mod erased;
mod model;
mod sourced;
mod tracked;

use std::sync::Arc;

use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::event::{BASELINE, CREATED, DELETED, ERASED, RESTORED, RecordedEvent, UPDATED};
use crate::position::Position;
use crate::save::HARD;
use crate::schema::{self, ModelInfo, ModelKind};
use crate::value::read_date;

pub(crate) use erased::RulesFolder;
pub use erased::{Folder, Folding, untyped};
pub(crate) use model::{ModelFold, ModelRules, decode, replay_raised};
pub(crate) use sourced::SourcedRules;
pub(crate) use tracked::{CheckFn, TrackedRules};

/// What events do to the state of one kind of model.
pub(crate) trait Rules: Send + Sync + 'static {
    /// The state on the way.
    type State: Clone + Send + Sync;

    /// The model.
    fn info(&self) -> &ModelInfo;

    /// The state that a whole recorded document gives.
    fn whole(&self, document: &Document, schema_version: u32, subject: &str) -> Result<Self::State>;

    /// The state after a domain event, or after `updated`.
    fn step(&self, event: &RecordedEvent, state: Option<Self::State>) -> Result<Option<Self::State>>;

    /// A stored document in today's shape.
    fn shape(&self, document: Document, schema_version: u32, subject: &str) -> Result<Document>;

    /// Whether the model can be read from a document of today's shape.
    fn check(&self, document: &Document, subject: &str) -> Result<()>;

    /// The state after its personal fields were erased: null stands there.
    fn erase(&self, event: &RecordedEvent, state: Self::State) -> Result<Self::State>;

    /// The model's document in today's shape, without the library's own fields.
    fn document(&self, state: &Self::State, subject: &str) -> Result<Document>;

    /// The document in the shape that the state has on the way, and that shape's version: what [`Rules::whole`] reads.
    fn as_it_is(&self, state: &Self::State) -> Result<(Document, u32)>;

    /// The `_id` of the document.
    fn id(&self, state: &Self::State) -> Option<Bson>;
}

/// A fold in progress.
pub(crate) struct Fold<R: Rules> {
    rules: Arc<R>,
    state: Option<R::State>,
    version: u64,
    /// Of the last event that was added.
    position: Option<Position>,
    live: bool,
    at: Option<DateTime<Utc>>,
    id: Option<Bson>,
    /// The version before which events are missing, until a baseline makes up for them.
    cut: Option<u64>,
}

impl<R: Rules> Fold<R> {
    pub(crate) fn new(rules: Arc<R>) -> Self {
        Self { rules, state: None, version: 0, position: None, live: false, at: None, id: None, cut: None }
    }

    /// Adds the next event of the stream. The first one may stand above version 1 where older ones were truncated.
    pub(crate) fn add(&mut self, event: &RecordedEvent) -> Result<()> {
        if self.version == 0 && event.version > 1 {
            self.cut = Some(event.version);
        } else if event.version != self.version + 1 {
            return Err(broken(event, format!("it follows version {}: events are missing between", self.version)));
        }
        let name = event.name();
        let own = [CREATED, UPDATED, DELETED, RESTORED, ERASED, BASELINE].contains(&name);
        if own && event.schema_version > self.rules.info().version {
            let (found, known) = (event.schema_version, self.rules.info().version);
            return Err(Error::SchemaAhead { subject: subject(event), found, known });
        }
        if self.cut.is_none() || [BASELINE, DELETED].contains(&name) {
            self.step(event, name)?;
        }
        self.version = event.version;
        self.position = Some(event.position);
        self.at = self.at.max(Some(event.recorded_at));
        Ok(())
    }

    fn step(&mut self, event: &RecordedEvent, name: &str) -> Result<()> {
        let tracked = self.rules.info().kind == ModelKind::Tracked;
        match name {
            CREATED if tracked => self.begin(event, event.data()?)?,
            RESTORED => self.begin(event, event.data()?)?,
            BASELINE => {
                let data = event.data()?;
                let state = data.get_document("state");
                self.begin(event, state.map_err(|_| broken(event, "it has no `state`".to_owned()))?)?;
                self.live = data.get_bool("live").unwrap_or(true);
            }
            DELETED => self.end(event)?,
            ERASED => self.state = self.state.take().map(|state| self.rules.erase(event, state)).transpose()?,
            UPDATED if tracked && !self.live => {
                return Err(broken(event, "it changes an instance that is not there".to_owned()));
            }
            _ if tracked && name != UPDATED => {}
            _ => {
                // Who is deleted stays so: what is raised with a hard delete after that changes the last state alone.
                let hidden = self.state.is_some() && !self.live;
                self.state = self.rules.step(event, self.state.take())?;
                self.live = self.state.is_some() && !hidden;
            }
        }
        if [BASELINE, DELETED].contains(&name) {
            self.cut = None;
        }
        Ok(())
    }

    fn begin(&mut self, event: &RecordedEvent, document: &Document) -> Result<()> {
        self.state = Some(self.rules.whole(document, event.schema_version, &subject(event))?);
        self.live = true;
        Ok(())
    }

    /// A soft delete keeps the document as it was; where its history was cut, the event tells the last state.
    fn end(&mut self, event: &RecordedEvent) -> Result<()> {
        let data = event.data()?;
        self.id = data.get("_id").cloned().or(self.id.take());
        let kept = self.rules.info().soft_delete && !data.get_bool(HARD).unwrap_or(false);
        if !kept {
            self.state = None;
        } else if self.state.is_none() {
            self.begin(event, data)?;
        }
        self.live = false;
        Ok(())
    }

    /// The version of the last event that was added.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The `_id` of the document, also where it is gone.
    pub(crate) fn id(&self) -> Option<Bson> {
        self.state.as_ref().and_then(|state| self.rules.id(state)).or_else(|| self.id.clone())
    }

    /// The first version that is in the log, while nothing has made up for those before it.
    pub(crate) fn cut(&self) -> Option<u64> {
        self.cut
    }

    /// The subject with the place of the last event, for errors.
    fn last(&self, subject: &str) -> String {
        match self.position {
            Some(position) => format!("{subject} at position {position}"),
            None => subject.to_owned(),
        }
    }

    fn check(&self, subject: &str) -> Result<()> {
        self.cut.map_or(Ok(()), |cut| Err(truncated(subject, cut, self.version)))
    }

    /// The state, while the instance is live.
    pub(crate) fn live_state(&self, subject: &str) -> Result<Option<&R::State>> {
        self.check(subject)?;
        Ok(self.state.as_ref().filter(|_| self.live))
    }

    /// The model's document, while the instance is live.
    pub(crate) fn live_document(&self, subject: &str) -> Result<Option<Document>> {
        self.live_state(subject)?.map(|state| self.rules.document(state, &self.last(subject))).transpose()
    }

    /// The state document as its collection holds it, the library's own fields included; `None` where there is none.
    pub(crate) fn stored_document(&self, subject: &str) -> Result<Option<Document>> {
        self.check(subject)?;
        let Some(state) = &self.state else { return Ok(None) };
        let info = self.rules.info();
        let mut document = self.rules.document(state, &self.last(subject))?;
        document.insert(schema::VERSION, i64::try_from(self.version).unwrap_or(i64::MAX));
        document.insert(schema::SCHEMA_VERSION, i32::try_from(info.version).unwrap_or(i32::MAX));
        if let Some(at) = self.at {
            document.insert(schema::RECORDED_AT, bson::DateTime::from_millis(at.timestamp_millis()));
        }
        if info.soft_delete {
            document.insert(schema::LIVE, self.live);
        }
        Ok(Some(document))
    }

    /// What a fold needs to go on from here.
    pub(crate) fn snapshot(&self, subject: &str) -> Result<Document> {
        self.check(subject)?;
        let mut snapshot = doc! {
            "v": i64::try_from(self.version).unwrap_or(i64::MAX),
            "sv": i64::from(self.rules.info().version),
            "live": self.live,
        };
        if let Some(id) = &self.id {
            snapshot.insert("id", id.clone());
        }
        if let Some(at) = self.at {
            snapshot.insert("at", bson::DateTime::from_millis(at.timestamp_millis()));
        }
        if let Some(state) = &self.state {
            // In the shape that it has: the next event may be as old.
            let (state, shape) = self.rules.as_it_is(state)?;
            snapshot.insert("state", state);
            snapshot.insert("shape", i64::from(shape));
        }
        Ok(snapshot)
    }

    /// Goes on from a snapshot; `None` when it is of another schema version or not one at all.
    pub(crate) fn resume(rules: &Arc<R>, snapshot: &Document) -> Option<Self> {
        let schema_version = u32::try_from(snapshot.get_i64("sv").ok()?).ok()?;
        if schema_version != rules.info().version {
            return None;
        }
        let state = match snapshot.get("state") {
            None => None,
            Some(Bson::Document(state)) => {
                let shape = u32::try_from(snapshot.get_i64("shape").ok()?).ok()?;
                Some(rules.whole(state, shape, "snapshot").ok()?)
            }
            Some(_) => return None,
        };
        Some(Self {
            rules: Arc::clone(rules),
            state,
            version: u64::try_from(snapshot.get_i64("v").ok()?).ok()?,
            position: None,
            live: snapshot.get_bool("live").ok()?,
            at: snapshot.get("at").and_then(read_date),
            id: snapshot.get("id").cloned(),
            cut: None,
        })
    }
}

/// The list in the data of an `erased` event: the paths of the fields that were set to null.
pub(crate) const ERASED_FIELDS: &str = "fields";

/// Sets what an `erased` event names to null.
fn erase_fields(event: &RecordedEvent, document: &mut Document) -> Result<()> {
    let fields = event.data()?.get_array(ERASED_FIELDS).map(Vec::as_slice).unwrap_or_default();
    for field in fields.iter().filter_map(Bson::as_str) {
        document.insert(field, Bson::Null);
    }
    Ok(())
}

/// What cannot be folded, because the log was truncated and no baseline comes up to `version`.
pub(crate) fn truncated(subject: &str, cut: u64, version: u64) -> Error {
    let reason = format!(
        "its events before version {cut} are not in the log and no baseline follows up to version {version}: ask for a \
         later version, or look in the archive"
    );
    Error::Corrupt { subject: subject.to_owned(), reason }
}

pub(crate) fn broken(event: &RecordedEvent, reason: String) -> Error {
    Error::Fold { stream: event.stream.clone(), version: event.version, reason }
}

pub(crate) fn subject(event: &RecordedEvent) -> String {
    format!("{} of {} version {} at position {}", event.event_type, event.stream, event.version, event.position)
}
