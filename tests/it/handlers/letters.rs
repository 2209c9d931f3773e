//! Dead letters: listed, shown, requeued, edited, discarded, while the handler runs and while nobody runs it.

use earnorm::Registry;
use earnorm::events::{Created, EventContext, LetterFilter, OnDead, Recorded, Start};
use earnorm::position::Position;
use earnorm::upcast::UpcastRegistration;

use super::failures::{Failing, quick};
use super::operations::{info, until};
use super::*;

/// The task of a later program, which calls its state a status.
#[model(name = "task", collection = "tasks", version = 2)]
#[derive(Debug, Clone)]
struct LaterTask {
    #[model(id)]
    id: i64,
    status: String,
    n: i64,
}

/// A step that reads a field which was never there.
fn wrong(data: &mut Document) -> Result<(), UpcastError> {
    let status = data.get_str("stat")?.to_owned();
    data.insert("status", status);
    Ok(())
}

fn right(data: &mut Document) -> Result<(), UpcastError> {
    let status = data.get_str("state")?.to_owned();
    data.remove("state");
    data.insert("status", status);
    Ok(())
}

/// The later program, over the same store.
async fn later(db: &Database, step: fn(&mut Document) -> Result<(), UpcastError>) -> Database {
    let step = UpcastRegistration::of_model::<LaterTask>(1, step);
    let registry = Registry::empty().model::<LaterTask>().upcast(step);
    Database::builder().registry(registry).store(Arc::clone(db.store())).await.unwrap()
}

const BOTH: [OnDead; 2] = [OnDead::Park, OnDead::Continue];

fn all() -> LetterFilter {
    LetterFilter::new()
}

every_store! {
    async fn letters_are_listed_in_pages_and_shown_with_their_event(db: Database) {
        let failing = (0..5).fold(Failing::default(), |failing, id| failing.at(&format!("task-{id}"), 1, 99));
        let traced = db.with_metadata(Metadata::new().correlation_id("request 9"));
        let one = bus(&db).handler(failing.handler("picky").retry(quick(2))).start().await.unwrap();
        write(&traced, 0..5, 1).await;
        until(&one, "picky", |info| info.dead_letters == 5).await;
        let letters = db.dead_letters().list(&all()).await.unwrap();
        let first = db.dead_letters().list(&all().limit(2)).await.unwrap();
        let rest = db.dead_letters().list(&all().after(first[1].id.clone())).await.unwrap();
        assert_eq!([first, rest].concat(), letters);
        let letter = &letters[0];
        assert_eq!((letter.handler.as_str(), letter.reason.as_str(), letter.attempts), ("picky", "exhausted", 2));
        assert_eq!((letter.error.as_str(), letter.event_type.as_str()), ("the other side is down", "task.created"));
        let later = letter.failed_at + chrono::TimeDelta::days(1);
        for (filter, count) in [
            (all().handler("picky"), 5), (all().handler("other"), 0), (all().event_type("task.*"), 5),
            (all().event_type("*.updated"), 0), (all().reason("exhausted"), 5), (all().reason("fatal"), 0),
            (all().until(later), 5), (all().since(later), 0),
        ] {
            assert_eq!(db.dead_letters().list(&filter).await.unwrap().len(), count, "{filter:?}");
        }
        let shown = db.dead_letters().show(&letter.id).await.unwrap();
        let event = shown.event.unwrap();
        assert_eq!((event.id, event.metadata.correlation_id.as_deref()), (letter.event_id, Some("request 9")));
        assert_eq!((shown.parked, shown.data), (false, None));
        let missing = db.dead_letters().show("picky/none").await.unwrap_err().to_string();
        assert!(missing.contains("picky/none"), "{missing}");
        one.stop().await.unwrap();
    }

    async fn a_requeued_letter_is_tried_again_in_both_modes_running_or_not(db: Database) {
        for (round, on_dead) in BOTH.into_iter().enumerate() {
            let (id, task) = (format!("h{round}"), format!("task-{round}"));
            let failing = Failing::default().at(&task, 1, 99);
            let handler = || failing.handler(&id).on_dead(on_dead).retry(quick(2));
            let one = bus(&db).handler(handler()).start().await.unwrap();
            write(&db, round as i64..round as i64 + 1, 2).await;
            until(&one, &id, |info| info.dead_letters == 1).await;
            let letter = db.dead_letters().list(&all().handler(&id)).await.unwrap().remove(0);
            // It fails once more, and is a letter again.
            one.dead_letters().requeue(&letter.id).await.unwrap();
            one.run_until_idle().await.unwrap();
            let failed = until(&one, &id, |info| info.dead_letters == 1 && info.lag == 0).await;
            assert_eq!(failed.parked, u64::from(on_dead == OnDead::Park));
            one.stop().await.unwrap();
            db.dead_letters().requeue(&letter.id).await.unwrap();
            assert!(db.dead_letters().show(&letter.id).await.unwrap().letter.requeued);
            failing.heal();
            let two = bus(&db).handler(handler()).start().await.unwrap();
            let healed = until(&two, &id, |info| info.dead_letters == 0).await;
            assert_eq!((healed.parked, failing.notes.len()), (0, 3));
            let expected: &[u64] = if on_dead == OnDead::Park { &[1, 2, 3] } else { &[2, 3, 1] };
            assert_eq!(failing.notes.of(&task), expected);
            two.stop().await.unwrap();
        }
    }

    async fn many_letters_are_requeued_at_once(db: Database) {
        let failing = (0..30).fold(Failing::default(), |failing, id| failing.at(&format!("task-{id}"), 1, 1));
        let handler = failing.handler("picky").on_dead(OnDead::Park).retry(quick(1));
        let one = bus(&db).handler(handler).start().await.unwrap();
        write(&db, 0..30, 1).await;
        until(&one, "picky", |info| info.dead_letters == 30).await;
        assert_eq!(db.dead_letters().requeue_where(&all().limit(7)).await.unwrap(), 7);
        assert_eq!(until(&one, "picky", |info| info.dead_letters == 23).await.parked, 23);
        // The handler moves on while its letters are requeued.
        let (requeued, ()) = tokio::join!(
            async { one.dead_letters().requeue_where(&all().handler("picky")).await.unwrap() },
            write(&db, 30..50, 1),
        );
        assert_eq!(requeued, 23);
        until(&one, "picky", |info| info.parked == 0 && info.lag == 0).await;
        for id in 0..50 {
            // What was on its way when its record changed may be handled twice, in order both times.
            let mut seen = failing.notes.of(&format!("task-{id}"));
            assert_eq!((seen.first(), seen.last()), (Some(&1), Some(&2)), "{seen:?}");
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen, [1, 2]);
        }
        one.stop().await.unwrap();
    }

    async fn edited_data_are_handled_in_place_of_the_event(db: Database) {
        for (round, on_dead) in BOTH.into_iter().enumerate() {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let taken = Arc::clone(&seen);
            let handler = Handler::new(format!("h{round}"), move |event: Arc<RecordedEvent>, _: EventContext| {
                let taken = Arc::clone(&taken);
                async move {
                    let state = event.data().unwrap().get_str("state").unwrap_or_default().to_owned();
                    if state == "new" {
                        return Err("nobody knows what is new".into());
                    }
                    taken.lock().unwrap().push(state);
                    Ok(())
                }
            });
            let handler = handler.on(["task.created"]).on_dead(on_dead).retry(quick(1));
            let id = handler.id().to_owned();
            let one = bus(&db).handler(handler).start().await.unwrap();
            write(&db, round as i64..round as i64 + 1, 0).await;
            until(&one, &id, |info| info.dead_letters == 1).await;
            let letter = db.dead_letters().list(&all().handler(&id)).await.unwrap().remove(0);
            let mut data = db.dead_letters().show(&letter.id).await.unwrap().event.unwrap().data.into_document().unwrap();
            data.insert("state", "mended");
            one.dead_letters().edit_and_requeue(&letter.id, &data).await.unwrap();
            until(&one, &id, |info| info.dead_letters == 0).await;
            assert_eq!(*seen.lock().unwrap(), ["mended"]);
            let event = db.events().stream_of(letter.stream).all().await.unwrap().remove(0);
            assert_eq!(event.data().unwrap().get_str("state").unwrap(), "new", "the log stays as it is");
            one.stop().await.unwrap();
        }
    }

    async fn a_discarded_letter_is_gone_and_its_stream_goes_on(db: Database) {
        for (round, on_dead) in BOTH.into_iter().enumerate() {
            for running in [true, false] {
                let number = (round * 2 + usize::from(running)) as i64;
                let (id, task) = (format!("h{number}"), format!("task-{number}"));
                let failing = Failing::default().at(&task, 2, 99);
                let handler = || failing.handler(&id).on_dead(on_dead).retry(quick(1));
                let mut one = bus(&db).handler(handler()).start().await.unwrap();
                write(&db, number..number + 1, 3).await;
                until(&one, &id, |info| info.dead_letters == 1).await;
                let letter = db.dead_letters().list(&all().handler(&id)).await.unwrap().remove(0);
                if running {
                    one.dead_letters().discard(&letter.id).await.unwrap();
                } else {
                    one.stop().await.unwrap();
                    db.dead_letters().discard(&letter.id).await.unwrap();
                    one = bus(&db).handler(handler()).start().await.unwrap();
                }
                until(&one, &id, |info| info.parked == 0).await;
                assert_eq!(failing.notes.of(&task), [1, 3, 4]);
                assert_eq!(info(&db, &id).await.dead_letters, 0);
                let gone = db.dead_letters().discard(&letter.id).await.unwrap_err().to_string();
                assert!(gone.contains("handled or discarded"), "{gone}");
                one.stop().await.unwrap();
            }
        }
    }

    async fn a_log_is_not_truncated_over_events_that_a_handler_needs(db: Database) {
        write(&db, 0..1, 3).await;
        for on_dead in BOTH {
            let failing = Failing::default().at("task-0", 2, 99);
            let handler = failing.handler("picky").on_dead(on_dead).retry(quick(1)).start(Start::Beginning);
            let one = bus(&db).handler(handler).start().await.unwrap();
            until(&one, "picky", |info| info.dead_letters == 1 && info.lag == 0).await;
            one.stop().await.unwrap();
            let letter = db.dead_letters().list(&all()).await.unwrap().remove(0);
            let refused = db.truncate_below(letter.position).unwrap().run(&mut Vec::new()).await.unwrap_err();
            let refused = refused.to_string();
            assert!(refused.contains("handler `picky`") && refused.contains("discard"), "{refused}");
            let before = Position::new(letter.position.get() - 1);
            db.truncate_below(before).unwrap().run(&mut Vec::new()).await.unwrap();
            db.handlers().forget("picky").await.unwrap();
        }
        let end = db.store().high_water().await.unwrap();
        db.truncate_below(end).unwrap().run(&mut Vec::new()).await.unwrap();
    }

    async fn a_letter_that_could_not_be_upcast_is_handled_by_a_program_that_can(db: Database) {
        write(&db, 0..1, 0).await;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handler = || {
            let seen = Arc::clone(&seen);
            Handler::new("typed", move |task: Recorded<Created<LaterTask>>, _| {
                seen.lock().unwrap().push(task.status.clone());
                async { Ok(()) }
            })
            .start(Start::Beginning)
        };
        let broken = later(&db, wrong).await;
        let one = bus(&broken).handler(handler()).start().await.unwrap();
        until(&one, "typed", |info| info.dead_letters == 1).await;
        one.stop().await.unwrap();
        let letter = db.dead_letters().list(&all()).await.unwrap().remove(0);
        assert_eq!((letter.reason.as_str(), letter.attempts, seen.lock().unwrap().len()), ("fatal", 1, 0));
        assert!(letter.error.contains("stat"), "{}", letter.error);
        let mended = later(&db, right).await;
        let two = bus(&mended).handler(handler()).start().await.unwrap();
        assert_eq!(two.dead_letters().requeue_where(&all().reason("fatal")).await.unwrap(), 1);
        until(&two, "typed", |info| info.dead_letters == 0).await;
        assert_eq!(*seen.lock().unwrap(), ["new"]);
        two.stop().await.unwrap();
    }
}
