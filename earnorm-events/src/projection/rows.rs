//! Reading the rows of a projection.

use std::fmt::{self, Display};
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use bson::Bson;
use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::query::Filter;
use earnorm_core::{Error, Result};

use super::RowData;
use super::query::RowQuery;
use super::record::Record;
use super::view::{checked, decode};
use crate::backoff::Backoff;

/// How often a reading begins again because the rows were built anew meanwhile.
pub(super) const ROUNDS_MAX: u32 = 8;

/// The rows of a projection.
///
/// Reads go to the version of this program once it has caught up with the log, else to the newest that has;
/// [`ProjectionRows::reading`] says which. A version that is built again is read as it was until the new build has
/// caught up.
pub struct ProjectionRows<T> {
    pub(super) db: Database,
    name: String,
    preferred: Option<u32>,
    only: bool,
    at_least: Position,
    within: Duration,
    of: PhantomData<fn() -> T>,
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadVersion {
    /// The version of the projection.
    pub version: u32,
    /// Its build: the first has the lowest number.
    pub build: u32,
    /// The collection of its rows.
    pub collection: String,
    /// The name of its checkpoint.
    pub consumer: String,
}

/// A row with its key. It derefs to the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<T> {
    /// Its key.
    pub key: String,
    /// The row.
    pub value: T,
}

impl<T> Deref for Row<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: RowData> ProjectionRows<T> {
    pub(super) fn new(db: Database, name: String, preferred: Option<u32>) -> Self {
        let (at_least, within) = (Position::START, Duration::from_secs(30));
        Self { db, name, preferred, only: false, at_least, within, of: PhantomData }
    }

    /// Reads this version and no other.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        (self.preferred, self.only) = (Some(version), true);
        self
    }

    /// Waits before a reading until the rows hold what was recorded up to a position: a caller reads its own writes. No
    /// position, as a receipt of a save that wrote nothing has, is reached at once.
    #[must_use]
    pub fn at_least(mut self, position: impl Into<Option<Position>>) -> Self {
        self.at_least = position.into().unwrap_or_default();
        self
    }

    /// How long to wait for the position at most; 30 seconds unless set.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    /// The row of a key.
    ///
    /// # Errors
    /// [`Error::Unbuilt`] when no version has caught up yet; [`Error::TimedOut`] when the position was not reached in
    /// time; [`Error::Decode`] when the rows are of another shape; what the store answers.
    pub async fn get(&self, key: impl Display) -> Result<Option<T>> {
        let key = checked(key)?;
        for _ in 0..ROUNDS_MAX {
            let read = self.reading().await?;
            if let Some(found) = self.db.store().get(&read.collection, &Bson::from(key.as_str())).await? {
                return decode(found, &read.collection).map(Some);
            }
            if self.still(&read).await? {
                return Ok(None);
            }
        }
        Err(self.restless())
    }

    /// The rows that a filter chooses, by the fields as serde stores them:
    /// `find(Field::<_, i64>::new("cents").gte(100))`.
    pub fn find(&self, filter: Filter<T>) -> RowQuery<T> {
        RowQuery::new(self.clone(), filter)
    }

    /// All rows, in the order of their keys.
    pub fn all(&self) -> RowQuery<T> {
        self.find(Filter::always())
    }

    /// What is read now, after the position was reached that was asked for.
    ///
    /// # Errors
    /// As [`ProjectionRows::get`].
    pub async fn reading(&self) -> Result<ReadVersion> {
        if self.at_least == Position::START {
            return self.choose().await;
        }
        match tokio::time::timeout(self.within, self.wait_for_position()).await {
            Ok(read) => read,
            Err(_) => Err(Error::TimedOut {
                what: format!("the projection `{}` to reach position {}", self.name, self.at_least),
                after: self.within,
            }),
        }
    }

    async fn wait_for_position(&self) -> Result<ReadVersion> {
        let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(100));
        loop {
            let reached = match self.chosen().await {
                // While a version is built again its checkpoint says nothing of the rows that are read.
                Ok(Some(record)) if record.is_live() => {
                    let stored = self.db.store().checkpoint(&record.id()).await;
                    stored.map(|stored| stored.filter(|stored| stored.position >= self.at_least).map(|_| record))
                }
                Ok(_) => Ok(None),
                Err(error) => Err(error),
            };
            match reached {
                Ok(Some(record)) => return Ok(self.read_of(&record)),
                Err(error) if !error.is_retryable() => return Err(error),
                Ok(None) | Err(_) => tokio::time::sleep(backoff.wait()).await,
            }
        }
    }

    fn read_of(&self, record: &Record) -> ReadVersion {
        ReadVersion {
            version: record.version,
            build: record.live,
            collection: record.rows(&**self.db.store(), record.live),
            consumer: record.id(),
        }
    }

    /// The version that is read, if one can be.
    async fn chosen(&self) -> Result<Option<Record>> {
        let mut ready = Record::all(&self.db, Some(&self.name)).await?;
        ready.retain(|record| !record.retired && record.live > 0);
        let preferred = ready.iter().position(|record| Some(record.version) == self.preferred);
        Ok(match preferred {
            Some(at) => Some(ready.swap_remove(at)),
            None if self.only => None,
            None => ready.pop(),
        })
    }

    async fn choose(&self) -> Result<ReadVersion> {
        match self.chosen().await? {
            Some(record) => Ok(self.read_of(&record)),
            None => Err(self.unbuilt().await?),
        }
    }

    async fn unbuilt(&self) -> Result<Error> {
        let known = Record::all(&self.db, Some(&self.name)).await?;
        let building = known.iter().any(|record| !record.retired);
        let reason = if building {
            "no version of it has caught up with the log yet: wait with `at_least(position)`, or read it later"
        } else {
            "it was never started on this database, or was retired: add it to a bus, or rebuild it"
        };
        Ok(Error::Unbuilt { projection: self.name.clone(), reason: reason.to_owned() })
    }

    /// Whether what was read from is still what is read, so that rows that were not found are not there.
    pub(super) async fn still(&self, read: &ReadVersion) -> Result<bool> {
        let record = Record::find(&self.db, &read.consumer).await?;
        Ok(record.is_some_and(|record| !record.retired && record.live == read.build))
    }

    pub(super) fn restless(&self) -> Error {
        let reason = "its rows were built anew each time they were read: read them again later".to_owned();
        Error::Unbuilt { projection: self.name.clone(), reason }
    }
}

impl<T> Clone for ProjectionRows<T> {
    fn clone(&self) -> Self {
        Self { db: self.db.clone(), name: self.name.clone(), of: PhantomData, ..*self }
    }
}

impl<T> fmt::Debug for ProjectionRows<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectionRows")
            .field("name", &self.name)
            .field("preferred", &self.preferred)
            .field("at_least", &self.at_least)
            .finish_non_exhaustive()
    }
}
