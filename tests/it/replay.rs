//! Rebuilding, verifying, adopting and upgrading: the log says what the documents must be.

mod adopting;
mod comparing;
mod rebuilding;
mod repairing;

use std::sync::{Arc, Mutex};

use earnorm::Registry;
use earnorm::bson::{Bson, doc};
use earnorm::predicate::Predicate;
use earnorm::prelude::*;
use earnorm::replay::{Kind, Rebuild};
use earnorm::store::PutRule;
use tokio::sync::mpsc::{Receiver, channel};

#[model(collection = "people", soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Person {
    #[model(id)]
    id: i64,
    #[model(unique)]
    email: String,
    age: i32,
}

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Note {
    #[model(id)]
    id: String,
    text: String,
}

#[event(name = "opened")]
#[derive(Debug, Clone)]
struct Opened {
    owner: String,
}

#[event(name = "deposited")]
#[derive(Debug, Clone)]
struct Deposited {
    cents: i64,
}

#[model(sourced)]
#[derive(Debug, Clone, PartialEq)]
struct Account {
    #[model(id)]
    id: String,
    owner: String,
    cents: i64,
}

#[model]
impl Account {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.owner.clone(), owner: event.owner.clone(), cents: 0 }
    }

    #[apply]
    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}

fn registry() -> Registry {
    Registry::empty().model::<Person>().model::<Note>().model::<Account>()
}

fn person(id: i64) -> Person {
    Person { id, email: format!("p{id}@example.com"), age: 20 }
}

/// Created, updated, deleted softly and hard, restored.
async fn lives(db: &Database, count: i64) {
    for id in 0..count {
        let mut entity = db.create(person(id)).await.unwrap();
        for age in 21..21 + (id % 4) {
            entity.age = i32::try_from(age).unwrap();
            entity.save(db).await.unwrap();
        }
        match id % 7 {
            3 => drop(entity.delete(db).await.unwrap()),
            4 => drop(entity.hard_delete(db).await.unwrap()),
            5 => {
                entity.delete(db).await.unwrap();
                entity.restore(db).await.unwrap();
            }
            _ => {}
        }
    }
    let mut account = db.start::<Account>("ada", Opened { owner: "ada".into() }).await.unwrap();
    account.raise(Deposited { cents: 5 }).unwrap();
    account.raise(Deposited { cents: 7 }).unwrap();
    account.save(db).await.unwrap();
}

async fn documents(db: &Database, collection: &str) -> Vec<bson::Document> {
    use futures::TryStreamExt;
    let mut query = earnorm::store::DocumentQuery::new(collection, Predicate::always());
    query.sort = vec![earnorm::store::SortKey { path: "_id".to_owned(), descending: false }];
    db.store().find(query).await.unwrap().try_collect().await.unwrap()
}

/// As many people as a rebuild needs several pages for.
async fn crowd(db: &Database) {
    let many: Vec<_> = (0..1_300).map(person).collect();
    for part in many.chunks(400) {
        db.create_many(part.iter().cloned()).await.unwrap();
    }
}

/// A rebuild that tells when it is at its 700th stream.
fn telling_half_way(db: &Database) -> (Rebuild, Receiver<()>) {
    let (stop, stopped) = channel(1);
    let run = db.rebuild::<Person>().unwrap().on_progress(move |progress| {
        if progress.done == 700 {
            let _full = stop.try_send(());
        }
    });
    (run, stopped)
}

every_store! {
    async fn a_rebuilt_collection_is_the_same(db: Database) {
        lives(&db, 40).await;
        let (people, accounts) = (documents(&db, "people").await, documents(&db, "accounts").await);
        let steps = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&steps);
        let tell = move |progress: earnorm::replay::Progress| told.lock().unwrap().push(progress);
        let rebuilt = db.rebuild::<Person>().unwrap().on_progress(tell).run().await.unwrap();
        assert_eq!((rebuilt.streams, rebuilt.in_place, rebuilt.resumed), (40, false, false));
        assert_eq!(documents(&db, "people").await, people);
        assert!(steps.lock().unwrap().iter().any(|progress| progress.step == "folding" && progress.done == 40));
        db.rebuild::<Account>().unwrap().run().await.unwrap();
        assert_eq!(documents(&db, "accounts").await, accounts);
        assert_eq!(Account::load(&db, "ada").await.unwrap().cents, 12);
        assert!(db.verify::<Person>().unwrap().run().await.unwrap().is_whole());
        // The unique index is there again.
        let twin = Person { id: 900, ..person(0) };
        assert!(matches!(db.create(twin).await, Err(Error::Unique(_))));
    }

    async fn rebuilding_mends_what_was_broken(db: Database) {
        lives(&db, 20).await;
        let whole = documents(&db, "people").await;
        let mut broken = whole.clone();
        broken[0].insert("age", 99);
        broken[1].insert("_v", 1_000_i64);
        db.store().admin().put("people", broken[..2].to_vec(), PutRule::Always).await.unwrap();
        let gone = broken[2].get("_id").cloned().unwrap();
        db.store().admin().remove("people", &Predicate::eq("_id", gone)).await.unwrap();
        let found = db.verify::<Person>().unwrap().run().await.unwrap();
        let kinds: Vec<_> = found.differences.iter().map(|difference| &difference.kind).collect();
        assert_eq!(kinds.len(), 3, "{kinds:?}");
        assert!(kinds.iter().any(|kind| matches!(kind, Kind::Content { changes } if changes.paths() == ["age"])));
        assert!(kinds.iter().any(|kind| matches!(kind, Kind::Version { document: 1_000 })));
        assert!(kinds.iter().any(|kind| matches!(kind, Kind::Missing)));
        db.rebuild::<Person>().unwrap().run().await.unwrap();
        assert_eq!(documents(&db, "people").await, whole);
    }

    async fn saves_go_on_while_a_collection_is_rebuilt(db: Database) {
        lives(&db, 30).await;
        let writer = tokio::spawn({
            let db = db.clone();
            async move {
                for round in 0..60 {
                    let age = |person: &mut Entity<Person>| {
                        person.age = 100 + round;
                        Ok(())
                    };
                    Person::retry_on_conflict(&db, i64::from(round % 3), age).await.unwrap();
                    db.create(person(1_000 + i64::from(round))).await.unwrap();
                }
            }
        });
        for _ in 0..3 {
            db.rebuild::<Person>().unwrap().run().await.unwrap();
        }
        writer.await.unwrap();
        let found = db.verify::<Person>().unwrap().run().await.unwrap();
        assert!(found.is_whole(), "{:?}", found.differences);
        assert_eq!(found.streams, 90);
    }

    async fn an_interrupted_rebuild_goes_on_and_leaves_the_old_documents(db: Database) {
        crowd(&db).await;
        let before = documents(&db, "people").await;
        // The first run is dropped where it tells of its 700th stream.
        let (run, mut stopped) = telling_half_way(&db);
        tokio::select! {
            biased;
            _ = stopped.recv() => {}
            done = run.run() => panic!("not interrupted: {done:?}"),
        }
        assert_eq!(documents(&db, "people").await.len(), before.len());
        let rebuilt = db.rebuild::<Person>().unwrap().run().await.unwrap();
        assert!(rebuilt.resumed && rebuilt.streams < 1_300, "{rebuilt:?}");
        assert_eq!(documents(&db, "people").await, before);
        let rebuilt = db.rebuild::<Person>().unwrap().run().await.unwrap();
        assert!(!rebuilt.resumed && rebuilt.streams == 1_300, "{rebuilt:?}");
    }

    async fn two_rebuilds_at_once_lose_nothing(db: Database) {
        lives(&db, 60).await;
        let before = documents(&db, "people").await;
        for restart in [false, true] {
            let runs: Vec<_> = (0..4)
                .map(|_| {
                    let run = db.rebuild::<Person>().unwrap();
                    let run = if restart { run.restart() } else { run };
                    tokio::spawn(run.run())
                })
                .collect();
            let mut done = 0;
            for run in runs {
                match run.await.unwrap() {
                    Ok(_) => done += 1,
                    Err(Error::Superseded { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(done > 0);
            assert_eq!(documents(&db, "people").await, before);
        }
    }

    async fn a_rebuild_that_was_overtaken_never_takes_its_place(db: Database) {
        crowd(&db).await;
        let before = documents(&db, "people").await;
        // The first run waits in the middle, its shadow is thrown away by the second one, and then it goes on.
        let (run, mut stopped) = telling_half_way(&db);
        let mut slow = Box::pin(run.run());
        tokio::select! {
            biased;
            _ = stopped.recv() => {}
            done = &mut slow => panic!("not interrupted: {done:?}"),
        }
        db.rebuild::<Person>().unwrap().restart().run().await.unwrap();
        assert_eq!(documents(&db, "people").await, before);
        let overtaken = slow.await;
        assert!(matches!(overtaken, Err(Error::Superseded { .. })), "{overtaken:?}");
        assert_eq!(documents(&db, "people").await, before);
        assert!(documents(&db, &db.store().admin().own(earnorm::store::Own::Jobs)).await.is_empty());
    }

    async fn values_that_changed_places_meanwhile_are_settled(db: Database) {
        for id in 0..3 {
            db.create(person(id)).await.unwrap();
        }
        // The documents are as they were before two people exchanged their addresses.
        let old = documents(&db, "people").await;
        let email = async |id: i64, email: &str| {
            let mut person = Person::load(&db, id).await.unwrap();
            person.email = email.to_owned();
            person.save(&db).await.unwrap();
        };
        email(0, "x").await;
        email(1, "p0@example.com").await;
        email(0, "p1@example.com").await;
        let now = documents(&db, "people").await;
        let admin = db.store().admin();
        admin.remove("people", &Predicate::always()).await.unwrap();
        admin.put("people", old, PutRule::Always).await.unwrap();
        let mut stale = Person::load(&db, 0).await.unwrap();
        stale.age = 50;
        assert!(stale.save(&db).await.unwrap_err().is_conflict());
        let mut stale = Person::load(&db, 1).await.unwrap();
        if stale.version() < 2 {
            stale.age = 50;
            assert!(stale.save(&db).await.unwrap_err().is_conflict());
        }
        assert_eq!(documents(&db, "people").await, now);
    }

    async fn a_rebuild_that_died_after_its_swap_begins_anew(db: Database) {
        lives(&db, 30).await;
        let before = documents(&db, "people").await;
        let own = db.store().admin().own(earnorm::store::Own::Jobs);
        // What a process leaves that dies between the swap and its end.
        let note = doc! { "_id": "rebuild:person", "shadow": "people_rebuild_x", "schema_version": 1_i64, "from": 0_i64, "after": "25" };
        let claim = doc! { "_id": "swap:people_rebuild_x" };
        db.store().admin().put(&own, vec![note, claim], PutRule::Always).await.unwrap();
        let rebuilt = db.rebuild::<Person>().unwrap().run().await.unwrap();
        assert!(!rebuilt.resumed);
        assert_eq!(documents(&db, "people").await, before);
        assert!(documents(&db, &own).await.is_empty());
    }

    async fn a_document_that_cannot_be_adopted_does_not_hold_the_others_up(db: Database) {
        let person = |id: i64| Person { id, email: format!("e{id}"), age: 1 };
        // This id had a life already.
        db.create(person(2)).await.unwrap().hard_delete(&db).await.unwrap();
        let documents: Vec<_> = (1..=3_i64).map(|id| doc! {"_id": id, "email": format!("e{id}"), "age": 1}).collect();
        db.store().admin().put("people", documents.clone(), PutRule::Always).await.unwrap();
        let adopted = db.adopt::<Person>().unwrap().run().await.unwrap();
        assert_eq!(adopted.adopted, 2);
        let [(id, why)] = &adopted.refused[..] else { panic!("{:?}", adopted.refused) };
        assert!(*id == Bson::Int64(2) && why.contains("person-2"), "{why}");
        for id in [1, 3] {
            assert_eq!((Person::load(&db, id).await.unwrap().version(), &*Person::load(&db, id).await.unwrap()), (1, &person(id)));
        }
        assert_eq!(db.store().get("people", &Bson::Int64(2)).await.unwrap(), Some(documents[1].clone()));
        let again = db.adopt::<Person>().unwrap().run().await.unwrap();
        assert_eq!((again.adopted, again.refused.len()), (0, 1));
    }

    async fn documents_without_events_are_adopted(db: Database) {
        let old = (0..250).map(|id| doc! { "_id": i64::from(id), "email": format!("old{id}"), "age": id, "extra": "x" });
        let admin = db.store().admin();
        admin.put("people", old.collect(), PutRule::Always).await.unwrap();
        admin.put("people", vec![doc! { "_id": 900_i64, "age": 1 }, doc! { "_id": true }], PutRule::Always).await.unwrap();
        assert!(matches!(Person::get(&db, 5).await, Err(Error::Corrupt { .. })));
        let refused = db.rebuild::<Person>().unwrap().run().await.unwrap_err().to_string();
        assert!(refused.contains("252 of its documents") && refused.contains("adopt"), "{refused}");
        let found = db.verify::<Person>().unwrap().run().await.unwrap();
        assert!(found.differences.iter().all(|difference| difference.kind == Kind::NoEvents));
        assert_eq!(found.differences.len(), 252);

        let adopted = db.adopt::<Person>().unwrap().run().await.unwrap();
        assert_eq!(adopted.adopted, 250);
        assert_eq!(adopted.refused.len(), 2);
        assert!(adopted.refused.iter().any(|(id, why)| *id == Bson::Int64(900) && why.contains("email")));
        let mut five = Person::load(&db, 5).await.unwrap();
        assert_eq!((five.version(), five.email.as_str()), (1, "old5"));
        five.age = 6;
        five.save(&db).await.unwrap();
        assert_eq!(Person::at_version(&db, 5, 1).await.unwrap().unwrap().age, 5);
        assert_eq!(db.adopt::<Person>().unwrap().run().await.unwrap().adopted, 0);
        let left = db.verify::<Person>().unwrap().run().await.unwrap();
        assert_eq!(left.differences.len(), 2, "{:?}", left.differences);
        let sourced = db.adopt::<Account>().unwrap().run().await;
        assert!(matches!(sourced, Err(Error::Unsupported { .. })));
    }

    async fn edits_made_outside_are_recorded(db: Database) {
        for id in ["a", "b", "c"] {
            db.create(Note { id: id.into(), text: "first".into() }).await.unwrap();
        }
        let mut edited = documents(&db, "notes").await.remove(0);
        edited.insert("text", "edited by hand");
        db.store().admin().put("notes", vec![edited], PutRule::Always).await.unwrap();
        db.store().admin().remove("notes", &Predicate::eq("_id", "b")).await.unwrap();
        let found = db.verify::<Note>().unwrap().record_outside_edits().run().await.unwrap();
        assert_eq!((found.differences.len(), found.recorded), (2, 2));
        assert!(db.verify::<Note>().unwrap().run().await.unwrap().is_whole());
        let events = db.events().actor(earnorm::replay::OUTSIDE).all().await.unwrap();
        let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
        assert_eq!(types, ["note.updated", "note.deleted"]);
        assert_eq!(Note::at_version(&db, "a", 1).await.unwrap().unwrap().text, "first");
        let mut note = Note::load(&db, "a").await.unwrap();
        assert_eq!((note.version(), note.text.as_str()), (2, "edited by hand"));
        note.text = "again".into();
        note.save(&db).await.unwrap();
        assert!(Note::get(&db, "b").await.unwrap().is_none());
    }

    async fn a_save_repairs_a_document_behind_its_stream(db: Database) {
        let mut note = db.create(Note { id: "a".into(), text: "1".into() }).await.unwrap();
        let old = documents(&db, "notes").await;
        note.text = "2".into();
        note.save(&db).await.unwrap();
        db.store().admin().put("notes", old, PutRule::Always).await.unwrap();
        let mut stale = Note::load(&db, "a").await.unwrap();
        assert_eq!((stale.version(), stale.text.as_str()), (1, "1"));
        stale.text = "3".into();
        assert!(stale.save(&db).await.unwrap_err().is_conflict());
        let mut mended = Note::load(&db, "a").await.unwrap();
        assert_eq!((mended.version(), mended.text.as_str()), (2, "2"));
        mended.text = "3".into();
        mended.save(&db).await.unwrap();
        // The same where the document is gone.
        db.store().admin().remove("notes", &Predicate::always()).await.unwrap();
        let again = db.create(Note { id: "a".into(), text: "new".into() }).await;
        assert!(matches!(again, Err(Error::AlreadyExists { deleted: false, .. })));
        assert_eq!(Note::load(&db, "a").await.unwrap().text, "3");
    }
}
