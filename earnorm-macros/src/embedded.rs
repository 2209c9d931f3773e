//! `#[model(embedded)]` on structs and enums: parse → model → check → expand.

mod enums;
mod structs;
mod variant;

pub(crate) use enums::expand as expand_enum;
pub(crate) use structs::expand as expand_struct;

use crate::errors::Errors;
use crate::keys::ModelKeys;

/// Keys that only a model has.
fn only_models(keys: &ModelKeys, errors: &mut Errors) {
    for key in &keys.given {
        if ["collection", "name", "version", "sourced", "soft_delete", "index", "unique"].iter().any(|name| key == name)
        {
            errors.add(key, format!("`{key}` belongs to a model: an embedded type lives in the documents of others"));
        }
    }
}
