//! The text of a lock file.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::lock::{Entry, Lock};
use super::{LockError, fields::Fields};
use crate::schema::ModelKind;

const ABOUT: &str = "The shapes of what is stored. Commit this file. To update it, run the tests with \
                     EARNORM_UPDATE_LOCK=1, or `schema lock` of the program's own `earnorm` command.";
/// The form of the text.
const FORMAT: u64 = 1;

pub(super) fn write(lock: &Lock) -> String {
    let entries = |entries: &BTreeMap<String, Entry>| {
        let entries = entries.iter().map(|(name, entry)| (name.clone(), write_entry(entry)));
        Value::Object(entries.collect())
    };
    let value =
        json!({ "about": ABOUT, "format": FORMAT, "models": entries(&lock.models), "events": entries(&lock.events) });
    // `{:#}` of a `Value` cannot fail: its keys are texts.
    format!("{value:#}\n")
}

fn write_entry(entry: &Entry) -> Value {
    let mut object = Map::new();
    if let Some(kind) = entry.kind {
        object.insert("kind".to_owned(), json!(kind_name(kind)));
    }
    object.insert("version".to_owned(), json!(entry.version));
    object.insert("fields".to_owned(), json!(entry.fields));
    Value::Object(object)
}

pub(super) fn read(text: &str) -> Result<Lock, LockError> {
    let value: Value = serde_json::from_str(text).map_err(|error| {
        LockError::new(format!("it is not JSON ({error}): mend it, or restore it from the last commit"))
    })?;
    match value.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(other) => {
            return Err(LockError::new(format!(
                "it has format {other}, and this library knows format {FORMAT}: use the library that wrote it"
            )));
        }
        None => return Err(broken("`format`", "a number")),
    }
    Ok(Lock { models: entries(&value, "models", true)?, events: entries(&value, "events", false)? })
}

fn entries(value: &Value, part: &str, models: bool) -> Result<BTreeMap<String, Entry>, LockError> {
    let entries = value.get(part).and_then(Value::as_object);
    let entries = entries.ok_or_else(|| broken(&format!("`{part}`"), "an object"))?;
    entries
        .iter()
        .map(|(name, entry)| Ok((name.clone(), read_entry(entry, models, &format!("of `{part}`, `{name}`"))?)))
        .collect()
}

fn read_entry(entry: &Value, model: bool, at: &str) -> Result<Entry, LockError> {
    let kind = match entry.get("kind").and_then(Value::as_str) {
        _ if !model => None,
        Some("tracked") => Some(ModelKind::Tracked),
        Some("sourced") => Some(ModelKind::Sourced),
        _ => return Err(broken(&format!("`kind` {at}"), "`tracked` or `sourced`")),
    };
    let version = entry.get("version").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok());
    let version = version.filter(|version| *version > 0);
    let version = version.ok_or_else(|| broken(&format!("`version` {at}"), "a number from 1"))?;
    let fields = entry.get("fields").and_then(Value::as_object);
    let fields = fields.ok_or_else(|| broken(&format!("`fields` {at}"), "an object"))?;
    let fields = fields.iter().map(|(path, text)| {
        let text = text.as_str().ok_or_else(|| broken(&format!("field `{path}` {at}"), "a text"))?;
        Ok((path.clone(), text.to_owned()))
    });
    Ok(Entry { kind, version, fields: fields.collect::<Result<Fields, LockError>>()? })
}

fn broken(what: &str, wanted: &str) -> LockError {
    LockError::new(format!("{what} is not {wanted}: restore it from the last commit"))
}

pub(super) fn kind_name(kind: ModelKind) -> &'static str {
    match kind {
        ModelKind::Tracked => "tracked",
        ModelKind::Sourced => "sourced",
    }
}
