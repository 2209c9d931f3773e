//! What is in the store in the end, read without the store's own reading code where there is another way.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anyhow::{Result, bail};
use bson::{Document, doc};
use earnorm_core::model::Model;
use earnorm_core::position::Position;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, EntryQuery, LogEntry, Store};
use futures::TryStreamExt;

use super::audit::{Books, Move};
use super::bank::{CATEGORY, Purse};
use super::handling::Tally;
use super::keys::{Key, key_of};
use super::place::{ACCOUNTS, Place};
use super::wrong::{self, EVENTS};

/// An event of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) position: i64,
    pub(crate) key: Key,
    pub(crate) version: u64,
    /// Its stream, by number.
    pub(crate) stream: usize,
    /// When it was recorded, in milliseconds.
    pub(crate) at: i64,
    /// Which event of its commit it is, and how many that has.
    pub(crate) part: (u64, u64),
    /// Whether it ends its account.
    pub(crate) closes: bool,
}

/// The log and the state documents.
#[derive(Debug, Default)]
pub(crate) struct Truth {
    /// In the order of positions.
    pub(crate) entries: Vec<Entry>,
    pub(crate) tombstones: u64,
    /// Positions below the end at which nothing stands.
    pub(crate) holes: u64,
    pub(crate) streams: Vec<String>,
    pub(crate) books: Books,
    /// Version and last key of each state document, by id.
    pub(crate) accounts: HashMap<String, (u64, Key)>,
}

/// Collects the log.
#[derive(Debug, Default)]
struct Collector {
    truth: Truth,
    numbers: HashMap<String, usize>,
    last: i64,
}

/// Reads everything up to `end`.
pub(crate) async fn read(place: &Place, store: &Arc<dyn Store>, end: i64) -> Result<Truth> {
    let mut collector = Collector::default();
    match place {
        Place::Mongo { .. } => collector.read_collection(place, end).await?,
        Place::Sqlite(_) | Place::Memory(_) => collector.read_entries(store, end).await?,
    }
    let mut truth = collector.truth;
    let query = DocumentQuery::new(ACCOUNTS, Predicate::always());
    let accounts: Vec<Document> = store.find(query).await?.try_collect().await?;
    for account in accounts {
        let number = |field| account.get_i64(field).map(i64::unsigned_abs).unwrap_or(0);
        truth.accounts.insert(account.get_str("_id")?.to_owned(), (number("_v"), number("last")));
    }
    truth.books.purses = pairs(store, Purse::SCHEMA.collection, "_v").await?;
    truth.books.tallies = pairs(store, Tally::SCHEMA.collection, "events").await?;
    for (_, (out_of_turn, _)) in pairs(store, Tally::SCHEMA.collection, "out_of_turn").await? {
        truth.books.out_of_turn += out_of_turn;
    }
    Ok(truth)
}

/// A number and the cents of each document, by id.
async fn pairs(store: &Arc<dyn Store>, collection: &str, number: &str) -> Result<BTreeMap<i64, (i64, i64)>> {
    let found = store.find(DocumentQuery::new(collection, Predicate::always())).await?;
    let found: Vec<Document> = found.try_collect().await?;
    let pair =
        |document: Document| Ok((document.get_i64("_id")?, (document.get_i64(number)?, document.get_i64("cents")?)));
    found.into_iter().map(pair).collect()
}

impl Collector {
    async fn read_collection(&mut self, place: &Place, end: i64) -> Result<()> {
        let store = place.open_raw().await?;
        let log = store.raw_database().collection::<Document>(EVENTS);
        let mut found = log.find(doc! { "_id": { "$lte": end } }).sort(doc! { "_id": 1 }).await?;
        while let Some(entry) = found.try_next().await? {
            let position = wrong::position(&entry);
            self.step(position);
            let Some((key, version)) = wrong::event(&entry) else {
                if !entry.get_bool("x").unwrap_or(false) {
                    bail!("the entry at position {position} is neither event nor tombstone: {entry}");
                }
                self.truth.tombstones += 1;
                continue;
            };
            let closes = entry.get_str("t")? == "account.closed";
            let at = entry.get_datetime("at")?.timestamp_millis();
            let data = entry.get_document("d")?;
            let part = part(data);
            self.enter(position, entry.get_str("s")?, data);
            let stream = self.stream(entry.get_str("s")?);
            self.truth.entries.push(Entry { position, key, version, stream, at, part, closes });
        }
        Ok(store.close().await?)
    }

    async fn read_entries(&mut self, store: &Arc<dyn Store>, end: i64) -> Result<()> {
        let mut after = Position::START;
        loop {
            let query = EntryQuery { after, upto: Position::new(end), limit: 1_000 };
            let entries = store.admin().entries(query).await?;
            let Some(last) = entries.last() else { return Ok(()) };
            after = last.position();
            for entry in entries {
                self.step(entry.position().get());
                match entry {
                    LogEntry::Tombstone(_) => self.truth.tombstones += 1,
                    LogEntry::Event { event, .. } => {
                        self.enter(event.position.get(), &event.stream.to_string(), event.data()?);
                        let stream = self.stream(&event.stream.to_string());
                        self.truth.entries.push(Entry {
                            position: event.position.get(),
                            key: key_of(event.id),
                            version: event.version,
                            stream,
                            at: event.recorded_at.timestamp_millis(),
                            part: part(event.data()?),
                            closes: event.event_type == "account.closed",
                        });
                    }
                }
            }
        }
    }

    /// Enters an event of the bank in the books.
    fn enter(&mut self, position: i64, stream: &str, data: &Document) {
        let purse = stream.strip_prefix(CATEGORY).and_then(|rest| rest.strip_prefix('-'));
        if let Some(purse) = purse.and_then(|purse| purse.parse().ok()) {
            let transfer = data.get_str("transfer").ok().map(ToOwned::to_owned);
            let cents = data.get_i64("cents").unwrap_or(0);
            self.truth.books.moves.push(Move { position, purse, transfer, cents });
        }
    }

    fn step(&mut self, position: i64) {
        self.truth.holes += (position - self.last - 1).unsigned_abs();
        self.last = position;
    }

    fn stream(&mut self, name: &str) -> usize {
        if let Some(&number) = self.numbers.get(name) {
            return number;
        }
        let number = self.truth.streams.len();
        self.numbers.insert(name.to_owned(), number);
        self.truth.streams.push(name.to_owned());
        number
    }
}

/// Which event of its commit it is, and how many that has, where a writer said so.
fn part(data: &Document) -> (u64, u64) {
    if !data.contains_key("of") {
        return (0, 1);
    }
    let number = |field| data.get_i64(field).map(i64::unsigned_abs).unwrap_or(0);
    (number("nth"), number("of"))
}
