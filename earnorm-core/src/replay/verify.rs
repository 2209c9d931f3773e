//! Comparing state documents with the log.

use std::collections::HashMap;

use bson::{Bson, Document};
use futures::StreamExt;

use super::Replay;
use super::difference::{Difference, Kind};
use super::folds::{Folded, Folds};
use super::progress::{OnProgress, Progress, Teller};
use super::repair::version_of;
use crate::diff::Changes;
use crate::error::Result;
use crate::fold::Folding;
use crate::predicate::Predicate;
use crate::schema::{self, is_internal};
use crate::store::{DocumentQuery, SortKey, StreamQuery};
use crate::stream::StreamId;
use crate::value::key_text;

/// How many documents are read at once.
const BATCH: usize = 200;
/// How often a difference is looked at again before it counts: a save may have come between the two readings.
const LOOKS: usize = 4;

/// A comparison that has not begun.
#[must_use = "nothing is compared until it runs"]
pub struct Verify {
    pub(super) replay: Replay,
    tell: Option<OnProgress>,
    pub(super) record: bool,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Verified {
    /// How many streams were folded.
    pub streams: u64,
    /// How many documents were compared.
    pub documents: u64,
    /// Every difference, in the order of keys.
    pub differences: Vec<Difference>,
    /// How many of them were recorded as events.
    pub recorded: u64,
}

impl Verified {
    /// Whether every document is what its stream says.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.differences.is_empty()
    }
}

impl std::fmt::Debug for Verify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Verify").field("replay", &self.replay).finish_non_exhaustive()
    }
}

impl Verify {
    pub(crate) fn new(replay: Replay) -> Self {
        Self { replay, tell: None, record: false }
    }

    /// Is told how far it is, after each page.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + Sync + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Records edits of tracked models that were made outside the library as events of the actor `outside`: changed
    /// values as `updated`, a document that is gone as `deleted`. The documents keep their values.
    pub fn record_outside_edits(mut self) -> Self {
        self.record = true;
        self
    }

    /// Compares. Others may write meanwhile: a difference counts only if it stays.
    ///
    /// # Errors
    /// [`crate::Error::SchemaAhead`] and [`crate::Error::NeedsCode`], after which nothing could be compared; what the
    /// store answers. Streams that cannot be folded are listed.
    pub async fn run(mut self) -> Result<Verified> {
        let info = self.replay.folder.info();
        let total = self.replay.reader.store().count(&info.collection, &Predicate::always()).await?;
        let mut teller = Teller::new(self.tell.take(), "comparing", Some(total));
        let mut report = Verified::default();
        let mut folds = Folds::new(&self.replay, None);
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let next = folds.next().await?;
            let ended = next.is_none();
            batch.extend(next);
            if batch.len() >= BATCH || ended {
                teller.add(batch.len() as u64);
                self.compare(std::mem::take(&mut batch), &mut report).await?;
            }
            if ended {
                break;
            }
        }
        let documents = self.replay.reader.store().count(&info.collection, &Predicate::always()).await?;
        if documents != report.documents {
            teller.step("looking for documents without events", Some(documents));
            self.find_unknown(&mut report, &mut teller).await?;
        }
        Ok(report)
    }

    async fn compare(&self, batch: Vec<Folded>, report: &mut Verified) -> Result<()> {
        let ids: Vec<_> = batch.iter().filter_map(|folded| folded.fold.as_ref().ok()?.id()).collect();
        let found = self.documents(ids).await?;
        for folded in batch {
            report.streams += 1;
            let fold = match folded.fold {
                Ok(fold) => fold,
                Err(error) if Replay::is_fatal(&error) => return Err(error),
                Err(error) => {
                    let kind = Kind::Unreadable { reason: error.to_string() };
                    let version = folded.last.version;
                    report.differences.push(Difference { stream: folded.stream.to_string(), id: None, version, kind });
                    continue;
                }
            };
            let document = fold.id().and_then(|id| found.get(&id_text(&id)));
            report.documents += u64::from(document.is_some());
            if self.difference(&*fold, document)?.is_some()
                && let Some(difference) = self.look_again(&folded.stream).await?
            {
                report.recorded += u64::from(self.record && self.record_outside(&folded.stream, &difference).await?);
                report.differences.push(difference);
            }
        }
        Ok(())
    }

    async fn documents(&self, ids: Vec<Bson>) -> Result<HashMap<String, Document>> {
        let collection = &self.replay.folder.info().collection;
        let query = DocumentQuery::new(collection, Predicate::In { path: "_id".to_owned(), values: ids });
        let mut documents = self.replay.reader.store().find(query).await?;
        let mut found = HashMap::new();
        while let Some(document) = documents.next().await {
            let document = document?;
            found.insert(id_text(document.get("_id").unwrap_or(&Bson::Null)), document);
        }
        Ok(found)
    }

    /// The difference that is still there when nothing moves between the two readings.
    pub(super) async fn look_again(&self, stream: &StreamId) -> Result<Option<Difference>> {
        let store = self.replay.reader.store();
        let mut last = None;
        for _ in 0..LOOKS {
            let fold = match self.replay.fold(stream).await {
                Ok(fold) => fold,
                Err(error) if Replay::is_fatal(&error) => return Err(error),
                Err(error) => {
                    let kind = Kind::Unreadable { reason: error.to_string() };
                    return Ok(Some(Difference { stream: stream.to_string(), id: None, version: 0, kind }));
                }
            };
            let document = match fold.id() {
                Some(id) => store.get(&self.replay.folder.info().collection, &id).await?,
                None => None,
            };
            let Some(kind) = self.difference(&*fold, document.as_ref())? else { return Ok(None) };
            let now = Difference { stream: stream.to_string(), id: fold.id(), version: fold.version(), kind };
            if last.as_ref() == Some(&now) {
                break;
            }
            last = Some(now);
        }
        Ok(last)
    }

    fn difference(&self, fold: &dyn Folding, document: Option<&Document>) -> Result<Option<Kind>> {
        let folded = match fold.stored_document() {
            Ok(folded) => folded,
            Err(error) if Replay::is_fatal(&error) => return Err(error),
            Err(error) => return Ok(Some(Kind::Unreadable { reason: error.to_string() })),
        };
        Ok(match (folded, document) {
            (None, None) => None,
            (None, Some(_)) => Some(Kind::Deleted),
            (Some(_), None) => Some(Kind::Missing),
            (Some(folded), Some(document)) => self.compare_content(&folded, document, fold.version()),
        })
    }

    fn compare_content(&self, folded: &Document, document: &Document, version: u64) -> Option<Kind> {
        if version_of(document) != version {
            return Some(Kind::Version { document: version_of(document) });
        }
        let shaped = match self.replay.folder.shape(document) {
            Ok(shaped) => shaped,
            Err(error) => return Some(Kind::Unreadable { reason: error.to_string() }),
        };
        let mut changes = Changes::between(&content(folded), &content(&shaped));
        let live = |document: &Document| document.get_bool(schema::LIVE).unwrap_or(true);
        if changes.is_empty() && live(folded) != live(document) {
            let only = |live: bool| bson::doc! { schema::LIVE: live };
            changes = Changes::between(&only(live(folded)), &only(live(document)));
        }
        (!changes.is_empty()).then_some(Kind::Content { changes })
    }

    /// Documents whose streams are not there.
    async fn find_unknown(&self, report: &mut Verified, teller: &mut Teller) -> Result<()> {
        let info = self.replay.folder.info();
        let store = self.replay.reader.store();
        let mut query = DocumentQuery::new(&info.collection, Predicate::always());
        query.sort = vec![SortKey { path: "_id".to_owned(), descending: false }];
        query.projection = Some(vec![schema::VERSION.to_owned()]);
        let mut documents = store.find(query).await?;
        while let Some(document) = documents.next().await {
            let document = document?;
            teller.add(1);
            let id = document.get("_id").cloned().unwrap_or(Bson::Null);
            let stream = StreamId::new(&info.name, key_text(&id).unwrap_or_else(|| id.to_string()));
            let (name, head) = match stream {
                Ok(stream) => (stream.to_string(), store.read_stream(StreamQuery::last(stream)).await?.pop()),
                Err(_) => (format!("{}-{id}", info.name), None),
            };
            if head.is_none() {
                report.documents += 1;
                report.differences.push(Difference { stream: name, id: Some(id), version: 0, kind: Kind::NoEvents });
            }
        }
        Ok(())
    }
}

/// The model's own fields.
fn content(document: &Document) -> Document {
    document
        .iter()
        .filter(|(field, _)| !is_internal(field))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect()
}

fn id_text(id: &Bson) -> String {
    format!("{:?}{}", id.element_type(), key_text(id).unwrap_or_else(|| id.to_string()))
}
