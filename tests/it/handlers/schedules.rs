//! Schedules: events at a time, and functions that run again and again, whatever clocks and processes do.

use std::sync::atomic::{AtomicBool, Ordering};

use earnorm::events::{AppEvent, Firing, HandlerError, Jitter, Misfire, Overlap, Periodic, RetryPolicy, Schedule};
use earnorm::store::Own;
use proptest::strategy::{Strategy, ValueTree};

use super::*;
use crate::support::time;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

pub(super) fn reminder(n: i64) -> AppEvent {
    AppEvent::new("reminder.due", bson::doc! { "n": n })
}

pub(super) fn reminding(notes: &Notes) -> Handler {
    noting("reminders", notes).on(["reminder.due"])
}

/// The planned times that a schedule fired, and those before them, as its function saw them.
pub(super) type Runs = Arc<Mutex<Vec<String>>>;

pub(super) fn runs(of: &Runs) -> Vec<String> {
    of.lock().unwrap().clone()
}

pub(super) fn running(id: &str, periodic: Periodic, runs: &Runs) -> Handler {
    let runs = Arc::clone(runs);
    periodic.run(id, move |firing: Firing, _| {
        runs.lock().unwrap().push(firing.planned_at().format("%d %H:%M").to_string());
        async { Ok(()) }
    })
}

async fn schedules(db: &Database) -> usize {
    use futures::TryStreamExt;
    let query = earnorm::store::DocumentQuery::new(
        db.store().admin().own(Own::Schedules),
        earnorm::predicate::Predicate::always(),
    );
    db.store().find(query).await.unwrap().try_collect::<Vec<_>>().await.unwrap().len()
}

with_clock! {
    async fn an_event_is_published_once_when_its_time_has_come(db: Database, clock: ManualClock) {
        let notes = Notes::default();
        let with = || bus(&db).handler(reminding(&notes));
        let (one, two) = (with().start().await.unwrap(), with().start().await.unwrap());
        let actor = db.with_metadata(Metadata::new().actor("ada"));
        let id = actor.publish_in(reminder(1), Duration::from_secs(60)).await.unwrap();
        actor.publish_at(reminder(2).key("two"), db.now() + chrono::TimeDelta::hours(1)).await.unwrap();
        clock.advance(MINUTE - 1);
        // Both have a scheduler to offer, and one has it.
        let idle = || async { tokio::select! { done = one.run_until_idle() => done, done = two.run_until_idle() => done } };
        idle().await.unwrap();
        assert_eq!(db.events().by_type("reminder.due").all().await.unwrap().len(), 0);
        clock.advance(1);
        idle().await.unwrap();
        clock.advance(2 * HOUR);
        idle().await.unwrap();
        one.stop().await.unwrap();
        two.stop().await.unwrap();
        let events = db.events().by_type("reminder.due").all().await.unwrap();
        let data: Vec<_> = events.iter().map(|event| event.data().unwrap().get_i64("n").unwrap()).collect();
        assert_eq!((data, notes.len(), schedules(&db).await), (vec![1, 2], 2, 0));
        assert_eq!((events[0].id, events[0].metadata.actor.as_deref()), (id.uuid(), Some("ada")));
        let plans = db.events().by_type("schedule.planned").all().await.unwrap();
        assert_eq!(events[0].metadata.causation_id, Some(plans[0].id.to_string()));
        assert_eq!(events[1].stream.to_string(), "reminder.due-two");
    }

    async fn what_is_cancelled_is_not_published(db: Database, clock: ManualClock) {
        let notes = Notes::default();
        let bus = bus(&db).handler(reminding(&notes)).start().await.unwrap();
        let id = db.publish_in(reminder(1), Duration::from_secs(1)).await.unwrap();
        let done = db.publish_in(reminder(2), Duration::ZERO).await.unwrap();
        bus.run_until_idle().await.unwrap();
        assert!(db.cancel(id).await.unwrap());
        assert!(!db.cancel(id).await.unwrap() && !db.cancel(done).await.unwrap());
        clock.advance(HOUR);
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(notes.len(), 1);
        assert_eq!(db.events().by_type("schedule.cancelled").all().await.unwrap().len(), 1);
    }

    async fn a_unit_of_work_plans_with_its_commit_or_not_at_all(db: Database, clock: ManualClock) {
        let notes = Notes::default();
        let bus = bus(&db).handler(reminding(&notes)).start().await.unwrap();
        let forgotten = db.unit();
        forgotten.publish_in(reminder(1), Duration::from_secs(1)).await.unwrap();
        drop(forgotten);
        let unit = db.unit();
        unit.create(task(1)).await.unwrap();
        let kept = unit.publish_in(reminder(2), Duration::from_secs(1)).await.unwrap();
        let other = unit.publish_in(reminder(3), Duration::from_secs(1)).await.unwrap();
        assert!(!unit.cancel(other).await.unwrap(), "it is not there before the commit");
        assert_eq!(schedules(&db).await, 0);
        unit.commit().await.unwrap();
        let (one, two) = (db.unit(), db.unit());
        assert!(one.cancel(other).await.unwrap() && two.cancel(other).await.unwrap());
        one.commit().await.unwrap();
        assert!(two.commit().await.unwrap_err().is_conflict());
        clock.advance(MINUTE);
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        let events = db.events().by_type("reminder.due").all().await.unwrap();
        assert_eq!(events.iter().map(|event| event.id).collect::<Vec<_>>(), [kept.uuid()]);
    }

    async fn what_is_wrong_with_an_event_is_found_when_it_is_planned(db: Database, _clock: ManualClock) {
        for (bad, why) in [("Mail", "lower-case"), ("task.created", "only the library")] {
            let refused = db.publish_in(AppEvent::new(bad, Document::new()), Duration::ZERO).await.unwrap_err();
            assert!(refused.to_string().contains(why), "{refused}");
        }
        let handlers = [
            Periodic::cron("0 3 * *", "UTC").run("ok", |_, _| async { Ok(()) }),
            Periodic::cron("0 3 * * *", "Rome").run("ok", |_, _| async { Ok(()) }),
            Periodic::every(Duration::ZERO).run("ok", |_, _| async { Ok(()) }),
            Periodic::every(Duration::from_secs(1)).run("Not OK", |_, _| async { Ok(()) }),
            Periodic::every(Duration::from_secs(1)).run("planned", |_, _| async { Ok(()) }),
            Handler::new("earnorm:scheduler", |_: Arc<RecordedEvent>, _| async { Ok(()) }).on(["**"]),
        ];
        for handler in handlers {
            let refused = bus(&db).handler(handler).start().await.unwrap_err();
            assert!(matches!(refused, Error::Registry(_)), "{refused}");
        }
    }

    async fn a_process_says_that_it_is_there_and_that_it_goes_when_it_is_asked_to(db: Database, _clock: ManualClock) {
        let notes = Notes::default();
        let quiet = bus(&db).start().await.unwrap();
        let first = bus(&db).handler(noting("hall", &notes).on(["app.*"])).announce().start().await.unwrap();
        first.run_until_idle().await.unwrap();
        first.stop().await.unwrap();
        first.stop().await.unwrap();
        quiet.stop().await.unwrap();
        let events = db.events().by_type("app.*").all().await.unwrap();
        let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
        assert_eq!((types, notes.len() >= 1), (vec!["app.started", "app.stopping"], true));
        assert_eq!(events[0].data, events[1].data);
        assert_eq!(events[0].data().unwrap().get_i64("pid").unwrap(), i64::from(std::process::id()));
    }

    async fn plans_outlive_the_process_and_follow_when_one_is_back(db: Database, clock: ManualClock) {
        let notes = Notes::default();
        let first = bus(&db).handler(reminding(&notes)).start().await.unwrap();
        db.publish_in(reminder(1), Duration::from_secs(60)).await.unwrap();
        first.stop().await.unwrap();
        clock.advance(HOUR);
        assert_eq!((notes.len(), schedules(&db).await), (0, 1));
        let second = bus(&db).handler(reminding(&notes)).start().await.unwrap();
        second.run_until_idle().await.unwrap();
        second.stop().await.unwrap();
        assert_eq!((notes.len(), schedules(&db).await), (1, 0));
    }

    async fn a_function_runs_at_each_time_in_one_of_the_processes(db: Database, clock: ManualClock) {
        let log = Runs::default();
        let with = || bus(&db).handler(running("tests::tick", Periodic::every(Duration::from_secs(60)), &log));
        let (one, two) = (with().start().await.unwrap(), with().start().await.unwrap());
        for _ in 0..3 {
            clock.advance(MINUTE);
            tokio::select! { done = one.run_until_idle() => done, done = two.run_until_idle() => done }.unwrap();
        }
        one.stop().await.unwrap();
        clock.advance(MINUTE);
        two.run_until_idle().await.unwrap();
        two.stop().await.unwrap();
        assert_eq!(runs(&log), ["28 12:01", "28 12:02", "28 12:03", "28 12:04"]);
        let events = db.events().by_type("schedule.tests.tick").all().await.unwrap();
        let last = events.last().unwrap();
        assert_eq!((events.len(), last.metadata.actor.as_deref()), (4, Some("schedule tests::tick")));
        let (planned, previous) = (last.data().unwrap().get("planned_at").unwrap(), last.data().unwrap().get("previous_at").unwrap());
        assert_eq!(planned.as_datetime().unwrap().timestamp_millis() - previous.as_datetime().unwrap().timestamp_millis(), MINUTE);
    }

    async fn times_that_passed_while_nothing_ran_follow_the_policy(db: Database, clock: ManualClock) {
        let logs: [Runs; 4] = Default::default();
        let every = || Periodic::every(Duration::from_secs(600));
        let with = || {
            let bus = bus(&db).handler(running("skip", every().misfire(Misfire::Skip), &logs[0]));
            let bus = bus.handler(running("near", every().misfire(Misfire::Skip).tolerance(Duration::from_secs(300)), &logs[1]));
            let bus = bus.handler(running("once", every().misfire(Misfire::Once), &logs[2]));
            bus.handler(running("all", every().misfire(Misfire::All), &logs[3]))
        };
        with().start().await.unwrap().stop().await.unwrap();
        clock.advance(33 * MINUTE);
        let second = with().start().await.unwrap();
        second.run_until_idle().await.unwrap();
        let passed: [&[&str]; 4] = [&[], &["28 12:30"], &["28 12:30"], &["28 12:10", "28 12:20", "28 12:30"]];
        for (log, passed) in logs.iter().zip(passed) {
            assert_eq!(runs(log), passed);
        }
        clock.advance(7 * MINUTE);
        second.run_until_idle().await.unwrap();
        second.stop().await.unwrap();
        for log in &logs {
            assert_eq!(runs(log).last().map(String::as_str), Some("28 12:40"));
        }
    }

    async fn cron_follows_the_clocks_of_its_zone_over_both_changes(db: Database, clock: ManualClock) {
        let log = Runs::default();
        let nightly = || bus(&db).handler(running("nightly", Periodic::cron("30 2 * * *", "Europe/Rome"), &log));
        let spring = nightly().start().await.unwrap();
        for _ in 0..48 {
            clock.advance(HOUR);
            spring.run_until_idle().await.unwrap();
        }
        spring.stop().await.unwrap();
        assert_eq!(runs(&log), ["29 01:00", "30 00:30"]);
        clock.advance(time("2026-10-24T12:00:00Z").timestamp_millis() - db.now().timestamp_millis());
        log.lock().unwrap().clear();
        let autumn = nightly().start().await.unwrap();
        for _ in 0..48 {
            autumn.run_until_idle().await.unwrap();
            clock.advance(HOUR);
        }
        autumn.run_until_idle().await.unwrap();
        autumn.stop().await.unwrap();
        assert_eq!(runs(&log), ["24 00:30", "25 00:30", "26 01:30"], "one run for the summer, then one each night");
    }

    async fn no_jump_of_the_clock_fires_a_time_twice(db: Database, clock: ManualClock) {
        let log = Runs::default();
        let minutely = || bus(&db).handler(running("minutely", Periodic::every(Duration::from_secs(60)), &log));
        let steps = proptest::collection::vec(proptest::prop_oneof![1_i64..3 * MINUTE, -10 * MINUTE..0, 1_i64..HOUR], 30);
        let steps = steps.new_tree(&mut proptest::test_runner::TestRunner::deterministic()).unwrap().current();
        let mut bus = minutely().start().await.unwrap();
        for (n, step) in steps.into_iter().enumerate() {
            clock.advance(step);
            bus.run_until_idle().await.unwrap();
            if n % 10 == 9 {
                bus.stop().await.unwrap();
                bus = minutely().start().await.unwrap();
            }
        }
        bus.stop().await.unwrap();
        let events = db.events().by_type("schedule.minutely").all().await.unwrap();
        let planned: Vec<_> = events.iter().map(|event| *event.data().unwrap().get_datetime("planned_at").unwrap()).collect();
        assert!(planned.len() > 5 && planned.is_sorted_by(|before, next| before < next), "{planned:?}");
        assert_eq!(runs(&log).len(), planned.len());
    }

    async fn a_run_that_is_not_done_holds_back_the_next_or_not(db: Database, clock: ManualClock) {
        let (mut logs, failing) = (Vec::new(), Arc::new(AtomicBool::new(true)));
        let mut builder = bus(&db);
        for (id, overlap) in [("skip", Overlap::Skip), ("queue", Overlap::Queue), ("allow", Overlap::Allow)] {
            let (log, failing) = (Runs::default(), Arc::clone(&failing));
            logs.push(Arc::clone(&log));
            let run = Periodic::every(Duration::from_secs(60)).overlap(overlap).run(id, move |firing: Firing, _| {
                let fails = failing.load(Ordering::SeqCst) && firing.previous_at().is_none();
                if !fails {
                    log.lock().unwrap().push(firing.planned_at().format("%H:%M").to_string());
                }
                async move { if fails { Err(HandlerError::retry("not yet")) } else { Ok(()) } }
            });
            builder = builder.handler(run.retry(RetryPolicy::table([Duration::from_secs(600)]).jitter(Jitter::None)));
        }
        let bus = builder.start().await.unwrap();
        for _ in 0..3 {
            clock.advance(MINUTE);
            bus.run_until_idle().await.unwrap();
        }
        let waits = [vec![], vec![], vec!["12:02", "12:03"]];
        assert_eq!(logs.iter().map(runs).collect::<Vec<_>>(), waits);
        failing.store(false, Ordering::SeqCst);
        clock.advance(20 * MINUTE);
        bus.run_until_idle().await.unwrap();
        clock.advance(MINUTE);
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!(runs(&logs[1]), ["12:01", "12:02", "12:03", "12:23", "12:24"]);
        let mut beside = runs(&logs[2]);
        beside.sort();
        assert_eq!(beside, ["12:01", "12:02", "12:03", "12:23", "12:24"]);
        let skip = runs(&logs[0]);
        assert_eq!((skip.first().map(String::as_str), skip.last().map(String::as_str)), (Some("12:01"), Some("12:24")));
        assert!(!skip.contains(&"12:02".to_owned()) && !skip.contains(&"12:03".to_owned()));
    }

    async fn a_schedule_that_changes_begins_anew_and_brings_no_time_back(db: Database, clock: ManualClock) {
        let log = Runs::default();
        let with = |seconds| bus(&db).handler(running("job", Periodic::every(Duration::from_secs(seconds)), &log));
        let bus = with(600).start().await.unwrap();
        clock.advance(10 * MINUTE);
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        clock.advance(-5 * MINUTE);
        let bus = with(60).start().await.unwrap();
        for _ in 0..7 {
            clock.advance(MINUTE);
            bus.run_until_idle().await.unwrap();
        }
        bus.stop().await.unwrap();
        assert_eq!(runs(&log), ["28 12:10", "28 12:11", "28 12:12"]);
    }
}
