//! Loading: from state documents to entities.

use std::cmp::Ordering;

use bson::{Document, RawDocument};

use crate::database::Database;
use crate::entity::{Entity, Internals, KeptState, Loaded, stored_id};
use crate::error::{BoxError, Error, Result};
use crate::fold;
use crate::hook::HookFn;
use crate::limits::decode_of;
use crate::model::Model;
use crate::registry::{Plan, Turn};
use crate::save::caught;
use crate::store::StoredDocument;
use crate::unit::Target;
use crate::upcast::Span;
use crate::value::{Fields, RawFields};

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
    let found = loaded.schema_version;
    if found != M::SCHEMA.version {
        let subject = described::<M>(document);
        document.change(|document| upcast::<M>(db, document, found, || subject.clone()))?;
    }
    let model = fold::decode::<M>(document, || described::<M>(document))?;
    post_load(plan, model, loaded).await
}

/// The entity of a state document that a store has at hand: bytes become a model without a document in between, where
/// they hold nothing else.
pub(crate) async fn stored<M: Model>(db: &Database, plan: &Plan<M>, stored: StoredDocument) -> Result<Entity<M>> {
    let bytes = match stored {
        StoredDocument::Document(document) => return entity(db, plan, document).await,
        StoredDocument::Bytes(bytes) => bytes,
    };
    match of_bytes::<M>(&bytes) {
        Some((model, internals, version)) => {
            post_load(plan, model, Loaded::of(&internals, version, KeptState::of_read(bytes))).await
        }
        None => entity(db, plan, decode_of(M::SCHEMA.collection, &bytes)?).await,
    }
}

/// `None` where it takes a document: of another shape, with fields that the model does not have, or with a fault, which
/// is explained then.
fn of_bytes<M: Model>(bytes: &RawDocument) -> Option<(M, Internals, u64)> {
    let fields = RawFields::read(bytes)?;
    let internals = Internals::take(|name| fields.take(name).ok().flatten());
    let version = internals.version.filter(|_| internals.schema_version == M::SCHEMA.version)?;
    let model = M::decode_fields(&Fields::of_bytes(&fields)).ok()?;
    fields.are_all_taken().then_some((model, internals, version))
}

async fn post_load<M: Model>(plan: &Plan<M>, mut model: M, loaded: Loaded) -> Result<Entity<M>> {
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
