//! Erasures that die half-way, that others save into, and sealed values that somebody moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use earnorm::bson::{Binary, Bson};
use earnorm::event::RecordedEvent;
use earnorm::snapshot::SnapshotPolicy;

use super::store::{Faulty, Keys};
use super::*;
use crate::support::front::Front;

/// A handle of the same data over another store.
async fn over(store: Arc<Front<Faulty>>) -> Database {
    Database::builder().registry(registry()).store(store).await.unwrap()
}

/// Erases with a store that fails at one write after the other, then again with a store that works.
async fn die_at_every_write(db: &Database, written: bool) {
    for write in 0.. {
        let customer = lived(db).await;
        for n in 0..2 {
            db.create(invoice(&format!("{}-{n}", customer.id), customer.id)).await.unwrap();
        }
        let store = Faulty::failing_at(db, write, written);
        let outcome = over(store.clone()).await.erase_subject(customer.id).await;
        if !store.has_failed() {
            assert!(write > 4, "{write} writes cannot be all");
            outcome.unwrap();
            return;
        }
        assert!(outcome.unwrap_err().is_retryable());
        db.erase_subject(customer.id).await.unwrap();
        assert_gone(db, &CANARIES).await;
        assert_whole(db).await;
        assert_complete(db, customer.id).await;
    }
}

fn sealed<'a>(event: &'a mut RecordedEvent, field: &str) -> &'a mut Binary {
    let Some(Bson::Binary(binary)) = event.data_mut().unwrap().get_mut(field) else {
        panic!("`{field}` is not sealed")
    };
    binary
}

/// What reading says after somebody rewrote events that were read from a store.
async fn read_rewritten(db: &Database, rewrite: impl Fn(&mut [RecordedEvent]) + Send + Sync + 'static) -> String {
    let error = over(Faulty::rewriting(db, rewrite)).await.events().all().await.unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
    error.to_string()
}

every_store! {
    async fn an_erasure_that_died_is_finished_by_the_next_one(db: Database) {
        die_at_every_write(&db, false).await;
    }

    async fn an_erasure_whose_answer_was_lost_is_finished_by_the_next_one(db: Database) {
        die_at_every_write(&db, true).await;
    }

    async fn a_key_store_that_fails_leaves_everything_readable(db: Database) {
        let keys = Keys::over(&db);
        let (customer, db) = (lived(&db).await, keys.database(&db).await);
        keys.fail(Some("destroy"));
        assert!(db.erase_subject(customer.id).await.unwrap_err().is_retryable());
        assert_eq!(Customer::at_version(&db, customer.id, 7).await.unwrap().unwrap(), *customer);
        keys.fail(None);
        db.erase_subject(customer.id).await.unwrap();
        assert_gone(&db, &CANARIES).await;
    }

    async fn a_save_that_overtook_an_erasure_is_erased(db: Database) {
        let keys = Keys::over(&db);
        let (customer, other) = (db.create(ada()).await.unwrap(), keys.database(&db).await);
        keys.stall();
        let id = customer.id;
        let saving = tokio::spawn(async move { other.create(invoice("late", id)).await.map(|saved| saved.version()) });
        keys.asked().await;
        assert_eq!(counts(&db.erase_subject(id).await.unwrap()), (1, 1, 1, 1));
        keys.go_on();
        assert_eq!(saving.await.unwrap().unwrap(), 1);
        let late = Invoice::load(&db, "late").await.unwrap();
        assert!(late.billed_to.is_erased() && late.version() == 2);
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
        assert_complete(&db, id).await;
    }

    async fn an_erasure_that_is_overtaken_is_tried_again_but_not_for_ever(db: Database) {
        for (rivals, goes_well) in [(0, true), (2, true), (3, false), (9, false)] {
            let customer = db.create(Customer { email: Some(format!("{rivals}@example.org")), ..ada() }).await.unwrap();
            let (id, tries) = (customer.id, Arc::new(AtomicUsize::new(0)));
            let (other, tried) = (db.clone(), Arc::clone(&tries));
            let store = Faulty::overtaken(&db, move || {
                let (other, before) = (other.clone(), tried.fetch_add(1, Ordering::SeqCst));
                Box::pin(async move {
                    if before < rivals {
                        let mut customer = Customer::load(&other, id).await.unwrap();
                        customer.plan = format!("plan {before}");
                        customer.save(&other).await.unwrap();
                    }
                })
            });
            let builder = Database::builder().registry(registry()).conflict_retries_max(2);
            let erased = builder.store(store).await.unwrap().erase_subject(id).await;
            assert_eq!(tries.load(Ordering::SeqCst), (rivals + 1).min(3), "one try and two more at most");
            match erased {
                Ok(report) => assert!(goes_well && counts(&report) == (1, 1, 1, 1), "{rivals}"),
                Err(error) => assert!(!goes_well && error.is_conflict(), "{rivals}: {error}"),
            }
            db.erase_subject(id).await.unwrap();
        }
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
    }

    async fn saves_and_erasures_at_once_leave_nothing_behind(db: Database) {
        let id = db.create(ada()).await.unwrap().id;
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let db = db.clone();
                tokio::spawn(async move {
                    for n in 0..8 {
                        db.create(invoice(&format!("{writer}-{n}"), id)).await.unwrap();
                        let name = format!("{NAME} {writer} {n}");
                        let change = move |customer: &mut Entity<Customer>| {
                            customer.name = name.as_str().into();
                            Ok(())
                        };
                        // Erasures that never pause may win every try of one call.
                        while let Err(error) = Customer::retry_on_conflict(&db, id, change.clone()).await {
                            assert!(error.is_conflict(), "{error}");
                        }
                    }
                })
            })
            .collect();
        let mut erased = 0;
        while writers.iter().any(|writer| !writer.is_finished()) {
            match db.erase_subject(id).await {
                Ok(_) => erased += 1,
                Err(error) => assert!(error.is_retryable(), "{error}"),
            }
            assert!(Customer::history(&db, id).await.is_ok());
        }
        for writer in writers {
            writer.await.unwrap();
        }
        assert_whole(&db).await;
        db.erase_subject(id).await.unwrap();
        assert!(erased < 10_000);
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
        assert_complete(&db, id).await;
    }

    async fn what_a_snapshot_stands_for_is_not_needed(db: Database) {
        let customer = lived(&db).await;
        let policy = SnapshotPolicy::every(3).or_bytes(1_000_000);
        let over = async |store| {
            Database::builder().registry(registry()).snapshots(policy).store(store).await.unwrap()
        };
        let then = Customer::at_version(&over(db.store().clone()).await, customer.id, 3).await.unwrap();
        assert!(then.is_some());
        let first = |events: &mut [RecordedEvent]| {
            for event in events.iter_mut().filter(|event| event.version == 1) {
                sealed(event, "born").bytes.truncate(1);
            }
        };
        let spoilt = over(Faulty::rewriting(&db, first)).await;
        assert_eq!(Customer::at_version(&spoilt, customer.id, 3).await.unwrap(), then);
        assert!(matches!(Customer::at_version(&spoilt, customer.id, 2).await, Err(Error::Corrupt { .. })));
    }

    async fn a_moved_or_changed_ciphertext_is_refused(db: Database) {
        let customer = lived(&db).await;
        let other = db.create(Customer { email: None, ..ada() }).await.unwrap();
        assert_ne!(customer.id, other.id);
        let swapped = read_rewritten(&db, |events| {
            let email = sealed(&mut events[0], "email").clone();
            *sealed(&mut events[0], "name") = email;
        });
        let text = swapped.await;
        let place = format!("`name` of p_customer.created of p_customer-{} version 1 at position 1", customer.id);
        assert!(text.contains(&place) && text.contains("moved"), "{text}");
        let foreign = read_rewritten(&db, |events| {
            let theirs = sealed(&mut events[7], "name").clone();
            *sealed(&mut events[0], "name") = theirs;
        });
        assert!(foreign.await.contains("moved"));
        let replayed = read_rewritten(&db, |events| {
            let first = sealed(&mut events[0], "name").clone();
            *sealed(&mut events[6], "name") = first;
        });
        assert!(replayed.await.contains("p_customer.restored"));
        let flipped = read_rewritten(&db, |events| *sealed(&mut events[0], "born").bytes.last_mut().unwrap() ^= 1);
        assert!(flipped.await.contains("`born`"));
        for length in [0, 1, 16, 30, 45, 60] {
            read_rewritten(&db, move |events| sealed(&mut events[0], "born").bytes.truncate(length)).await;
        }
        let newer = read_rewritten(&db, |events| sealed(&mut events[0], "born").bytes[0] = 9);
        assert!(newer.await.contains("newer program"));
        let moved = read_rewritten(&db, |events| {
            let change = events[3].data_mut().unwrap().get_array_mut("changes").unwrap()[0].as_document_mut().unwrap();
            let old = change.get("old").cloned().unwrap();
            change.insert("new", old);
        });
        assert!(moved.await.contains("`new email`"));
        let nested = read_rewritten(&db, |events| {
            let name = Bson::Binary(sealed(&mut events[0], "name").clone());
            events[0].data_mut().unwrap().insert("list", vec![Bson::Null, bson::doc! { "a": name }.into()]);
        });
        assert!(nested.await.contains("`list.1.a` of p_customer.created"));
        let renamed = read_rewritten(&db, |events| {
            let change = events[3].data_mut().unwrap().get_array_mut("changes").unwrap()[0].as_document_mut().unwrap();
            change.insert("path", "name");
        });
        assert!(renamed.await.contains("p_customer.updated"));
    }
}
