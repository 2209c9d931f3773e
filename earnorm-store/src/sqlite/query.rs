//! Reading documents: what SQLite leaves, and which of these match.

use bson::{Bson, Document};
use earnorm_core::predicate::{Matcher, Predicate};
use earnorm_core::store::{AggregateRow, Aggregation, DocumentQuery};
use earnorm_core::{Error, Result};
use rusqlite::{Rows, params_from_iter};

use super::catalog::Collection;
use super::documents::Target;
use super::error::{Done, NAME};
use super::json;
use super::pushdown::{self, Pushed};
use super::tx::Tx;
use crate::documents::sort::sorted;
use crate::upkeep::own_id;

/// The matcher of a predicate, which must be one that can be evaluated here.
pub(super) fn matcher(predicate: &Predicate) -> Result<Matcher<'_>> {
    predicate.matcher().map_err(|error| match error {
        Error::Unsupported { what, .. } => Error::Unsupported { store: NAME, what },
        error => error,
    })
}

/// What of a predicate SQLite answers from the indexes of a collection.
pub(super) fn pushed(collection: &Collection, predicate: &Predicate) -> Pushed {
    pushdown::compile(predicate, &|path| collection.lookups.get(path).cloned())
}

impl Tx<'_> {
    /// Gives `step` the documents that match, one after the other.
    pub(super) fn matching<T>(
        &self,
        collection: &str,
        predicate: &Predicate,
        step: impl FnOnce(&mut dyn Iterator<Item = Document>) -> T,
    ) -> Done<T> {
        let matcher = matcher(predicate)?;
        let Some(collection) = self.collection(collection) else { return Ok(step(&mut std::iter::empty())) };
        let Pushed { sql, params, .. } = pushed(&collection, predicate);
        let sql = format!("SELECT doc FROM {} WHERE {}", collection.table, sql.as_deref().unwrap_or("1"));
        let mut read = self.conn.prepare_cached(&sql)?;
        let mut rows = read.query(params_from_iter(&params))?;
        let mut failure = None;
        let mut documents = std::iter::from_fn(|| {
            let next = next_document(&mut rows);
            next.unwrap_or_else(|failed| {
                failure = Some(failed);
                None
            })
        });
        let answer = step(&mut documents.by_ref().filter(|document| matcher.matches(document)));
        failure.map_or(Ok(answer), Err)
    }

    /// The documents of a query, sorted and cut.
    pub(super) fn sorted(&self, query: &DocumentQuery) -> Done<Vec<Document>> {
        self.matching(&query.collection, &query.predicate, |found| sorted(found, query))
    }

    pub(super) fn count_matching(&self, collection: &str, predicate: &Predicate) -> Done<u64> {
        if *predicate != Predicate::always() {
            return self.matching(collection, predicate, |found| found.count() as u64);
        }
        let Some(found) = self.collection(collection) else { return Ok(0) };
        let mut read = self.conn.prepare_cached(&format!("SELECT count(*) FROM {}", found.table))?;
        Ok(u64::try_from(read.query_row((), |row| row.get::<_, i64>(0))?).unwrap_or(0))
    }

    pub(super) fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Done<Vec<Bson>> {
        self.matching(collection, predicate, |found| earnorm_core::aggregate::distinct(path, found))
    }

    pub(super) fn aggregate(&self, aggregation: &Aggregation) -> Done<Vec<AggregateRow>> {
        let Aggregation { collection, predicate, .. } = aggregation;
        let rows =
            self.matching(collection, predicate, |found| earnorm_core::aggregate::aggregate(aggregation, found))?;
        Ok(rows?)
    }

    /// Takes away the documents that match, and answers how many they were.
    pub(super) fn remove(&self, name: &str, predicate: &Predicate) -> Done<u64> {
        // All of them first: a table is not changed while it is read.
        let found: Vec<_> = self.matching(name, predicate, |found| found.collect())?;
        for document in &found {
            self.erase(&Target::new(name, own_id(name, document)?), document)?;
        }
        Ok(found.len() as u64)
    }
}

fn next_document(rows: &mut Rows<'_>) -> Done<Option<Document>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(json::decode(row.get_ref(0)?.as_str().map_err(rusqlite::Error::from)?)?))
}
