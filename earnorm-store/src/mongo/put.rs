//! Whole documents, put and removed without events.

use bson::raw::{RawArrayBuf, RawDocumentBuf, cstr};
use bson::{Bson, Document, doc};
use earnorm_core::error::{StoreError, UniqueViolation};
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::VERSION;
use earnorm_core::store::PutRule;
use earnorm_core::{Error, Result};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::error::{DUPLICATE_KEY, STORE, is_passing_code};
use super::filter::compile;
use super::fitness::number;
use super::inner::Inner;
use super::raw::{COMMAND_BYTES_MAX, RawResult, WriteFault, faults, unencodable};
use crate::names::{self, plain};
use crate::upkeep::{check_documents, own_id};

/// How many documents one command writes.
const BATCH: usize = 1_000;

/// A document on its way.
struct Item {
    id: Bson,
    document: RawDocumentBuf,
    version: Bson,
    /// Whether it may be new.
    insert: bool,
}

impl Inner {
    pub(super) async fn put(&self, collection: &str, documents: Vec<Document>, rule: PutRule) -> Result<u64> {
        check_documents(collection, &documents)?;
        let (mut batch, mut bytes, mut written) = (Vec::new(), 0, 0);
        for document in &documents {
            let raw = RawDocumentBuf::try_from(document).map_err(|error| unencodable(&error))?;
            let size = raw.as_bytes().len();
            if batch.len() == BATCH || (bytes > 0 && bytes + size > COMMAND_BYTES_MAX) {
                written += self.put_batch(collection, std::mem::take(&mut batch), rule).await?;
                bytes = 0;
            }
            bytes += size;
            batch.push(Item {
                id: own_id(collection, document)?.clone(),
                document: raw,
                version: document.get(VERSION).cloned().unwrap_or(Bson::Null),
                insert: rule != PutRule::SameVersion,
            });
        }
        written += self.put_batch(collection, batch, rule).await?;
        Ok(written)
    }

    /// Writes a batch, and again what met another writer.
    async fn put_batch(&self, collection: &str, mut items: Vec<Item>, rule: PutRule) -> Result<u64> {
        let mut backoff = Backoff::new(Instant::now() + self.commit_timeout);
        let mut written = 0;
        while !items.is_empty() {
            let command = command(collection, &items, rule).map_err(|error| unencodable(&error))?;
            let answer = self.durably(&format!("put documents into `{collection}`"), command).await?;
            written += number(&answer, "n").and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
            let mut again = Vec::new();
            let mut items_left: Vec<_> = items.drain(..).map(Some).collect();
            for fault in faults(&answer) {
                let Some(mut item) = items_left.get_mut(fault.index).and_then(Option::take) else { continue };
                if fault.code == DUPLICATE_KEY {
                    if fault.fields(|name| self.known_fields(name)) != ["_id"] {
                        return Err(self.violation(collection, &item.id, &fault));
                    }
                    match rule {
                        PutRule::Absent => continue,
                        // Another writer was first: now what it wrote is compared.
                        PutRule::Newer => item.insert = false,
                        PutRule::Always | PutRule::SameVersion => {}
                    }
                } else if !is_passing_code(fault.code) {
                    return Err(refusal(collection, &item.id, &fault));
                }
                again.push(item);
            }
            if !again.is_empty() && !backoff.wait().await {
                let message = format!("could not put {} documents into `{collection}` in time", again.len());
                return Err(StoreError::new(STORE, message).retryable().into());
            }
            items = again;
        }
        Ok(written)
    }

    fn violation(&self, collection: &str, id: &Bson, fault: &WriteFault) -> Error {
        UniqueViolation::new(collection, plain(id), fault.fields(|name| self.known_fields(name))).into()
    }

    pub(super) async fn remove(&self, collection: &str, predicate: &Predicate) -> Result<u64> {
        let delete = doc! { "q": compile(predicate)?, "limit": 0 };
        let command = RawDocumentBuf::try_from(&doc! { "delete": collection, "deletes": [delete] });
        let command = command.map_err(|error| unencodable(&error))?;
        let answer = self.durably(&format!("remove documents of `{collection}`"), command).await?;
        match faults(&answer).first() {
            None => Ok(number(&answer, "n").and_then(|n| u64::try_from(n).ok()).unwrap_or(0)),
            Some(fault) => {
                let said = format!("could not remove documents of `{collection}` ({}): {}", fault.code, fault.message);
                let error = StoreError::new(STORE, said);
                Err(if is_passing_code(fault.code) { error.retryable() } else { error }.into())
            }
        }
    }
}

/// Not ordered, so that one that is refused does not hold up the others.
fn command(collection: &str, items: &[Item], rule: PutRule) -> RawResult<RawDocumentBuf> {
    let mut command = RawDocumentBuf::new();
    if rule == PutRule::Absent {
        let mut documents = RawArrayBuf::new();
        items.iter().for_each(|item| documents.push(item.document.clone()));
        command.append(cstr!("insert"), collection);
        command.append(cstr!("documents"), documents);
    } else {
        let mut statements = RawArrayBuf::new();
        for item in items {
            let mut statement = RawDocumentBuf::new();
            statement.append(cstr!("q"), RawDocumentBuf::try_from(&query(item, rule))?);
            statement.append(cstr!("u"), item.document.clone());
            statement.append(cstr!("upsert"), item.insert);
            statements.push(statement);
        }
        command.append(cstr!("update"), collection);
        command.append(cstr!("updates"), statements);
    }
    command.append(cstr!("ordered"), false);
    Ok(command)
}

/// The document that may be overwritten.
fn query(item: &Item, rule: PutRule) -> Document {
    let mut query = doc! { "_id": { "$eq": item.id.clone() } };
    match (rule, &item.version) {
        (PutRule::Always | PutRule::Absent, _) => {}
        (PutRule::Newer, Bson::Null) => drop(query.insert(VERSION, Bson::Null)),
        (PutRule::Newer, version) => {
            let lower = doc! { VERSION: { "$lt": version.clone() } };
            query.insert("$or", vec![doc! { VERSION: Bson::Null }, lower]);
        }
        (PutRule::SameVersion, version) => drop(query.insert(VERSION, doc! { "$eq": version.clone() })),
    }
    query
}

fn refusal(collection: &str, id: &Bson, fault: &WriteFault) -> Error {
    let said = format!("could not put {} ({}): {}", names::document(collection, id), fault.code, fault.message);
    StoreError::new(STORE, said).into()
}
