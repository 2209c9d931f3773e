//! Stored data as text: harmless on a terminal, short enough for a table.

use std::borrow::Cow;

use bson::{Bson, Document};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

/// Characters that move the cursor, change colours, or turn the reading direction.
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Text that a terminal shows as it is: what could control it is written as an escape.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if text.contains(is_hostile) { escape(text, |c| c.escape_default().to_string()) } else { Cow::Borrowed(text) }
}

/// The same for JSON, which stays JSON, and for other text of several lines: the line ends are the writer's own.
pub(super) fn clean_lines(lines: &str) -> Cow<'_, str> {
    let hostile = |c: char| is_hostile(c) && c != '\n';
    if !lines.contains(hostile) {
        return Cow::Borrowed(lines);
    }
    escape(lines, |c| if c == '\n' { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
}

fn escape(text: &str, with: impl Fn(char) -> String) -> Cow<'_, str> {
    let mut safe = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hostile(c) { safe.push_str(&with(c)) } else { safe.push(c) }
    }
    Cow::Owned(safe)
}

/// At most so many characters.
pub(super) fn clip(text: &str, chars_max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars_max) {
        None => Cow::Borrowed(text),
        Some(_) => {
            let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
            Cow::Owned(format!("{kept}…"))
        }
    }
}

/// A time for people.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string()
}

/// A time for programs.
pub(super) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A value as relaxed extended JSON.
pub(super) fn json_of(value: &Bson) -> Value {
    value.clone().into_relaxed_extjson()
}

/// A document as relaxed extended JSON.
pub(super) fn json_of_document(document: &Document) -> Value {
    json_of(&Bson::Document(document.clone()))
}

/// A document for people: JSON without the marks of extended JSON where a text says the same.
pub(super) fn readable(document: &Document) -> Value {
    let fields = document.iter().map(|(name, field)| (name.clone(), readable_value(field)));
    Value::Object(fields.collect())
}

fn readable_value(field: &Bson) -> Value {
    match field {
        Bson::Document(document) => readable(document),
        Bson::Array(list) => Value::Array(list.iter().map(readable_value).collect()),
        Bson::Binary(_) | Bson::ObjectId(_) | Bson::DateTime(_) | Bson::Decimal128(_) => Value::String(value(field)),
        other => json_of(other),
    }
}

/// A value for people, in one line: texts in quotes, numbers and times without the marks of extended JSON.
pub(super) fn value(value: &Bson) -> String {
    match value {
        Bson::Document(document) => format!("{{{}}}", fields(document)),
        Bson::Array(list) => format!("[{}]", list.iter().map(self::value).collect::<Vec<_>>().join(", ")),
        Bson::Binary(binary) => match binary.to_uuid() {
            Ok(uuid) => uuid.to_string(),
            Err(_) => format!("{} bytes", binary.bytes.len()),
        },
        Bson::ObjectId(id) => id.to_hex(),
        Bson::DateTime(at) => at.try_to_rfc3339_string().unwrap_or_else(|_| at.timestamp_millis().to_string()),
        Bson::Decimal128(number) => number.to_string(),
        other => json_of(other).to_string(),
    }
}

/// A document's fields for people, in one line.
pub(super) fn fields(document: &Document) -> String {
    let fields = document.iter().map(|(name, field)| format!("{name}: {}", value(field)));
    fields.collect::<Vec<_>>().join(", ")
}

/// `1 event`, `2 events`, `3 entries`, `4 indexes`.
pub(super) fn count(number: u64, thing: &str) -> String {
    match thing.strip_suffix('y') {
        _ if number == 1 => format!("1 {thing}"),
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{number} {stem}ies"),
        _ if thing.ends_with('x') => format!("{number} {thing}es"),
        _ => format!("{number} {thing}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controls_a_terminal_is_escaped() {
        assert_eq!(clean("plain ü 漢"), "plain ü 漢");
        assert_eq!(clean("\u{1b}[31mred\r\n\u{9b}2J\u{202e}x\u{7f}"), "\\u{1b}[31mred\\r\\n\\u{9b}2J\\u{202e}x\\u{7f}");
        let json = serde_json::json!({ "a": "\u{9b}\u{202e}\u{1b}" });
        let shown = clean_lines(&json.to_string()).into_owned();
        assert!(!shown.contains(is_hostile));
        assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), json);
    }

    #[test]
    fn long_text_is_clipped_by_characters() {
        assert_eq!(clip("häuser", 6), "häuser");
        assert_eq!(clip("häuser", 4), "häu…");
    }

    #[test]
    fn values_are_shown_without_the_marks_of_extended_json() {
        let at = bson::DateTime::from_millis(1_700_000_000_000);
        let document = bson::doc! { "a": 1_i64, "b": { "c": "x", "at": at }, "d": [1.5, bson::Bson::Null] };
        assert_eq!(fields(&document), r#"a: 1, b: {c: "x", at: 2023-11-14T22:13:20Z}, d: [1.5, null]"#);
    }

    #[test]
    fn things_are_counted_in_english() {
        let counted = [(1, "entry"), (0, "entry"), (2, "key"), (2, "index"), (2, "event")]
            .map(|(number, thing)| count(number, thing));
        assert_eq!(counted, ["1 entry", "0 entries", "2 keys", "2 indexes", "2 events"]);
    }
}
