//! What an entity knows beside its fields. It is shared with the unit of work that a save was staged in, so that one
//! commit moves the versions of all its entities.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bson::{Bson, Document};
use chrono::{DateTime, Utc};

use super::kept::KeptState;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::model::Model;
use crate::save::Receipt;
use crate::schema;

/// A state document as it was read or written, without the library's own fields.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loaded {
    /// 0 when the instance was never saved.
    pub(crate) version: u64,
    /// The model's fields. They stay known after a delete.
    pub(crate) document: Option<KeptState>,
    pub(crate) recorded_at: Option<DateTime<Utc>>,
    /// The schema version of the stored document.
    pub(crate) schema_version: u32,
    /// Whether the document is in its collection.
    pub(crate) stored: bool,
    /// Whether the instance is not deleted.
    pub(crate) live: bool,
}

/// The library's own fields of a state document.
#[derive(Debug)]
pub(crate) struct Internals {
    /// `None` where there is none.
    pub(crate) version: Option<u64>,
    pub(crate) schema_version: u32,
    recorded_at: Option<DateTime<Utc>>,
    live: bool,
}

impl Internals {
    /// Takes them out of a document by `take`.
    pub(crate) fn take(mut take: impl FnMut(&'static str) -> Option<Bson>) -> Self {
        // The last first: they stand at the end, and what is taken from there moves nothing.
        take(schema::CHECKED_BY);
        let live = !matches!(take(schema::LIVE), Some(Bson::Boolean(false)));
        let recorded_at = match take(schema::RECORDED_AT) {
            Some(Bson::DateTime(moment)) => DateTime::from_timestamp_millis(moment.timestamp_millis()),
            _ => None,
        };
        let schema_version = match take(schema::SCHEMA_VERSION) {
            Some(Bson::Int32(version)) => u32::try_from(version).unwrap_or(1),
            Some(Bson::Int64(version)) => u32::try_from(version).unwrap_or(1),
            _ => 1,
        };
        let version = match take(schema::VERSION) {
            Some(Bson::Int64(version)) => u64::try_from(version).ok(),
            Some(Bson::Int32(version)) => u64::try_from(version).ok(),
            _ => None,
        };
        Self { version, schema_version, recorded_at, live }
    }
}

impl Loaded {
    /// Takes a state document apart.
    pub(crate) fn from_document(mut document: Document, subject: impl Fn(&Document) -> String) -> Result<Self> {
        let internals = Internals::take(|name| document.remove(name));
        let version = internals.version.ok_or_else(|| {
            let reason = "it has no version (`_v`); documents that were there before need a baseline in the log first";
            Error::Corrupt { subject: subject(&document), reason: reason.to_owned() }
        })?;
        Ok(Self::of(&internals, version, document.into()))
    }

    pub(crate) fn of(internals: &Internals, version: u64, document: KeptState) -> Self {
        let Internals { schema_version, recorded_at, live, .. } = *internals;
        Self { version, document: Some(document), recorded_at, schema_version, stored: true, live }
    }
}

/// An event that was raised and not saved yet.
#[derive(Debug, Clone)]
pub(crate) struct Raised {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) personal: &'static [&'static str],
    pub(crate) data: Document,
}

impl Raised {
    pub(crate) fn of<M: Model, E: Event>(event: &E) -> Result<Self> {
        let subject = || format!("event {}.{}", M::SCHEMA.name, E::NAME);
        let data = event.encode().map_err(|source| Error::Encode { subject: subject(), source })?;
        crate::limits::refuse_sealed(&data, subject)
            .map_err(|error| crate::personal::veil_name(error, &data, E::PERSONAL))?;
        Ok(Self { name: E::NAME, version: E::VERSION, personal: E::PERSONAL, data })
    }
}

/// Where an entity stands: durably, and within a unit of work.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) settled: Loaded,
    /// The unit that the entity was staged in, and what the commit of that unit will make of it.
    pub(crate) staged: Option<(u64, Loaded)>,
    /// Raised events; the first `raised_staged` of them are part of the staged write.
    pub(crate) raised: Vec<Raised>,
    pub(crate) raised_staged: usize,
    pub(crate) receipt: Option<Receipt>,
}

/// What a staged write changed in a [`State`], to take it back.
#[derive(Debug, Clone)]
pub(crate) struct Before {
    staged: Option<(u64, Loaded)>,
    raised_staged: usize,
}

impl State {
    pub(crate) fn of(loaded: Loaded) -> Self {
        Self { settled: loaded, ..Self::default() }
    }

    /// The state of an independent clone: durable parts and raised events, nothing staged.
    pub(crate) fn copy(&self) -> Self {
        Self {
            settled: self.settled.clone(),
            raised: self.raised.clone(),
            receipt: self.receipt.clone(),
            ..Self::default()
        }
    }

    /// What a write within `unit` builds on.
    pub(crate) fn seen_by(&self, unit: u64) -> Loaded {
        match &self.staged {
            Some((staged, loaded)) if *staged == unit => loaded.clone(),
            _ => self.settled.clone(),
        }
    }

    /// Raised events that no staged write of `unit` holds.
    pub(crate) fn fresh_raised(&self, unit: u64) -> Vec<Raised> {
        let taken = match &self.staged {
            Some((staged, _)) if *staged == unit => self.raised_staged,
            _ => 0,
        };
        self.raised.get(taken..).unwrap_or_default().to_vec()
    }

    pub(crate) fn stage(&mut self, unit: u64, loaded: Loaded) -> Before {
        let before = Before { staged: self.staged.take(), raised_staged: self.raised_staged };
        self.staged = Some((unit, loaded));
        self.raised_staged = self.raised.len();
        before
    }

    pub(crate) fn take_back(&mut self, before: Before) {
        self.staged = before.staged;
        self.raised_staged = before.raised_staged;
    }

    /// The commit of `unit` is durable.
    pub(crate) fn settle(&mut self, unit: u64) {
        if let Some((staged, loaded)) = self.staged.take() {
            if staged == unit {
                self.settled = loaded;
                self.raised.drain(..self.raised_staged.min(self.raised.len()));
                self.raised_staged = 0;
            } else {
                self.staged = Some((staged, loaded));
            }
        }
    }
}

/// Locks through a poisoned mutex: no code that can panic runs while one of ours is held.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    fn loaded(document: Document) -> Result<Loaded> {
        Loaded::from_document(document, |_| "users 1".to_owned())
    }

    #[test]
    fn a_stored_document_is_taken_apart_whichever_integers_it_has() {
        let at = bson::DateTime::from_millis(5);
        let own = doc! { "_id": 1, "name": "Ada" };
        for (version, shape) in
            [(bson::Bson::Int64(3), bson::Bson::Int32(2)), (bson::Bson::Int32(3), bson::Bson::Int64(2))]
        {
            let mut document = own.clone();
            document.extend(doc! { "_v": version, "_s": shape, "_t": at, "_live": false, "_check": "x" });
            let loaded = loaded(document).unwrap();
            assert_eq!((loaded.version, loaded.schema_version, loaded.live, loaded.stored), (3, 2, false, true));
            assert_eq!(loaded.recorded_at, DateTime::from_timestamp_millis(5));
            assert_eq!(loaded.document.as_deref(), Some(&own));
        }
        let bare = loaded(doc! { "_id": 1, "_v": 1_i64 }).unwrap();
        assert_eq!((bare.schema_version, bare.live, bare.recorded_at), (1, true, None));
        for strange in [doc! { "_id": 1 }, doc! { "_v": "1" }, doc! { "_v": -1_i64 }] {
            assert!(matches!(loaded(strange), Err(Error::Corrupt { .. })));
        }
    }
}
