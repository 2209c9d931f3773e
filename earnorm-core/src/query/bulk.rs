//! Bulk updates and deletes: every instance is loaded, runs its hooks, and leaves an event. There is no quiet way.

use futures::StreamExt;

use crate::database::Database;
use crate::entity::Entity;
use crate::error::{Error, Result};
use crate::load;
use crate::model::Model;
use crate::query::{Filter, Query};
use crate::save;
use crate::store::SortKey;
use crate::unit::{Buffer, Scope};

/// How many instances are read, and committed together, at once.
const BATCH: u64 = 100;

/// What became of the instances that matched.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct BulkReport {
    /// How many matched.
    pub matched: u64,
    /// How many were written.
    pub written: u64,
    /// How many were not changed, and so not written.
    pub unchanged: u64,
    /// How many a rule or a hook refused.
    pub vetoed: u64,
    /// How many someone else changed at the same time.
    pub conflicted: u64,
    /// How many failed otherwise, such as by a unique value that is taken.
    pub failed: u64,
    /// The instances that were not written and why.
    pub failures: Vec<BulkFailure>,
}

/// One instance that was not written.
#[derive(Debug)]
#[non_exhaustive]
pub struct BulkFailure {
    /// Its id.
    pub id: String,
    /// Why.
    pub error: Error,
}

impl BulkReport {
    fn fail(&mut self, id: String, error: Error) {
        match &error {
            Error::Conflict(_) | Error::NotFound { .. } | Error::AlreadyExists { .. } => self.conflicted += 1,
            Error::Veto(_) | Error::Validation { .. } => self.vetoed += 1,
            _ => self.failed += 1,
        }
        self.failures.push(BulkFailure { id, error });
    }
}

impl<M: Model> Query<M> {
    /// Changes every instance that matches, in the order of their ids and in batches of 100. Each batch is one commit;
    /// when one of its instances is refused, the others are committed one by one. An instance that begins to match
    /// behind the reading is not seen.
    ///
    /// # Errors
    /// What the store answers to reads, or to a commit whose outcome is not known; single refusals are in the report.
    /// Batches that are written stay written. Sort, skip and limit are refused.
    pub async fn update<F>(self, db: &Database, mut change: F) -> Result<BulkReport>
    where
        F: FnMut(&mut Entity<M>) -> Result<()> + Send,
    {
        self.refuse_cut("a bulk update")?;
        let mut report = BulkReport::default();
        let mut batches = Batches::new(self);
        while let Some(batch) = batches.next(db).await? {
            let mut writes = Vec::new();
            for mut entity in batch {
                report.matched += 1;
                let id = entity.model.id().to_string();
                let scope = Scope::root(db.clone());
                let outcome = match change(&mut entity) {
                    Ok(()) => save::stage_save(&mut entity, &scope).await.map(|_| scope.drain()),
                    Err(error) => Err(error),
                };
                collect(&mut report, &mut writes, id, outcome);
            }
            commit_batch(db, &mut report, writes).await?;
        }
        Ok(report)
    }

    /// Deletes every instance that matches, as [`Query::update`] changes them.
    ///
    /// # Errors
    /// As [`Query::update`].
    pub async fn delete(self, db: &Database) -> Result<BulkReport> {
        self.refuse_cut("a bulk delete")?;
        let mut report = BulkReport::default();
        let mut batches = Batches::new(self);
        while let Some(batch) = batches.next(db).await? {
            let mut writes = Vec::new();
            for entity in batch {
                report.matched += 1;
                let id = entity.model.id().to_string();
                let scope = Scope::root(db.clone());
                let outcome = save::stage_delete(&entity, &scope, false).await.map(|()| scope.drain());
                collect(&mut report, &mut writes, id, outcome);
            }
            commit_batch(db, &mut report, writes).await?;
        }
        Ok(report)
    }
}

/// Matching instances by id, so that what a batch changes does not move the reading.
struct Batches<M> {
    query: Query<M>,
    after: Option<bson::Bson>,
    done: bool,
}

impl<M: Model> Batches<M> {
    fn new(query: Query<M>) -> Self {
        Self { query, after: None, done: false }
    }

    async fn next(&mut self, db: &Database) -> Result<Option<Vec<Entity<M>>>> {
        if self.done {
            return Ok(None);
        }
        let plan = db.plan::<M>()?;
        let mut query = self.query.clone().limit(BATCH);
        query.sort = vec![SortKey { path: "_id".to_owned(), descending: false }];
        if let Some(after) = self.after.take() {
            let op = crate::predicate::Comparison::Gt;
            query = query.narrowed(Filter::new(crate::predicate::Predicate::Compare {
                path: "_id".to_owned(),
                op,
                value: after,
            }));
        }
        let mut documents = db.store().find(query.request()).await?;
        let mut batch = Vec::new();
        while let Some(document) = documents.next().await {
            let document = document?;
            self.after = document.get("_id").cloned();
            batch.push(load::entity(db, &plan, document).await?);
        }
        self.done = (batch.len() as u64) < BATCH;
        Ok(Some(batch).filter(|batch| !batch.is_empty()))
    }
}

fn collect(report: &mut BulkReport, writes: &mut Vec<(String, Buffer)>, id: String, outcome: Result<Buffer>) {
    match outcome {
        Ok(buffer) if buffer.writes.is_empty() => report.unchanged += 1,
        Ok(buffer) => writes.push((id, buffer)),
        Err(error) => report.fail(id, error),
    }
}

/// One commit for all, and one each when one of them is refused.
async fn commit_batch(db: &Database, report: &mut BulkReport, writes: Vec<(String, Buffer)>) -> Result<()> {
    if writes.is_empty() {
        return Ok(());
    }
    let count = writes.len() as u64;
    let copies: Vec<_> = writes.iter().map(|(id, buffer)| (id.clone(), buffer.copy())).collect();
    let mut together = Buffer::default();
    for (_, buffer) in writes {
        together.absorb(buffer);
    }
    match save::commit(db, together).await {
        Ok(_) => {
            report.written += count;
            return Ok(());
        }
        Err(error) if error.was_applied() != crate::error::Applied::No => return Err(error),
        Err(error) if copies.len() == 1 => {
            let (id, _) = copies.into_iter().next().unwrap_or_default();
            report.fail(id, error);
            return Ok(());
        }
        Err(_) => {}
    }
    for (id, buffer) in copies {
        match save::commit(db, buffer).await {
            Ok(_) => report.written += 1,
            Err(error) if error.was_applied() != crate::error::Applied::No => return Err(error),
            Err(error) => report.fail(id, error),
        }
    }
    Ok(())
}
