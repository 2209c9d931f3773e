//! What becomes of a schedule whose time has come: an event, and the record moved, in one commit.

use chrono::{DateTime, Utc};
use earnorm_core::Result;
use earnorm_core::commit::{Append, Commit};
use earnorm_core::database::Database;
use earnorm_core::metadata::Metadata;
use earnorm_core::store::{Own, StreamQuery};
use earnorm_core::stream::{ExpectedVersion, StreamId};
use uuid::Uuid;

use super::periodic::{Misfire, Overlap, event_type};
use super::record::{Planned, Record, Routine, What, time};
use crate::publish::AppEvent;
use crate::records::{Parked, parked_id};

/// The commit that fires a schedule, without the scheduler's checkpoint.
pub(super) async fn firing(db: &Database, record: &Record) -> Result<Commit> {
    match &record.what {
        What::Once(planned) => once(db, record, planned),
        What::Periodic(routine) => periodic(db, record, routine).await,
    }
}

/// The commit that takes a schedule aside that cannot be fired.
pub(super) fn aside(db: &Database, record: &Record, problem: String) -> Commit {
    let mut commit = Commit::new(db.next_id());
    let next = Record { record: record.record + 1, due_at: None, problem: Some(problem), ..record.clone() };
    commit.documents.push(next.replace(&**db.store()));
    commit
}

fn once(db: &Database, record: &Record, planned: &Planned) -> Result<Commit> {
    let id = Uuid::parse_str(&record.id).unwrap_or_else(|_| db.next_id());
    let mut commit = Commit::new(db.next_id());
    commit.appends.push(planned.event.clone().append_as(&db.with_metadata(planned.metadata.clone()), id)?);
    commit.documents.push(record.delete(&**db.store()));
    Ok(commit)
}

async fn periodic(db: &Database, record: &Record, routine: &Routine) -> Result<Commit> {
    let due = record.due_at.unwrap_or_else(|| db.now());
    let (last, fires) = decide(routine, due, db.now());
    let mut moved = Routine { last: Some(last), ..routine.clone() };
    let mut commit = Commit::new(db.next_id());
    match fires {
        Some(at) if routine.overlap == Overlap::Skip && is_running(db, &record.id).await? => {
            tracing::warn!(schedule = record.id, planned_at = %at, "the run before is not done: this time is left out");
        }
        Some(at) => {
            commit.appends.push(append(db, record, routine, at)?);
            moved.fired = Some(at);
        }
        None => tracing::warn!(schedule = record.id, until = %last, "times passed while nothing ran, and are left out"),
    }
    let next = Record {
        record: record.record + 1,
        due_at: routine.times.after(last, routine.from),
        what: What::Periodic(Box::new(moved)),
        ..record.clone()
    };
    commit.documents.push(next.replace(&**db.store()));
    Ok(commit)
}

/// Up to which time a schedule that is due is dealt with, and the time that is fired.
fn decide(routine: &Routine, due: DateTime<Utc>, now: DateTime<Utc>) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
    let last = routine.times.last_until(now, due, routine.from);
    match routine.misfire {
        Misfire::All => (due, Some(due)),
        Misfire::Once => (last, Some(last)),
        Misfire::Skip => {
            let late = (now - last).num_milliseconds();
            (last, (late <= routine.tolerance_millis).then_some(last))
        }
    }
}

fn append(db: &Database, record: &Record, routine: &Routine, at: DateTime<Utc>) -> Result<Append> {
    let data = bson::doc! {
        "schedule": &record.id,
        "planned_at": time(Some(at)),
        "previous_at": time(routine.fired),
    };
    let key = match routine.overlap {
        // Streams are handled side by side.
        Overlap::Allow => at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
        Overlap::Skip | Overlap::Queue => record.id.clone(),
    };
    let own = db.metadata();
    let actor = own.actor.clone().or_else(|| Some(format!("schedule {}", record.id)));
    let db = db.with_metadata(Metadata { actor, ..own.clone() });
    let mut append = AppEvent::new(event_type(&record.id), data).key(key).append(&db)?;
    if routine.overlap == Overlap::Allow {
        append.expected = ExpectedVersion::NoStream;
    }
    Ok(append)
}

/// Whether the last run of a schedule is not done: not handled, or waiting for another attempt.
async fn is_running(db: &Database, id: &str) -> Result<bool> {
    let stream = StreamId::new(event_type(id), id)?;
    let Some(last) = db.reader().read_stream(StreamQuery::last(stream.clone())).await?.pop() else { return Ok(false) };
    let store = db.store();
    let checkpoint = store.checkpoint(id).await?;
    if checkpoint.is_none_or(|checkpoint| checkpoint.position < last.position) {
        return Ok(true);
    }
    let parked = store.get(&store.admin().own(Own::Parked), &parked_id(id, &stream).into()).await?;
    Ok(parked.as_ref().map(Parked::from_document).transpose()?.is_some())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::super::times::Times;
    use super::*;

    fn at(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).unwrap_or_default()
    }

    fn routine(times: Times, misfire: Misfire) -> Routine {
        let from = at(1_774_600_000_000);
        Routine { times, from, misfire, tolerance_millis: 60_000, overlap: Overlap::Queue, last: None, fired: None }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

        #[test]
        fn whatever_the_clock_does_planned_times_rise_and_none_is_fired_twice(
            steps in prop::collection::vec(prop_oneof![0_i64..100_000, -5_000_000_i64..0, 0_i64..90_000_000], 1..40),
            cron in any::<bool>(),
            misfire in prop_oneof![Just(Misfire::Skip), Just(Misfire::Once), Just(Misfire::All)],
        ) {
            // The walks go over the night in which the clocks of Rome are put forward.
            let times = if cron { Times::cron("*/20 * * * *", "Europe/Rome") } else { Ok(Times::Every(777_000)) };
            let routine = routine(times.unwrap_or_else(|error| panic!("{error}")), misfire);
            let mut now = routine.from;
            let (mut due, mut last, mut fired) = (routine.times.after(now, now), None, Vec::new());
            for step in steps {
                now += TimeDelta::milliseconds(step);
                while let Some(time) = due.filter(|due| *due <= now) {
                    let (done, fires) = decide(&routine, time, now);
                    prop_assert!(done >= time && done <= now && last.is_none_or(|last| done > last));
                    if let Some(fires) = fires {
                        prop_assert!(fired.last().is_none_or(|before| fires > *before) && fires <= now);
                        fired.push(fires);
                    }
                    last = Some(done);
                    due = routine.times.after(done, routine.from);
                }
            }
        }
    }
}
