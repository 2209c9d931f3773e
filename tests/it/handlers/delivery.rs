//! Delivery: from the log, in order per stream, again after a restart, shared by several buses.

use earnorm::events::{AppEvent, Created, Publish, Recorded, Start, Updated};

use super::*;

every_store! {
    async fn every_event_is_handled_once_in_the_order_of_its_stream(db: Database) {
        let notes = Notes::default();
        let bus = bus(&db).handler(noting("notes", &notes)).start().await.unwrap();
        write(&db, 0..10, 4).await;
        bus.run_until_idle().await.unwrap();
        for id in 0..10 {
            assert_eq!(notes.of(&format!("task-{id}")), [1, 2, 3, 4, 5]);
        }
        bus.stop().await.unwrap();
        assert_eq!(notes.len(), 50);
    }

    async fn a_handler_goes_on_where_it_was_and_a_new_one_begins_where_it_says(db: Database) {
        write(&db, 0..2, 0).await;
        let (notes, late) = (Notes::default(), Notes::default());
        let first = bus(&db).handler(noting("notes", &notes)).start().await.unwrap();
        write(&db, 2..4, 0).await;
        first.run_until_idle().await.unwrap();
        first.stop().await.unwrap();
        assert_eq!((notes.of("task-2"), notes.of("task-3"), notes.len()), (vec![1], vec![1], 2), "it begins at the end");
        write(&db, 4..6, 0).await;
        let again = bus(&db)
            .handler(noting("notes", &notes).start(Start::Beginning))
            .handler(noting("late", &late).start(Start::Beginning))
            .start()
            .await
            .unwrap();
        again.run_until_idle().await.unwrap();
        again.stop().await.unwrap();
        assert_eq!((notes.len(), late.len()), (4, 6));
    }

    async fn patterns_exclusions_and_conditions_choose(db: Database) {
        let (all, some, few) = (Notes::default(), Notes::default(), Notes::default());
        let bus = bus(&db)
            .handler(noting("all", &all).on(["**"]))
            .handler(noting("some", &some).except(["task.updated"]))
            .handler(noting("few", &few).when(|event| event.stream.key() == "3"))
            .start()
            .await
            .unwrap();
        write(&db, 0..5, 1).await;
        db.create(Tally { id: 1, sum: 0 }).await.unwrap();
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!((all.len(), some.len(), few.of("task-3"), few.len()), (11, 5, vec![1, 2], 2));
    }

    async fn typed_events_say_what_is_new_and_what_was(db: Database) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (created, updated) = (Arc::clone(&seen), Arc::clone(&seen));
        let bus = bus(&db)
            .handler(Handler::new("created", move |event: Recorded<Created<Task>>, _| {
                created.lock().unwrap().push(format!("{} {}", event.id, event.state));
                async { Ok(()) }
            }))
            .handler(Handler::new("updated", move |event: Recorded<Updated<Task>>, _| {
                let (old, new) = (event.before(&Task::STATE), event.after(&Task::STATE));
                let changed = (event.changed(&Task::STATE), event.changed(&Task::N), event.became(&Task::STATE, "done"));
                updated.lock().unwrap().push(format!("{old:?} {new:?} {changed:?}"));
                async { Ok(()) }
            }))
            .start()
            .await
            .unwrap();
        let mut task = db.create(task(7)).await.unwrap();
        bus.run_until_idle().await.unwrap();
        task.state = "done".into();
        task.save(&db).await.unwrap();
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        let expected = ["7 new", "Ok(Some(\"new\")) Ok(Some(\"done\")) (true, false, true)"];
        assert_eq!(*seen.lock().unwrap(), expected);
    }

    async fn application_events_are_events_like_all_others(db: Database) {
        let notes = Notes::default();
        let bus = bus(&db).handler(noting("mail", &notes).on(["mail.*"])).start().await.unwrap();
        db.publish(AppEvent::new("mail.sent", bson::doc! { "to": "ada" })).await.unwrap();
        for _ in 0..2 {
            db.publish(AppEvent::new("mail.opened", Document::new()).key("ada")).await.unwrap();
        }
        let unit = db.unit();
        unit.create(task(1)).await.unwrap();
        unit.publish(AppEvent::new("mail.queued", Document::new())).await.unwrap();
        assert_eq!(db.events().by_type("mail.queued").all().await.unwrap().len(), 0);
        let receipt = unit.commit().await.unwrap();
        assert_eq!(receipt.events().len(), 2);
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        assert_eq!((notes.len(), notes.of("mail.opened-ada")), (4, vec![1, 2]));
        for (bad, why) in [("Mail", "lower-case"), ("task.created", "only the library")] {
            let refused = db.publish(AppEvent::new(bad, Document::new())).await.unwrap_err();
            assert!(refused.to_string().contains(why), "{refused}");
        }
    }

    async fn what_happened_before_the_first_start_is_not_live(db: Database) {
        let noted = Arc::new(Mutex::new(Vec::new()));
        let live = |start| {
            let noted = Arc::clone(&noted);
            let handler = Handler::new("live", move |event: Recorded<Created<Task>>, cx: earnorm::events::EventContext| {
                noted.lock().unwrap().push((event.id, cx.is_live()));
                async { Ok(()) }
            });
            handler.concurrency(1).start(start)
        };
        write(&db, 0..2, 0).await;
        let first = bus(&db).handler(live(Start::Beginning)).start().await.unwrap();
        first.run_until_idle().await.unwrap();
        first.stop().await.unwrap();
        write(&db, 2..3, 0).await;
        let second = bus(&db).handler(live(Start::Beginning)).start().await.unwrap();
        second.run_until_idle().await.unwrap();
        second.stop().await.unwrap();
        assert_eq!(*noted.lock().unwrap(), [(0, false), (1, false), (2, true)], "what it missed while it was down is live");
    }

    async fn what_a_handler_writes_names_its_cause(db: Database) {
        let handler = Handler::new("follow-up", |event: Arc<RecordedEvent>, cx: earnorm::events::EventContext| async move {
            Tally { id: event.position.get(), sum: 1 }.create(&cx).await?;
            Ok(())
        });
        let bus = bus(&db).handler(handler.on(["task.created"])).start().await.unwrap();
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let traced = db.with_metadata(Metadata::new().traceparent(trace).correlation_id("request 9"));
        traced.create(task(1)).await.unwrap();
        bus.run_until_idle().await.unwrap();
        bus.stop().await.unwrap();
        let events = db.events().all().await.unwrap();
        let (cause, effect) = (&events[0], &events[1].metadata);
        assert_eq!(effect.causation_id, Some(cause.id.to_string()));
        assert_eq!((effect.correlation_id.as_deref(), effect.traceparent.as_deref()), (Some("request 9"), Some(trace)));
        assert_eq!(effect.actor.as_deref(), Some("handler follow-up"));
    }

    async fn several_buses_share_the_handlers_and_hand_them_over(db: Database) {
        let notes = Notes::default();
        let ids: Vec<_> = (0..8).map(|n| format!("h{n}")).collect();
        let with = || ids.iter().fold(bus(&db), |bus, id| bus.handler(noting(id, &notes))).lease(Duration::from_secs(30));
        let (one, two) = (with().start().await.unwrap(), with().start().await.unwrap());
        write(&db, 0..5, 1).await;
        let end = db.store().high_water().await.unwrap();
        for id in &ids {
            db.wait_until(end).consumer(id).within(Duration::from_secs(20)).await.unwrap();
        }
        assert_eq!(notes.len(), 80, "each handler runs in one process only");
        one.stop().await.unwrap();
        write(&db, 5..6, 1).await;
        two.run_until_idle().await.unwrap();
        assert_eq!(notes.len(), 96);
        two.stop().await.unwrap();
    }

    async fn what_a_lost_bus_leaves_is_taken_over(db: Database) {
        let notes = Notes::default();
        let with = || (0..8).fold(bus(&db), |bus, n| bus.handler(noting(&format!("h{n}"), &notes)));
        let one = with().start().await.unwrap();
        write(&db, 0..1, 1).await;
        one.run_until_idle().await.unwrap();
        drop(one);
        let two = with().start().await.unwrap();
        write(&db, 1..2, 1).await;
        // The dropped one gave nothing back: its lease has to pass.
        two.run_until_idle().await.unwrap();
        assert!(notes.len() >= 32, "{}", notes.len());
        two.stop().await.unwrap();
    }
}
