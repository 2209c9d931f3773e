//! What holds handlers back: circles, rates, breakers, other handlers; and batches, where each event has its own answer.

use std::collections::BTreeMap;
use std::time::Instant;

use earnorm::events::{Breaker, EventStatus, LetterFilter, OnDead, Rate, RetryPolicy, Start};

use super::failures::{Failing, quick};
use super::operations::until;
use super::*;

/// Changes the task whose event it gets, which is an event again.
fn turning(id: &str, odd: bool) -> Handler {
    let handler = Handler::new(id, |event: Arc<RecordedEvent>, cx: EventContext| async move {
        let mut task = Task::load(&cx, event.model_id::<Task>()?).await?;
        task.n += 1;
        task.save(&cx).await?;
        Ok(())
    });
    handler.on(["task.*"]).when(move |event| (event.version % 2 == 1) == odd)
}

/// Handlers of every kind that come after `first`, one of them after another of them, and what each has seen.
fn followers() -> (Vec<Handler>, Vec<Notes>) {
    let notes = [(); 4].map(|()| Notes::default());
    let [each, batch, unit, last] = notes.clone();
    let batch = Handler::batch("batch", 100, Duration::from_millis(5), move |events: Vec<Arc<RecordedEvent>>, _| {
        events.iter().for_each(|event| batch.note(event));
        let answers = events.iter().map(|_| Ok(())).collect::<Vec<_>>();
        async move { answers }
    });
    let unit = Handler::transactional("unit", move |event: Arc<RecordedEvent>, _| {
        unit.note(&event);
        Box::pin(async { Ok(()) })
    });
    let handlers = vec![
        // The last one is looked at first.
        noting("last", &last).after("each"),
        noting("each", &each).after("first"),
        batch.on(["task.*"]).after("first"),
        unit.on(["task.*"]).after("first"),
    ];
    (handlers, notes.into())
}

async fn patiently(what: &str, holds: impl Fn() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(tokio::time::Instant::now() < patience, "{what}");
        tokio::task::yield_now().await;
    }
}

every_store! {
    async fn a_circle_ends_as_a_dead_letter_that_shows_the_chain(db: Database) {
        let one = bus(&db).handler(turning("ping", true)).handler(turning("pong", false)).start().await.unwrap();
        write(&db, 0..1, 0).await;
        until(&one, "ping", |info| info.dead_letters == 1).await;
        let letter = db.dead_letters().list(&LetterFilter::new()).await.unwrap().remove(0);
        assert_eq!((letter.handler.as_str(), letter.reason.as_str(), letter.version), ("ping", "cycle", 3));
        assert!(letter.error.contains("ping task-0 → pong task-0 → ping task-0"), "{}", letter.error);
        let shown = db.dead_letters().show(&letter.id).await.unwrap();
        assert_eq!(shown.causes, ["ping task-0", "pong task-0"]);
        one.stop().await.unwrap();
        // What may go round ends too, later.
        let two = bus(&db).handler(turning("a", true).may_cycle()).handler(turning("b", false).may_cycle());
        let two = two.start().await.unwrap();
        write(&db, 1..2, 0).await;
        until(&two, "a", |info| info.dead_letters == 1).await;
        assert_eq!(Task::load(&db, 1).await.unwrap().n, 16);
        two.stop().await.unwrap();
    }

    async fn a_breaker_tries_one_event_after_each_rest_and_spares_the_others(db: Database) {
        const REST: Duration = Duration::from_millis(100);
        let (notes, failures) = (Notes::default(), Arc::new(Mutex::new(Vec::<Instant>::new())));
        let up = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let (noted, failed, is_up) = (notes.clone(), Arc::clone(&failures), Arc::clone(&up));
        let handler = Handler::new("mail", move |event: Arc<RecordedEvent>, _: EventContext| {
            let up = is_up.load(std::sync::atomic::Ordering::SeqCst);
            if up { noted.note(&event) } else { failed.lock().unwrap().push(Instant::now()) }
            async move { if up { Ok(()) } else { Err("down".into()) } }
        });
        let handler = handler.on(["task.*"]).concurrency(4).retry(RetryPolicy::never()).breaker(Breaker::new(3, REST));
        let one = bus(&db).handler(handler).start().await.unwrap();
        write(&db, 0..60, 0).await;
        patiently("it goes on trying", || failures.lock().unwrap().len() >= 8).await;
        let reasons = one.health().await.reasons;
        assert!(reasons.iter().any(|reason| reason.message.contains("everything fails")), "{reasons:?}");
        up.store(true, std::sync::atomic::Ordering::SeqCst);
        let healed = until(&one, "mail", |info| info.lag == 0).await;
        let failures = failures.lock().unwrap().clone();
        // Those that had begun when it opened come to their end.
        assert!(failures.windows(2).skip(5).all(|two| two[1] - two[0] >= REST), "{failures:?}");
        assert_eq!((healed.dead_letters, notes.len()), (failures.len() as u64, 60 - failures.len()));
        one.stop().await.unwrap();
    }

    async fn a_rate_holds_for_handlers_of_every_kind(db: Database) {
        let starts: [Arc<Mutex<Vec<Instant>>>; 2] = Default::default();
        let (each, once) = (Arc::clone(&starts[0]), Arc::clone(&starts[1]));
        let plain = Handler::new("plain", move |_: Arc<RecordedEvent>, _: EventContext| {
            each.lock().unwrap().push(Instant::now());
            async { Ok(()) }
        });
        let in_unit = Handler::transactional("in-unit", move |_: Arc<RecordedEvent>, _: &TransactionContext| {
            once.lock().unwrap().push(Instant::now());
            Box::pin(async { Ok(()) })
        });
        write(&db, 0..6, 0).await;
        let limited = |handler: Handler| {
            handler.on(["task.*"]).start(Start::Beginning).rate(Rate::new(10, Duration::from_secs(1)))
        };
        let one = bus(&db).handler(limited(plain)).handler(limited(in_unit)).start().await.unwrap();
        one.run_until_idle().await.unwrap();
        one.stop().await.unwrap();
        for starts in starts {
            let starts = starts.lock().unwrap();
            let took = starts[5] - starts[0];
            assert!(starts.len() == 6 && took >= Duration::from_millis(400), "{took:?}");
        }
    }

    async fn a_handler_waits_for_those_that_it_comes_after(db: Database) {
        let failing = Failing::default().at("task-1", 1, 99);
        let first = failing.handler("first").on_dead(OnDead::Park).retry(quick(1));
        let (followers, notes) = followers();
        let one = followers.into_iter().fold(bus(&db).handler(first), EventBusBuilder::handler).start().await.unwrap();
        write(&db, 0..3, 1).await;
        // A stream that waits for a parked one is at rest.
        one.run_until_idle().await.unwrap();
        let position = db.events().by_type("task.created").all().await.unwrap()[1].position;
        for status in db.handlers().status_of(position).await.unwrap() {
            let dead = matches!(status.status, EventStatus::Dead(_));
            assert!(dead == (status.handler == "first") && status.status != EventStatus::Completed, "{status:?}");
        }
        for notes in &notes {
            assert_eq!((notes.len(), notes.of("task-1")), (4, vec![]), "the streams of the others go on");
        }
        failing.heal();
        assert_eq!(one.dead_letters().requeue_where(&LetterFilter::new()).await.unwrap(), 1);
        one.run_until_idle().await.unwrap();
        assert_eq!(failing.notes.of("task-1"), [1, 2]);
        for notes in &notes {
            assert_eq!((notes.len(), notes.of("task-1")), (6, vec![1, 2]));
        }
        one.stop().await.unwrap();
    }

    async fn each_event_of_a_batch_has_its_own_answer(db: Database) {
        type Seen = Arc<Mutex<BTreeMap<String, u32>>>;
        let (seen, sizes): (Seen, Arc<Mutex<Vec<usize>>>) = Default::default();
        let (counted, sized) = (Arc::clone(&seen), Arc::clone(&sizes));
        let picky = Handler::batch("picky", 5, Duration::from_millis(20), move |events: Vec<Arc<RecordedEvent>>, _| {
            sized.lock().unwrap().push(events.len());
            for event in &events {
                *counted.lock().unwrap().entry(event.stream.key().to_owned()).or_default() += 1;
            }
            let answer = |event: &Arc<RecordedEvent>| if event.stream.key() == "3" { Err("no".into()) } else { Ok(()) };
            let answers = events.iter().map(answer).collect::<Vec<_>>();
            async move { answers }
        });
        let short = Handler::batch("short", 4, Duration::from_millis(20), |_: Vec<Arc<RecordedEvent>>, _| async {
            vec![Ok(())]
        });
        write(&db, 0..8, 0).await;
        let handlers = [picky, short].map(|one| one.on(["task.*"]).start(Start::Beginning).retry(quick(2)));
        let one = handlers.into_iter().fold(bus(&db), EventBusBuilder::handler).start().await.unwrap();
        until(&one, "picky", |info| info.dead_letters == 1 && info.lag == 0).await;
        let calls = seen.lock().unwrap().clone();
        assert!(calls.len() == 8 && calls.iter().all(|(key, calls)| *calls == if key == "3" { 2 } else { 1 }), "{calls:?}");
        assert_eq!(sizes.lock().unwrap().iter().max(), Some(&5));
        until(&one, "short", |info| info.lag == 0 && info.dead_letters == 6).await;
        let letter = db.dead_letters().list(&LetterFilter::new().handler("short")).await.unwrap().remove(0);
        assert!(letter.reason == "fatal" && letter.error.contains("answered for 1 of the 4"), "{letter:?}");
        one.stop().await.unwrap();
    }
}

with_clock! {
    async fn a_handler_follows_others_while_the_clock_stands(db: Database, _clock: ManualClock) {
        let first = Notes::default();
        let (followers, notes) = followers();
        let one = bus(&db).handler(noting("first", &first));
        let one = followers.into_iter().fold(one, EventBusBuilder::handler).start().await.unwrap();
        write(&db, 0..20, 1).await;
        one.run_until_idle().await.unwrap();
        assert!(notes.iter().all(|notes| notes.len() == 40) && first.len() == 40);
        one.stop().await.unwrap();
    }
}
