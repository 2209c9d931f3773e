//! What a comparison says, what it records, and what it does when others come between.

use earnorm::fold::untyped;
use earnorm::position::Position;
use earnorm::replay::{OUTSIDE, Replay, Verified};
use earnorm::schema::ModelInfo;

use super::*;
use crate::support::meddler::{Meddler, out_of_reach};

fn note(id: &str) -> Note {
    Note { id: id.into(), text: "first".into() }
}

/// Changes a document past the library, at the version that it has.
async fn edit(db: &Database, collection: &str, id: impl Into<Bson>, fields: bson::Document) {
    let mut document = db.store().get(collection, &id.into()).await.unwrap().unwrap();
    document.extend(fields);
    db.store().admin().put(collection, vec![document], PutRule::Always).await.unwrap();
}

fn paths(found: &Verified) -> Vec<Vec<String>> {
    let paths = |kind: &Kind| match kind {
        Kind::Content { changes } => changes.paths(),
        kind => vec![format!("{kind:?}")],
    };
    found.differences.iter().map(|difference| paths(&difference.kind)).collect()
}

every_store! {
    async fn a_comparison_counts_streams_and_documents(db: Database) {
        db.create_many((0..250).map(|id| note(&format!("{id:03}")))).await.unwrap();
        db.store().admin().remove("notes", &Predicate::eq("_id", "007")).await.unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let run = db.verify::<Note>().unwrap().on_progress(move |progress| tell.lock().unwrap().push(progress.to_string()));
        let found = run.run().await.unwrap();
        assert!(!found.is_whole());
        assert_eq!((found.streams, found.documents, found.recorded), (250, 249, 0));
        let [missing] = &found.differences[..] else { panic!("{:?}", found.differences) };
        assert_eq!((&*missing.stream, missing.version, &missing.kind), ("note-007", 1, &Kind::Missing));
        assert_eq!(*told.lock().unwrap(), ["comparing: 200 of 249", "comparing: 250 of 249"]);
        let strange = (0..3).map(|id| doc! { "_id": format!("strange {id}"), "text": "?" }).collect();
        db.store().admin().put("notes", strange, PutRule::Always).await.unwrap();
        let found = db.verify::<Note>().unwrap().run().await.unwrap();
        assert_eq!((found.streams, found.documents, found.differences.len()), (250, 252, 4));
    }

    async fn whether_a_document_is_live_is_compared_too(db: Database) {
        for id in 1..=3 {
            db.create(person(id)).await.unwrap();
        }
        edit(&db, "people", 1_i64, doc! { "_live": false }).await;
        edit(&db, "people", 2_i64, doc! { "_live": false, "age": 99 }).await;
        let found = db.verify::<Person>().unwrap().record_outside_edits().run().await.unwrap();
        assert_eq!(paths(&found), [["_live"], ["age"]]);
        // No event says that an instance is hidden and not deleted.
        assert_eq!(found.recorded, 1);
        let [recorded] = &db.events().actor(OUTSIDE).all().await.unwrap()[..] else { panic!("one event") };
        assert_eq!(recorded.stream.key(), "2");
        assert_eq!(recorded.read_changes().unwrap().paths(), ["age"]);
        let left = db.verify::<Person>().unwrap().run().await.unwrap();
        assert_eq!(paths(&left), [["_live"], ["_live"]]);
    }

    async fn a_recorded_deletion_tells_the_last_state(db: Database) {
        db.create(note("a")).await.unwrap();
        db.create(person(1)).await.unwrap();
        db.create(person(2)).await.unwrap();
        edit(&db, "people", 2_i64, doc! { "age": 99 }).await;
        db.store().admin().remove("notes", &Predicate::always()).await.unwrap();
        db.store().admin().remove("people", &Predicate::eq("_id", 1_i64)).await.unwrap();
        assert_eq!(db.verify::<Note>().unwrap().record_outside_edits().run().await.unwrap().recorded, 1);
        assert_eq!(db.verify::<Person>().unwrap().record_outside_edits().run().await.unwrap().recorded, 2);
        let events = db.events().actor(OUTSIDE).all().await.unwrap();
        let told: Vec<_> = events.iter().map(|event| (event.event_type.as_str(), event.data().unwrap().clone())).collect();
        assert_eq!(told[0], ("note.deleted", doc! { "_id": "a", "text": "first" }));
        // One that may be hidden is gone altogether.
        let gone = doc! { "_id": 1_i64, "email": "p1@example.com", "age": 20, "_hard": true };
        assert_eq!(told[1], ("person.deleted", gone));
        let changed = doc! { "changes": [{ "path": "age", "old": 20, "new": 99 }] };
        assert_eq!(told[2], ("person.updated", changed));
        assert!(db.verify::<Person>().unwrap().run().await.unwrap().is_whole());
        assert!(Person::get_with_deleted(&db, 1).await.unwrap().is_none());
    }

    async fn an_edit_is_not_recorded_when_its_stream_moves_on_meanwhile(db: Database) {
        db.create(note("a")).await.unwrap();
        edit(&db, "notes", "a", doc! { "text": "by hand" }).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let rival = db.clone();
        meddler.before("commit", 1, async move {
            let mut note = Note::load(&rival, "a").await.unwrap();
            note.text = "saved".into();
            note.save(&rival).await.unwrap();
        });
        let found = meddled.verify::<Note>().unwrap().record_outside_edits().run().await.unwrap();
        assert_eq!((paths(&found), found.recorded), (vec![vec!["text".to_owned()]], 0));
        assert!(db.events().actor(OUTSIDE).all().await.unwrap().is_empty());
        assert!(db.verify::<Note>().unwrap().run().await.unwrap().is_whole());
        // What is no conflict is an error.
        edit(&db, "notes", "a", doc! { "text": "by hand again" }).await;
        meddler.forget();
        meddler.fail("commit", 1, out_of_reach());
        let failed = meddled.verify::<Note>().unwrap().record_outside_edits().run().await;
        assert!(matches!(failed, Err(Error::Store(_))), "{failed:?}");
    }

    async fn a_stream_that_cannot_be_folded_is_listed_and_a_store_that_fails_is_an_error(db: Database) {
        for id in ["a", "b"] {
            db.create(note(id)).await.unwrap();
        }
        edit(&db, "notes", "a", doc! { "text": "by hand" }).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        // The second look at what differs finds this.
        let corrupt = Error::Corrupt { subject: "note-a".into(), reason: "spoilt".into() };
        meddler.fail("read_stream", 1, corrupt);
        let found = meddled.verify::<Note>().unwrap().run().await.unwrap();
        let [difference] = &found.differences[..] else { panic!("{:?}", found.differences) };
        assert!(difference.stream == "note-a" && difference.to_string().contains("spoilt"), "{difference}");
        meddler.forget();
        meddler.fail("read_stream", 1, out_of_reach());
        let failed = meddled.verify::<Note>().unwrap().run().await;
        assert!(matches!(failed, Err(Error::Store(_))), "{failed:?}");
    }

    async fn a_stream_without_its_beginning_is_listed(db: Database) {
        let mut note = db.create(note("a")).await.unwrap();
        note.text = "second".into();
        note.save(&db).await.unwrap();
        // As no truncation of the library leaves it.
        let first = db.events().all().await.unwrap()[0].position;
        db.store().admin().truncate(first, &[]).await.unwrap();
        assert!(first > Position::START);
        let found = db.verify::<Note>().unwrap().run().await.unwrap();
        let [Kind::Unreadable { reason }] = &found.differences.iter().map(|found| found.kind.clone()).collect::<Vec<_>>()[..] else {
            panic!("{:?}", found.differences)
        };
        assert!(reason.contains("before version 2"), "{reason}");
    }

    async fn a_shape_that_only_code_knows_ends_a_comparison(db: Database) {
        db.create(note("a")).await.unwrap();
        let mut info = ModelInfo::of(Note::SCHEMA);
        info.version = 2;
        let replay = Replay::new(db.reader().clone(), untyped(info).unwrap());
        let ended = replay.verify().run().await;
        assert!(matches!(&ended, Err(Error::NeedsCode { model, .. }) if model == "note"), "{ended:?}");
    }
}
