//! Folding: a state from its events. Pure: it never runs hooks and has no side effects.

use std::sync::Arc;

use bson::Document;

use crate::diff::Changes;
use crate::entity::Raised;
use crate::error::{DecodeError, Error, Result};
use crate::event::{CREATED, DELETED, RESTORED, RecordedEvent, UPDATED};
use crate::hook::ApplyFn;
use crate::model::Model;
use crate::registry::Plan;
use crate::schema::ModelKind;

/// A fold in progress.
pub(crate) struct Fold<M: Model> {
    plan: Arc<Plan<M>>,
    state: State<M>,
    version: u64,
}

/// A tracked model is folded as a document, which needs no decoding on the way; a sourced one as itself.
enum State<M> {
    Nothing,
    Document(Document),
    Model(M),
    Deleted,
}

impl<M: Model> Fold<M> {
    pub(crate) fn new(plan: Arc<Plan<M>>) -> Self {
        Self { plan, state: State::Nothing, version: 0 }
    }

    /// Adds the next event of the stream.
    pub(crate) fn add(&mut self, event: &RecordedEvent) -> Result<()> {
        let broken = |reason: String| Error::Fold { stream: event.stream.clone(), version: event.version, reason };
        if event.version != self.version + 1 {
            return Err(broken(format!("it follows version {}: events of the stream are missing", self.version)));
        }
        self.version = event.version;
        let name = event.name();
        let own = [CREATED, UPDATED, DELETED, RESTORED].contains(&name);
        if own && event.schema_version > M::SCHEMA.version {
            let (found, known) = (event.schema_version, M::SCHEMA.version);
            return Err(Error::SchemaAhead { subject: subject(event), found, known });
        }
        self.state = match (name, std::mem::replace(&mut self.state, State::Nothing)) {
            (DELETED, _) => State::Deleted,
            (CREATED | RESTORED, _) if M::SCHEMA.kind == ModelKind::Tracked => State::Document(event.data.clone()),
            (RESTORED, _) => State::Model(decode::<M>(&event.data, || subject(event))?),
            (UPDATED, State::Document(mut document)) => {
                Changes::from_data(&event.data).map_err(broken)?.apply_to(&mut document);
                State::Document(document)
            }
            (UPDATED, _) => return Err(broken("it changes an instance that is not there".to_owned())),
            (_, state) if M::SCHEMA.kind == ModelKind::Tracked => state,
            (_, state) => self.apply(event, state)?,
        };
        Ok(())
    }

    fn apply(&self, event: &RecordedEvent, state: State<M>) -> Result<State<M>> {
        let broken = |reason: String| Error::Fold { stream: event.stream.clone(), version: event.version, reason };
        let Some(applier) = self.plan.appliers.get(event.name()) else {
            return Err(broken(format!(
                "`{}` has no `#[apply]` method for `{}`: add one, also for events that are not raised any more",
                M::SCHEMA.rust_path,
                event.event_type
            )));
        };
        if event.schema_version > applier.version {
            let (found, known) = (event.schema_version, applier.version);
            return Err(Error::SchemaAhead { subject: subject(event), found, known });
        }
        let unreadable = |source: DecodeError| Error::Decode { subject: subject(event), source };
        match (&applier.run, state) {
            (ApplyFn::Start(start), State::Nothing) => start(&event.data).map(State::Model).map_err(unreadable),
            (ApplyFn::Start(_), _) => Err(broken("it starts an instance that is there already".to_owned())),
            (ApplyFn::Step(step), State::Model(mut model)) => {
                step(&mut model, &event.data).map_err(unreadable)?;
                Ok(State::Model(model))
            }
            (ApplyFn::Step(_), _) => Err(broken("it changes an instance that is not there".to_owned())),
        }
    }

    /// The version of the last event that was added.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The instance as folded so far; `None` before its first event and while it is deleted.
    pub(crate) fn model(&self, subject: impl Fn() -> String) -> Result<Option<M>> {
        match &self.state {
            State::Nothing | State::Deleted => Ok(None),
            State::Model(model) => Ok(Some(model.clone())),
            State::Document(document) => decode(document, subject).map(Some),
        }
    }

    /// The state document as folded so far.
    pub(crate) fn document(&self) -> Result<Option<Document>> {
        match &self.state {
            State::Nothing | State::Deleted => Ok(None),
            State::Model(model) => crate::save::encode(model).map(Some),
            State::Document(document) => Ok(Some(document.clone())),
        }
    }
}

/// What raised events make of a stored document: the only state that a sourced model may be saved in.
pub(crate) fn replay_raised<M: Model>(plan: &Plan<M>, before: Option<&Document>, raised: &[Raised]) -> Result<M> {
    let subject = || format!("raised events of {}", M::SCHEMA.name);
    let mut model = before.map(|document| decode::<M>(document, subject)).transpose()?;
    for event in raised {
        let unreadable =
            |source: DecodeError| Error::Decode { subject: format!("{}.{}", M::SCHEMA.name, event.name), source };
        let missing =
            || Error::Registry(format!("`{}` has no `#[apply]` method for `{}`", M::SCHEMA.rust_path, event.name));
        let applier = plan.appliers.get(event.name).ok_or_else(missing)?;
        match (&applier.run, &mut model) {
            (ApplyFn::Start(start), _) => model = Some(start(&event.data).map_err(unreadable)?),
            (ApplyFn::Step(step), Some(model)) => step(model, &event.data).map_err(unreadable)?,
            (ApplyFn::Step(_), None) => return Err(missing()),
        }
    }
    model.ok_or_else(|| Error::Registry(format!("{} has neither a document nor an event", subject())))
}

pub(crate) fn decode<M: Model>(document: &Document, subject: impl Fn() -> String) -> Result<M> {
    M::decode(document).map_err(|source| Error::Decode { subject: subject(), source })
}

fn subject(event: &RecordedEvent) -> String {
    format!("{} of {} version {}", event.event_type, event.stream, event.version)
}
