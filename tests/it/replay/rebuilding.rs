//! Rebuilding while others write, compete and fail, each at one chosen instant.

use earnorm::commit::{Append, Commit};
use earnorm::event::NewEvent;
use earnorm::store::Own;
use earnorm::stream::{ExpectedVersion, StreamId};

use super::*;
use crate::support::meddler::Meddler;

async fn notes(db: &Database) -> Vec<bson::Document> {
    documents(db, &db.store().admin().own(Own::Jobs)).await
}

/// Writes an event of a person past the library, behind this version, and no document.
pub(super) async fn record(db: &Database, id: i64, behind: u64, name: &str, data: bson::Document) {
    let mut commit = Commit::new(Uuid::now_v7());
    let event = NewEvent {
        id: Uuid::now_v7(),
        event_type: format!("person.{name}"),
        schema_version: 1,
        data,
        metadata: Metadata::new(),
        recorded_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    };
    let stream = StreamId::new("person", id.to_string()).unwrap();
    commit.appends.push(Append {
        stream,
        expected: ExpectedVersion::after(behind),
        not_before: None,
        events: vec![event],
    });
    db.store().commit(commit).await.unwrap();
}

async fn email(db: &Database, id: i64, email: &str) {
    let mut person = Person::load(db, id).await.unwrap();
    person.email = email.to_owned();
    person.save(db).await.unwrap();
}

async fn is_whole(db: &Database) -> bool {
    db.verify::<Person>().unwrap().run().await.unwrap().is_whole()
}

every_store! {
    async fn a_report_counts_what_was_rebuilt(db: Database) {
        lives(&db, 40).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let looks = Arc::clone(&meddler);
        meddler.before("swap", 1, async move {
            assert_eq!(looks.calls("read_log").len(), 2, "nothing moved: it is seen twice, and then it is time");
        });
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let run = meddled.rebuild::<Person>().unwrap().on_progress(move |progress| tell.lock().unwrap().push(progress));
        let rebuilt = run.run().await.unwrap();
        assert_eq!((rebuilt.streams, rebuilt.documents), (40, 34), "six were deleted for good");
        let told = told.lock().unwrap();
        let folding: Vec<_> = told.iter().filter(|progress| progress.step == "folding").collect();
        assert!(folding.iter().all(|progress| progress.total == Some(34)), "{folding:?}");
        assert!(folding.iter().map(|progress| progress.done).eq(1..=40));
        assert!(told.iter().any(|progress| progress.step == "catching up" && progress.total.is_none()));
    }

    async fn documents_are_written_five_hundred_at_once(db: Database) {
        crowd(&db).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        meddled.rebuild::<Person>().unwrap().run().await.unwrap();
        assert_eq!(meddler.calls("put newer"), ["500", "500", "300"]);
        assert_eq!(meddler.calls("put same"), ["1", "1"], "after each but the last it is noted where to go on");
    }

    async fn what_is_written_before_the_swap_is_in_the_new_collection(db: Database) {
        lives(&db, 30).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let rival = db.clone();
        meddler.before("swap", 1, async move {
            email(&rival, 0, "new").await;
            Person::load(&rival, 1).await.unwrap().hard_delete(&rival).await.unwrap();
            rival.create(Note { id: "n".into(), text: "another model".into() }).await.unwrap();
            // More than one page of the log.
            for part in [2_000..2_400, 2_400..2_800, 2_800..3_001] {
                rival.create_many(part.map(person)).await.unwrap();
            }
        });
        let rebuilt = meddled.rebuild::<Person>().unwrap().run().await.unwrap();
        assert_eq!((rebuilt.streams, rebuilt.documents), (30, 26 + 1 + 1 + 1_001));
        assert_eq!(documents(&db, "people").await.len(), 26 - 1 + 1_001);
        assert_eq!(Person::load(&db, 0).await.unwrap().email, "new");
        assert!(is_whole(&db).await && notes(&db).await.is_empty());
    }

    async fn values_may_change_places_while_a_shadow_is_filled(db: Database) {
        crowd(&db).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let rival = db.clone();
        // One who was folded already gives its address to one who was not.
        meddler.before("scan", 2, async move {
            email(&rival, 0, "x").await;
            email(&rival, 999, "p0@example.com").await;
        });
        let rival = db.clone();
        // One who is about to be folded again takes that of one whose move is not seen yet.
        meddler.before("read_log", 1, async move {
            email(&rival, 5, "y").await;
            email(&rival, 0, "p5@example.com").await;
        });
        let rebuilt = meddled.rebuild::<Person>().unwrap().run().await.unwrap();
        assert_eq!((rebuilt.streams, rebuilt.documents), (1_300, 1_300 + 2));
        assert!(is_whole(&db).await);
        let twin = db.create(Person { id: 9_000, ..person(7) }).await;
        assert!(matches!(twin, Err(Error::Unique(_))), "the unique index is there");
    }

    async fn documents_that_break_a_unique_index_never_take_their_place(db: Database) {
        for id in 0..3 {
            db.create(person(id)).await.unwrap();
        }
        let before = documents(&db, "people").await;
        record(&db, 3, 0, "created", doc! { "_id": 3_i64, "email": "p2@example.com", "age": 1 }).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let refused = meddled.rebuild::<Person>().unwrap().run().await;
        assert!(matches!(refused, Err(Error::Unique(_))), "{refused:?}");
        assert_eq!(meddler.calls("read_log").len(), 1, "nobody writes, so it stays so");
        assert_eq!(documents(&db, "people").await, before);
        // While somebody writes it may come right, but not for ever.
        meddler.forget();
        for (call, number) in (1..=10).map(|number| ("read_log", number)).chain([("put newer", 1)]) {
            let rival = db.clone();
            meddler.before(call, number, async move { email(&rival, 0, &format!("{call} {number}")).await });
        }
        let refused = meddled.rebuild::<Person>().unwrap().restart().run().await;
        assert!(matches!(refused, Err(Error::Unique(_))), "{refused:?}");
        assert_eq!(meddler.calls("read_log").len(), 10);
        assert!(meddler.calls("swap").is_empty());
        assert_eq!(documents(&db, "people").await.len(), 3);
    }

    async fn a_run_goes_on_where_one_of_the_same_shape_stopped_and_nowhere_else(db: Database) {
        lives(&db, 30).await;
        let before = documents(&db, "people").await;
        let own = db.store().admin().own(Own::Jobs);
        let old = doc! { "_id": "rebuild:person", "_v": 1_i64, "shadow": "people_rebuild_x", "from": 0_i64, "after": "25" };
        for (schema_version, restart, resumed, streams) in [(7_i64, false, false, 30), (1, true, false, 30), (1, false, true, 11)] {
            let mut note = old.clone();
            note.insert("schema_version", schema_version);
            db.store().admin().put(&own, vec![note], PutRule::Always).await.unwrap();
            let run = db.rebuild::<Person>().unwrap();
            let rebuilt = if restart { run.restart() } else { run }.run().await.unwrap();
            assert_eq!((rebuilt.resumed, rebuilt.streams), (resumed, streams), "{schema_version} {restart}");
            // What the shadow lacks was found in the log behind the note's position.
            assert_eq!(documents(&db, "people").await, before);
            assert!(notes(&db).await.is_empty());
        }
    }

    async fn a_shadow_takes_its_place_for_one_run_alone(db: Database) {
        lives(&db, 10).await;
        let before = documents(&db, "people").await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let rival = db.clone();
        // Another run has claimed the same shadow, and not renamed it yet.
        meddler.before("claim", 1, async move {
            let shadow = notes(&rival).await[0].get_str("shadow").unwrap().to_owned();
            let own = rival.store().admin().own(Own::Jobs);
            rival.store().admin().put(&own, vec![doc! { "_id": format!("swap:{shadow}") }], PutRule::Always).await.unwrap();
        });
        let refused = meddled.rebuild::<Person>().unwrap().run().await;
        assert!(matches!(refused, Err(Error::Superseded { .. })), "{refused:?}");
        assert!(meddler.calls("swap").is_empty() && meddler.calls("drop").is_empty(), "it is not ours to drop");
        assert_eq!(documents(&db, "people").await, before);
        assert_eq!(notes(&db).await.len(), 2);
    }

    async fn a_run_whose_note_was_taken_drops_its_shadow(db: Database) {
        lives(&db, 10).await;
        let before = documents(&db, "people").await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let theirs = doc! { "_id": "rebuild:person", "_v": 1_i64, "shadow": "people_rebuild_theirs", "schema_version": 1_i64 };
        let (rival, note) = (db.clone(), theirs.clone());
        meddler.before("claim", 1, async move {
            let own = rival.store().admin().own(Own::Jobs);
            rival.store().admin().put(&own, vec![note], PutRule::Always).await.unwrap();
        });
        let refused = meddled.rebuild::<Person>().unwrap().run().await;
        assert!(matches!(refused, Err(Error::Superseded { .. })), "{refused:?}");
        assert!(meddler.calls("swap").is_empty());
        assert_eq!(documents(&db, "people").await, before);
        assert_eq!(notes(&db).await, [theirs], "the claim is given back");
        let dropped = meddler.calls("drop");
        assert!(matches!(&dropped[..], [shadow] if shadow.starts_with("people_rebuild_0")), "{dropped:?}");
    }

    async fn a_run_that_fails_at_a_stream_leaves_nothing_to_go_on_from(db: Database) {
        lives(&db, 10).await;
        let before = documents(&db, "people").await;
        record(&db, 77, 0, "updated", doc! { "changes": [] }).await;
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        let failed = meddled.rebuild::<Person>().unwrap().run().await;
        assert!(matches!(&failed, Err(Error::Fold { stream, .. }) if stream.key() == "77"), "{failed:?}");
        assert_eq!(documents(&db, "people").await, before);
        assert!(notes(&db).await.is_empty());
        assert_eq!(meddler.calls("drop").len(), 1, "its shadow is gone");
    }

    async fn where_a_collection_cannot_be_renamed_it_is_repaired_in_place(db: Database) {
        lives(&db, 20).await;
        let whole = documents(&db, "people").await;
        let mut broken = whole[..2].to_vec();
        broken[0].insert("age", 99);
        broken[1].extend(doc! { "age": 98, "_v": 1_i64 });
        // Deleted for good, and there all the same.
        broken.push(doc! { "_id": 4_i64, "email": "back", "age": 1, "_v": 1_i64, "_s": 1, "_live": true });
        let admin = db.store().admin();
        admin.put("people", broken, PutRule::Always).await.unwrap();
        admin.remove("people", &Predicate::eq("_id", 2_i64)).await.unwrap();
        let (meddled, meddler) = Meddler::at(&db, registry()).await;
        meddler.fail("swap", 1, Error::Unsupported { store: "meddler", what: "rename" });
        let rebuilt = meddled.rebuild::<Person>().unwrap().run().await.unwrap();
        assert!(rebuilt.in_place && !rebuilt.resumed);
        assert_eq!((rebuilt.streams, rebuilt.documents), (20, 17));
        assert_eq!(documents(&db, "people").await, whole);
        assert!(is_whole(&db).await && notes(&db).await.is_empty());
        assert_eq!(meddler.calls("drop"), meddler.calls("swap"), "the shadow is gone");
    }
}
