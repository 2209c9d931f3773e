//! The rows of a projection as its folds see them: read when they are asked for, changed in memory, written together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use bson::{Bson, Document};
use earnorm_core::commit::{DocumentOp, DocumentWrite};
use earnorm_core::database::Database;
use earnorm_core::error::EncodeError;
use earnorm_core::schema::VERSION;
use earnorm_core::value::{decode_serde, encode_serde};
use earnorm_core::{Error, Result};

use super::RowData;

/// How many rows are kept in memory between commits.
const KEPT_MAX: usize = 4_096;
/// How long a key may be, in bytes.
const KEY_BYTES_MAX: usize = 512;

/// The rows of a projection, by their keys. A key is a text: whatever displays as one, such as an id.
pub struct View<T> {
    db: Database,
    collection: String,
    live: bool,
    rows: BTreeMap<String, Slot<T>>,
    /// The rows that the event at work has changed.
    touched: BTreeSet<String>,
}

/// One row in memory.
struct Slot<T> {
    /// The version that is stored, if there is one.
    stored: Option<u64>,
    value: Option<T>,
    changed: bool,
    /// What it was before the event at work: the value, and whether it had changed.
    before: Option<(Option<T>, bool)>,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { stored: None, value: None, changed: false, before: None }
    }
}

impl<T: RowData> View<T> {
    pub(super) fn new(db: Database, collection: String) -> Self {
        Self { db, collection, live: false, rows: BTreeMap::new(), touched: BTreeSet::new() }
    }

    /// The row of a key, to change; a row that is new is `T::default()`. It is there afterwards, changed or not.
    ///
    /// # Errors
    /// What the store answers; [`Error::Decode`] names a stored row that is no `T`: raise the projection's version when
    /// its rows change their shape.
    pub async fn row(&mut self, key: impl Display) -> Result<&mut T>
    where
        T: Default,
    {
        Ok(self.slot(checked(key)?).await?.value.get_or_insert_default())
    }

    /// The row of a key, to look at.
    ///
    /// # Errors
    /// As [`View::row`].
    pub async fn get(&mut self, key: impl Display) -> Result<Option<&T>> {
        let key = checked(key)?;
        self.load(&key).await?;
        Ok(self.rows.get(&key).and_then(|slot| slot.value.as_ref()))
    }

    /// The row of a key, to change, where there is one.
    ///
    /// # Errors
    /// As [`View::row`].
    pub async fn get_mut(&mut self, key: impl Display) -> Result<Option<&mut T>> {
        let key = checked(key)?;
        self.load(&key).await?;
        if self.rows.get(&key).is_none_or(|slot| slot.value.is_none()) {
            return Ok(None);
        }
        Ok(self.slot(key).await?.value.as_mut())
    }

    /// Puts a row in place of the one of this key, if any.
    ///
    /// # Errors
    /// As [`View::row`].
    pub async fn put(&mut self, key: impl Display, row: T) -> Result<()> {
        self.slot(checked(key)?).await?.value = Some(row);
        Ok(())
    }

    /// Takes the row of a key away, and answers it.
    ///
    /// # Errors
    /// As [`View::row`].
    pub async fn remove(&mut self, key: impl Display) -> Result<Option<T>> {
        Ok(self.slot(checked(key)?).await?.value.take())
    }

    /// Whether the projection has caught up with the log since its build began: `false` while it folds what happened
    /// before.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }

    pub(super) fn database(&self) -> &Database {
        &self.db
    }

    pub(super) fn set_live(&mut self, live: bool) {
        self.live = live;
    }

    async fn load(&mut self, key: &str) -> Result<()> {
        if self.rows.contains_key(key) {
            return Ok(());
        }
        let found = self.db.store().get(&self.collection, &Bson::from(key)).await?;
        let stored = found.as_ref().map(version);
        let value = found.map(|document| decode(document, &self.collection)).transpose()?;
        self.rows.insert(key.to_owned(), Slot { stored, value, changed: false, before: None });
        Ok(())
    }

    /// The row of a key, noted as changed by the event at work.
    async fn slot(&mut self, key: String) -> Result<&mut Slot<T>> {
        self.load(&key).await?;
        let slot = self.rows.entry(key.clone()).or_default();
        if slot.before.is_none() {
            slot.before = Some((slot.value.clone(), slot.changed));
            self.touched.insert(key);
        }
        slot.changed = true;
        Ok(slot)
    }

    pub(super) fn keep(&mut self) {
        for key in std::mem::take(&mut self.touched) {
            if let Some(slot) = self.rows.get_mut(&key) {
                slot.before = None;
            }
        }
    }

    pub(super) fn undo(&mut self) {
        for key in std::mem::take(&mut self.touched) {
            if let Some(slot) = self.rows.get_mut(&key)
                && let Some((value, changed)) = slot.before.take()
            {
                (slot.value, slot.changed) = (value, changed);
            }
        }
    }

    pub(super) fn changed(&self) -> usize {
        self.rows.values().filter(|slot| slot.changed).count()
    }

    pub(super) fn writes(&self) -> Result<Vec<DocumentWrite>> {
        let changed = self.rows.iter().filter(|(_, slot)| slot.changed);
        let writes = changed.filter_map(|(key, slot)| {
            let document = |value: &T, version| encode(key, version, value, &self.collection);
            let op = match (slot.stored, &slot.value) {
                (None, None) => return None,
                (None, Some(value)) => document(value, 1).map(|document| DocumentOp::Insert { document }),
                (Some(expected), Some(value)) => {
                    document(value, expected + 1).map(|document| DocumentOp::Replace { expected, document })
                }
                (Some(expected), None) => Ok(DocumentOp::Delete { expected }),
            };
            Some(op.map(|op| DocumentWrite { collection: self.collection.clone(), id: key.as_str().into(), op }))
        });
        writes.collect()
    }

    pub(super) fn written(&mut self) {
        for slot in self.rows.values_mut().filter(|slot| slot.changed) {
            slot.stored = slot.value.as_ref().map(|_| slot.stored.map_or(1, |version| version + 1));
            slot.changed = false;
        }
        if self.rows.len() > KEPT_MAX {
            self.rows.clear();
        }
    }

    pub(super) fn forget(&mut self) {
        self.rows.clear();
        self.touched.clear();
    }
}

fn version(document: &Document) -> u64 {
    document.get_i64(VERSION).ok().and_then(|version| u64::try_from(version).ok()).unwrap_or(0)
}

/// The text of a key.
pub(super) fn checked(key: impl Display) -> Result<String> {
    let key = key.to_string();
    if key.is_empty() || key.len() > KEY_BYTES_MAX || key.contains('\0') {
        let hint = "a row's key has 1 to 512 bytes without NUL";
        return Err(Error::InvalidName { what: "key of a row", name: key, hint });
    }
    Ok(key)
}

pub(super) fn decode<T: RowData>(mut document: Document, collection: &str) -> Result<T> {
    let id = document.remove("_id").unwrap_or(Bson::Null);
    document.remove(VERSION);
    let subject = || format!("the row {id} of {collection}");
    decode_serde(&Bson::Document(document)).map_err(|source| Error::Decode { subject: subject(), source })
}

fn encode<T: RowData>(key: &str, version: u64, value: &T, collection: &str) -> Result<Document> {
    let failed = |source| Error::Encode { subject: format!("the row `{key}` of {collection}"), source };
    let fields = match encode_serde(value).map_err(failed)? {
        Bson::Document(fields) => fields,
        other => {
            let reason = format!("a row is a document with fields, not {:?}", other.element_type());
            return Err(failed(EncodeError::new(reason)));
        }
    };
    let mut document = Document::new();
    document.insert("_id", key);
    document.insert(VERSION, i64::try_from(version).unwrap_or(i64::MAX));
    for (name, value) in fields {
        if name == "_id" || name == VERSION {
            return Err(failed(EncodeError::new(format!("`{name}` is the library's own: rename the field"))));
        }
        document.insert(name, value);
    }
    Ok(document)
}

impl<T> fmt::Debug for View<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").field("collection", &self.collection).field("live", &self.live).finish_non_exhaustive()
    }
}
