//! Loading: from state documents to entities.

use std::cmp::Ordering;
use std::sync::Arc;

use bson::Document;

use crate::database::Database;
use crate::entity::{Entity, Loaded, stored_id};
use crate::error::{BoxError, Error, Result};
use crate::fold;
use crate::hook::HookFn;
use crate::model::Model;
use crate::registry::{Plan, Turn};
use crate::save::caught;
use crate::unit::Target;
use crate::upcast::Span;

/// One instance by id, staged writes of the target included; `None` when it is not there or deleted.
pub(crate) async fn get<M: Model, T: Target>(from: &T, id: &M::Id, deleted_too: bool) -> Result<Option<Entity<M>>> {
    let db = from.database();
    let plan = db.plan::<M>()?;
    let stored = stored_id::<M>(id)?;
    if let Some((loaded, state)) = from.enter()?.staged(M::SCHEMA.collection, &stored) {
        let visible = loaded.live || (deleted_too && loaded.stored);
        let Some(document) = loaded.document.as_deref().filter(|_| visible) else { return Ok(None) };
        let model = fold::decode::<M>(document, || subject::<M>(id))?;
        return Ok(Some(Entity { model, state }));
    }
    let Some(document) = db.store().get(M::SCHEMA.collection, &stored).await? else { return Ok(None) };
    let entity = entity::<M>(db, &plan, document).await?;
    Ok((deleted_too || !entity.is_deleted()).then_some(entity))
}

/// Brings a stored document to the shape that this program knows.
pub(crate) fn upcast<M: Model>(
    db: &Database,
    document: &mut Document,
    schema_version: u32,
    subject: impl Fn() -> String,
) -> Result<()> {
    let known = M::SCHEMA.version;
    match schema_version.cmp(&known) {
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err(Error::SchemaAhead { subject: subject(), found: schema_version, known }),
        Ordering::Less => {
            db.upcasters().model(M::SCHEMA.name, document, Span { from: schema_version, to: known }, &subject())
        }
    }
}

/// The entity of a state document that was read. What is compared with at the next save is the upcast document; its
/// schema version stays the stored one, so that the first save replaces the whole document.
pub(crate) async fn entity<M: Model>(db: &Database, plan: &Plan<M>, document: Document) -> Result<Entity<M>> {
    let mut loaded = Loaded::from_document(document, described::<M>)?;
    let Some(document) = loaded.document.as_mut() else {
        let subject = M::SCHEMA.collection.to_owned();
        return Err(Error::Corrupt { subject, reason: "a document in it is empty".to_owned() });
    };
    if loaded.schema_version != M::SCHEMA.version {
        let subject = described::<M>(document);
        upcast::<M>(db, Arc::make_mut(document), loaded.schema_version, || subject.clone())?;
    }
    let mut model = fold::decode::<M>(document, || described::<M>(document))?;
    for hook in plan.at(Turn::PostLoad) {
        let HookFn::Load(run) = hook.run else { continue };
        let outcome = caught(async { run(&mut model).await }).await;
        let source: BoxError = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(error)) => error,
            Err(message) => message.into(),
        };
        let id = model.id().to_string();
        return Err(Error::PostLoad { hook: hook.full_name(), model: M::SCHEMA.name, id, source });
    }
    Ok(Entity::loaded(model, loaded))
}

/// A stored document in errors.
fn described<M: Model>(document: &Document) -> String {
    format!("{} {}", M::SCHEMA.collection, document.get("_id").cloned().unwrap_or_default())
}

fn subject<M: Model>(id: &M::Id) -> String {
    format!("{} {id}", M::SCHEMA.collection)
}
