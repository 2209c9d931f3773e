//! Staging a save: validation and pre hooks run, and what the write will be is fixed.

use std::sync::Arc;

use bson::Document;

use super::context::{Operation, PreContext};
use super::events::{self, EventMaker};
use super::hooks::{self, AfterWrite};
use crate::diff::Changes;
use crate::entity::{Entity, Loaded, Raised, lock, stored_id};
use crate::error::{EncodeError, Error, Result};
use crate::event::{CREATED, UPDATED};
use crate::fold;
use crate::model::{Model, Stamp};
use crate::registry::Plan;
use crate::schema::ModelKind;
use crate::stream::StreamId;
use crate::unit::{Scope, Staged};

/// Stages a save and answers the model as hooks and stamps left it. The entity itself is not changed.
pub(crate) async fn stage_save<M: Model>(entity: &mut Entity<M>, scope: &Arc<Scope>) -> Result<M> {
    let (loaded, raised) = {
        let state = lock(&entity.state);
        (state.seen_by(scope.unit()), state.fresh_raised(scope.unit()))
    };
    if loaded.version > 0 && !loaded.live {
        return Err(Error::NotFound { model: M::SCHEMA.name, id: entity.model.id().to_string(), deleted: true });
    }
    let operation = if loaded.version == 0 { Operation::Create } else { Operation::Update };
    if operation == Operation::Create {
        refuse_staged::<M>(entity.model.id(), scope)?;
    }
    let (plan, stream, model) = (scope.database().plan::<M>()?, entity.stream()?, entity.model.clone());
    let mut work = Work { plan, scope, stream, loaded, raised, operation, model };
    let inner = work.run_hooks().await?;
    if let Some((document, changes)) = work.settle_values()? {
        work.stage(entity, document, changes)?;
    }
    inner.merge();
    Ok(work.model)
}

/// A unit that wrote an instance already cannot create it: its stream has begun, also where the unit deleted it.
fn refuse_staged<M: Model>(id: &M::Id, scope: &Arc<Scope>) -> Result<()> {
    match scope.staged(M::SCHEMA.collection, &stored_id::<M>(id)?) {
        None => Ok(()),
        Some((loaded, _)) => {
            Err(Error::AlreadyExists { model: M::SCHEMA.name, id: id.to_string(), deleted: !loaded.live })
        }
    }
}

/// A write in the making.
pub(super) struct Work<'a, M: Model> {
    pub(super) plan: Arc<Plan<M>>,
    pub(super) scope: &'a Arc<Scope>,
    pub(super) stream: StreamId,
    pub(super) loaded: Loaded,
    pub(super) raised: Vec<Raised>,
    pub(super) operation: Operation,
    pub(super) model: M,
}

impl<M: Model> Work<'_, M> {
    /// Defaults, validation, pre hooks, validation. Answers the scope that holds what the hooks wrote.
    pub(super) async fn run_hooks(&mut self) -> Result<Arc<Scope>> {
        let inner = self.scope.within(&self.stream)?;
        if self.operation == Operation::Create {
            let now = self.scope.database().now();
            self.model.stamp(Stamp::Created, now);
            self.model.stamp(Stamp::Updated, now);
        }
        hooks::validate(&self.plan, &self.model).await?;
        let turn = hooks::before(self.operation);
        if self.plan.any_at(turn) {
            let mut cx = PreContext::new(Arc::clone(&inner), self.operation, self.loaded.document.clone());
            let raised = hooks::run_pre(&self.plan, turn, &mut self.model, &mut cx).await?;
            self.raised.extend(raised);
            hooks::validate(&self.plan, &self.model).await?;
        }
        Ok(inner)
    }

    /// The document to store and what it changes; `None` when there is nothing to write.
    fn settle_values(&mut self) -> Result<Option<(Document, Changes)>> {
        let mut document = super::encode(&self.model)?;
        self.check_id(&document)?;
        if M::SCHEMA.kind == ModelKind::Sourced {
            self.check_explained(&document)?;
        }
        let Some(before) = self.loaded.document.clone() else {
            return Ok(Some((document, Changes::default())));
        };
        let mut changes = Changes::between(&before, &document);
        if changes.is_empty() && self.raised.is_empty() {
            return Ok(None);
        }
        if M::SCHEMA.kind == ModelKind::Tracked && M::has_stamp(Stamp::Updated) && !changes.is_empty() {
            self.model.stamp(Stamp::Updated, self.scope.database().now());
            document = super::encode(&self.model)?;
            changes = Changes::between(&before, &document);
        }
        Ok(Some((document, changes)))
    }

    fn check_id(&self, document: &Document) -> Result<()> {
        let before = self.loaded.document.as_deref().and_then(|before| before.get("_id"));
        if before.is_some_and(|before| Some(before) != document.get("_id")) {
            let reason = "changed, and an id never changes: create another instance instead";
            return Err(Error::Encode {
                subject: format!("{} `{}`", M::SCHEMA.name, self.model.id()),
                source: EncodeError::new(reason).at("_id"),
            });
        }
        Ok(())
    }

    /// A sourced model may only be what its events make of it.
    pub(super) fn check_explained(&self, document: &Document) -> Result<()> {
        if self.loaded.version == 0 && self.raised.is_empty() {
            return Err(Error::InvalidCommit {
                reason: format!("{} is sourced and has no event yet: begin it with `db.start`", M::SCHEMA.name),
            });
        }
        let explained = fold::replay_raised(&self.plan, self.loaded.document.as_deref(), &self.raised)?;
        let explained = super::encode(&explained)?;
        let unexplained = Changes::between(&explained, document);
        if unexplained.is_empty() {
            Ok(())
        } else {
            Err(Error::Unexplained { model: M::SCHEMA.name, fields: unexplained.paths() })
        }
    }

    fn stage(&mut self, entity: &Entity<M>, document: Document, changes: Changes) -> Result<()> {
        let maker = EventMaker::<M>::new(self.scope.database(), self.loaded.recorded_at);
        let mut events = Vec::with_capacity(1 + self.raised.len());
        let mut raised = Vec::new();
        if M::SCHEMA.kind == ModelKind::Tracked {
            match self.operation {
                Operation::Create => events.push(maker.lifecycle(CREATED, document.clone())),
                _ if !changes.is_empty() => events.push(maker.lifecycle(UPDATED, changes.to_data())),
                _ => {}
            }
        }
        maker.raised(std::mem::take(&mut self.raised), &mut events, &mut raised);
        let next = events::after::<M>(&self.loaded, events.len(), document.into(), maker.recorded_at());
        let id = stored_id::<M>(self.model.id())?;
        let write = match self.operation {
            Operation::Create => events::insert::<M>(id.clone(), &next),
            _ => events::update::<M>(id.clone(), &self.loaded, &next, changes),
        };
        self.push(entity, Prepared { events, raised, write, id, next })
    }

    /// What a sourced instance is comes from its events, all of which are sealed for one subject.
    fn check_subject(&self, after: &Document) -> Result<()> {
        let schema = M::SCHEMA;
        let before = self.loaded.document.as_deref().and_then(|before| before.get(schema.subject));
        let moved = before.is_some_and(|before| Some(before) != after.get(schema.subject));
        if moved && schema.kind == ModelKind::Sourced && !schema.personal.is_empty() {
            let reason = "changed, and the subject of a sourced instance's personal data never does: start another one";
            return Err(Error::Encode {
                subject: format!("{} `{}`", schema.name, self.model.id()),
                source: EncodeError::new(reason).at(schema.subject),
            });
        }
        Ok(())
    }

    /// Puts a finished write into the scope.
    pub(super) fn push(&self, entity: &Entity<M>, prepared: Prepared) -> Result<()> {
        let Prepared { events, raised, write, id, next } = prepared;
        let after = next.document.clone().unwrap_or_default();
        self.check_subject(&after)?;
        let post = hooks::post_job(
            &self.plan,
            || AfterWrite {
                operation: self.operation,
                model: self.model.clone(),
                before: self.loaded.document.clone(),
                after,
                version: next.version,
            },
            self.operation,
        );
        let before = lock(&entity.state).stage(self.scope.unit(), next.clone());
        self.scope.stage(Staged {
            unit: self.scope.unit(),
            stream: self.stream.clone(),
            base: self.loaded.version,
            not_before: self.loaded.recorded_at,
            events,
            document: Some(write),
            collection: M::SCHEMA.collection,
            id,
            after: next,
            model: M::SCHEMA.name,
            schema: M::SCHEMA,
            previous: self.loaded.document.clone(),
            raised,
            post,
            state: Arc::clone(&entity.state),
            before: Some(before),
        });
        Ok(())
    }
}

/// A write whose events and document are made.
pub(super) struct Prepared {
    pub(super) events: Vec<crate::event::NewEvent>,
    /// The events among them that have personal fields of their own.
    pub(super) raised: Vec<events::PersonalFields>,
    pub(super) write: crate::commit::DocumentWrite,
    pub(super) id: bson::Bson,
    pub(super) next: Loaded,
}
