//! Operations on handlers: listed, paused, resumed, replayed, forgotten, from wherever.

use earnorm::events::{EventBus, EventContext, HandlerInfo, OnDead, Start};
use earnorm::position::Position;
use tokio::sync::Semaphore;

use super::failures::{Failing, quick};
use super::*;

pub(super) async fn info(db: &Database, id: &str) -> HandlerInfo {
    let listed = db.handlers().list().await.unwrap();
    listed.into_iter().find(|info| info.id == id).unwrap_or_else(|| panic!("{id} is not listed"))
}

/// Runs until a condition of a handler's entry in the list holds.
pub(super) async fn until(bus: &EventBus, id: &str, holds: impl Fn(&HandlerInfo) -> bool) -> HandlerInfo {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    loop {
        bus.run_until_idle().await.unwrap();
        let info = info(bus.db(), id).await;
        if holds(&info) {
            return info;
        }
        assert!(tokio::time::Instant::now() < patience, "{info:?}");
        tokio::task::yield_now().await;
    }
}

every_store! {
    async fn a_list_says_how_every_handler_is(db: Database) {
        assert_eq!(db.handlers().list().await.unwrap(), []);
        let (notes, failing) = (Notes::default(), Failing::default().at("task-1", 1, 99));
        let quiet = noting("quiet", &notes).group("notes").except(["task.deleted"]).written_at("src/x.rs:7");
        let picky = failing.handler("picky").on_dead(OnDead::Park).retry(quick(1));
        let one = bus(&db).handler(quiet).handler(picky).start().await.unwrap();
        write(&db, 0..3, 1).await;
        let picky = until(&one, "picky", |info| info.dead_letters == 1).await;
        assert_eq!((picky.parked, picky.lag, picky.running, picky.registered), (1, 0, true, true));
        let quiet = info(&db, "quiet").await;
        assert_eq!((quiet.group.as_deref(), quiet.place.as_deref()), (Some("notes"), Some("src/x.rs:7")));
        assert_eq!((quiet.patterns, quiet.except), (vec!["task.*".to_owned()], vec!["task.deleted".to_owned()]));
        assert_eq!((quiet.position, quiet.parked), (Some(db.store().high_water().await.unwrap()), 0));
        one.stop().await.unwrap();
        write(&db, 3..4, 1).await;
        let stopped = info(&db, "quiet").await;
        assert_eq!((stopped.lag, stopped.running, stopped.registered), (2, false, false));
        // A later program says otherwise what it takes.
        let two = bus(&db).handler(noting("quiet", &notes).on(["task.created"])).start().await.unwrap();
        two.run_until_idle().await.unwrap();
        let again = info(&db, "quiet").await;
        assert_eq!((again.patterns, again.group), (vec!["task.created".to_owned()], None));
        assert!(!info(&db, "picky").await.registered, "its code is gone, and it is still there");
        two.stop().await.unwrap();
    }

    async fn a_paused_handler_waits_and_goes_on_where_it_was(db: Database) {
        let (first, second) = (Notes::default(), Notes::default());
        let with = |db: &Database| {
            bus(db).handler(noting("first", &first).group("both")).handler(noting("second", &second).group("both"))
        };
        let one = with(&db).start().await.unwrap();
        write(&db, 0..2, 0).await;
        one.run_until_idle().await.unwrap();
        // Through the bus, or through the database as another process would.
        assert_eq!(one.handlers().pause("first", "the mail server moves").await.unwrap(), ["first"]);
        write(&db, 2..4, 0).await;
        one.run_until_idle().await.unwrap();
        assert_eq!((first.len(), second.len()), (2, 4));
        let pause = info(&db, "first").await.paused.unwrap();
        assert_eq!((pause.reason.as_str(), pause.by_itself), ("the mail server moves", false));
        assert_eq!(db.handlers().pause("both", "everything moves").await.unwrap(), ["second"]);
        one.run_until_idle().await.unwrap();
        one.stop().await.unwrap();
        let two = with(&db).start().await.unwrap();
        write(&db, 4..5, 0).await;
        two.run_until_idle().await.unwrap();
        assert_eq!((first.len(), second.len()), (2, 4), "it stays so over a restart");
        assert_eq!(db.handlers().resume("both").await.unwrap(), ["first", "second"]);
        two.run_until_idle().await.unwrap();
        assert_eq!((first.len(), second.len()), (5, 5));
        two.stop().await.unwrap();
        let unknown = db.handlers().pause("third", "").await.unwrap_err().to_string();
        assert!(unknown.contains("third") && unknown.contains("list"), "{unknown}");
    }

    async fn what_is_done_is_not_done_again_for_an_operation(db: Database) {
        let (started, release) = (Arc::new(tokio::sync::Semaphore::new(0)), Arc::new(tokio::sync::Semaphore::new(0)));
        let (notes, seen, goes) = (Notes::default(), Arc::clone(&started), Arc::clone(&release));
        let noted = notes.clone();
        let gate = Handler::new("gate", move |event: Arc<RecordedEvent>, _| {
            noted.note(&event);
            seen.add_permits(1);
            let gate = (event.stream.to_string() == "task-0").then(|| Arc::clone(&goes));
            async move {
                if let Some(gate) = gate {
                    gate.acquire().await?.forget();
                }
                Ok(())
            }
        });
        let one = bus(&db).handler(gate.on(["task.*"])).start().await.unwrap();
        write(&db, 0..5, 0).await;
        // The first is still on its way, so that no progress can be written of the others.
        started.acquire_many(5).await.unwrap().forget();
        one.handlers().pause("gate", "a rest").await.unwrap();
        release.add_permits(1);
        one.run_until_idle().await.unwrap();
        one.handlers().resume("gate").await.unwrap();
        one.run_until_idle().await.unwrap();
        assert_eq!(notes.len(), 5, "{:?}", notes.all());
        one.stop().await.unwrap();
    }

    async fn a_replay_handles_everything_again(db: Database) {
        let (notes, failing) = (Notes::default(), Failing::default().at("task-2", 1, 99));
        let with = |db: &Database| {
            bus(db).handler(noting("notes", &notes).start(Start::Beginning)).handler(
                failing.handler("picky").start(Start::Beginning).on_dead(OnDead::Park).retry(quick(1)),
            )
        };
        write(&db, 0..4, 1).await;
        let one = with(&db).start().await.unwrap();
        until(&one, "picky", |info| info.dead_letters == 1).await;
        assert_eq!((notes.len(), failing.notes.len()), (8, 6));
        let refused = one.handlers().replay("notes", Position::START).await.unwrap_err().to_string();
        assert!(refused.contains("pause it first"), "{refused}");
        for id in ["notes", "picky"] {
            one.handlers().pause(id, "once more").await.unwrap();
            one.handlers().replay(id, Position::START).await.unwrap();
        }
        failing.heal();
        one.run_until_idle().await.unwrap();
        assert_eq!((notes.len(), failing.notes.len()), (8, 6), "it is still paused");
        assert_eq!(info(&db, "picky").await.parked, 0, "what is handled anew has no record");
        for id in ["notes", "picky"] {
            one.handlers().resume(id).await.unwrap();
        }
        one.run_until_idle().await.unwrap();
        assert_eq!((notes.len(), failing.notes.len()), (16, 14));
        assert_eq!(failing.notes.of("task-2"), [1, 2]);
        assert_eq!(info(&db, "picky").await.dead_letters, 0);
        one.stop().await.unwrap();
        // Where nobody runs it, no pause is needed. It cannot go forward so.
        let end = db.store().high_water().await.unwrap();
        db.handlers().replay("notes", Position::new(end.get() - 2)).await.unwrap();
        let ahead = db.handlers().replay("notes", end).await.unwrap_err().to_string();
        assert!(ahead.contains("comes there by itself"), "{ahead}");
        let two = with(&db).start().await.unwrap();
        two.run_until_idle().await.unwrap();
        assert_eq!(notes.len(), 18);
        two.stop().await.unwrap();
    }

    async fn what_a_replayed_handler_had_come_past_is_not_live(db: Database) {
        let noted = Arc::new(Mutex::new(Vec::new()));
        let with = |db: &Database| {
            let noted = Arc::clone(&noted);
            let handler = Handler::new("live", move |event: Recorded<Created<Task>>, cx: EventContext| {
                noted.lock().unwrap().push((event.id, cx.is_live()));
                async { Ok(()) }
            });
            bus(db).handler(handler.concurrency(1))
        };
        let seen = || std::mem::take(&mut *noted.lock().unwrap());
        let one = with(&db).start().await.unwrap();
        write(&db, 0..2, 0).await;
        one.run_until_idle().await.unwrap();
        assert_eq!(seen(), [(0, true), (1, true)]);
        one.handlers().pause("live", "once more").await.unwrap();
        write(&db, 2..3, 0).await;
        one.handlers().replay("live", Position::START).await.unwrap();
        one.handlers().resume("live").await.unwrap();
        one.run_until_idle().await.unwrap();
        assert_eq!(seen(), [(0, false), (1, false), (2, true)], "what it never came to is new");
        one.stop().await.unwrap();
        // From elsewhere, to a place in the middle; it stays so over a restart.
        db.handlers().replay("live", Position::new(1)).await.unwrap();
        write(&db, 3..4, 0).await;
        let two = with(&db).start().await.unwrap();
        two.run_until_idle().await.unwrap();
        two.stop().await.unwrap();
        assert_eq!(seen(), [(1, false), (2, false), (3, true)]);
    }

    async fn a_replay_fences_off_what_is_on_its_way(db: Database) {
        let (started, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (notes, starts, goes) = (Notes::default(), Arc::clone(&started), Arc::clone(&release));
        let noted = notes.clone();
        let handler = Handler::new("gate", move |event: Arc<RecordedEvent>, _: EventContext| {
            let (noted, starts, goes) = (noted.clone(), Arc::clone(&starts), Arc::clone(&goes));
            async move {
                starts.add_permits(1);
                goes.acquire().await?.forget();
                noted.note(&event);
                Ok(())
            }
        });
        let one = bus(&db).handler(handler.on(["task.*"])).start().await.unwrap();
        write(&db, 0..1, 0).await;
        started.acquire().await.unwrap().forget();
        one.handlers().pause("gate", "once more").await.unwrap();
        one.handlers().replay("gate", Position::START).await.unwrap();
        release.add_permits(1);
        one.run_until_idle().await.unwrap();
        assert_eq!((notes.len(), info(&db, "gate").await.position), (1, Some(Position::START)), "its end is not recorded");
        release.add_permits(1);
        one.handlers().resume("gate").await.unwrap();
        one.run_until_idle().await.unwrap();
        one.stop().await.unwrap();
        assert_eq!((notes.of("task-0"), info(&db, "gate").await.lag), (vec![1, 1], 0));
    }

    async fn a_handler_without_code_is_forgotten_on_demand(db: Database) {
        let failing = Failing::default().at("task-1", 1, 99);
        let one = bus(&db).handler(failing.handler("old").on_dead(OnDead::Park).retry(quick(1))).start().await.unwrap();
        write(&db, 0..2, 0).await;
        until(&one, "old", |info| info.dead_letters == 1).await;
        let refused = db.handlers().forget("old").await.unwrap_err().to_string();
        assert!(refused.contains("deploy programs without it first"), "{refused}");
        one.stop().await.unwrap();
        db.handlers().forget("old").await.unwrap();
        assert_eq!(db.handlers().list().await.unwrap(), []);
        assert_eq!(db.store().checkpoint("old").await.unwrap(), None, "it holds no truncation back");
        assert_eq!(db.dead_letters().list(&Default::default()).await.unwrap(), []);
        let gone = db.handlers().forget("old").await.unwrap_err().to_string();
        assert!(gone.contains("old"), "{gone}");
        // A handler of that name begins anew, at the end of the log.
        let two = bus(&db).handler(failing.handler("old")).start().await.unwrap();
        two.run_until_idle().await.unwrap();
        two.stop().await.unwrap();
        assert_eq!(failing.notes.len(), 1);
    }

    async fn too_many_parked_streams_pause_a_handler(db: Database) {
        let failing = (0..6).fold(Failing::default(), |failing, id| failing.at(&format!("task-{id}"), 1, 1));
        let handler = failing.handler("picky").on_dead(OnDead::Park).retry(quick(1)).concurrency(1).parked_max(2);
        let one = bus(&db).handler(handler).start().await.unwrap();
        write(&db, 0..8, 0).await;
        let paused = until(&one, "picky", |info| info.paused.is_some()).await;
        let pause = paused.paused.unwrap();
        assert!(pause.by_itself && pause.reason.contains("3 of its streams"), "{pause:?}");
        assert_eq!((paused.parked, failing.notes.len()), (3, 0));
        failing.heal();
        one.handlers().resume("picky").await.unwrap();
        one.dead_letters().requeue_where(&Default::default()).await.unwrap();
        let healed = until(&one, "picky", |info| info.parked == 0).await;
        assert_eq!((healed.paused, failing.notes.len()), (None, 8));
        one.stop().await.unwrap();
    }
}
