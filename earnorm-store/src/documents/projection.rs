//! Cutting documents to some dotted paths and `_id`.

use std::collections::BTreeMap;

use bson::{Bson, Document};

/// A tree of names; a leaf keeps everything below it.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    names: BTreeMap<String, Projection>,
}

impl Projection {
    pub(crate) fn new(paths: &[String]) -> Self {
        let mut root = Self::default();
        root.names.insert("_id".to_owned(), Self::default());
        // The shortest first, so that a path below one that is kept whole adds nothing.
        let mut paths: Vec<&String> = paths.iter().collect();
        paths.sort_by_key(|path| path.len());
        for path in paths {
            root.add(path);
        }
        root
    }

    fn add(&mut self, path: &str) {
        let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
        match (self.names.get_mut(name), rest) {
            (Some(inner), Some(rest)) if !inner.names.is_empty() => inner.add(rest),
            (Some(_), _) => {}
            (None, rest) => {
                let mut inner = Self::default();
                if let Some(rest) = rest {
                    inner.add(rest);
                }
                self.names.insert(name.to_owned(), inner);
            }
        }
    }

    /// What is kept, in the document's own order.
    pub(crate) fn apply(&self, document: &Document) -> Document {
        let kept = |(name, value): (&String, &Bson)| Some((name.clone(), self.names.get(name)?.keep(value)?));
        document.iter().filter_map(kept).collect()
    }

    fn keep(&self, value: &Bson) -> Option<Bson> {
        if self.names.is_empty() {
            return Some(value.clone());
        }
        match value {
            Bson::Document(inner) => Some(Bson::Document(self.apply(inner))),
            Bson::Array(items) => Some(Bson::Array(items.iter().filter_map(|item| self.keep(item)).collect())),
            // Paths go below it, and there is nothing below it.
            _ => None,
        }
    }
}
