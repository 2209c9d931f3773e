//! The log: events as rows, streams and pages of them.

use std::sync::LazyLock;

use bson::{Document, doc};
use chrono::{DateTime, SecondsFormat, Utc};
use earnorm_core::event::{RecordedData, RecordedEvent};
use earnorm_core::extjson::moment;
use earnorm_core::metadata::Metadata;
use earnorm_core::position::Position;
use earnorm_core::store::{LogPage, LogQuery, StreamQuery};
use earnorm_core::stream::StreamId;
use rusqlite::{OptionalExtension, Params, Row, Rows, named_params, params};
use uuid::Uuid;

use super::error::{Done, corrupt};
use super::json;
use super::tx::Tx;
use crate::page::wanted;

/// The columns that make an event, in the order in which `read_event` reads them.
const COLUMNS: &str = "position, stream, version, type, schema_version, data, metadata, recorded_at, id";

/// What stands beside most events. To copy it is cheaper than to make it: documents take a new seed for their hashes.
static NONE: LazyLock<Metadata> = LazyLock::new(Metadata::default);

/// For how many events room is made at once.
const ROOM_MAX: usize = 1_000;

/// The parts of an event that need not wait for its place, as the file keeps them.
#[derive(Debug)]
pub(super) struct EventTexts {
    id: String,
    data: String,
    metadata: Option<String>,
}

impl EventTexts {
    pub(super) fn new(id: Uuid, data: &Document, metadata: &Metadata) -> Self {
        let metadata = written_metadata(metadata).map(|metadata| json::encode(&metadata));
        Self { id: id.to_string(), data: json::encode(data), metadata }
    }
}

/// Where an event stands, and its other columns.
#[derive(Debug)]
pub(super) struct Place<'e> {
    pub(super) position: i64,
    pub(super) stream: &'e str,
    pub(super) version: u64,
    pub(super) event_type: &'e str,
    pub(super) schema_version: u32,
    pub(super) recorded_at: DateTime<Utc>,
    /// The commit that it begins, and how many events that has.
    pub(super) begins: Option<(&'e str, usize)>,
}

impl Tx<'_> {
    /// The version and time of a stream's last event.
    pub(super) fn last_of(&self, stream: &str) -> Done<Option<(u64, DateTime<Utc>)>> {
        let sql = "SELECT version, recorded_at FROM events WHERE stream = ? ORDER BY version DESC LIMIT 1";
        let mut read = self.conn.prepare_cached(sql)?;
        let found: Option<(i64, String)> = read.query_row([stream], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let incomplete = || corrupt(format!("the last event of {stream}"), "its version or time is none");
        let Some((version, moment)) = found else { return Ok(None) };
        Ok(Some((u64::try_from(version).map_err(|_| incomplete())?, read_moment(&moment).ok_or_else(incomplete)?)))
    }

    /// Whether an event with this id is in the log.
    pub(super) fn holds(&self, event: &EventTexts) -> Done<bool> {
        Ok(self.conn.prepare_cached("SELECT 1 FROM events WHERE id = ?")?.exists([&event.id])?)
    }

    /// Writes an event at its place.
    pub(super) fn insert_event(&self, place: &Place<'_>, event: &EventTexts) -> Done<()> {
        let sql = "INSERT INTO events (position, stream, version, type, schema_version, data, metadata, recorded_at, \
                   id, commit_id, commit_events) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        self.conn.prepare_cached(sql)?.execute(params![
            place.position,
            place.stream,
            i64::try_from(place.version).unwrap_or(i64::MAX),
            place.event_type,
            place.schema_version,
            event.data,
            event.metadata,
            written_moment(place.recorded_at),
            event.id,
            place.begins.map(|(commit, _)| commit),
            place.begins.map(|(_, events)| i64::try_from(events).unwrap_or(i64::MAX)),
        ])?;
        Ok(())
    }

    pub(super) fn stream(&self, query: &StreamQuery) -> Done<Vec<RecordedEvent>> {
        let whole = |version: u64| i64::try_from(version).unwrap_or(i64::MAX);
        let limit = i64::try_from(query.limit).unwrap_or(i64::MAX);
        let order = if query.backwards { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE stream = ? AND version BETWEEN ? AND ? ORDER BY version {order} LIMIT ?"
        );
        self.events(&sql, (query.stream.as_str(), whole(query.from), whole(query.to), limit))
    }

    /// The events above one position up to another.
    pub(super) fn events_between(&self, after: i64, upto: i64) -> Done<Vec<RecordedEvent>> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE position > ? AND position <= ? ORDER BY position");
        self.events(&sql, (after, upto))
    }

    /// The events of a category behind a key and version, stream by stream.
    pub(super) fn scan(&self, category: &str, after: Option<(String, u64)>, limit: usize) -> Done<Vec<RecordedEvent>> {
        let (key, version) = after.unwrap_or_default();
        let (from, to) = (format!("{category}-{key}"), format!("{category}."));
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE (stream, version) > (?, ?) AND stream < ? ORDER BY stream, version LIMIT ?"
        );
        let version = i64::try_from(version).unwrap_or(i64::MAX);
        self.events(&sql, (from, version, to, i64::try_from(limit.max(1)).unwrap_or(i64::MAX)))
    }

    pub(super) fn events(&self, sql: &str, params: impl Params) -> Done<Vec<RecordedEvent>> {
        let mut read = self.conn.prepare_cached(sql)?;
        let mut rows = read.query(params)?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            events.push(read_event(row)?);
        }
        Ok(events)
    }

    pub(super) fn page(&self, query: &LogQuery) -> Done<LogPage> {
        let high_water = Position::new(self.head.end);
        let order = if query.backwards { "DESC" } else { "ASC" };
        // Where one category or stream is asked for its index gives the order; several are picked out in passing.
        let (condition, names) = match (query.streams.as_slice(), query.categories.as_slice()) {
            ([], []) => ("1", "[]".to_owned()),
            ([], [category]) => ("category = (SELECT value FROM json_each(:names))", listed([category])),
            ([], categories) => ("+category IN (SELECT value FROM json_each(:names))", listed(categories)),
            ([stream], _) => ("stream = (SELECT value FROM json_each(:names))", listed([stream.to_string()])),
            (streams, _) => {
                let names = listed(streams.iter().map(ToString::to_string));
                ("stream IN (SELECT value FROM json_each(:names))", names)
            }
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE position > :after AND position <= :upto AND {condition} \
             AND :names IS NOT NULL ORDER BY position {order}"
        );
        let mut read = self.conn.prepare_cached(&sql)?;
        let upto = query.upto.get().min(self.head.end);
        let rows = read.query(named_params! { ":after": query.after.get(), ":upto": upto, ":names": names })?;
        // Not more than the range holds: whoever asks for all must not pay for it where there is little.
        let most = usize::try_from(upto.saturating_sub(query.after.get())).unwrap_or(0).min(query.limit).min(ROOM_MAX);
        let (events, more) = collect(rows, query, most)?;
        Ok(LogPage { events, high_water, more })
    }
}

/// The wanted events up to the limit, and whether there are more.
fn collect(mut rows: Rows<'_>, query: &LogQuery, room: usize) -> Done<(Vec<RecordedEvent>, bool)> {
    let mut events = Vec::with_capacity(room);
    while let Some(row) = rows.next()? {
        let event_type = row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?;
        if !query.types.is_empty() && !query.types.iter().any(|pattern| pattern.matches(event_type)) {
            continue;
        }
        let event = read_event_of(row, event_type)?;
        if !wanted(query, &event) {
            continue;
        }
        if events.len() == query.limit.max(1) {
            return Ok((events, true));
        }
        events.push(event);
    }
    Ok((events, false))
}

/// Names as a list that SQLite reads.
fn listed<T: Into<bson::Bson>>(names: impl IntoIterator<Item = T>) -> String {
    json::encode_value(&bson::Bson::Array(names.into_iter().map(Into::into).collect()))
}

pub(super) fn read_event(row: &Row<'_>) -> Done<RecordedEvent> {
    read_event_of(row, row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)
}

/// As [`read_event`], of a type that was looked at before.
fn read_event_of(row: &Row<'_>, event_type: &str) -> Done<RecordedEvent> {
    let position: i64 = row.get(0)?;
    let incomplete = |what: &str| corrupt(format!("event at position {position}"), format!("its {what} is none"));
    let text = |column: usize| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let bytes = |column: usize| row.get_ref(column)?.as_bytes().map_err(rusqlite::Error::from);
    let metadata = row.get_ref(6)?.as_str_or_null().map_err(rusqlite::Error::from)?;
    Ok(RecordedEvent {
        id: Uuid::try_parse_ascii(bytes(8)?).map_err(|_| incomplete("id"))?,
        stream: StreamId::parse(text(1)?).map_err(|_| incomplete("stream"))?,
        version: u64::try_from(row.get::<_, i64>(2)?).map_err(|_| incomplete("version"))?,
        position: Position::new(position),
        event_type: event_type.to_owned(),
        schema_version: row.get(4)?,
        data: RecordedData::from_text(bytes(5)?),
        metadata: match metadata {
            Some(metadata) => read_metadata(json::decode(metadata)?),
            None => NONE.clone(),
        },
        recorded_at: read_moment(text(7)?).ok_or_else(|| incomplete("time"))?,
    })
}

fn written_moment(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn read_moment(text: &str) -> Option<DateTime<Utc>> {
    moment(text).or_else(|| text.parse().ok())
}

fn written_metadata(metadata: &Metadata) -> Option<Document> {
    let mut written = Document::new();
    let texts = [
        ("actor", &metadata.actor),
        ("correlation_id", &metadata.correlation_id),
        ("causation_id", &metadata.causation_id),
        ("traceparent", &metadata.traceparent),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            written.insert(name, text);
        }
    }
    if !metadata.extra.is_empty() {
        written.extend(doc! { "extra": metadata.extra.clone() });
    }
    (!written.is_empty()).then_some(written)
}

fn read_metadata(mut stored: Document) -> Metadata {
    let text = |name: &str| stored.get_str(name).ok().map(str::to_owned);
    let metadata = Metadata {
        actor: text("actor"),
        correlation_id: text("correlation_id"),
        causation_id: text("causation_id"),
        traceparent: text("traceparent"),
        ..Metadata::default()
    };
    match stored.remove("extra") {
        Some(bson::Bson::Document(extra)) => Metadata { extra, ..metadata },
        _ => metadata,
    }
}

#[cfg(test)]
mod tests {
    //! Times as text.

    use chrono::{DateTime, Utc};

    use super::{read_moment, written_moment};

    #[test]
    fn every_time_is_read_as_it_was_written() {
        for millis in [0, -1, 1, 1_700_000_000_123, -62_135_596_800_001, 253_402_300_800_000, 8_000_000_000_000_000] {
            let moment: DateTime<Utc> = DateTime::from_timestamp_millis(millis).unwrap();
            assert_eq!(read_moment(&written_moment(moment)), Some(moment), "{}", written_moment(moment));
        }
        for moment in [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
            let moment = earnorm_core::value::to_millis(moment);
            assert_eq!(read_moment(&written_moment(moment)), Some(moment), "{}", written_moment(moment));
        }
        assert_eq!(
            written_moment(DateTime::from_timestamp_millis(1_700_000_000_123).unwrap()),
            "2023-11-14T22:13:20.123Z"
        );
    }
}
