//! Reading state documents: by id, by filter, counted, and their different values. Each is checked for its depth before
//! it is decoded, because BSON decoders recurse without a guard.

use std::collections::HashSet;
use std::time::Duration;

use bson::raw::RawDocumentBuf;
use bson::{Bson, Document, doc};
use earnorm_core::commit::Checkpoint;
use earnorm_core::limits::decode_of;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, DocumentStream, SortKey, StoredDocument, StoredDocumentStream};
use earnorm_core::{Error, Result};
use futures::StreamExt;
use mongodb::Cursor;
use mongodb::options::{FindOptions, ReadConcern};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::error::{Explain, SNAPSHOT_UNAVAILABLE, code, query_error};
use super::filter::{checked, compile};
use super::fitness::number;
use super::inner::Inner;

/// How long a query waits for a snapshot that has the newest indexes.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(2);

impl Inner {
    pub(super) async fn get(&self, collection: &str, id: &Bson) -> Result<Option<Document>> {
        let documents = self.db.collection::<RawDocumentBuf>(collection);
        let found = documents.find_one(doc! { "_id": { "$eq": id.clone() } }).await;
        let found = found.map_err(|error| query_error(collection, &error))?;
        found.map(|raw| decode_of(collection, &raw)).transpose()
    }

    pub(super) async fn find(&self, query: DocumentQuery) -> Result<DocumentStream> {
        let collection = query.collection.clone();
        let found = self.find_stored(query).await?;
        Ok(found.map(move |found| found?.into_document(&collection)).boxed())
    }

    pub(super) async fn find_stored(&self, query: DocumentQuery) -> Result<StoredDocumentStream> {
        let filter = compile(&query.predicate)?;
        let sort = order(&query.sort)?;
        let projection = query.projection.as_deref().map(projection).transpose()?;
        if query.limit == Some(0) {
            return Ok(futures::stream::empty().boxed());
        }
        let sorted = (!sort.is_empty()).then_some(sort);
        let options = FindOptions::builder()
            .skip(query.skip.min(i64::MAX.unsigned_abs()))
            .limit(query.limit.and_then(|limit| i64::try_from(limit).ok()))
            .allow_disk_use(sorted.as_ref().map(|_| true))
            .sort(sorted)
            .projection(projection)
            // Else a document that moves in an index while it is read is found twice, or not at all.
            .read_concern(ReadConcern::snapshot())
            .build();
        let cursor = self.snapshot(&query.collection, &filter, &options).await?;
        // In a box, since a cursor is large and this moves with every document.
        let state = Some(Box::new((cursor, query.collection)));
        Ok(futures::stream::unfold(state, |state| async {
            let mut state = state?;
            let (cursor, collection) = state.as_mut();
            match cursor.advance().await {
                Ok(false) => None,
                Ok(true) => Some((Ok(StoredDocument::Bytes(cursor.current().to_owned())), Some(state))),
                Err(error) => Some((Err(query_error(collection, &error)), None)),
            }
        })
        .boxed())
    }

    /// Opens a cursor. Just after an index was built, the majority's snapshot may be older than it: that passes.
    async fn snapshot(
        &self,
        collection: &str,
        filter: &Document,
        options: &FindOptions,
    ) -> Result<Cursor<RawDocumentBuf>> {
        let documents = self.db.collection::<RawDocumentBuf>(collection);
        let mut backoff = Backoff::new(Instant::now() + SNAPSHOT_PATIENCE);
        loop {
            match documents.find(filter.clone()).with_options(options.clone()).await {
                Ok(cursor) => return Ok(cursor),
                Err(error) if code(&error) == Some(SNAPSHOT_UNAVAILABLE) && backoff.wait().await => {}
                Err(error) => return Err(query_error(collection, &error)),
            }
        }
    }

    pub(super) async fn count(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        let documents = self.db.collection::<RawDocumentBuf>(collection);
        let counted = documents.count_documents(compile(predicate)?).await;
        counted.map_err(|error| query_error(collection, &error))
    }

    /// Arrays count by their elements, as in the server's own `distinct`, whose answer is bound to 16 MiB.
    pub(super) async fn distinct(&self, collection: &str, predicate: &Predicate, path: &str) -> Result<Vec<Bson>> {
        let value = format!("${}", checked(path)?);
        let present = doc! { "$match": { "v": { "$exists": true } } };
        let pipeline = vec![
            doc! { "$match": compile(predicate)? },
            doc! { "$project": { "_id": 0, "v": value } },
            present.clone(),
            doc! { "$unwind": { "path": "$v", "preserveNullAndEmptyArrays": true } },
            present,
            doc! { "$group": { "_id": "$v" } },
            doc! { "$sort": { "_id": 1 } },
        ];
        let rows = self.pipeline(collection, pipeline).await?;
        Ok(rows.into_iter().filter_map(|mut row| row.remove("_id")).collect())
    }

    /// The rows of a pipeline.
    pub(super) async fn pipeline(&self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<Document>> {
        let documents = self.db.collection::<RawDocumentBuf>(collection);
        let failed = |error| query_error(collection, &error);
        let mut cursor = documents.aggregate(pipeline).allow_disk_use(true).await.map_err(failed)?;
        let mut rows = Vec::new();
        while cursor.advance().await.map_err(failed)? {
            rows.push(decode_of(collection, cursor.current())?);
        }
        Ok(rows)
    }

    pub(super) async fn checkpoint(&self, consumer: &str) -> Result<Option<Checkpoint>> {
        let checkpoints = self.db.collection::<Document>(&self.names.checkpoints);
        let found = checkpoints.find_one(doc! { "_id": { "$eq": consumer } }).await.explain("read a checkpoint")?;
        let Some(found) = found else { return Ok(None) };
        let corrupt = || Error::Corrupt {
            subject: format!("checkpoint of `{consumer}`"),
            reason: "it has no position and epoch".to_owned(),
        };
        read_checkpoint(&found).map(Some).ok_or_else(corrupt)
    }
}

/// A checkpoint as it is stored.
pub(super) fn read_checkpoint(stored: &Document) -> Option<Checkpoint> {
    let epoch = u64::try_from(number(stored, "ep")?).ok()?;
    Some(Checkpoint { position: Position::new(number(stored, "p")?), epoch })
}

pub(super) fn order(keys: &[SortKey]) -> Result<Document> {
    let mut sort = Document::new();
    for key in keys {
        let path = checked(&key.path)?;
        if !sort.contains_key(path) {
            sort.insert(path, if key.descending { -1 } else { 1 });
        }
    }
    Ok(sort)
}

/// Paths below another one are left out: the server refuses both, and the upper one has it all.
fn projection(paths: &[String]) -> Result<Document> {
    let all: HashSet<_> = paths.iter().map(String::as_str).collect();
    let mut fields = doc! { "_id": 1 };
    for path in paths {
        let path = checked(path)?;
        let covered = path.match_indices('.').any(|(dot, _)| all.contains(path.get(..dot).unwrap_or_default()));
        if !covered && path != "_id" && !path.starts_with("_id.") {
            fields.insert(path, 1);
        }
    }
    Ok(fields)
}
