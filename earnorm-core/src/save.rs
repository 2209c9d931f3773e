//! The lifecycle of a write: `defaults → validate → pre hooks → validate → commit → post hooks`.

mod commit;
mod context;
mod delete;
mod events;
mod hooks;
mod receipt;
mod stage;

use bson::Document;

use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::unit::Target;

pub(crate) use commit::commit;
pub use context::{Operation, PostContext, PreContext};
pub(crate) use delete::{HARD, delete, restore, stage_delete};
pub(crate) use hooks::{caught, panic_text};
pub use receipt::{HookFailure, Receipt};
pub(crate) use stage::stage_save;

/// Saves an entity to a target.
pub(crate) async fn save<M: Model, T: Target>(entity: &mut Entity<M>, to: &T) -> Result<T::Receipt> {
    let scope = to.enter()?;
    let saved = stage::stage_save(entity, &scope).await?;
    let receipt = to.leave(scope).await?;
    entity.model = saved;
    Ok(receipt)
}

/// The state document of a model, checked for size, depth and field names.
pub(crate) fn encode<M: Model>(model: &M) -> Result<Document> {
    let subject = || format!("{} `{}`", M::SCHEMA.name, model.id());
    let document = model.encode().map_err(|source| Error::Encode { subject: subject(), source })?;
    let size = crate::limits::size_of_model(&document, subject)
        .map_err(|error| crate::personal::veil_name(error, &document, M::SCHEMA.personal))?;
    let sealed = M::SCHEMA.personal.len() * crate::personal::SEALED_BYTES;
    let limit = crate::limits::DOCUMENT_BYTES_MAX - crate::limits::ENVELOPE_BYTES_MAX - sealed;
    if size > limit {
        return Err(Error::TooLarge { subject: subject(), actual: size, limit });
    }
    Ok(document)
}
