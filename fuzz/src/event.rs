//! Events as they stand in the log.

use std::cell::OnceCell;

use arbitrary::{Result, Unstructured};
use bson::{Bson, Document, doc};
use earnorm::Database;
use earnorm::event::RecordedEvent;
use earnorm::model::Model;
use earnorm::store::LogEntry;
use earnorm_store::mongo::__private::{decode_entry, encode_entry};

use super::made;
use super::model::{Fuzzed, Happened, database};

pub(super) const TYPES: [&str; 9] = [
    "fuzzed.created",
    "fuzzed.updated",
    "fuzzed.deleted",
    "fuzzed.restored",
    "fuzzed.happened",
    "fuzzed.erased",
    "fuzzed.baseline",
    "other.created",
    "Not a.type",
];

/// Bytes are refused, or an event that is the same when it is stored again, and that is read or refused as a model, as
/// changes, and as a domain event.
pub fn event_decode(data: &[u8]) {
    look(data);
    let mut u = Unstructured::new(data);
    let Ok(mut bytes) = stored(&mut u) else { return };
    look(&bytes);
    // The same with a few bytes changed.
    while let Ok(change) = u.arbitrary::<(u16, u8)>() {
        if u.is_empty() || bytes.is_empty() {
            break;
        }
        let at = usize::from(change.0) % bytes.len();
        bytes[at] = change.1;
        look(&bytes);
    }
}

/// An event with data that meets the model.
pub(super) fn data(u: &mut Unstructured<'_>, event_type: &str) -> Result<Document> {
    let mut state = made::fields(u, 3)?;
    state.insert("_id", u.int_in_range(0..=2_i64)?);
    if u.arbitrary()? {
        let names = ["small", "text", "at", "key", "shapes", "by_name", "free", "steps"];
        state.insert(*u.choose(&names)?, made::value(u, 3)?);
    }
    Ok(match event_type {
        "fuzzed.updated" => {
            let mut changes = Vec::new();
            for _ in 0..u.int_in_range(0..=3)? {
                let levels = u.int_in_range(0..=80)?;
                let path =
                    if u.ratio(1, 8)? { vec!["a"; levels].join(".") } else { (*u.choose(&made::PATHS)?).to_owned() };
                let mut change = doc! { "path": path };
                if u.arbitrary()? {
                    change.insert("new", made::value(u, 2)?);
                }
                changes.push(Bson::Document(change));
            }
            if u.ratio(1, 8)? {
                doc! { "changes": made::value(u, 2)? }
            } else {
                doc! { "changes": changes }
            }
        }
        "fuzzed.baseline" => doc! { "state": state, "live": u.arbitrary::<bool>()? },
        _ => state,
    })
}

fn stored(u: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let event_type = *u.choose(&TYPES)?;
    let id = |u: &mut Unstructured<'_>| Ok(bson::Uuid::from_bytes(u.arbitrary()?));
    let mut event = doc! {
        "_id": u.int_in_range(-1..=3_i64)?, "s": "fuzzed-0", "k": "fuzzed", "v": u.int_in_range(0..=3_i64)?, "e": id(u)?,
        "t": event_type, "sv": u.int_in_range(0..=4)?, "at": bson::DateTime::from_millis(u.arbitrary()?),
        "d": data(u, event_type)?,
    };
    if u.arbitrary()? {
        event.insert("m", doc! { "actor": made::text(u)?, "extra": made::fields(u, 2)? });
    }
    if u.ratio(1, 4)? {
        let names = ["_id", "s", "k", "v", "e", "t", "sv", "at", "d", "m", "c", "n", "x"];
        event.insert(*u.choose(&names)?, made::value(u, 2)?);
    }
    Ok(event.to_vec().unwrap_or_default())
}

fn look(bytes: &[u8]) {
    thread_local! {
        static DATABASE: OnceCell<Database> = const { OnceCell::new() };
    }
    let Ok(entry) = decode_entry(bytes) else { return };
    if matches!(&entry, LogEntry::Event { event, .. } if event.data().is_err()) {
        assert!(encode_entry(&entry).is_err(), "what cannot be read is not stored again");
        return;
    }
    let again = encode_entry(&entry).unwrap_or_else(|error| panic!("{entry:?}: {error}"));
    let once_more = decode_entry(&again).and_then(|entry| encode_entry(&entry));
    assert_eq!(once_more.ok(), Some(again), "{entry:?} is the same when it is stored again");
    if let LogEntry::Event { event, .. } = entry {
        DATABASE.with(|db| read(&event, db.get_or_init(|| super::wait(database()))));
    }
}

fn read(event: &RecordedEvent, db: &Database) {
    let (model, changes, happened) = (event.read_model::<Fuzzed>(db), event.read_changes(), event.read::<Happened>(db));
    assert!(
        usize::from(model.is_ok()) + usize::from(changes.is_ok()) + usize::from(happened.is_ok()) < 2,
        "an event is one thing: {event:?}"
    );
    if let Ok(model) = model {
        let document = model.encode().unwrap_or_else(|error| panic!("what was read is written: {error}"));
        let again = Fuzzed::decode(&document).unwrap();
        assert_eq!(format!("{again:?}"), format!("{model:?}"));
    }
    if let Ok(changes) = changes {
        let mut document = doc! { "_id": 1, "a": { "b": 1 } };
        changes.apply_to(&mut document);
        let _ = document.to_vec();
    }
}
