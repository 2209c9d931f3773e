//! Documents that a unique index cannot come over, because two of them agree on it.

use bson::{Bson, Document, doc};
use earnorm_core::Error;
use earnorm_core::error::UniqueViolation;

use super::inner::Inner;
use super::prepare::Wanted;
use crate::names::plain;

impl Inner {
    /// The violation that keeps one of these indexes from being made. The server tells the value and not whose it is.
    pub(super) async fn duplicates(&self, collection: &str, wanted: &[&Wanted]) -> Option<Error> {
        for index in wanted.iter().filter(|index| index.unique) {
            let paths: Vec<_> = index.key.keys().collect();
            let found = self.pipeline(collection, pipeline(&paths, index.filter.as_ref())).await.ok()?;
            if let Some(twice) = found.first() {
                let fields = paths.into_iter().cloned().collect();
                let id = plain(twice.get("id").unwrap_or(&Bson::Null));
                return Some(UniqueViolation::new(collection, id, fields).into());
            }
        }
        None
    }
}

/// One document of those that agree.
fn pipeline(paths: &[&String], filter: Option<&Document>) -> Vec<Document> {
    // To an index what is missing is null.
    let values = paths.iter().map(|path| Bson::Document(doc! { "$ifNull": [format!("${path}"), null] }));
    vec![
        doc! { "$match": filter.cloned().unwrap_or_default() },
        doc! { "$group": { "_id": values.collect::<Vec<_>>(), "count": { "$sum": 1 }, "id": { "$max": "$_id" } } },
        doc! { "$match": { "count": { "$gt": 1 } } },
        doc! { "$limit": 1 },
    ]
}
