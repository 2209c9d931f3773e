//! A query and the ways to run it.

use std::fmt;
use std::sync::Arc;

use futures::stream::{BoxStream, StreamExt};

use crate::database::Database;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::load;
use crate::model::Model;
use crate::predicate::Predicate;
use crate::query::{Filter, Sort};
use crate::schema::LIVE;
use crate::store::{DocumentQuery, Explanation, SortKey};

/// Which instances, in which order. Made by [`Model::find`] and [`Model::all`].
///
/// Soft-deleted instances are hidden unless asked for. Staged writes of a unit of work are not seen.
#[must_use = "a query does nothing until it runs"]
pub struct Query<M> {
    filter: Filter<M>,
    pub(super) sort: Vec<SortKey>,
    skip: u64,
    limit: Option<u64>,
    deleted: Deleted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deleted {
    Hidden,
    Too,
    Only,
}

impl<M> Clone for Query<M> {
    fn clone(&self) -> Self {
        Self {
            filter: self.filter.clone(),
            sort: self.sort.clone(),
            skip: self.skip,
            limit: self.limit,
            deleted: self.deleted,
        }
    }
}

impl<M> fmt::Debug for Query<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("filter", &self.filter).field("sort", &self.sort).finish_non_exhaustive()
    }
}

impl<M: Model> Query<M> {
    pub(crate) fn new(filter: Filter<M>) -> Self {
        Self { filter, sort: Vec::new(), skip: 0, limit: None, deleted: Deleted::Hidden }
    }

    /// Sorts; a second call sorts what is equal in the first. What is equal in all is sorted by id, so that every
    /// order is total and the same on all stores.
    pub fn sort(mut self, sort: Sort<M>) -> Self {
        self.sort.push(sort.key);
        self
    }

    /// At most so many.
    pub fn limit(mut self, instances: u64) -> Self {
        self.limit = Some(instances);
        self
    }

    /// Passes over so many. Pages that are far in cost what they pass over: see [`Query::page`].
    pub fn skip(mut self, instances: u64) -> Self {
        self.skip = instances;
        self
    }

    /// Soft-deleted instances too.
    pub fn with_deleted(mut self) -> Self {
        self.deleted = Deleted::Too;
        self
    }

    /// Soft-deleted instances only.
    pub fn only_deleted(mut self) -> Self {
        self.deleted = Deleted::Only;
        self
    }

    /// The whole condition, soft delete included.
    pub(super) fn predicate(&self) -> Predicate {
        let predicate = self.filter.clone().into_predicate();
        match (M::SCHEMA.soft_delete, self.deleted) {
            (true, Deleted::Hidden) => predicate.and(Predicate::eq(LIVE, true)),
            (true, Deleted::Only) => predicate.and(Predicate::eq(LIVE, false)),
            (false, Deleted::Only) => Predicate::Any(Vec::new()),
            (_, Deleted::Too) | (false, Deleted::Hidden) => predicate,
        }
    }

    pub(super) fn request(&self) -> DocumentQuery {
        let mut sort = self.sort.clone();
        let cut = self.skip > 0 || self.limit.is_some();
        if (cut || !sort.is_empty()) && !sort.iter().any(|key| key.path == "_id") {
            let descending = sort.last().is_some_and(|key| key.descending);
            sort.push(SortKey { path: "_id".to_owned(), descending });
        }
        let mut request = DocumentQuery::new(M::SCHEMA.collection, self.predicate());
        (request.sort, request.skip, request.limit) = (sort, self.skip, self.limit);
        request
    }

    /// All of them in memory.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`], [`Error::Decode`]; what the store answers.
    pub async fn all(self, db: &Database) -> Result<Vec<Entity<M>>> {
        let plan = db.plan::<M>()?;
        let mut documents = db.store().find_stored(self.request()).await?;
        let mut entities = Vec::new();
        while let Some(document) = documents.next().await {
            entities.push(load::stored(db, &plan, document?).await?);
        }
        Ok(entities)
    }

    /// One after the other, without holding all of them.
    ///
    /// # Errors
    /// As [`Query::all`], for the query at once and for each instance in the stream.
    pub async fn stream(self, db: &Database) -> Result<BoxStream<'static, Result<Entity<M>>>> {
        let plan = db.plan::<M>()?;
        let documents = db.store().find_stored(self.request()).await?;
        let db = db.clone();
        let load = move |document: Result<_>| {
            let (db, plan) = (db.clone(), Arc::clone(&plan));
            async move { load::stored(&db, &plan, document?).await }
        };
        Ok(documents.then(load).boxed())
    }

    /// The first of them; by id, where no order is given.
    ///
    /// # Errors
    /// As [`Query::all`].
    pub async fn first(self, db: &Database) -> Result<Option<Entity<M>>> {
        Ok(self.limit(1).all(db).await?.pop())
    }

    /// How the store answers this query: which indexes it uses, and what it tests document by document. No document is
    /// read.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`]; what the store answers.
    pub async fn explain(self, db: &Database) -> Result<Explanation> {
        db.plan::<M>()?;
        db.store().explain(&self.request()).await
    }

    /// How many there are; limit and skip count too.
    ///
    /// # Errors
    /// As [`Query::all`].
    pub async fn count(self, db: &Database) -> Result<u64> {
        db.plan::<M>()?;
        let all = db.store().count(M::SCHEMA.collection, &self.predicate()).await?;
        let rest = all.saturating_sub(self.skip);
        Ok(self.limit.map_or(rest, |limit| rest.min(limit)))
    }

    /// Whether there is one.
    ///
    /// # Errors
    /// As [`Query::all`].
    pub async fn exists(mut self, db: &Database) -> Result<bool> {
        db.plan::<M>()?;
        if self.limit == Some(0) {
            return Ok(false);
        }
        self.limit = Some(1);
        let mut request = self.request();
        request.projection = Some(Vec::new());
        Ok(db.store().find(request).await?.next().await.transpose()?.is_some())
    }

    /// Refuses an order or a cut where it would have no effect.
    pub(super) fn refuse_cut(&self, what: &str) -> Result<()> {
        if self.skip > 0 || self.limit.is_some() || !self.sort.is_empty() {
            let reason = format!("{what} works on all that match: leave out sort, skip and limit");
            return Err(Error::InvalidQuery { path: M::SCHEMA.collection.to_owned(), reason });
        }
        Ok(())
    }

    pub(super) fn narrowed(mut self, more: Filter<M>) -> Self {
        self.filter = self.filter & more;
        self
    }
}
