//! Readers that subscribe.

use anyhow::Result;
use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_events::{Follow, RecordedEvent, Subscription};
use futures::{FutureExt, StreamExt};
use rand::Rng;
use std::sync::Arc;

use super::patience::patiently;
use super::place;
use super::reader::Reader;

/// How many events are reported together.
const REPORT_MAX: usize = 500;

/// Follows a subscription. One from the start of the log goes on for the whole run; a live one begins at its end, and
/// now and then begins anew behind its checkpoint.
pub(crate) async fn read(reader: &mut Reader, from_start: bool) -> Result<()> {
    let db = place::database(Arc::clone(&reader.store)).await?;
    let mut after = match reader.from {
        Position::START if !from_start => patiently(|| db.store().high_water()).await?,
        from => from,
    };
    reader.begin(after);
    loop {
        let events = if from_start { usize::MAX } else { reader.random.random_range(100..2_000) };
        after = follow(reader, &db, after, events).await?;
        if reader.is_over(after) {
            return Ok(());
        }
        // It goes on from its checkpoint, or is away for a while and begins anew at the end.
        if reader.random.random_bool(0.5) {
            reader.resumed();
        } else {
            after = patiently(|| db.store().high_water()).await?;
            reader.begin(after);
        }
    }
}

/// Reads so many events at most, or up to the end; the checkpoint.
async fn follow(reader: &Reader, db: &Database, after: Position, events: usize) -> Result<Position> {
    let mut subscription = db.subscribe().after(after).stream();
    let mut orders = reader.orders.clone();
    let mut seen = 0;
    let mut parent_is_there = true;
    while seen < events && !reader.is_over(subscription.position()) {
        tokio::select! {
            first = subscription.next() => {
                let batch = drain(first, &mut subscription)?;
                seen += batch.len();
                reader.saw(&batch);
            }
            changed = orders.changed(), if parent_is_there => parent_is_there = changed.is_ok(),
        }
    }
    Ok(subscription.position())
}

/// The event, and those that are there already.
fn drain(
    first: Option<earnorm_core::Result<RecordedEvent>>,
    subscription: &mut Subscription,
) -> Result<Vec<RecordedEvent>> {
    let mut batch = Vec::new();
    let mut next = first;
    loop {
        match next {
            Some(event) => batch.push(event?),
            None => anyhow::bail!("the subscription ended by itself"),
        }
        if batch.len() >= REPORT_MAX {
            return Ok(batch);
        }
        next = match subscription.next().now_or_never() {
            Some(next) => next,
            None => return Ok(batch),
        };
    }
}
