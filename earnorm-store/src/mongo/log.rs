//! Reading the log: one stream, or a page of everything up to the high-water mark.

use bson::raw::RawDocumentBuf;
use bson::{Bson, Document, doc};
use chrono::{DateTime, Utc};
use earnorm_core::Result;
use earnorm_core::event::RecordedEvent;
use earnorm_core::position::Position;
use earnorm_core::store::{LogPage, LogQuery, StreamQuery};

use super::codec::{date, decode, int64};
use super::entries::BATCH_MAX;
use super::error::Explain;
use super::inner::Inner;
use super::pattern::regex;

impl Inner {
    /// A stream's own order is complete, so the mark does not bound it.
    pub(super) async fn read_stream(&self, query: &StreamQuery) -> Result<Vec<RecordedEvent>> {
        if query.limit == 0 || query.from > query.to {
            return Ok(Vec::new());
        }
        let filter = doc! {
            "s": { "$eq": query.stream.to_string() },
            "v": { "$gte": int64(query.from), "$lte": int64(query.to) },
        };
        let order = doc! { "v": if query.backwards { -1 } else { 1 } };
        self.read_events(filter, order, query.limit).await
    }

    pub(super) async fn read_log(&self, query: &LogQuery) -> Result<LogPage> {
        let limit = query.limit.max(1);
        let high_water = self.bound(query, limit).await?;
        let (after, upto) = (query.after.get(), query.upto.get().min(high_water));
        let mut page = LogPage { events: Vec::new(), high_water: Position::new(high_water), more: false };
        if after >= upto {
            return Ok(page);
        }
        let order = doc! { "_id": if query.backwards { -1 } else { 1 } };
        page.events = self.read_events(filter(query, after, upto), order, limit.saturating_add(1)).await?;
        page.more = page.events.len() > limit;
        page.events.truncate(limit);
        // The regular expressions say the same; the one matcher has the last word.
        let types = &query.types;
        page.events.retain(|event| types.is_empty() || types.iter().any(|pattern| pattern.matches(&event.event_type)));
        Ok(page)
    }

    /// The mark that bounds a page. Far below the one that is known, a page of everything needs no new look.
    async fn bound(&self, query: &LogQuery, limit: usize) -> Result<i64> {
        let reached = self.reached();
        let ahead = usize::try_from(reached.saturating_sub(query.after.get())).unwrap_or(0);
        let plain = LogQuery { after: query.after, upto: query.upto, limit: query.limit, ..LogQuery::default() };
        if ahead > limit.saturating_mul(2) && *query == plain {
            return Ok(reached);
        }
        self.mark_for(query.upto).await
    }

    /// All events at these positions.
    pub(super) async fn events_between(&self, first: i64, last: i64) -> Result<Vec<RecordedEvent>> {
        let filter = doc! { "_id": { "$gte": first, "$lte": last }, "s": { "$exists": true } };
        self.read_events(filter, doc! { "_id": 1 }, usize::MAX).await
    }

    /// Events in an order that an index has.
    pub(super) async fn read_events(
        &self,
        filter: Document,
        order: Document,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>> {
        let events = self.db.collection::<RawDocumentBuf>(&self.names.events);
        // Else the first batch holds 101, and the rest of a page costs another round trip.
        let batch = u32::try_from(limit.min(BATCH_MAX)).unwrap_or(u32::MAX);
        let mut find = events.find(filter).sort(order).batch_size(batch);
        if let Ok(limit) = i64::try_from(limit) {
            find = find.limit(limit);
        }
        let mut cursor = find.await.explain("read events")?;
        let mut found = Vec::with_capacity(limit.min(1_024));
        while cursor.advance().await.explain("read events")? {
            found.push(decode(cursor.current())?);
        }
        Ok(found)
    }
}

fn filter(query: &LogQuery, after: i64, upto: i64) -> Document {
    // Tombstones have no stream.
    let mut all = vec![doc! { "_id": { "$gt": after, "$lte": upto }, "s": { "$exists": true } }];
    if !query.streams.is_empty() {
        let streams: Vec<_> = query.streams.iter().map(ToString::to_string).collect();
        all.push(doc! { "s": { "$in": streams } });
    }
    if !query.categories.is_empty() {
        all.push(doc! { "k": { "$in": query.categories.clone() } });
    }
    all.extend(types(query));
    all.extend(times(query.since, query.until));
    if let Some(actor) = &query.actor {
        all.push(doc! { "m.actor": { "$eq": actor } });
    }
    if let Some(flow) = &query.correlation_id {
        all.push(doc! { "m.correlation_id": { "$eq": flow } });
    }
    doc! { "$and": all }
}

fn types(query: &LogQuery) -> Option<Document> {
    if query.types.is_empty() {
        return None;
    }
    let literals: Vec<_> = query.types.iter().filter_map(|pattern| pattern.literal()).map(Bson::from).collect();
    let mut any = Vec::new();
    if !literals.is_empty() {
        any.push(doc! { "t": { "$in": literals } });
    }
    for pattern in query.types.iter().filter(|pattern| pattern.literal().is_none()) {
        any.push(doc! { "t": { "$regex": regex(pattern)?, "$options": "" } });
    }
    Some(doc! { "$or": any })
}

fn times(since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Option<Document> {
    let mut range = Document::new();
    if let Some(since) = since {
        range.insert("$gte", ceil(since));
    }
    if let Some(until) = until {
        range.insert("$lt", ceil(until));
    }
    (!range.is_empty()).then(|| doc! { "at": range })
}

/// The first whole millisecond at or after `time`: stored times are whole.
fn ceil(time: DateTime<Utc>) -> bson::DateTime {
    let floor = date(time);
    let exact = DateTime::from_timestamp_millis(floor.timestamp_millis()).is_some_and(|floor| floor == time);
    if exact { floor } else { bson::DateTime::from_millis(floor.timestamp_millis().saturating_add(1)) }
}
