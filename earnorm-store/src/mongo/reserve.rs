//! Positions for one attempt: a range of the counter, taken inside the transaction by a lone committer, outside of it,
//! but within its life, by all others.
//!
//! Inside, the counter is held until the transaction ends, which would put all writers in one line; but nobody else
//! waits for it there, a transaction that ends takes no position with it, and it is the quicker way. Who meets another
//! writer on the counter takes the way outside from then on, for a while.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bson::{Document, doc};
use mongodb::ClientSession;
use mongodb::options::{ReturnDocument, WriteConcern};
use tokio::time::Instant;

use super::attempt::{Attempt, Reserved};
use super::batch::Batch;
use super::error::code;
use super::failure::Failure;
use super::fault::Fault;
use super::fitness::number;
use super::inner::Inner;
use super::prepare::POSITIONS;
use super::upkeep::CUT;
use super::watchdog;

/// For how long after it met another writer a committer reserves outside.
const SHARED_FOR: Duration = Duration::from_secs(60);
/// The codes for a document that another transaction holds, and for a wait that was too long.
const WRITE_CONFLICT: i32 = 112;
const MAX_TIME_EXPIRED: i32 = 50;

/// Whether others take positions too.
#[derive(Debug, Default)]
pub(super) struct Counter {
    shared_until: Mutex<Option<Instant>>,
}

impl Counter {
    fn is_shared(&self) -> bool {
        let until = self.shared_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn met_another(&self) {
        *self.shared_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + SHARED_FOR);
    }
}

impl Inner {
    /// Whether this attempt may hold the counter: nobody else is on the way, as far as is known.
    pub(super) fn may_hold_counter(&self, batch: &Batch) -> bool {
        match batch.fault {
            Some(Fault::FreezeWithCounter) => true,
            // An unclear commit must be settled on both ways; the other faults are about holes.
            None | Some(Fault::LoseCommitAnswer | Fault::FailCommitOnce) => {
                batch.members.len() == 1 && !self.counter.is_shared() && self.committer.is_alone()
            }
            Some(_) => false,
        }
    }
}

impl Attempt {
    /// Reserves so many positions; the first of them.
    pub(super) async fn reserve(
        &mut self,
        inner: &Inner,
        session: Option<&mut ClientSession>,
        events: usize,
    ) -> Result<i64, Failure> {
        let count = i64::try_from(events).unwrap_or(i64::MAX);
        let inside = session.is_some();
        let counters = inner.commits_db.collection::<Document>(&inner.names.counters);
        let taking = counters
            .find_one_and_update(doc! { "_id": POSITIONS }, doc! { "$inc": { "n": count } })
            .return_document(ReturnDocument::After);
        let taken = match session {
            Some(session) => taking.session(session).await,
            // The open transaction pins the primary's term, so that one node's acknowledgement is enough.
            None => taking.write_concern(WriteConcern::nodes(1)).max_time(watchdog::PATIENCE).await,
        };
        let counter = taken.map_err(|error| inner.not_reserved(&error, inside))?;
        let Some(last) = counter.as_ref().and_then(|counter| number(counter, "n")) else {
            let said = "the position counter was gone".to_owned();
            return Err(Failure::Again { said, counter_behind: true, halve: false });
        };
        self.reserved = Some(Reserved { range: (last - count + 1, last), inside });
        let cut = counter.is_some_and(|counter| counter.contains_key(CUT));
        if cut && !inner.upkeep.cut.swap(true, Ordering::AcqRel) {
            return Err(Failure::again("streams may begin above version 1 from now on: their ends must be looked at"));
        }
        Ok(last - count + 1)
    }
}

impl Inner {
    fn not_reserved(&self, error: &mongodb::error::Error, inside: bool) -> Failure {
        match code(error) {
            Some(WRITE_CONFLICT) if inside => {
                self.counter.met_another();
                Failure::again("another writer took positions at the same time")
            }
            // `halve` has the watchdog look for a writer that holds the counter and is gone.
            Some(MAX_TIME_EXPIRED) => Failure::Again {
                said: "another transaction holds the position counter".to_owned(),
                counter_behind: false,
                halve: true,
            },
            _ => Failure::of("reserve positions", error),
        }
    }
}
