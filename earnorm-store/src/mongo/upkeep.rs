//! What upkeep shares: durable commands that are sent until they are answered, the names of own collections, notes.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};

use bson::raw::{RawDocumentBuf, cstr};
use bson::{Document, doc};
use earnorm_core::commit::Checkpoint;
use earnorm_core::error::{Applied, StoreError};
use earnorm_core::position::Position;
use earnorm_core::store::Own;
use earnorm_core::{Error, Result};
use futures::TryStreamExt;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::error::{Explain, STORE, code, is_passing, is_passing_code, store_error, text};
use super::feed::Feed;
use super::fitness::number;
use super::import::Known;
use super::inner::Inner;
use super::prepare::POSITIONS;
use super::query::read_checkpoint;
use super::raw::unencodable;

/// What a store handle keeps for upkeep.
#[derive(Default)]
pub(super) struct Upkeep {
    /// Wakes those who wait for the log to grow.
    pub(super) feed: Feed,
    /// The ids of events, once something was imported.
    pub(super) known: Mutex<Known>,
    /// Whether streams may begin above version 1.
    pub(super) cut: AtomicBool,
}

/// The mark in the counter document that streams may begin above version 1.
pub(super) const CUT: &str = "cut";

/// Why a durable command failed for good.
pub(super) struct Refused {
    pub(super) code: Option<i32>,
    /// Whether an earlier try may have been applied, its answer lost.
    pub(super) tried: bool,
    error: Error,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

impl Inner {
    /// The name of one of the library's own collections.
    pub(super) fn own(&self, what: Own) -> String {
        format!("{}{}", self.names.prefix, what.suffix())
    }

    /// Runs a write command that may be sent twice, acknowledged by a majority, and sends it again while its answer is
    /// lost. `what` completes "could not …".
    pub(super) async fn durably(&self, what: &str, command: RawDocumentBuf) -> Result<Document, Refused> {
        self.send(&self.db, what, command).await
    }

    /// As [`Inner::durably`], for a command of the server.
    pub(super) async fn durably_admin(&self, what: &str, command: &Document) -> Result<Document, Refused> {
        let command = RawDocumentBuf::try_from(command).map_err(|error| Refused::plain(unencodable(&error)))?;
        self.send(&self.client.database("admin"), what, command).await
    }

    async fn send(
        &self,
        database: &mongodb::Database,
        what: &str,
        mut command: RawDocumentBuf,
    ) -> Result<Document, Refused> {
        let mut concern = RawDocumentBuf::new();
        concern.append(cstr!("w"), "majority");
        concern.append(cstr!("j"), true);
        command.append(cstr!("writeConcern"), concern);
        let mut backoff = Backoff::new(Instant::now() + self.commit_timeout);
        let mut tried = false;
        loop {
            let said = match database.run_raw_command(command.clone()).await {
                Ok(answer) => match unacknowledged(&answer) {
                    None => return Ok(answer),
                    Some((code, said)) if is_passing_code(code) => said,
                    Some((code, said)) => {
                        let message = format!("could not {what}: not acknowledged by a majority ({code}): {said}");
                        let error = StoreError::new(STORE, message).applied(Applied::Unknown);
                        return Err(Refused { code: None, tried, error: error.into() });
                    }
                },
                Err(error) if is_passing(&error) => text(&error),
                Err(error) => return Err(Refused { code: code(&error), tried, error: store_error(what, &error) }),
            };
            self.open().map_err(Refused::plain)?;
            tried = true;
            if !backoff.wait().await {
                let error = StoreError::new(STORE, format!("could not {what} in time: {said}"));
                let error = error.retryable().applied(Applied::Unknown);
                return Err(Refused { code: None, tried, error: error.into() });
            }
        }
    }

    /// Reads the position in a note of the store's own.
    pub(super) async fn note(&self, name: &str) -> Result<i64> {
        let meta = self.db.collection::<Document>(&self.names.meta);
        let found = meta.find_one(doc! { "_id": name }).await.explain(&format!("read the note `{name}`"))?;
        Ok(found.as_ref().and_then(|found| number(found, "p")).unwrap_or(0))
    }

    /// Moves the position in a note of the store's own forward; it never falls.
    pub(super) async fn raise_note(&self, name: &str, position: i64) -> Result<()> {
        let update = doc! { "q": { "_id": name }, "u": { "$max": { "p": position } }, "upsert": true };
        self.raise(&self.names.meta, update).await
    }

    /// Notes in the counter that streams may begin above version 1. Every commit reads it there on its way, and from
    /// then on looks whether a new stream is one whose first events are gone: no unique index would tell.
    pub(super) async fn note_cut(&self) -> Result<()> {
        let update = doc! { "q": { "_id": POSITIONS }, "u": { "$max": { CUT: 1 } }, "upsert": true };
        self.raise(&self.names.counters, update).await?;
        self.upkeep.cut.store(true, Ordering::Release);
        Ok(())
    }

    /// Runs one update that only moves a number forward.
    pub(super) async fn raise(&self, collection: &str, update: Document) -> Result<()> {
        let command = doc! { "update": collection, "updates": [update] };
        let command = RawDocumentBuf::try_from(&command).map_err(|error| unencodable(&error))?;
        self.durably(&format!("write to `{collection}`"), command).await?;
        Ok(())
    }

    pub(super) async fn checkpoints(&self) -> Result<Vec<(String, Checkpoint)>> {
        let checkpoints = self.db.collection::<Document>(&self.names.checkpoints);
        let found = checkpoints.find(doc! {}).sort(doc! { "_id": 1 }).await.explain("list the checkpoints")?;
        let found: Vec<Document> = found.try_collect().await.explain("list the checkpoints")?;
        let read = |stored: &Document| Some((stored.get_str("_id").ok()?.to_owned(), read_checkpoint(stored)?));
        Ok(found.iter().filter_map(read).collect())
    }

    pub(super) async fn remove_checkpoint(&self, consumer: &str, expected: Checkpoint) -> Result<bool> {
        let epoch = i64::try_from(expected.epoch).unwrap_or(i64::MAX);
        let query = doc! { "_id": consumer, "p": expected.position.get(), "ep": epoch };
        let command = doc! { "delete": &self.names.checkpoints, "deletes": [{ "q": query, "limit": 1 }] };
        let command = RawDocumentBuf::try_from(&command).map_err(|error| unencodable(&error))?;
        self.durably("remove a checkpoint", command).await?;
        Ok(self.checkpoint(consumer).await?.is_none())
    }

    /// The mark that bounds a reading up to `upto`: what is known where that is enough, else a new look.
    pub(super) async fn mark_for(&self, upto: Position) -> Result<i64> {
        let reached = self.reached();
        if upto.get() <= reached { Ok(reached) } else { self.high_water().await }
    }
}

impl Refused {
    fn plain(error: Error) -> Self {
        Self { code: None, tried: false, error }
    }
}

impl Deref for Refused {
    type Target = Error;

    fn deref(&self) -> &Error {
        &self.error
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// What a server says when it wrote, but no majority did.
fn unacknowledged(answer: &Document) -> Option<(i32, String)> {
    let concern = answer.get_document("writeConcernError").ok()?;
    let code = number(concern, "code").and_then(|code| i32::try_from(code).ok()).unwrap_or(0);
    Some((code, concern.get_str("errmsg").unwrap_or("no reason given").to_owned()))
}
