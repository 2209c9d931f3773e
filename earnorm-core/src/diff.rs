//! What changed between two documents, path by path.

use bson::{Bson, Document};

use crate::limits::MAX_DEPTH;
use crate::query::Field;

/// One changed path.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Change {
    /// The dotted path.
    pub path: String,
    /// The value before; `None` where the field was missing.
    pub old: Option<Bson>,
    /// The value now; `None` where the field is gone.
    pub new: Option<Bson>,
}

/// Every path that differs between two states. Lists are one value; documents are compared field by field, whatever the
/// order of their keys.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Changes {
    changes: Vec<Change>,
}

impl Changes {
    /// What leads from `old` to `new`.
    #[must_use]
    pub fn between(old: &Document, new: &Document) -> Self {
        let mut changes = Vec::new();
        diff(old, new, "", &mut changes);
        Self { changes }
    }

    /// These changes.
    pub(crate) fn of(changes: Vec<Change>) -> Self {
        Self { changes }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many paths differ.
    #[must_use]
    pub fn len(&self) -> usize {
        self.changes.len()
    }

    /// The changed paths, in the order of the documents' fields.
    pub fn iter(&self) -> std::slice::Iter<'_, Change> {
        self.changes.iter()
    }

    /// The dotted paths that differ.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.changes.iter().map(|change| change.path.clone()).collect()
    }

    /// Whether a field, or something below it, differs.
    #[must_use]
    pub fn touch<M, T>(&self, field: &Field<M, T>) -> bool {
        let path = field.path();
        self.changes
            .iter()
            .any(|change| change.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    }

    /// The form in which an `updated` event records them.
    #[must_use]
    pub fn to_data(&self) -> Document {
        let list = self.changes.iter().map(|change| {
            let mut entry = Document::new();
            entry.insert("path", change.path.as_str());
            if let Some(new) = &change.new {
                entry.insert("new", new.clone());
            }
            if let Some(old) = &change.old {
                entry.insert("old", old.clone());
            }
            Bson::Document(entry)
        });
        let mut data = Document::new();
        data.insert("changes", list.collect::<Vec<_>>());
        data
    }

    /// Reads what an `updated` event recorded.
    ///
    /// # Errors
    /// What is wrong with the data.
    pub fn from_data(data: &Document) -> Result<Self, String> {
        let Some(Bson::Array(list)) = data.get("changes") else {
            return Err("`changes` is missing or not a list".to_owned());
        };
        let changes = list
            .iter()
            .map(|entry| {
                let entry = entry.as_document().ok_or("an entry of `changes` is not a document")?;
                let path = entry.get_str("path").map_err(|_| "an entry of `changes` has no path")?;
                // Paths are followed name by name, and no document has more levels.
                if path.split('.').count() > MAX_DEPTH {
                    return Err("a path of `changes` has more names than documents have levels");
                }
                Ok(Change { path: path.to_owned(), old: entry.get("old").cloned(), new: entry.get("new").cloned() })
            })
            .collect::<Result<_, &str>>()?;
        Ok(Self { changes })
    }

    /// Makes the changes on a document.
    pub fn apply_to(&self, document: &mut Document) {
        for change in &self.changes {
            match &change.new {
                Some(value) => set_path(document, &change.path, value.clone()),
                None => unset_path(document, &change.path),
            }
        }
    }

    pub(crate) fn into_patch(self) -> (Vec<(String, Bson)>, Vec<String>) {
        let (mut set, mut unset) = (Vec::with_capacity(self.changes.len()), Vec::new());
        for change in self.changes {
            match change.new {
                Some(value) => set.push((change.path, value)),
                None => unset.push(change.path),
            }
        }
        (set, unset)
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = &'a Change;
    type IntoIter = std::slice::Iter<'a, Change>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn diff(old: &Document, new: &Document, prefix: &str, changes: &mut Vec<Change>) {
    let join = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    for (key, value) in new {
        match (old.get(key), value) {
            (Some(Bson::Document(before)), Bson::Document(after)) => diff(before, after, &join(key), changes),
            (Some(before), after) if same(before, after) => {}
            (before, after) => {
                changes.push(Change { path: join(key), old: before.cloned(), new: Some(after.clone()) });
            }
        }
    }
    for (key, value) in old {
        if !new.contains_key(key) {
            changes.push(Change { path: join(key), old: Some(value.clone()), new: None });
        }
    }
}

/// Whether two values are the same state: key order aside, and NaN is itself.
pub(crate) fn same(left: &Bson, right: &Bson) -> bool {
    match (left, right) {
        (Bson::Document(left), Bson::Document(right)) => same_document(left, right),
        (Bson::Array(left), Bson::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Bson::Double(left), Bson::Double(right)) => {
            left.to_bits() == right.to_bits() || (left.is_nan() && right.is_nan())
        }
        (left, right) => left == right,
    }
}

pub(crate) fn same_document(left: &Document, right: &Document) -> bool {
    left.len() == right.len() && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same(value, other)))
}

/// Sets the value at a dotted path, making documents on the way.
pub fn set_path(document: &mut Document, path: &str, value: Bson) {
    let Some((head, rest)) = path.split_once('.') else {
        document.insert(path, value);
        return;
    };
    if !matches!(document.get(head), Some(Bson::Document(_))) {
        document.insert(head, Document::new());
    }
    if let Some(Bson::Document(inner)) = document.get_mut(head) {
        set_path(inner, rest, value);
    }
}

/// Removes the value at a dotted path, if it is there.
pub fn unset_path(document: &mut Document, path: &str) {
    match path.split_once('.') {
        None => {
            document.remove(path);
        }
        Some((head, rest)) => {
            if let Some(Bson::Document(inner)) = document.get_mut(head) {
                unset_path(inner, rest);
            }
        }
    }
}

#[cfg(test)]
mod tests;
