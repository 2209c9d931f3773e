//! Commits that are known to go in one transaction: what one does wrong is told to that one, and is none of the others'
//! business.

use std::time::Duration;

use bson::doc;
use earnorm_core::Error;
use earnorm_core::commit::{Commit, Committed, DocumentOp};
use earnorm_core::error::Applied;
use earnorm_core::schema::{CollectionSpec, IndexSpec};
use earnorm_core::store::{LogQuery, Store};
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::telemetry;
use earnorm_store::mongo::MongoStore;
use earnorm_store::sabotage::Sabotage;

use crate::batches::unique_email;
use crate::measured::{Measured, with_measured_store};
use crate::support::{agrees, appending, changing, creating, moving, put, with_store, write};

/// The answers to commits that go in one transaction, with which nothing goes wrong.
async fn together<const N: usize>(store: &MongoStore, commits: [Commit; N]) -> [Result<Committed, Error>; N] {
    let sent = store.sabotage_together(commits.into(), Sabotage::Stall(Duration::ZERO)).await;
    sent.expect("they are sent").try_into().expect("an answer each")
}

#[test]
fn a_unique_value_is_free_again_when_who_took_it_is_refused() {
    with_store(|store| async move {
        unique_email(&store).await;
        put(&store, "b", doc! {}).await;
        // The first takes the value before it shows that it is stale.
        let mut stale = changing("b", 4, "x", 1);
        stale.documents.insert(0, write("c", DocumentOp::Insert { document: doc! { "_v": 1_i64, "email": "x" } }));
        let [stale, second] = together(&store, [stale, creating("d", doc! { "email": "x" })]).await;
        assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
        agrees(&store, &[second.expect("the value is free")]).await;
        assert_eq!(store.get("things", &"c".into()).await.expect("a read"), None);
    });
}

#[test]
fn each_hears_what_is_wrong_with_it_and_the_others_commit() {
    with_store(|store| async move {
        unique_email(&store).await;
        put(&store, "taken", doc! { "email": "taken" }).await;
        put(&store, "stream", doc! {}).await;
        put(&store, "changed", doc! {}).await;
        store.commit(changing("changed", 1, "x", 1)).await.expect("it changes");
        store.commit(moving("mail", None, (1, 1))).await.expect("it starts");
        let mut commits = vec![
            changing("changed", 1, "x", 2),
            creating("taken", doc! { "email": "new" }),
            creating("other", doc! { "email": "taken" }),
            appending("stream", ExpectedVersion::Exact(7)),
            appending("elsewhere", ExpectedVersion::Exact(1)),
            moving("mail", Some((0, 1)), (2, 1)),
            moving("post", Some((0, 1)), (2, 1)),
        ];
        commits.extend((0..3).map(|n| creating(&format!("n{n}"), doc! { "email": format!("{n}") })));
        let commits: [Commit; 10] = commits.try_into().expect("ten");
        let [changed, taken, other, stream, elsewhere, mail, post, well @ ..] = together(&store, commits).await;
        for (answer, said) in [
            (changed, "document changed of things"),
            (taken, "document taken of things"),
            (stream, "thing-stream"),
            (elsewhere, "thing-elsewhere"),
        ] {
            let error = answer.expect_err(said);
            assert!(error.is_conflict() && error.to_string().contains(said), "{error}");
        }
        let Err(Error::Unique(taken)) = other else { panic!("{other:?}") };
        assert_eq!((taken.id.as_str(), taken.fields.as_slice()), ("other", ["email".to_owned()].as_slice()));
        assert!(matches!(&mail, Err(Error::CheckpointConflict { consumer }) if consumer == "mail"), "{mail:?}");
        assert!(matches!(&post, Err(Error::CheckpointConflict { consumer }) if consumer == "post"), "{post:?}");
        let well: Vec<_> = well.into_iter().map(|answer| answer.expect("it commits")).collect();
        agrees(&store, &well).await;
        let page = store.read_log(LogQuery::default()).await.expect("a page");
        assert_eq!((page.events.len(), page.high_water), (7, store.high_water().await.expect("the mark")));
    });
}

#[test]
fn who_breaks_a_rule_of_the_database_hears_it_and_nobody_else() {
    with_store(|store| async move {
        let spec = CollectionSpec { name: "things".to_owned(), indexes: Vec::<IndexSpec>::new() };
        store.admin().prepare(&[spec]).await.expect("it prepares");
        let rule = doc! { "collMod": "things", "validator": { "age": { "$not": { "$lt": 0 } } } };
        store.raw_database().run_command(rule).await.expect("it is ruled");
        let commits = [creating("a", doc! {}), creating("b", doc! { "age": -1 }), creating("c", doc! { "age": 1 })];
        let [a, b, c] = together(&store, commits).await;
        agrees(&store, &[a.expect("it commits"), c.expect("it commits")]).await;
        let error = b.expect_err("it breaks the rule");
        assert_eq!((error.was_applied(), error.is_retryable()), (Applied::No, false), "{error:?}");
        assert!(error.to_string().contains("121"), "{error}");
        let error = store.commit(creating("d", doc! { "age": -1 })).await.expect_err("alone it does too");
        assert!(error.to_string().contains("121"), "{error}");
    });
}

#[test]
fn a_document_that_a_commit_writes_twice_is_not_taken_for_the_stale_one() {
    with_measured_store(|store, measured: Measured| async move {
        put(&store, "a", doc! {}).await;
        put(&store, "b", doc! {}).await;
        let mut twice = changing("a", 1, "x", 1);
        let set = vec![("_v".to_owned(), 3_i64.into()), ("y".to_owned(), 2.into())];
        twice.documents.push(write("a", DocumentOp::Patch { expected: 2, set, unset: Vec::new() }));
        let [twice, stale, other] = together(&store, [twice, changing("b", 7, "x", 1), creating("c", doc! {})]).await;
        agrees(&store, &[twice.expect("it commits"), other.expect("it commits")]).await;
        assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
        let a = store.get("things", &"a".into()).await.expect("a read").expect("it is there");
        assert_eq!((a.get_i64("_v").ok(), a.get_i32("x").ok(), a.get_i32("y").ok()), (Some(3), Some(1), Some(2)));
        measured.read();
        assert_eq!(measured.counter(telemetry::COMMIT_RETRIES), 0, "it was clear at once who is stale");
    });
}
