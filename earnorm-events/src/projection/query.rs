//! Queries over the rows of a projection.

use std::fmt;

use bson::Document;
use earnorm_core::predicate::Predicate;
use earnorm_core::query::{Filter, Sort};
use earnorm_core::store::{DocumentQuery, SortKey};
use earnorm_core::{Error, Result};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use super::RowData;
use super::rows::{ProjectionRows, ROUNDS_MAX, ReadVersion, Row};
use super::view::decode;

/// Which rows, in which order. Made by [`ProjectionRows::find`] and [`ProjectionRows::all`].
#[must_use = "a query does nothing until it runs"]
pub struct RowQuery<T> {
    rows: ProjectionRows<T>,
    predicate: Predicate,
    sort: Vec<SortKey>,
    skip: u64,
    limit: Option<u64>,
}

impl<T: RowData> RowQuery<T> {
    pub(super) fn new(rows: ProjectionRows<T>, filter: Filter<T>) -> Self {
        Self { rows, predicate: filter.into_predicate(), sort: Vec::new(), skip: 0, limit: None }
    }

    /// Sorts; a second call sorts what is equal in the first. What is equal in all is sorted by key.
    pub fn sort(mut self, sort: Sort<T>) -> Self {
        self.sort.push(sort.into_key());
        self
    }

    /// At most so many.
    pub fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Passes over so many.
    pub fn skip(mut self, rows: u64) -> Self {
        self.skip = rows;
        self
    }

    fn request(&self, read: &ReadVersion) -> DocumentQuery {
        let mut request = DocumentQuery::new(&read.collection, self.predicate.clone());
        (request.sort, request.skip, request.limit) = (self.sort.clone(), self.skip, self.limit);
        request.sort.push(SortKey { path: "_id".to_owned(), descending: false });
        request
    }

    /// All of them in memory.
    ///
    /// # Errors
    /// As [`ProjectionRows::get`]; [`Error::InvalidQuery`] for a filter that has no single meaning.
    pub async fn collect(self) -> Result<Vec<Row<T>>> {
        for _ in 0..ROUNDS_MAX {
            let read = self.rows.reading().await?;
            let found = self.rows.db.store().find(self.request(&read)).await;
            let found = match found {
                Ok(found) => found.try_collect::<Vec<Document>>().await,
                Err(error) => Err(error),
            };
            // A collection that was dropped meanwhile may answer with nothing, or fail.
            if self.rows.still(&read).await? {
                return found?.into_iter().map(|document| row(document, &read.collection)).collect();
            }
        }
        Err(self.rows.restless())
    }

    /// The first of them.
    ///
    /// # Errors
    /// As [`RowQuery::collect`].
    pub async fn first(self) -> Result<Option<Row<T>>> {
        Ok(self.limit(1).collect().await?.pop())
    }

    /// How many there are, whatever `skip` and `limit` say.
    ///
    /// # Errors
    /// As [`RowQuery::collect`].
    pub async fn count(self) -> Result<u64> {
        for _ in 0..ROUNDS_MAX {
            let read = self.rows.reading().await?;
            let count = self.rows.db.store().count(&read.collection, &self.predicate).await;
            if self.rows.still(&read).await? {
                return count;
            }
        }
        Err(self.rows.restless())
    }

    /// One after the other, without holding them in memory. A build that was replaced while it was read makes the last
    /// item an error: read again.
    #[must_use]
    pub fn stream(self) -> BoxStream<'static, Result<Row<T>>> {
        let opened = async move {
            let read = self.rows.reading().await?;
            let documents = self.rows.db.store().find(self.request(&read)).await?;
            let collection = read.collection.clone();
            let rows = documents.map(move |document| row(document?, &collection));
            let end = stream::once(async move {
                let still = self.rows.still(&read).await;
                still.and_then(|still| if still { Ok(()) } else { Err(self.rows.restless()) }).err()
            });
            Ok::<_, Error>(rows.chain(end.filter_map(|error| async move { error.map(Err) })))
        };
        stream::once(opened).try_flatten().boxed()
    }
}

fn row<T: RowData>(document: Document, collection: &str) -> Result<Row<T>> {
    let key = document.get_str("_id").unwrap_or_default().to_owned();
    decode(document, collection).map(|value| Row { key, value })
}

impl<T> fmt::Debug for RowQuery<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RowQuery")
            .field("predicate", &self.predicate)
            .field("sort", &self.sort)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
