//! What a store must know of a model: its collection, its fields as stored, its indexes.

mod info;
#[cfg(test)]
mod tests;

pub use info::ModelInfo;

use crate::error::DecodeError;
use crate::shape::Shape;

/// The state document's version: the version of the last event in its stream.
pub const VERSION: &str = "_v";
/// The state document's schema version.
pub const SCHEMA_VERSION: &str = "_s";
/// When the last event of the document's stream was recorded.
pub const RECORDED_AT: &str = "_t";
/// On soft-deleting models: `true` while the instance lives, `false` once it is deleted.
pub const LIVE: &str = "_live";
/// Written by a [`crate::commit::Check`], so that a version which is only read is a real write on its document.
pub const CHECKED_BY: &str = "_check";

/// Whether a top-level field of a state document belongs to the library and not to the model.
#[must_use]
pub fn is_internal(field: &str) -> bool {
    field.starts_with('_') && field != "_id"
}

/// How a model's state comes from its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// The library records what changed.
    Tracked,
    /// Only the model's own events change it.
    Sourced,
}

/// Everything that `#[model]` knows of a struct.
#[derive(Debug)]
#[non_exhaustive]
pub struct ModelSchema {
    /// The category of its streams and the first word of its event types: `user`.
    pub name: &'static str,
    /// The collection of its state documents.
    pub collection: &'static str,
    /// The version of its shape, 1 or more.
    pub version: u32,
    /// Tracked or sourced.
    pub kind: ModelKind,
    /// Whether a delete keeps the document.
    pub soft_delete: bool,
    /// Its fields, the id first.
    pub fields: &'static [FieldSchema],
    /// Its indexes, unique ones included.
    pub indexes: &'static [IndexSchema],
    /// The paths of its personal fields: see [`crate::personal`].
    pub personal: &'static [&'static str],
    /// The path of the field that names the subject of its personal data: the id, unless another is marked.
    pub subject: &'static str,
    /// Where it is written: `module::path::User`.
    pub rust_path: &'static str,
}

impl ModelSchema {
    /// Puts a schema together; for generated code and hand-written models.
    #[must_use]
    pub const fn new(name: &'static str, collection: &'static str, rust_path: &'static str) -> Self {
        Self {
            name,
            collection,
            version: 1,
            kind: ModelKind::Tracked,
            soft_delete: false,
            fields: &[],
            indexes: &[],
            personal: &[],
            subject: "_id",
            rust_path,
        }
    }

    /// Sets the version of the shape.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Makes the model sourced.
    #[must_use]
    pub const fn sourced(mut self) -> Self {
        self.kind = ModelKind::Sourced;
        self
    }

    /// Keeps the documents of deleted instances.
    #[must_use]
    pub const fn soft_delete(mut self) -> Self {
        self.soft_delete = true;
        self
    }

    /// Sets the fields, the id first.
    #[must_use]
    pub const fn fields(mut self, fields: &'static [FieldSchema]) -> Self {
        self.fields = fields;
        self
    }

    /// Sets the indexes.
    #[must_use]
    pub const fn indexes(mut self, indexes: &'static [IndexSchema]) -> Self {
        self.indexes = indexes;
        self
    }

    /// Sets the paths of the personal fields.
    #[must_use]
    pub const fn personal(mut self, paths: &'static [&'static str]) -> Self {
        self.personal = paths;
        self
    }

    /// Sets the path of the field that names the subject of the personal data.
    #[must_use]
    pub const fn subject(mut self, path: &'static str) -> Self {
        self.subject = path;
        self
    }
}

impl ModelSchema {
    /// The error of a value that was read, which shows nothing of personal data.
    pub(crate) fn veil(&self, error: DecodeError) -> DecodeError {
        let inside = |personal: &&&str| {
            error.path.strip_prefix(**personal).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        match self.personal.iter().find(inside) {
            Some(path) => error.veiled().at(path),
            None => error,
        }
    }
}

/// One stored field.
#[derive(Debug, Clone, Copy)]
pub struct FieldSchema {
    /// Its name in Rust.
    pub name: &'static str,
    /// Its name in the document; the id's is `_id`.
    pub path: &'static str,
    /// What is stored.
    pub kind: StoredKind,
    /// Whether null is a value of it.
    pub optional: bool,
    /// What is stored, down to the last field: see [`crate::shape`].
    pub shape: fn() -> Shape,
    /// Whether a missing one has a value that the struct gives.
    pub default: bool,
}

/// An index on a model's collection.
#[derive(Debug, Clone, Copy)]
pub struct IndexSchema {
    /// Its parts, in order.
    pub keys: &'static [IndexKey],
    /// Whether two live documents may not agree on all parts. A document in which a part is null or missing is free
    /// of the rule.
    pub unique: bool,
}

/// One part of an index.
#[derive(Debug, Clone, Copy)]
pub struct IndexKey {
    /// The dotted path of the field in the document.
    pub path: &'static str,
    /// Whether it is sorted downwards.
    pub descending: bool,
    /// What is stored there.
    pub kind: StoredKind,
    /// Whether null is a value of it.
    pub optional: bool,
}

/// The BSON type that a field has in documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoredKind {
    /// UTF-8 text.
    String,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// 64-bit float.
    Double,
    /// Decimal128.
    Decimal,
    /// Boolean.
    Bool,
    /// Date, whole milliseconds.
    Date,
    /// Binary subtype 4.
    Uuid,
    /// Bytes, binary subtype 0.
    Binary,
    /// ObjectId.
    ObjectId,
    /// A nested document.
    Document,
    /// An array.
    Array,
    /// Whatever serde makes of it.
    Any,
}

impl StoredKind {
    /// The lowest value that a comparison reaches within this type's bracket, where one exists. An index over values
    /// that are present is partial on `path >= floor`.
    #[must_use]
    pub fn floor(self) -> Option<bson::Bson> {
        use bson::Bson;
        Some(match self {
            Self::String => Bson::String(String::new()),
            Self::Int32 | Self::Int64 | Self::Double | Self::Decimal => Bson::Double(f64::NEG_INFINITY),
            Self::Bool => Bson::Boolean(false),
            Self::Date => Bson::DateTime(bson::DateTime::MIN),
            Self::Uuid | Self::Binary => {
                Bson::Binary(bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: Vec::new() })
            }
            Self::ObjectId => Bson::ObjectId(bson::oid::ObjectId::from_bytes([0; 12])),
            Self::Document | Self::Array | Self::Any => return None,
        })
    }
}

/// What a store prepares for one model.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectionSpec {
    /// The collection's name.
    pub name: String,
    /// Its indexes.
    pub indexes: Vec<IndexSpec>,
}

/// An index as a store builds it.
#[derive(Debug, Clone, PartialEq)]
pub struct IndexSpec {
    /// Dotted paths with their direction (`true` = descending), in order.
    pub keys: Vec<(String, bool)>,
    /// Whether two covered documents may not agree on all keys.
    pub unique: bool,
    /// Only for unique indexes: documents are covered only where each of these paths holds a value at or above the
    /// given floor (that is: not null, not missing).
    pub present: Vec<(String, bson::Bson)>,
    /// Only for unique indexes: only documents whose `_live` is true are covered.
    pub live_only: bool,
}

impl IndexSpec {
    /// The fields' names joined by `, `, as errors show them.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.keys.iter().map(|(path, _)| path.clone()).collect()
    }
}

impl CollectionSpec {
    /// What a store prepares for `schema`. Plain indexes end with `_id`, so that sorting by them is total.
    #[must_use]
    pub fn of(schema: &ModelSchema) -> Self {
        let indexes = schema
            .indexes
            .iter()
            .map(|index| {
                let mut keys: Vec<_> = index.keys.iter().map(|key| (key.path.to_owned(), key.descending)).collect();
                if !index.unique {
                    let last = keys.last().is_some_and(|key| key.1);
                    keys.push(("_id".to_owned(), last));
                }
                IndexSpec {
                    keys,
                    unique: index.unique,
                    present: index
                        .keys
                        .iter()
                        .filter(|key| index.unique && key.optional)
                        .filter_map(|key| Some((key.path.to_owned(), key.kind.floor()?)))
                        .collect(),
                    live_only: index.unique && schema.soft_delete,
                }
            })
            .collect();
        Self { name: schema.collection.to_owned(), indexes }
    }
}
