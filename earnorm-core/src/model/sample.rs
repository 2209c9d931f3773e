//! A model written by hand, for tests of what needs one: sourced, with one event, which is at its second version.

use std::any::TypeId;

use bson::{Document, doc};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Model, Stamp};
use crate::error::{DecodeError, EncodeError};
use crate::hook::{Applier, ApplyFn, Block, HookRegistration};
use crate::schema::{FieldSchema, ModelSchema, StoredKind};
use crate::shape::Shape;
use crate::upcast::UpcastRegistration;
use crate::validation::ValidationErrors;
use crate::value::{Fields, Value};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) id: i64,
}

/// The one field that every model has.
pub(crate) const ID: FieldSchema = FieldSchema {
    name: "id",
    path: "_id",
    kind: StoredKind::Int64,
    optional: false,
    shape: || Shape::Scalar("i64"),
    default: false,
};

impl Model for Sample {
    type Id = i64;
    const SCHEMA: &'static ModelSchema =
        &ModelSchema::new("sample", "samples", "earnorm_core::Sample").sourced().fields(&[ID]);

    fn id(&self) -> &i64 {
        &self.id
    }

    fn encode(&self) -> Result<Document, EncodeError> {
        Ok(doc! { "_id": self.id })
    }

    fn decode_fields(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        let id = fields.get("_id")?.ok_or_else(DecodeError::missing)?;
        Ok(Self { id: i64::decode(&id)? })
    }

    fn check(&self, _errors: &mut ValidationErrors) {}

    fn stamp(&mut self, _stamp: Stamp, _now: DateTime<Utc>) {}
}

static BLOCK: Block<Sample> = Block {
    hooks: &[],
    appliers: &[Applier {
        event: "opened",
        version: 2,
        fields: &[],
        type_id: TypeId::of::<()>,
        run: ApplyFn::Step(|_, _| Ok(())),
    }],
};

// As generated code does, but for the model itself: it is named by those who need it.
inventory::submit! { HookRegistration::of::<Sample>(&BLOCK, Vec::new) }
inventory::submit! { UpcastRegistration::of_event("sample.opened", 1, |_| Ok(())) }
