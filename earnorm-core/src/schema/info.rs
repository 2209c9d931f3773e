//! What is known of a model without its Rust type: it is kept in the store, so that tools can fold and check a log
//! without the program that wrote it.

use bson::{Bson, Document, doc};

use super::{CollectionSpec, IndexSpec, ModelKind, ModelSchema};

/// A model by its name, as tools know it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The category of its streams.
    pub name: String,
    /// The collection of its state documents.
    pub collection: String,
    /// The version of its shape.
    pub version: u32,
    /// Tracked or sourced.
    pub kind: ModelKind,
    /// Whether a delete keeps the document.
    pub soft_delete: bool,
    /// Its indexes.
    pub indexes: Vec<IndexSpec>,
    /// The paths of its personal fields: see [`crate::personal`].
    pub personal: Vec<String>,
    /// The path of the field that names the subject of its personal data.
    pub subject: String,
    /// Where it is written: `module::path::User`.
    pub rust_path: String,
}

impl ModelInfo {
    /// What a schema says.
    #[must_use]
    pub fn of(schema: &ModelSchema) -> Self {
        Self {
            name: schema.name.to_owned(),
            collection: schema.collection.to_owned(),
            version: schema.version,
            kind: schema.kind,
            soft_delete: schema.soft_delete,
            indexes: CollectionSpec::of(schema).indexes,
            personal: schema.personal.iter().map(|path| (*path).to_owned()).collect(),
            subject: schema.subject.to_owned(),
            rust_path: schema.rust_path.to_owned(),
        }
    }

    /// What a store prepares for it, in a collection of another name for a shadow.
    #[must_use]
    pub fn collection_spec(&self, name: &str) -> CollectionSpec {
        CollectionSpec { name: name.to_owned(), indexes: self.indexes.clone() }
    }

    /// The note that is kept in the store.
    #[must_use]
    pub fn to_document(&self) -> Document {
        let indexes: Vec<_> = self.indexes.iter().map(|index| Bson::Document(index_note(index))).collect();
        doc! {
            "_id": &self.name,
            "collection": &self.collection,
            "version": i64::from(self.version),
            "kind": match self.kind { ModelKind::Tracked => "tracked", ModelKind::Sourced => "sourced" },
            "soft_delete": self.soft_delete,
            "indexes": indexes,
            "personal": self.personal.clone(),
            "subject": &self.subject,
            "rust_path": &self.rust_path,
        }
    }

    /// Reads the note; `None` when it is not one.
    #[must_use]
    pub fn from_document(note: &Document) -> Option<Self> {
        let kind = match note.get_str("kind").ok()? {
            "tracked" => ModelKind::Tracked,
            "sourced" => ModelKind::Sourced,
            _ => return None,
        };
        let indexes = note.get_array("indexes").ok()?;
        // Notes that were written before there was personal data do not name it.
        let personal = note.get_array("personal").map(Vec::as_slice).unwrap_or_default();
        Some(Self {
            name: note.get_str("_id").ok()?.to_owned(),
            collection: note.get_str("collection").ok()?.to_owned(),
            version: u32::try_from(note.get_i64("version").ok()?).ok()?,
            kind,
            soft_delete: note.get_bool("soft_delete").ok()?,
            indexes: indexes.iter().map(|index| read_index(index.as_document()?)).collect::<Option<_>>()?,
            personal: personal.iter().map(|path| Some(path.as_str()?.to_owned())).collect::<Option<_>>()?,
            subject: note.get_str("subject").unwrap_or("_id").to_owned(),
            rust_path: note.get_str("rust_path").ok()?.to_owned(),
        })
    }
}

fn index_note(index: &IndexSpec) -> Document {
    let keys = index.keys.iter().map(|(path, down)| Bson::Document(doc! { "path": path, "descending": *down }));
    let present =
        index.present.iter().map(|(path, floor)| Bson::Document(doc! { "path": path, "floor": floor.clone() }));
    doc! {
        "keys": keys.collect::<Vec<_>>(),
        "unique": index.unique,
        "present": present.collect::<Vec<_>>(),
        "live_only": index.live_only,
    }
}

fn read_index(note: &Document) -> Option<IndexSpec> {
    let key = |key: &Bson| {
        let key = key.as_document()?;
        Some((key.get_str("path").ok()?.to_owned(), key.get_bool("descending").ok()?))
    };
    let present = |part: &Bson| {
        let part = part.as_document()?;
        Some((part.get_str("path").ok()?.to_owned(), part.get("floor")?.clone()))
    };
    Some(IndexSpec {
        keys: note.get_array("keys").ok()?.iter().map(key).collect::<Option<_>>()?,
        unique: note.get_bool("unique").ok()?,
        present: note.get_array("present").ok()?.iter().map(present).collect::<Option<_>>()?,
        live_only: note.get_bool("live_only").ok()?,
    })
}
