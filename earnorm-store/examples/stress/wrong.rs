//! Readers that work by a wrong rule, straight on the collection of the log. The checker must catch them.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use bson::{Bson, Document, doc};
use earnorm_core::position::Position;
use earnorm_core::store::Store;
use earnorm_store::MongoStore;
use futures::TryStreamExt;
use uuid::Uuid;

use super::keys::{Key, key_of};
use super::line::Line;
use super::options::Control;
use super::reader::Reader;

/// The collection of the log.
pub(crate) const EVENTS: &str = "earnorm_events";
/// How long the second wrong rule waits for a position.
const GAP_MAX: Duration = Duration::from_millis(200);
/// The wait between two looks at the end of the log.
const POLL: Duration = Duration::from_millis(5);

/// Reads by `control` until the end of the run.
pub(crate) async fn read(reader: &mut Reader, control: Option<Control>) -> Result<()> {
    let Some(control) = control else { bail!("there is no such reader") };
    let store = reader.place.open_raw().await?;
    let mut after = 0;
    let mut gap: Option<(i64, Instant)> = None;
    reader.begin(Position::START);
    while !reader.is_over(Position::new(after)) {
        let mut seen = Vec::new();
        let before = after;
        for (position, event) in entries(&store, after).await? {
            if control == Control::GapTimeout && position > after + 1 && !is_given_up(&mut gap, after + 1) {
                break;
            }
            after = position;
            seen.extend(event.map(|(key, version)| (position, key, version)));
        }
        if !seen.is_empty() {
            reader.output.tell(&Line::Seen { reader: reader.number, events: seen });
        }
        if after == before {
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(store.close().await?)
}

/// Whether this position was missing for too long.
fn is_given_up(gap: &mut Option<(i64, Instant)>, missing: i64) -> bool {
    match gap {
        Some((position, since)) if *position == missing => since.elapsed() >= GAP_MAX,
        _ => {
            *gap = Some((missing, Instant::now()));
            false
        }
    }
}

/// What is visible behind a position: an event's key and version, nothing for a tombstone.
async fn entries(store: &MongoStore, after: i64) -> Result<Vec<(i64, Option<(Key, u64)>)>> {
    let log = store.raw_database().collection::<Document>(EVENTS);
    let found = log.find(doc! { "_id": { "$gt": after } }).sort(doc! { "_id": 1 }).limit(1_000).await?;
    let found: Vec<Document> = found.try_collect().await?;
    Ok(found.iter().map(|entry| (position(entry), event(entry))).collect())
}

/// The position of a stored entry.
pub(crate) fn position(entry: &Document) -> i64 {
    entry.get_i64("_id").unwrap_or(0)
}

/// The key and version of a stored event.
pub(crate) fn event(entry: &Document) -> Option<(Key, u64)> {
    let Some(Bson::Binary(id)) = entry.get("e") else { return None };
    let id = Uuid::from_slice(&id.bytes).ok()?;
    Some((key_of(id), entry.get_i64("v").ok()?.unsigned_abs()))
}
