//! Bringing stored documents to today's shape.

use bson::{Bson, Document};
use futures::StreamExt;

use super::Replay;
use super::progress::{OnProgress, Progress, Teller};
use crate::error::Result;
use crate::predicate::{Comparison, Predicate};
use crate::schema::{self, VERSION};
use crate::store::{DocumentQuery, PutRule, SortKey};

/// How many documents are written at once.
const BATCH: u64 = 500;

/// An upgrade that has not begun.
#[must_use = "nothing is upgraded until it runs"]
pub struct Upgrade {
    replay: Replay,
    tell: Option<OnProgress>,
}

/// What an upgrade did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Upgraded {
    /// How many documents had an older shape.
    pub found: u64,
    /// How many were written in today's shape.
    pub upgraded: u64,
    /// How many were saved by someone else meanwhile, who upgraded them on the way.
    pub overtaken: u64,
}

impl std::fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upgrade").field("replay", &self.replay).finish_non_exhaustive()
    }
}

impl Upgrade {
    pub(crate) fn new(replay: Replay) -> Self {
        Self { replay, tell: None }
    }

    /// Is told how far it is, after each batch.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + Sync + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Upgrades. Dropping the future stops it at a batch; the next run finds what is left.
    ///
    /// # Errors
    /// [`crate::Error::Upcast`] names the document whose upcaster failed; nothing of its batch is written.
    /// Documents of a newer shape than this program knows are left alone.
    pub async fn run(mut self) -> Result<Upgraded> {
        let (store, info) = (self.replay.reader.store().clone(), self.replay.folder.info().clone());
        let old = older(info.version);
        let total = store.count(&info.collection, &old).await?;
        let mut teller = Teller::new(self.tell.take(), "upgrading", Some(total));
        let mut report = Upgraded::default();
        let mut after: Option<Bson> = None;
        loop {
            let beyond =
                after.take().map(|id| Predicate::Compare { path: "_id".to_owned(), op: Comparison::Gt, value: id });
            let mut query = DocumentQuery::new(&info.collection, beyond.into_iter().fold(old.clone(), Predicate::and));
            query.sort = vec![SortKey { path: "_id".to_owned(), descending: false }];
            query.limit = Some(BATCH);
            let mut documents = store.find(query).await?;
            let mut batch = Vec::new();
            while let Some(document) = documents.next().await {
                let document = document?;
                after = document.get("_id").cloned();
                batch.push(self.shaped(&document)?);
            }
            let found = batch.len() as u64;
            if found == 0 {
                return Ok(report);
            }
            let written = store.admin().put(&info.collection, batch, PutRule::SameVersion).await?;
            report.found += found;
            report.upgraded += written;
            report.overtaken += found - written.min(found);
            teller.add(found);
        }
    }

    fn shaped(&self, document: &Document) -> Result<Document> {
        let mut shaped = self.replay.folder.shape(document)?;
        let version = i32::try_from(self.replay.folder.info().version).unwrap_or(i32::MAX);
        shaped.insert(schema::SCHEMA_VERSION, version);
        Ok(shaped)
    }
}

/// Documents of an older shape; those without a version of the library's are not its own yet.
fn older(version: u32) -> Predicate {
    let below = Predicate::Compare {
        path: schema::SCHEMA_VERSION.to_owned(),
        op: Comparison::Lt,
        value: Bson::Int64(i64::from(version)),
    };
    let unmarked = Predicate::eq(schema::SCHEMA_VERSION, Bson::Null);
    let ours = Predicate::Compare { path: VERSION.to_owned(), op: Comparison::Gte, value: Bson::Int64(1) };
    ours.and(if version > 1 { below.or(unmarked) } else { below })
}
