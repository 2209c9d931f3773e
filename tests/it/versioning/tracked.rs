//! Tracked models over changes of their shape.

mod meddled;

use earnorm::Registry;
use earnorm::bson::doc;
use earnorm::prelude::*;
use earnorm::store::PutRule;

use super::{is_ahead, is_fold, program, recorded, stored};

/// As the first program knew it.
#[model(name = "member", collection = "members", version = 1, soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct MemberV1 {
    #[model(id)]
    id: i64,
    name: String,
    age: i32,
}

/// As today's program knows it: version 2 split the name, version 3 turned the age into a year.
#[model(name = "member", collection = "members", version = 3, soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Member {
    #[model(id)]
    id: i64,
    first: String,
    last: String,
    #[model(index)]
    born: i32,
    nick: Option<String>,
}

#[upcast(model = Member, from = 1)]
fn split_name(document: &mut Document) -> Result<(), UpcastError> {
    let name = document.get_str("name")?.to_owned();
    let (first, last) = name.split_once(' ').ok_or("the name has one word")?;
    document.insert("first", first);
    document.insert("last", last);
    document.remove("name");
    Ok(())
}

#[upcast(model = Member, from = 2)]
fn age_to_year(document: &mut Document) -> Result<(), earnorm::bson::error::Error> {
    let age = document.get_i32("age")?;
    document.insert("born", 2000 - age);
    document.insert("nick", earnorm::bson::Bson::Null);
    document.remove("age");
    Ok(())
}

/// Another model, to which no event of a member belongs.
#[model]
#[derive(Debug, Clone, PartialEq)]
struct Stranger {
    #[model(id)]
    id: i64,
}

fn registry() -> Registry {
    Registry::empty().model::<Member>()
}

async fn old(db: &Database) -> Database {
    program(db, Registry::empty().model::<MemberV1>()).await
}

fn ada() -> MemberV1 {
    MemberV1 { id: 1, name: "Ada King".into(), age: 36 }
}

fn today() -> Member {
    Member { id: 1, first: "Ada".into(), last: "King".into(), born: 1964, nick: None }
}

/// What the collection holds, without the moment.
async fn document(db: &Database) -> Document {
    let mut document = stored(db, "members", 1_i64).await.unwrap();
    document.remove("_t");
    document
}

every_store! {
    async fn an_old_document_is_upcast_and_replaced_by_the_first_save(db: Database) {
        old(&db).await.create(ada()).await.unwrap();
        let old_shape = doc! {"_id": 1_i64, "name": "Ada King", "age": 36, "_v": 1_i64, "_s": 1, "_live": true};
        let mut member = Member::load(&db, 1).await.unwrap();
        assert_eq!((&*member, member.version()), (&today(), 1));
        assert_eq!(*Member::all().first(&db).await.unwrap().unwrap(), today());
        assert!(member.save(&db).await.unwrap().events().is_empty(), "nothing changed");
        assert_eq!(document(&db).await, old_shape, "reading writes nothing");
        member.last = "Lovelace".into();
        let receipt = member.save(&db).await.unwrap();
        let expected = doc! {
            "_id": 1_i64, "first": "Ada", "last": "Lovelace", "born": 1964, "nick": null, "_v": 2_i64, "_s": 3, "_live": true
        };
        let now = document(&db).await;
        assert_eq!(now.len(), expected.len(), "{now}");
        assert!(expected.iter().all(|(name, value)| now.get(name) == Some(value)), "{now}");
        assert_eq!(recorded(&db).await, [("member.created".into(), 1), ("member.updated".into(), 3)]);
        let events = db.events().by_type("member.updated").all().await.unwrap();
        assert_eq!(events[0].read_changes().unwrap().paths(), ["last"]);
        assert_eq!(receipt.events()[0].version, 2);
        // From now on only what changed is written.
        member.born = 1815;
        member.save(&db).await.unwrap();
        assert_eq!(Member::find(Member::BORN.eq(1815)).count(&db).await.unwrap(), 1);
        assert_eq!(*Member::load(&db, 1).await.unwrap(), *member);
    }

    async fn an_event_is_read_as_what_it_is_and_as_nothing_else(db: Database) {
        let before = old(&db).await;
        let mut member = before.create(ada()).await.unwrap();
        member.age = 37;
        member.save(&before).await.unwrap();
        let mut member = Member::load(&db, 1).await.unwrap();
        member.nick = Some("Countess".into());
        member.save(&db).await.unwrap();
        let last = (*member).clone();
        member.delete(&db).await.unwrap();
        let events = db.events().all().await.unwrap();
        let [created, aged, named, deleted] = &events[..] else { panic!("{events:?}") };
        assert_eq!(created.read_model::<Member>(&db).unwrap(), today());
        assert_eq!(deleted.read_model::<Member>(&db).unwrap(), last);
        // One of an older shape is told in today's fields, between the states around it.
        assert_eq!(aged.read_changes().unwrap().paths(), ["age"]);
        assert_eq!(aged.read_changes_of::<Member>(&db).await.unwrap().paths(), ["born"]);
        assert_eq!(named.read_changes_of::<Member>(&db).await.unwrap().paths(), ["nick"]);
        let is_wrong = |outcome: Option<Error>| matches!(outcome, Some(Error::WrongEvent { .. }));
        assert!(is_wrong(aged.read_model::<Member>(&db).err()));
        assert!(is_wrong(created.read_changes().err()) && is_wrong(created.read_changes_of::<Member>(&db).await.err()));
        for event in &events {
            assert_eq!((event.is_of::<Member>(), event.model_id::<Member>().unwrap()), (true, 1));
            assert!(!event.is_of::<Stranger>() && is_wrong(event.model_id::<Stranger>().err()));
            assert!(is_wrong(event.read_model::<Stranger>(&db).err()));
            assert!(is_wrong(event.read_changes_of::<Stranger>(&db).await.err()));
        }
    }

    async fn history_spans_the_shapes(db: Database) {
        let before = old(&db).await;
        let mut member = before.create(ada()).await.unwrap();
        member.age = 37;
        member.save(&before).await.unwrap();
        let moment = member.receipt().unwrap().events()[0].recorded_at;
        let mut member = Member::load(&db, 1).await.unwrap();
        member.nick = Some("Countess".into());
        member.save(&db).await.unwrap();
        let (first, second) = (today(), Member { born: 1963, ..today() });
        let third = Member { nick: Some("Countess".into()), ..second.clone() };
        let history = Member::history(&db, 1).await.unwrap();
        let states: Vec<_> = history.iter().map(|revision| revision.state.clone().unwrap()).collect();
        assert_eq!(states, [first.clone(), second.clone(), third.clone()]);
        assert_eq!(Member::at_version(&db, 1, 1).await.unwrap().unwrap(), first);
        assert_eq!(Member::at_version(&db, 1, 3).await.unwrap().unwrap(), third);
        let then = Member::as_of(&db, 1, moment).await.unwrap().unwrap();
        assert!(then == second || then == third, "both may lie in one millisecond: {then:?}");
        assert_eq!(Member::changes_between(&db, 1, 1, 2).await.unwrap().paths(), ["born"]);
        assert_eq!(Member::changes_between(&db, 1, 1, 3).await.unwrap().paths(), ["born", "nick"]);
        assert_eq!(Member::fold_all(&db).await.unwrap()["1"], Some(third.clone()));
        member.revert_to(&db, 1).await.unwrap();
        assert_eq!(*Member::load(&db, 1).await.unwrap(), first);
        // What was recorded stays as it was.
        let created = db.events().by_type("member.created").all().await.unwrap();
        assert_eq!((created[0].schema_version, created[0].data().unwrap().get_str("name").unwrap()), (1, "Ada King"));
    }

    async fn an_upgrade_brings_documents_to_todays_shape_without_an_event(db: Database) {
        let before = old(&db).await;
        before.create_many((1..=300).map(|id| MemberV1 { id, ..ada() })).await.unwrap();
        before.create_many((301..=502).map(|id| MemberV1 { id, ..ada() })).await.unwrap();
        let mut first = MemberV1::load(&before, 1).await.unwrap();
        first.age = 40;
        first.save(&before).await.unwrap();
        let newer = doc! {"_id": 901_i64, "whole_name": "Cher", "_v": 1_i64, "_s": 9};
        let foreign = doc! {"_id": 902_i64, "name": "Ada King", "age": 1};
        let unmarked = doc! {"_id": 903_i64, "name": "Grace Hopper", "age": 1, "_v": 4_i64, "_live": true};
        let others = vec![newer.clone(), foreign.clone(), unmarked];
        db.store().admin().put("members", others, PutRule::Always).await.unwrap();
        let events = recorded(&db).await;
        let done = db.upgrade::<Member>().unwrap().run().await.unwrap();
        assert_eq!((done.found, done.upgraded, done.overtaken), (503, 503, 0));
        let mut expected = doc! {"_id": 1_i64, "first": "Ada", "last": "King", "born": 1960, "nick": null};
        expected.extend(doc! {"_v": 2_i64, "_s": 3, "_live": true});
        let now = document(&db).await;
        assert!(now.len() == expected.len() && expected.iter().all(|(name, value)| now.get(name) == Some(value)), "{now}");
        let grace = stored(&db, "members", 903_i64).await.unwrap();
        assert_eq!((grace.get_str("last").ok(), grace.get_i32("_s").ok(), grace.get_i64("_v").ok()), (Some("Hopper"), Some(3), Some(4)));
        assert_eq!(stored(&db, "members", 901_i64).await, Some(newer), "what a newer program wrote stays");
        assert_eq!(stored(&db, "members", 902_i64).await, Some(foreign), "what is not ours yet stays");
        assert_eq!(Member::find(Member::BORN.eq(1964)).count(&db).await.unwrap(), 501);
        assert_eq!(recorded(&db).await, events, "nothing happened");
        let again = db.upgrade::<Member>().unwrap().run().await.unwrap();
        assert_eq!((again.found, again.upgraded, again.overtaken), (0, 0, 0));
    }

    async fn an_upgrade_that_meets_a_document_it_cannot_read_says_which_and_writes_nothing(db: Database) {
        let before = old(&db).await;
        before.create_many([ada(), MemberV1 { id: 2, name: "Cher".into(), age: 1 }]).await.unwrap();
        let error = db.upgrade::<Member>().unwrap().run().await.unwrap_err();
        assert!(matches!(&error, Error::Upcast { .. }) && error.to_string().contains("members 2"), "{error:?}");
        assert_eq!(document(&db).await.get_str("name").unwrap(), "Ada King");
    }

    async fn a_unit_and_a_bulk_update_span_the_shapes(db: Database) {
        let before = old(&db).await;
        for id in 1..=3 {
            before.create(MemberV1 { id, ..ada() }).await.unwrap();
        }
        let unit = db.unit();
        let mut member = Member::load(&unit, 1).await.unwrap();
        member.born = 1900;
        member.save(&unit).await.unwrap();
        member.nick = Some("A".into());
        member.save(&unit).await.unwrap();
        assert_eq!(Member::load(&unit, 1).await.unwrap().nick.as_deref(), Some("A"));
        unit.commit().await.unwrap();
        assert_eq!(*Member::load(&db, 1).await.unwrap(), *member);
        assert!(!document(&db).await.contains_key("age"));
        let outcome = Member::all().update(&db, |member| { member.nick = Some("all".into()); Ok(()) }).await.unwrap();
        assert_eq!(outcome.written, 3);
        for id in 1..=3_i64 {
            let document = stored(&db, "members", id).await.unwrap();
            assert_eq!((document.get_i32("_s").unwrap(), document.contains_key("name")), (3, false));
        }
        assert!(is_fold(&db, "member-1", "members", 1_i64).await && is_fold(&db, "member-2", "members", 2_i64).await);
    }

    async fn deleted_instances_come_back_in_todays_shape(db: Database) {
        let before = old(&db).await;
        let mut hidden = before.create(ada()).await.unwrap();
        hidden.delete(&before).await.unwrap();
        let mut gone = before.create(MemberV1 { id: 2, ..ada() }).await.unwrap();
        gone.hard_delete(&before).await.unwrap();
        assert_eq!(*Member::get_with_deleted(&db, 1).await.unwrap().unwrap(), today());
        assert_eq!(Member::all().only_deleted().count(&db).await.unwrap(), 1);
        assert_eq!(*Member::restore(&db, 1).await.unwrap(), today());
        assert_eq!(*Member::restore(&db, 2).await.unwrap(), Member { id: 2, ..today() });
        for id in 1..=2_i64 {
            let document = stored(&db, "members", id).await.unwrap();
            assert_eq!((document.get_i32("_s").unwrap(), document.contains_key("age")), (3, false));
            let states: Vec<_> = Member::history(&db, id).await.unwrap().into_iter().map(|r| r.state.is_some()).collect();
            assert_eq!(states, [true, false, true]);
        }
        let restored = db.events().by_type("member.restored").all().await.unwrap();
        assert!(restored.iter().all(|event| event.schema_version == 3 && event.data().unwrap().contains_key("born")));
    }

    async fn a_delete_leaves_no_document_that_is_older_than_its_event(db: Database) {
        let before = old(&db).await;
        before.create(ada()).await.unwrap();
        Member::load(&db, 1).await.unwrap().delete(&db).await.unwrap();
        let document = document(&db).await;
        assert_eq!((document.get_i32("_s").unwrap(), document.get_bool("_live").unwrap()), (3, false));
        assert!(!document.contains_key("name"), "{document}");
        assert!(is_ahead(MemberV1::restore(&before, 1).await));
        assert!(is_ahead(MemberV1::get_with_deleted(&before, 1).await));
        assert_eq!(recorded(&db).await, [("member.created".into(), 1), ("member.deleted".into(), 3)]);
        assert!(Member::at_version(&db, 1, 2).await.unwrap().is_none());
        assert_eq!(*Member::restore(&db, 1).await.unwrap(), today());
    }

    async fn an_old_program_refuses_what_a_newer_one_wrote(db: Database) {
        let before = old(&db).await;
        before.create(ada()).await.unwrap();
        let mut early = MemberV1::load(&before, 1).await.unwrap();
        let mut member = Member::load(&db, 1).await.unwrap();
        member.nick = Some("Countess".into());
        member.save(&db).await.unwrap();
        let (stored_before, events) = (document(&db).await, recorded(&db).await);
        let error = MemberV1::load(&before, 1).await.unwrap_err();
        assert!(matches!(error, Error::SchemaAhead { found: 3, known: 1, .. }), "{error:?}");
        assert!(error.to_string().contains("members 1"), "{error}");
        assert!(is_ahead(MemberV1::all().all(&before).await));
        assert!(is_ahead(MemberV1::all().first(&before).await));
        assert!(is_ahead(MemberV1::history(&before, 1).await));
        assert!(is_ahead(MemberV1::at_version(&before, 1, 2).await));
        assert!(is_ahead(MemberV1::fold_all(&before).await));
        assert!(is_ahead(MemberV1::retry_on_conflict(&before, 1, |member| { member.age = 1; Ok(()) }).await));
        assert!(is_ahead(MemberV1::all().update(&before, |member| { member.age = 1; Ok(()) }).await));
        assert_eq!(MemberV1::at_version(&before, 1, 1).await.unwrap().unwrap(), ada());
        // Loaded before the newer program saved: the version tells.
        early.age = 40;
        assert!(early.save(&before).await.unwrap_err().is_conflict());
        assert!(early.delete(&before).await.unwrap_err().is_conflict());
        assert!(is_ahead(early.reload(&before).await));
        let unit = before.unit();
        let mut other = before.create(MemberV1 { id: 2, ..ada() }).await.unwrap();
        other.age = 1;
        other.save(&unit).await.unwrap();
        assert!(early.save(&unit).await.is_ok(), "staged");
        assert!(unit.commit().await.unwrap_err().is_conflict());
        assert_eq!(document(&db).await, stored_before, "nothing is half-written");
        assert_eq!(recorded(&db).await, [events, vec![("member.created".into(), 1)]].concat());
    }

    async fn an_old_program_does_not_bring_back_what_a_newer_one_deleted(db: Database) {
        let before = old(&db).await;
        before.create(ada()).await.unwrap();
        Member::load(&db, 1).await.unwrap().hard_delete(&db).await.unwrap();
        assert!(is_ahead(MemberV1::restore(&before, 1).await));
        assert!(matches!(before.create(ada()).await, Err(Error::AlreadyExists { deleted: true, .. })));
        assert_eq!(recorded(&db).await.len(), 2);
    }
}
