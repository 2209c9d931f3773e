//! The streams of the log: their heads, their categories, and all events of a category stream by stream. All of it
//! walks the index over (stream, version).

use bson::raw::{RawBsonRef, RawDocumentBuf};
use bson::{Document, doc};
use earnorm_core::event::RecordedEvent;
use earnorm_core::store::StreamHead;
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};

use super::codec::int64;
use super::error::Explain;
use super::events::Head;
use super::fitness::number;
use super::inner::Inner;

/// How many keys of the index a look for heads reads at first and at most: twice as many each time.
const KEYS_FIRST: usize = 256;
const KEYS_MAX: usize = 16_384;

/// The streams of a part of the index.
struct Heads {
    found: Vec<(String, u64, u64)>,
    /// Whether the last one may go on behind it.
    cut: bool,
}

impl Inner {
    /// Reads a part of the index at a time, and steps over the rest of a stream that is longer than the part.
    pub(super) async fn streams(&self, category: &str, after: Option<&str>, limit: usize) -> Result<Vec<StreamHead>> {
        let (mut after, end) = (format!("{category}-{}", after.unwrap_or_default()), format!("{category}."));
        let mut heads: Vec<StreamHead> = Vec::new();
        let mut keys = KEYS_FIRST;
        while heads.len() < limit {
            let Heads { mut found, cut } = self.heads_between(&after, &end, keys).await?;
            if let (true, Some((stream, _, last))) = (cut, found.last_mut()) {
                *last = self.last_version(stream).await?.max(*last);
            }
            if let Some((stream, _, _)) = found.last() {
                after.clone_from(stream);
            }
            for (stream, first, last) in found.into_iter().take(limit - heads.len()) {
                heads.push(StreamHead { stream: parse(&stream)?, first, last });
            }
            if !cut {
                break;
            }
            keys = (keys * 2).min(KEYS_MAX);
        }
        Ok(heads)
    }

    /// The streams behind `after` and before `end` in the next so many keys.
    async fn heads_between(&self, after: &str, end: &str, keys: usize) -> Result<Heads> {
        let events = self.db.collection::<Document>(&self.names.events);
        let pipeline = vec![
            doc! { "$match": { "s": { "$gt": after, "$lt": end } } },
            doc! { "$sort": { "s": 1, "v": 1 } },
            doc! { "$limit": i64::try_from(keys).unwrap_or(i64::MAX) },
            doc! { "$group": { "_id": "$s", "f": { "$min": "$v" }, "l": { "$max": "$v" }, "n": { "$sum": 1_i64 } } },
            doc! { "$sort": { "_id": 1 } },
        ];
        let mut cursor = events.aggregate(pipeline).hint(hint()).await.explain("list the streams")?;
        let (mut found, mut seen) = (Vec::new(), 0);
        while cursor.advance().await.explain("list the streams")? {
            let head = Document::try_from(cursor.current()).map_err(|error| corrupt(&error.to_string()))?;
            let version = |field| number(&head, field).and_then(|version| u64::try_from(version).ok());
            let stream = head.get_str("_id").ok().map(str::to_owned);
            let (Some(stream), Some(first), Some(last)) = (stream, version("f"), version("l")) else {
                return Err(corrupt("an event's stream or version is of another type"));
            };
            seen += number(&head, "n").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            found.push((stream, first, last));
        }
        Ok(Heads { found, cut: seen >= keys })
    }

    async fn last_version(&self, stream: &str) -> Result<u64> {
        let events = self.db.collection::<Document>(&self.names.events);
        let last = events
            .find_one(doc! { "s": { "$eq": stream } })
            .sort(doc! { "s": -1, "v": -1 })
            .projection(doc! { "_id": 0, "v": 1 })
            .await;
        Ok(last.explain("read the end of a stream")?.as_ref().map_or(Head::NONE, Head::read).version)
    }

    pub(super) async fn scan(
        &self,
        category: &str,
        after: Option<(&str, u64)>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        let (start, end) = (format!("{category}-{}", after.map_or("", |(key, _)| key)), format!("{category}."));
        let mut filter = doc! { "s": { "$gt": &start, "$lt": end } };
        if let Some((_, version)) = after {
            filter = doc! { "$or": [{ "s": start, "v": { "$gt": int64(version) } }, filter] };
        }
        self.read_events(filter, doc! { "s": 1, "v": 1 }, limit.max(1)).await
    }

    /// Steps from one category to the next: `.` follows `-`, and all that a category holds stands between them.
    pub(super) async fn categories(&self) -> Result<Vec<String>> {
        let events = self.db.collection::<RawDocumentBuf>(&self.names.events);
        let (mut categories, mut from) = (Vec::new(), String::new());
        loop {
            let next = events
                .find_one(doc! { "s": { "$gte": &from } })
                .sort(doc! { "s": 1, "v": 1 })
                .projection(doc! { "_id": 0, "s": 1 })
                .hint(hint())
                .await
                .explain("list the categories")?;
            let Some(next) = next else { return Ok(categories) };
            let Ok(Some(RawBsonRef::String(stream))) = next.get("s") else {
                return Err(corrupt("an event's stream is of another type"));
            };
            let stream = parse(stream)?;
            from = format!("{}.", stream.category());
            categories.push(stream.category().to_owned());
        }
    }
}

/// The index over (stream, version).
pub(super) fn hint() -> mongodb::options::Hint {
    mongodb::options::Hint::Keys(doc! { "s": 1, "v": 1 })
}

fn parse(stream: &str) -> Result<StreamId> {
    StreamId::parse(stream).map_err(|error| corrupt(&error.to_string()))
}

fn corrupt(reason: &str) -> Error {
    Error::Corrupt { subject: "an event of the log".to_owned(), reason: reason.to_owned() }
}
