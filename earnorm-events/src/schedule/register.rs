//! Writing periodic schedules down when a bus starts that has their functions.

use chrono::{DateTime, Utc};
use earnorm_core::Result;
use earnorm_core::database::Database;
use earnorm_core::store::{Own, PutRule};

use super::Plan;
use super::record::{Record, Routine, What};
use crate::handler::Handler;

/// Writes the schedule of a handler down, where it is new or has changed. One that has not changed keeps its next time,
/// passed or not.
pub(crate) async fn register(db: &Database, handler: &Handler) -> Result<()> {
    let Some(plan) = &handler.plan else { return Ok(()) };
    let store = db.store();
    let admin = store.admin();
    let schedules = admin.own(Own::Schedules);
    loop {
        let stored = store.get(&schedules, &(&*handler.id).into()).await?;
        let stored = stored.as_ref().map(Record::from_document).transpose()?;
        let Some(record) = next(&handler.id, plan, stored.as_ref(), db.now()) else { return Ok(()) };
        let rule = if stored.is_none() { PutRule::Absent } else { PutRule::Newer };
        if admin.put(&schedules, vec![record.to_document()], rule).await? > 0 {
            return Ok(());
        }
        // It moved meanwhile.
    }
}

/// The record that is to be stored; `None` when the stored one will do.
fn next(id: &str, plan: &Plan, stored: Option<&Record>, now: DateTime<Utc>) -> Option<Record> {
    let before = stored.and_then(|record| match &record.what {
        What::Periodic(routine) => Some((record, &**routine)),
        What::Once(_) => None,
    });
    let mut routine = Routine {
        times: plan.times.clone(),
        from: now,
        misfire: plan.misfire,
        tolerance_millis: plan.tolerance_millis,
        overlap: plan.overlap,
        last: None,
        fired: None,
    };
    let mut due_at = plan.times.after(now, now);
    if let Some((record, before)) = before {
        (routine.last, routine.fired) = (before.last, before.fired);
        if before.times == plan.times {
            routine.from = before.from;
            due_at = record.due_at;
            if routine == *before && record.problem.is_none() {
                return None;
            }
        }
        // A clock that was put back does not bring back times that were decided about.
        let after = before.last.map_or(now, |last| last.max(now));
        if before.times != plan.times || record.problem.is_some() {
            due_at = plan.times.after(after, routine.from);
        }
    }
    let record = stored.map_or(1, |record| record.record + 1);
    Some(Record { id: id.to_owned(), record, due_at, what: What::Periodic(Box::new(routine)), problem: None })
}
