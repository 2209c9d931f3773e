//! One line of an exported log.

use bson::Document;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::event::RecordedEvent;
use crate::extjson;
use crate::metadata::Metadata;
use crate::position::Position;
use crate::store::LogEntry;
use crate::stream::StreamId;

/// The form of the file.
pub(super) const FORMAT: i64 = 1;
/// How long a line may be: the largest event as extended JSON stays far below.
pub(super) const LINE_BYTES_MAX: usize = 256 * 1024 * 1024;
/// How deep a line may nest: metadata of an event stand two levels below it.
const DEPTH_MAX: usize = extjson::TEXT_DEPTH_MAX + 2;
/// `,"h":"` and 64 digits and `"}`.
const SEAL_BYTES: usize = 6 + 64 + 2;

/// The checksum chain.
pub(super) struct Chain {
    last: String,
}

impl Chain {
    pub(super) fn new() -> Self {
        Self { last: String::new() }
    }

    /// The line of a JSON object, with its checksum as the last field.
    pub(super) fn seal(&mut self, body: &Value) -> String {
        let body = body.to_string();
        self.last = self.next(&body);
        let open = body.strip_suffix('}').unwrap_or(&body);
        format!("{open},\"h\":\"{}\"}}", self.last)
    }

    /// The JSON object of a line whose checksum is right.
    pub(super) fn open(&mut self, line: &str) -> Result<Map<String, Value>, String> {
        let cut = line.len().checked_sub(SEAL_BYTES).filter(|cut| line.is_char_boundary(*cut));
        let sealed = cut.and_then(|cut| {
            let (open, seal) = line.split_at(cut);
            Some((open, seal.strip_prefix(",\"h\":\"")?.strip_suffix("\"}")?))
        });
        let (open, checksum) =
            sealed.ok_or("it has no checksum at its end: it was cut, or is not a line of an export")?;
        let body = format!("{open}}}");
        let expected = self.next(&body);
        if checksum != expected {
            return Err("its checksum does not follow from the line before it: one of both was changed, or lines are \
                        missing or in another order"
                .to_owned());
        }
        self.last = expected;
        if !nests_to(&body, DEPTH_MAX) {
            return Err(format!("it nests deeper than {DEPTH_MAX} levels"));
        }
        let mut reader = serde_json::Deserializer::from_str(&body);
        // It is less than the depth of an event's largest form, which was just checked.
        reader.disable_recursion_limit();
        match Value::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value)) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err("it is not a JSON object".to_owned()),
            Err(error) => Err(format!("it is not JSON: {error}")),
        }
    }

    fn next(&self, body: &str) -> String {
        let mut hash = Sha256::new();
        hash.update(self.last.as_bytes());
        hash.update(body.as_bytes());
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether objects and arrays of a JSON text stand in each other to this depth at most.
fn nests_to(json: &str, most: usize) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return false;
        }
    }
    true
}

/// What an entry is written as.
///
/// # Errors
/// As [`RecordedEvent::data`].
pub(super) fn write(entry: &LogEntry) -> crate::Result<Value> {
    let (event, commit) = match entry {
        LogEntry::Tombstone(position) => return Ok(json!({ "p": position.get(), "x": true })),
        LogEntry::Event { event, commit } => (event, commit),
    };
    let mut line = Map::new();
    line.insert("p".into(), event.position.get().into());
    line.insert("s".into(), event.stream.as_str().into());
    line.insert("v".into(), event.version.into());
    line.insert("id".into(), event.id.to_string().into());
    line.insert("t".into(), event.event_type.as_str().into());
    line.insert("sv".into(), event.schema_version.into());
    line.insert("at".into(), event.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true).into());
    line.insert("d".into(), extjson::to_json(event.data()?));
    line.insert("m".into(), metadata(&event.metadata));
    if let Some((id, count)) = commit {
        line.insert("c".into(), id.to_string().into());
        line.insert("n".into(), (*count).into());
    }
    Ok(Value::Object(line))
}

fn metadata(metadata: &Metadata) -> Value {
    let mut line = Map::new();
    let texts = [
        ("actor", &metadata.actor),
        ("correlation_id", &metadata.correlation_id),
        ("causation_id", &metadata.causation_id),
        ("traceparent", &metadata.traceparent),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            line.insert(name.into(), text.as_str().into());
        }
    }
    if !metadata.extra.is_empty() {
        line.insert("extra".into(), extjson::to_json(&metadata.extra));
    }
    Value::Object(line)
}

/// Reads an entry.
pub(super) fn read(line: &mut Map<String, Value>) -> Result<LogEntry, String> {
    let number = |line: &Map<String, Value>, field: &str| {
        line.get(field).and_then(Value::as_i64).ok_or_else(|| format!("`{field}` is not a number"))
    };
    let position = Position::new(number(line, "p")?);
    if line.get("x") == Some(&Value::Bool(true)) {
        return Ok(LogEntry::Tombstone(position));
    }
    let text = |line: &Map<String, Value>, field: &str| {
        line.get(field).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| format!("`{field}` is not a text"))
    };
    let id = |line: &Map<String, Value>, field: &str| {
        Uuid::parse_str(&text(line, field)?).map_err(|_| format!("`{field}` is not a UUID"))
    };
    // Years of five digits have a sign, which RFC 3339 does not know; what is below a millisecond was never stored.
    let at = text(line, "at")?.parse::<DateTime<Utc>>().ok();
    let at = at.and_then(|at| DateTime::from_timestamp_millis(at.timestamp_millis())).ok_or("`at` is not a time")?;
    let commit = match line.get("c") {
        None => None,
        Some(_) => Some((id(line, "c")?, usize::try_from(number(line, "n")?).map_err(|_| "`n` is negative")?)),
    };
    let event = RecordedEvent {
        id: id(line, "id")?,
        stream: StreamId::parse(&text(line, "s")?).map_err(|error| error.to_string())?,
        version: u64::try_from(number(line, "v")?).map_err(|_| "`v` is negative")?,
        position,
        event_type: text(line, "t")?,
        schema_version: u32::try_from(number(line, "sv")?).map_err(|_| "`sv` is not a schema version")?,
        data: document(line.remove("d"), "d")?.into(),
        metadata: read_metadata(line.remove("m"))?,
        recorded_at: at,
    };
    Ok(LogEntry::Event { event, commit })
}

fn document(value: Option<Value>, field: &str) -> Result<Document, String> {
    let value = value.ok_or_else(|| format!("`{field}` is missing"))?;
    extjson::from_json(value).map_err(|error| format!("`{field}` cannot be read: {error}"))
}

fn read_metadata(value: Option<Value>) -> Result<Metadata, String> {
    let Some(Value::Object(mut line)) = value else { return Err("`m` is not a document".to_owned()) };
    let mut text = |field: &str| match line.remove(field) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(format!("`m.{field}` is not a text")),
    };
    Ok(Metadata {
        actor: text("actor")?,
        correlation_id: text("correlation_id")?,
        causation_id: text("causation_id")?,
        traceparent: text("traceparent")?,
        extra: match line.remove("extra") {
            None => Document::new(),
            extra => document(extra, "m.extra")?,
        },
    })
}

#[cfg(test)]
mod tests;
