//! Repair: documents that lie behind their streams are folded and put right.

use std::collections::BTreeSet;

use bson::{Bson, Document};
use chrono::{DateTime, Utc};
use futures::TryStreamExt;

use super::Replay;
use crate::commit::{DocumentOp, DocumentWrite};
use crate::database::Database;
use crate::error::{Error, Result, UniqueViolation};
use crate::fold::Folding;
use crate::position::Position;
use crate::predicate::{Comparison, Predicate};
use crate::schema::{RECORDED_AT, SCHEMA_VERSION, VERSION};
use crate::store::{DocumentQuery, LogQuery, PutRule};
use crate::stream::StreamId;
use crate::value::{key_text, value_at};

/// How often documents that stand in each other's way are tried again.
const ROUNDS_MAX: usize = 64;

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
        let mut seen: BTreeSet<_> = streams.iter().cloned().collect();
        let mut waiting = streams;
        let mut written = 0;
        for round in 1.. {
            let mut blocked = Vec::new();
            let count = waiting.len();
            for stream in waiting {
                let fold = self.fold(&stream).await?;
                match self.settle_one(collection, fold.as_ref()).await {
                    Ok(count) => written += count,
                    // Its value may still stand in another document that lies behind: that one goes first.
                    Err(Error::Unique(why)) => blocked.push(Blocked { stream, fold, why }),
                    Err(error) => return Err(error),
                }
            }
            let Some(last) = blocked.last() else { break };
            if round >= ROUNDS_MAX {
                return Err(Error::Unique(last.why.clone()));
            }
            let in_the_way = self.in_the_way(collection, &blocked, &mut seen).await?;
            if in_the_way.is_empty() && blocked.len() == count {
                self.clear(collection, &blocked).await?;
            }
            waiting = in_the_way.into_iter().chain(blocked.into_iter().map(|blocked| blocked.stream)).collect();
        }
        Ok(written)
    }

    /// The streams whose documents hold the values of those that are blocked, as far as they were not looked at yet.
    async fn in_the_way(
        &self,
        collection: &str,
        blocked: &[Blocked],
        seen: &mut BTreeSet<StreamId>,
    ) -> Result<Vec<StreamId>> {
        let mut found = Vec::new();
        for blocked in blocked {
            let Some(document) = blocked.fold.stored_document()? else { continue };
            let same = |field: &String| Predicate::eq(field, value_at(&document, field));
            let holds = blocked.why.fields.iter().map(same).reduce(Predicate::and);
            let Some(holds) = holds else { continue };
            let query =
                DocumentQuery { projection: Some(vec!["_id".to_owned()]), ..DocumentQuery::new(collection, holds) };
            let holders: Vec<Document> = self.reader.store().find(query).await?.try_collect().await?;
            let keys = holders.iter().filter_map(|holder| key_text(holder.get("_id")?));
            let streams = keys.filter_map(|key| StreamId::new(&self.folder.info().name, key).ok());
            found.extend(streams.filter(|stream| seen.insert(stream.clone())));
        }
        Ok(found)
    }

    /// Documents that stand in each other's way all lie behind, as values that changed places: none of them can be the
    /// first, so the old ones go. One alone is in the way of what is right, and stays.
    async fn clear(&self, collection: &str, blocked: &[Blocked]) -> Result<()> {
        let mut cleared = 0;
        if blocked.len() > 1 {
            for Blocked { fold, .. } in blocked {
                if let Some(id) = fold.id() {
                    cleared += self.reader.store().admin().remove(collection, &behind(&id, fold.version())).await?;
                }
            }
        }
        match blocked.last() {
            Some(last) if cleared == 0 => Err(Error::Unique(last.why.clone())),
            _ => Ok(()),
        }
    }

    /// A write that moves a document on to the version of an event that says what it holds already. One of an older
    /// shape is replaced: beside a newer event an older program would go on with events of its own shape.
    pub(crate) async fn stamp(&self, id: &Bson, version: u64, at: DateTime<Utc>) -> Result<DocumentWrite> {
        let info = self.folder.info();
        let set = vec![
            (VERSION.to_owned(), Bson::Int64(i64::try_from(version).unwrap_or(i64::MAX))),
            (SCHEMA_VERSION.to_owned(), Bson::Int32(i32::try_from(info.version).unwrap_or(i32::MAX))),
            (RECORDED_AT.to_owned(), bson::DateTime::from_millis(at.timestamp_millis()).into()),
        ];
        let expected = version.saturating_sub(1);
        let found = if info.version > 1 { self.reader.store().get(&info.collection, id).await? } else { None };
        let op = match found.filter(|found| shape_of(found) < info.version) {
            None => DocumentOp::Patch { expected, set, unset: Vec::new() },
            Some(found) => {
                let mut document = self.folder.shape(&found)?;
                document.extend(set);
                DocumentOp::Replace { expected, document }
            }
        };
        Ok(DocumentWrite { collection: info.collection.clone(), id: id.clone(), op })
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

/// A stream whose document cannot be written, because another one holds a value that is unique.
struct Blocked {
    stream: StreamId,
    fold: Box<dyn Folding>,
    why: Box<UniqueViolation>,
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

/// The schema version of a document; 1 where it has none.
pub(crate) fn shape_of(document: &Document) -> u32 {
    match document.get(SCHEMA_VERSION) {
        Some(Bson::Int32(version)) => u32::try_from(*version).unwrap_or(1),
        Some(Bson::Int64(version)) => u32::try_from(*version).unwrap_or(1),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::{shape_of, version_of};

    #[test]
    fn versions_are_read_as_either_whole_number() {
        assert_eq!((version_of(&doc! { "_v": 7_i64 }), version_of(&doc! { "_v": 7_i32 })), (7, 7));
        assert_eq!((shape_of(&doc! { "_s": 3_i64 }), shape_of(&doc! { "_s": 3_i32 })), (3, 3));
        for odd in
            [doc! {}, doc! { "_v": -1_i64, "_s": -1_i64 }, doc! { "_v": -1, "_s": -1 }, doc! { "_v": "7", "_s": "3" }]
        {
            assert_eq!((version_of(&odd), shape_of(&odd)), (0, 1), "{odd}");
        }
    }
}
