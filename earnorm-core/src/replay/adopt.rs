//! Taking over documents that were in a collection before the library.

use bson::{Bson, Document};
use chrono::Utc;
use futures::StreamExt;
use uuid::Uuid;

use super::Replay;
use super::progress::{OnProgress, Progress, Teller};
use crate::commit::{Append, Commit, DocumentOp, DocumentWrite};
use crate::error::{Error, Result};
use crate::event::{CREATED, NewEvent};
use crate::metadata::Metadata;
use crate::personal;
use crate::predicate::Predicate;
use crate::schema::{self, ModelKind};
use crate::store::{DocumentQuery, SortKey};
use crate::stream::{ExpectedVersion, StreamId};
use crate::value::{key_text, to_millis};

/// How many documents one commit takes over.
const BATCH: u64 = 100;

/// An adoption that has not begun.
#[must_use = "nothing is adopted until it runs"]
pub struct Adopt {
    replay: Replay,
    tell: Option<OnProgress>,
    metadata: Metadata,
}

/// What an adoption did.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Adopted {
    /// How many documents got their first event.
    pub adopted: u64,
    /// Documents that stay as they are, each with the reason: they do not fit the model, or their id names a stream
    /// that has events already.
    pub refused: Vec<(Bson, String)>,
}

impl std::fmt::Debug for Adopt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adopt").field("replay", &self.replay).finish_non_exhaustive()
    }
}

impl Adopt {
    pub(crate) fn new(replay: Replay) -> Self {
        Self { replay, tell: None, metadata: Metadata::new().actor("adopt") }
    }

    /// Is told how far it is, after each commit.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + Sync + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// The metadata of the events; the actor is `adopt` unless it is set.
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Takes over every document without a version, while others may go on writing through the library. Dropping the
    /// future stops it at a commit; the next run finds what is left.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for a sourced model, whose state only its own events make; what the store answers.
    pub async fn run(mut self) -> Result<Adopted> {
        let (store, info) = (self.replay.reader.store().clone(), self.replay.folder.info().clone());
        if info.kind == ModelKind::Sourced {
            let what = "adopt documents of a sourced model: start each with an event of its own";
            return Err(Error::Unsupported { store: store.capabilities().name, what });
        }
        let strange = Predicate::eq(schema::VERSION, Bson::Null);
        let total = store.count(&info.collection, &strange).await?;
        let mut teller = Teller::new(self.tell.take(), "adopting", Some(total));
        let mut report = Adopted::default();
        loop {
            let mut query = DocumentQuery::new(&info.collection, strange.clone());
            query.sort = vec![SortKey { path: "_id".to_owned(), descending: false }];
            // What was adopted does not match any more; ids of all types stand in one order.
            query.skip = report.refused.len() as u64;
            query.limit = Some(BATCH);
            let mut documents = store.find(query).await?;
            let mut batch = Vec::new();
            let mut found = 0;
            while let Some(document) = documents.next().await {
                let document = document?;
                found += 1;
                match self.fitting(document) {
                    Ok(fitting) => batch.push(fitting),
                    Err(refused) => report.refused.push(*refused),
                }
            }
            if found == 0 {
                return Ok(report);
            }
            self.take_over(batch, &mut report).await?;
            teller.add(found);
        }
    }

    /// The stream and content of a document that fits the model.
    fn fitting(&self, document: Document) -> Result<(StreamId, Document), Refused> {
        let id = document.get("_id").cloned().unwrap_or(Bson::Null);
        let checked = || {
            let key = key_text(&id).ok_or("its `_id` is of a type that no model has as its id")?;
            let stream = StreamId::new(&self.replay.folder.info().name, key).map_err(|error| error.to_string())?;
            self.replay.folder.check(&document).map_err(|error| error.to_string())?;
            Ok::<_, String>(stream)
        };
        match checked() {
            Ok(stream) => Ok((stream, document)),
            Err(reason) => Err(Box::new((id, reason))),
        }
    }

    async fn take_over(&self, batch: Vec<(StreamId, Document)>, report: &mut Adopted) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        match self.replay.reader.commit(self.commit(&batch).await?).await {
            Ok(_) => report.adopted += batch.len() as u64,
            Err(error) if !is_about_one(&error) => return Err(error),
            // One of them is in the way: each for itself.
            Err(_) => {
                for one in batch {
                    let id = one.1.get("_id").cloned().unwrap_or(Bson::Null);
                    match self.replay.reader.commit(self.commit(&[one]).await?).await {
                        Ok(_) => report.adopted += 1,
                        Err(error) if is_about_one(&error) => {
                            // What another run took over meanwhile is not found again, and must not be counted as if.
                            if self.is_left(&id).await? {
                                report.refused.push((id, error.to_string()));
                            }
                        }
                        Err(error) => return Err(error),
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a document is still there without a version.
    async fn is_left(&self, id: &Bson) -> Result<bool> {
        let strange = Predicate::eq("_id", id.clone()).and(Predicate::eq(schema::VERSION, Bson::Null));
        Ok(self.replay.reader.store().count(&self.replay.folder.info().collection, &strange).await? > 0)
    }

    async fn commit(&self, batch: &[(StreamId, Document)]) -> Result<Commit> {
        let info = self.replay.folder.info();
        let now = to_millis(Utc::now());
        let mut commit = Commit::new(Uuid::now_v7());
        for (stream, document) in batch {
            let event = NewEvent {
                id: Uuid::now_v7(),
                event_type: format!("{}.{CREATED}", info.name),
                schema_version: info.version,
                data: document.clone(),
                metadata: self.metadata.clone(),
                recorded_at: now,
            };
            let mut set = vec![
                (schema::VERSION.to_owned(), Bson::Int64(1)),
                (schema::SCHEMA_VERSION.to_owned(), Bson::Int32(i32::try_from(info.version).unwrap_or(i32::MAX))),
                (schema::RECORDED_AT.to_owned(), Bson::DateTime(bson::DateTime::from_millis(now.timestamp_millis()))),
            ];
            if info.soft_delete {
                set.push((schema::LIVE.to_owned(), Bson::Boolean(true)));
            }
            commit.appends.push(Append {
                stream: stream.clone(),
                expected: ExpectedVersion::NoStream,
                not_before: None,
                events: vec![event],
            });
            commit.documents.push(DocumentWrite {
                collection: info.collection.clone(),
                id: document.get("_id").cloned().unwrap_or(Bson::Null),
                op: DocumentOp::Patch { expected: 0, set, unset: Vec::new() },
            });
        }
        personal::seal_commit(&self.replay.reader, info, &mut commit, None).await?;
        Ok(commit)
    }
}

/// A document that stays as it is, and why.
type Refused = Box<(Bson, String)>;

/// Whether an error speaks of one document and not of the whole store.
fn is_about_one(error: &Error) -> bool {
    matches!(
        error,
        Error::Conflict(_)
            | Error::Unique(_)
            | Error::TooLarge { .. }
            | Error::TooDeep { .. }
            | Error::CommitTooLarge { .. }
            | Error::InvalidField { .. }
            | Error::InvalidCommit { .. }
    )
}
