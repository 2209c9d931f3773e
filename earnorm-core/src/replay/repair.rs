//! Repair: documents that lie behind their streams are folded and put right.

use std::collections::BTreeSet;

use bson::{Bson, Document};

use super::Replay;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::fold::Folding;
use crate::position::Position;
use crate::predicate::{Comparison, Predicate};
use crate::schema::VERSION;
use crate::store::{LogQuery, PutRule};
use crate::stream::StreamId;

/// How often documents that stand in each other's way are tried again.
const ROUNDS_MAX: usize = 8;

/// Puts the document of one stream right if it lies behind.
pub(crate) async fn repair(db: &Database, model: &str, stream: &StreamId) -> Result<()> {
    let replay = db.replay(model)?;
    let collection = replay.folder.info().collection.clone();
    replay.settle(&collection, vec![stream.clone()]).await.map(|_| ())
}

impl Replay {
    /// The streams of the model that have events within `(after, upto]`.
    pub(crate) async fn moved(&self, after: Position, upto: Position) -> Result<Vec<StreamId>> {
        let mut streams = BTreeSet::new();
        let categories = vec![self.folder.info().name.clone()];
        let mut query = LogQuery { after, upto, categories, ..LogQuery::default() };
        loop {
            let page = self.reader.store().read_log(query.clone()).await?;
            let Some(last) = page.events.last() else { break };
            query.after = last.position;
            streams.extend(page.events.iter().map(|event| event.stream.clone()));
            if !page.more {
                break;
            }
        }
        Ok(streams.into_iter().collect())
    }

    /// Folds streams to their ends and brings their documents in `collection` to the same version, unless they are
    /// there or beyond already.
    pub(crate) async fn settle(&self, collection: &str, streams: Vec<StreamId>) -> Result<u64> {
        let mut waiting = streams;
        let mut written = 0;
        for round in 1.. {
            let mut blocked = Vec::new();
            let mut why = None;
            for stream in waiting {
                let fold = self.fold(&stream).await?;
                match self.settle_one(collection, fold.as_ref()).await {
                    Ok(count) => written += count,
                    // Its value may still stand in another document that lies behind: that one goes first.
                    Err(error @ Error::Unique(_)) => {
                        why = Some(error);
                        blocked.push(stream);
                    }
                    Err(error) => return Err(error),
                }
            }
            match why {
                None => break,
                Some(error) if round >= ROUNDS_MAX => return Err(error),
                Some(_) => waiting = blocked,
            }
        }
        Ok(written)
    }

    async fn settle_one(&self, collection: &str, fold: &dyn Folding) -> Result<u64> {
        let admin = self.reader.store().admin();
        match (fold.stored_document()?, fold.id()) {
            (Some(document), _) => admin.put(collection, vec![document], PutRule::Newer).await,
            (None, Some(id)) => admin.remove(collection, &behind(&id, fold.version())).await,
            (None, None) => Ok(0),
        }
    }
}

/// The document `id`, if its version is below `version`.
fn behind(id: &Bson, version: u64) -> Predicate {
    let value = Bson::Int64(i64::try_from(version).unwrap_or(i64::MAX));
    Predicate::eq("_id", id.clone()).and(Predicate::Compare { path: VERSION.to_owned(), op: Comparison::Lt, value })
}

/// A document's version; 0 where it has none.
pub(crate) fn version_of(document: &Document) -> u64 {
    match document.get(VERSION) {
        Some(Bson::Int64(version)) => u64::try_from(*version).unwrap_or(0),
        Some(Bson::Int32(version)) => u64::try_from(*version).unwrap_or(0),
        _ => 0,
    }
}
