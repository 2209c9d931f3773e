//! Deleting and restoring.

use std::sync::Arc;

use bson::{Bson, Document};

use super::context::Operation;
use super::events::{self, EventMaker};
use super::stage::{Prepared, Work};
use crate::commit::{DocumentOp, DocumentWrite};
use crate::diff::Changes;
use crate::entity::{Entity, KeptState, Loaded, lock, stored_id};
use crate::error::{Error, Result};
use crate::event::{DELETED, RESTORED};
use crate::fold;
use crate::model::{Model, Stamp};
use crate::registry::Turn;
use crate::schema::ModelKind;
use crate::unit::{Scope, Target};

/// The mark of a delete that removed the document of a soft-deleting model.
pub(crate) const HARD: &str = "_hard";

/// Deletes an entity at a target.
pub(crate) async fn delete<M: Model, T: Target>(entity: &mut Entity<M>, to: &T, hard: bool) -> Result<T::Receipt> {
    let scope = to.enter()?;
    stage_delete(entity, &scope, hard).await?;
    to.leave(scope).await
}

/// Brings an entity back at a target.
pub(crate) async fn restore<M: Model, T: Target>(entity: &mut Entity<M>, to: &T) -> Result<T::Receipt> {
    let scope = to.enter()?;
    let restored = stage_restore(entity, &scope).await?;
    let receipt = to.leave(scope).await?;
    entity.model = restored;
    Ok(receipt)
}

pub(crate) async fn stage_delete<M: Model>(entity: &Entity<M>, scope: &Arc<Scope>, hard: bool) -> Result<()> {
    let loaded = lock(&entity.state).seen_by(scope.unit());
    let gone = loaded.version == 0 || !loaded.stored || !(loaded.live || hard);
    if gone {
        return Err(not_found::<M>(entity, loaded.version > 0));
    }
    let raised = lock(&entity.state).fresh_raised(scope.unit());
    let (plan, stream, model) = (scope.database().plan::<M>()?, entity.stream()?, entity.model.clone());
    let mut work = Work { plan, scope, stream, loaded, raised, operation: Operation::Delete, model };
    let inner = work.run_delete_hooks(entity).await?;
    let last = work.last_state()?;
    let maker = EventMaker::<M>::new(scope.database(), work.loaded.recorded_at);
    let (mut events, mut raised) = (Vec::new(), Vec::new());
    maker.raised(std::mem::take(&mut work.raised), &mut events, &mut raised);
    let mut data = Document::clone(&last);
    let soft = M::SCHEMA.soft_delete && !hard;
    if M::SCHEMA.soft_delete && hard {
        data.insert(HARD, true);
    }
    events.push(maker.lifecycle(DELETED, data));
    let mut next = events::after::<M>(&work.loaded, events.len(), last, maker.recorded_at());
    (next.live, next.stored) = (false, soft);
    let id = stored_id::<M>(entity.model.id())?;
    let write = if soft { hide::<M>(id.clone(), &work.loaded, &next) } else { remove::<M>(id.clone(), &work.loaded) };
    work.push(entity, Prepared { events, raised, write, id, next })?;
    inner.merge();
    Ok(())
}

impl<M: Model> Work<'_, M> {
    /// A delete is not validated: an instance that breaks a newer rule can still go.
    async fn run_delete_hooks(&mut self, entity: &Entity<M>) -> Result<Arc<Scope>> {
        let inner = self.scope.within(&entity.stream()?)?;
        if self.plan.any_at(Turn::PreDelete) {
            let before = self.loaded.document.clone();
            let mut cx = super::PreContext::new(Arc::clone(&inner), self.operation, before);
            let raised = super::hooks::run_pre(&self.plan, Turn::PreDelete, &mut self.model, &mut cx).await?;
            self.raised.extend(raised);
        }
        Ok(inner)
    }
}

impl<M: Model> Work<'_, M> {
    /// The last state is what was stored, and what raised events made of it: values that were changed and not saved are
    /// no fact.
    fn last_state(&self) -> Result<KeptState> {
        if M::SCHEMA.kind == ModelKind::Sourced && !self.raised.is_empty() {
            let last = fold::replay_raised(&self.plan, self.loaded.document.as_deref(), &self.raised)?;
            return super::encode(&last).map(KeptState::from);
        }
        Ok(self.loaded.document.clone().unwrap_or_default())
    }

    /// What a `restored` event records: of a tracked model the values that it comes back with, of a sourced one the
    /// state before the events that are raised with it, which a fold applies after it.
    fn restored_state(&self, document: &Document) -> Result<Document> {
        if M::SCHEMA.kind == ModelKind::Tracked {
            return Ok(document.clone());
        }
        self.check_explained(document)?;
        Ok(self.loaded.document.as_deref().cloned().unwrap_or_default())
    }
}

async fn stage_restore<M: Model>(entity: &Entity<M>, scope: &Arc<Scope>) -> Result<M> {
    let loaded = lock(&entity.state).seen_by(scope.unit());
    if loaded.version == 0 {
        return Err(not_found::<M>(entity, false));
    }
    if loaded.live {
        return Err(Error::AlreadyExists { model: M::SCHEMA.name, id: entity.model.id().to_string(), deleted: false });
    }
    let raised = lock(&entity.state).fresh_raised(scope.unit());
    let (plan, stream, model) = (scope.database().plan::<M>()?, entity.stream()?, entity.model.clone());
    let mut work = Work { plan, scope, stream, loaded, raised, operation: Operation::Restore, model };
    if M::has_stamp(Stamp::Updated) {
        work.model.stamp(Stamp::Updated, scope.database().now());
    }
    let inner = work.run_hooks().await?;
    let document = super::encode(&work.model)?;
    let maker = EventMaker::<M>::new(scope.database(), work.loaded.recorded_at);
    let mut events = vec![maker.lifecycle(RESTORED, work.restored_state(&document)?)];
    let mut raised = Vec::new();
    maker.raised(std::mem::take(&mut work.raised), &mut events, &mut raised);
    let before = work.loaded.document.clone().unwrap_or_default();
    let changes = Changes::between(&before, &document);
    let next = events::after::<M>(&work.loaded, events.len(), document.into(), maker.recorded_at());
    let id = stored_id::<M>(work.model.id())?;
    let write = if work.loaded.stored {
        events::update::<M>(id.clone(), &work.loaded, &next, changes)
    } else {
        events::insert::<M>(id.clone(), &next)
    };
    work.push(entity, Prepared { events, raised, write, id, next })?;
    inner.merge();
    Ok(work.model)
}

/// Marks a document as deleted. One of an older shape is replaced, so that it is never older than the event beside it.
fn hide<M: Model>(id: Bson, loaded: &Loaded, next: &Loaded) -> DocumentWrite {
    let before = loaded.document.clone().unwrap_or_default();
    let changes = Changes::between(&before, next.document.as_deref().unwrap_or(&before));
    events::update::<M>(id, loaded, next, changes)
}

fn remove<M: Model>(id: Bson, loaded: &Loaded) -> DocumentWrite {
    let op = DocumentOp::Delete { expected: loaded.version };
    DocumentWrite { collection: M::SCHEMA.collection.to_owned(), id, op }
}

fn not_found<M: Model>(entity: &Entity<M>, deleted: bool) -> Error {
    Error::NotFound { model: M::SCHEMA.name, id: entity.model.id().to_string(), deleted }
}
