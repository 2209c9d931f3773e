//! Erasing the personal data of a subject.

use std::collections::BTreeSet;

use bson::{Bson, Document};
use futures::TryStreamExt;

use super::erase_instance::{erase_instance, stream_of};
use super::subject;
use crate::database::Database;
use crate::error::{Error, Result, StoreError};
use crate::predicate::Predicate;
use crate::schema::{self, ModelSchema};
use crate::store::{DocumentQuery, Own, PutRule};
use crate::stream::StreamId;

/// How often the instances are looked at again while others save data of the subject.
const ROUNDS_MAX: usize = 32;
/// How many streams are named in one condition.
const BATCH: usize = 500;

/// What an erasure did. Run again, it reports only what was left to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ErasureReport {
    /// Keys that were destroyed.
    pub keys: u64,
    /// Instances of the subject that have a document, whether they held personal data or not.
    pub instances: usize,
    /// `erased` events that were appended.
    pub events: usize,
    /// Documents that were blanked.
    pub documents: usize,
    /// Dead letters that were blanked.
    pub dead_letters: u64,
    /// Records of streams that wait for a handler that were blanked.
    pub parked: u64,
    /// Snapshots that were removed.
    pub snapshots: u64,
    /// Projections that may have taken personal data out of events, as `revenue.v1`: rebuild them.
    pub projections: Vec<String>,
}

impl Database {
    /// Erases the personal data of a subject in every registered model: destroys its keys, then appends an `erased`
    /// event to each of its instances, soft-deleted ones too, and sets their personal fields to null; removes their
    /// snapshots and blanks their dead letters and the errors of handlers that they wait for. From then on the past reads those fields as erased. See
    /// [`crate::personal`] for what it reaches and what it does not.
    ///
    /// `subject` is the text of the id that stands in the subject's fields: give the id itself. It may be called again at
    /// any time: after a crash or an error the next call does what is left. Data that others save meanwhile is erased
    /// too; what is saved after it has returned gets a new key. Hooks do not run, handlers see the `erased` events.
    ///
    /// # Errors
    /// What the key store and the store answer, and [`Error::SchemaAhead`] for an instance that a newer program wrote:
    /// the erasure is then not complete. The keys may be gone already: call it again.
    pub async fn erase_subject(&self, subject: impl std::fmt::Display + Send) -> Result<ErasureReport> {
        let text = subject.to_string();
        subject::check(&text)
            .map_err(|_| Error::invalid_name("subject", &text, "name the id whose data is to be erased"))?;
        let models: Vec<_> = self.models().into_iter().filter(|schema| !schema.personal.is_empty()).collect();
        let mut erasure = Erasure {
            db: self,
            spellings: subject::spellings(&models, &text),
            models,
            seen: BTreeSet::new(),
            report: ErasureReport::default(),
        };
        erasure.run().await?;
        Ok(erasure.report)
    }
}

struct Erasure<'a> {
    db: &'a Database,
    models: Vec<&'static ModelSchema>,
    spellings: BTreeSet<String>,
    seen: BTreeSet<StreamId>,
    report: ErasureReport,
}

impl Erasure<'_> {
    /// Keys first: from then on nothing in the log can be opened. A round that found neither a new key nor anything to
    /// blank was the last: a save that began before it has seen that its key is gone, and blanks for itself.
    async fn run(&mut self) -> Result<()> {
        for round in 0..ROUNDS_MAX {
            let before = (self.report.keys, self.report.events);
            for subject in &self.spellings {
                self.report.keys += self.db.reader().keys().destroy(subject, self.db.now()).await?;
            }
            for schema in self.models.clone() {
                self.blank(schema).await?;
            }
            if round == 0 || before != (self.report.keys, self.report.events) {
                continue;
            }
            self.report.instances = self.seen.len();
            self.deleted_too()?;
            let streams: Vec<_> = self.seen.iter().map(|stream| Bson::String(stream.to_string())).collect();
            for streams in streams.chunks(BATCH) {
                self.drop_snapshots(streams).await?;
                self.report.dead_letters += self.blank_records(Own::DeadLetters, streams).await?;
                self.report.parked += self.blank_records(Own::Parked, streams).await?;
            }
            self.report.projections = self.projections().await?;
            return Ok(());
        }
        Err(busy("personal data of the subject was saved"))
    }

    /// Blanks the subject's instances of one model.
    async fn blank(&mut self, schema: &'static ModelSchema) -> Result<()> {
        for subject in &self.spellings {
            let Some(stored) = subject::stored(schema, subject) else { continue };
            let query = DocumentQuery {
                projection: Some(vec!["_id".to_owned()]),
                ..DocumentQuery::new(schema.collection, Predicate::eq(schema.subject, stored))
            };
            // Read to the end first: a cursor that is open while its documents change may show them twice, or not.
            let documents: Vec<Document> = self.db.store().find(query).await?.try_collect().await?;
            for id in documents.iter().filter_map(|document| document.get("_id")) {
                self.seen.insert(stream_of(schema, id)?);
                if erase_instance(self.db, schema, id).await? {
                    self.report.events += 1;
                    self.report.documents += 1;
                }
            }
        }
        Ok(())
    }

    /// Where the id is the subject, the stream of an instance without a document is known too.
    fn deleted_too(&mut self) -> Result<()> {
        for schema in self.models.iter().filter(|schema| schema.subject == "_id") {
            for subject in &self.spellings {
                if let Some(id) = subject::stored(schema, subject) {
                    self.seen.insert(stream_of(schema, &id)?);
                }
            }
        }
        Ok(())
    }

    async fn drop_snapshots(&mut self, streams: &[Bson]) -> Result<()> {
        let admin = self.db.store().admin();
        let theirs = Predicate::In { path: "s".to_owned(), values: streams.to_vec() };
        self.report.snapshots += admin.remove(&admin.own(Own::Snapshots), &theirs).await?;
        Ok(())
    }

    /// Every projection that has rows: nobody but its code knows what it took out of events.
    async fn projections(&self) -> Result<Vec<String>> {
        let retired = Predicate::eq("retired", true);
        let query = DocumentQuery {
            projection: Some(vec!["_id".to_owned()]),
            ..DocumentQuery::new(self.db.store().admin().own(Own::Projections), !retired)
        };
        let found: Vec<Document> = self.db.store().find(query).await?.try_collect().await?;
        let ids = found.iter().filter_map(|document| document.get_str("_id").ok());
        let mut names: Vec<_> = ids.map(ToOwned::to_owned).collect();
        names.sort();
        Ok(names)
    }

    /// What a handler's records keep of an event, and the text of an error, which may quote it, go; the records stay.
    async fn blank_records(&self, own: Own, streams: &[Bson]) -> Result<u64> {
        let admin = self.db.store().admin();
        let collection = admin.own(own);
        let theirs = Predicate::In { path: "stream".to_owned(), values: streams.to_vec() };
        let mut blanked = 0;
        for _ in 0..ROUNDS_MAX {
            let query = DocumentQuery::new(&collection, theirs.clone());
            let records: Vec<Document> = self.db.store().find(query).await?.try_collect().await?;
            let found: Vec<_> = records.into_iter().filter_map(blank_record).collect();
            if found.is_empty() {
                return Ok(blanked);
            }
            for record in found {
                let rule = if record.contains_key(schema::VERSION) { PutRule::SameVersion } else { PutRule::Always };
                blanked += admin.put(&collection, vec![record], rule).await?;
            }
        }
        Err(busy("records of handlers about the subject changed"))
    }
}

fn busy(what: &str) -> Error {
    let message =
        format!("{what} each of the {ROUNDS_MAX} times that it was erased: stop what writes it, and erase again");
    StoreError::new("keys", message).retryable().into()
}

/// What stands where the text of an error was.
const BLANK: &str = "(erased)";

fn blank_record(mut record: Document) -> Option<Document> {
    let data = record.remove("data").is_some();
    let error = record.get("error").is_some_and(|error| *error != Bson::String(BLANK.to_owned()));
    if error {
        record.insert("error", BLANK);
    }
    (data || error).then_some(record)
}
