//! Snapshots change speed, never the result.

use earnorm::Registry;
use earnorm::bson::doc;
use earnorm::predicate::Predicate;
use earnorm::prelude::*;
use earnorm::snapshot::SnapshotPolicy;
use earnorm::store::{DocumentQuery, Own, PutRule};
use futures::TryStreamExt;
use proptest::prelude::*;

#[event(name = "opened")]
#[derive(Debug, Clone)]
struct Opened {}

#[event(name = "deposited")]
#[derive(Debug, Clone)]
struct Deposited {
    cents: i64,
}

#[model(sourced, soft_delete)]
#[derive(Debug, Clone, PartialEq)]
struct Account {
    #[model(id)]
    id: String,
    cents: i64,
}

#[model]
impl Account {
    #[apply]
    fn opened(_: &Opened) -> Self {
        Self { id: "a".into(), cents: 0 }
    }

    #[apply]
    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
    }
}

#[model]
#[derive(Debug, Clone, PartialEq)]
struct Page {
    #[model(id)]
    id: i64,
    text: String,
}

fn registry() -> Registry {
    Registry::empty().model::<Account>().model::<Page>()
}

async fn with(db: &Database, policy: SnapshotPolicy) -> Database {
    Database::builder().registry(registry()).snapshots(policy).store(db.store().clone()).await.unwrap()
}

async fn kept(db: &Database) -> Vec<bson::Document> {
    let own = db.store().admin().own(Own::Snapshots);
    db.store().find(DocumentQuery::new(own, Predicate::always())).await.unwrap().try_collect().await.unwrap()
}

every_store! {
    async fn four_deposits_of_ten_are_forty(db: Database) {
        let db = with(&db, SnapshotPolicy::every(2)).await;
        let mut account = db.start::<Account>("a", Opened {}).await.unwrap();
        for _ in 0..4 {
            account.raise(Deposited { cents: 10 }).unwrap();
            account.save(&db).await.unwrap();
            let version = account.version();
            for _ in 0..2 {
                let then = Account::at_version(&db, "a", version).await.unwrap().unwrap();
                assert_eq!(then.cents, account.cents);
            }
        }
        assert_eq!(account.cents, 40);
        assert!(!kept(&db).await.is_empty());
    }

    async fn a_snapshot_that_is_wrong_in_form_is_passed_over(db: Database) {
        let db = with(&db, SnapshotPolicy::every(2)).await;
        let mut page = db.create(Page { id: 1, text: "1".into() }).await.unwrap();
        for n in 2..8 {
            page.text = n.to_string();
            page.save(&db).await.unwrap();
        }
        assert_eq!(Page::at_version(&db, 1, 7).await.unwrap().unwrap().text, "7");
        let good = kept(&db).await;
        assert_eq!(good.len(), 3);
        let own = db.store().admin().own(Own::Snapshots);
        for wrong in [doc! { "fmt": 0_i64 }, doc! { "sv": 0_i64 }, doc! { "state": 7 }, doc! { "live": "yes" }] {
            let spoiled = good.iter().cloned().map(|mut note| {
                note.extend(wrong.clone());
                note
            });
            db.store().admin().put(&own, spoiled.collect(), PutRule::Always).await.unwrap();
            assert_eq!(Page::at_version(&db, 1, 7).await.unwrap().unwrap().text, "7", "{wrong}");
        }
        // One that is taken is really used: it says what the fold goes on from.
        let mut planted = good[2].clone();
        planted.insert("state", doc! { "_id": 1_i64, "text": "planted" });
        db.store().admin().put(&own, vec![planted], PutRule::Always).await.unwrap();
        assert_eq!(Page::at_version(&db, 1, 6).await.unwrap().unwrap().text, "planted");
        let never = with(&db, SnapshotPolicy::never()).await;
        assert_eq!(Page::at_version(&never, 1, 6).await.unwrap().unwrap().text, "6");
    }

    async fn a_snapshot_of_another_history_or_program_is_not_gone_on_from(db: Database) {
        let db = with(&db, SnapshotPolicy::every(2)).await;
        grown(&db, 6).await;
        assert_eq!(Page::at_version(&db, 1, 6).await.unwrap().unwrap().text, "6");
        let mut planted = kept(&db).await.into_iter().find(|note| note.get_i64("v").unwrap() == 6).unwrap();
        planted.insert("state", doc! { "_id": 1_i64, "text": "planted" });
        let own = db.store().admin().own(Own::Snapshots);
        let other = Uuid::now_v7().to_string();
        for (wrong, read) in [
            (doc! {}, "planted"),
            (doc! { "e": other }, "6"),
            (doc! { "fmt": 0_i64 }, "6"),
            (doc! { "fmt": 2_i64 }, "6"),
            (doc! { "sv": 0_i64 }, "6"),
            (doc! { "sv": 2_i64 }, "6"),
        ] {
            let mut note = planted.clone();
            note.extend(wrong.clone());
            db.store().admin().put(&own, vec![note], PutRule::Always).await.unwrap();
            assert_eq!(Page::at_version(&db, 1, 6).await.unwrap().unwrap().text, read, "{wrong}");
        }
    }

    async fn snapshots_of_older_programs_go_and_a_newer_one_is_left_alone(db: Database) {
        let db = with(&db, SnapshotPolicy::every(2)).await;
        grown(&db, 3).await;
        Page::at_version(&db, 1, 3).await.unwrap();
        let good = kept(&db).await.remove(0);
        let (admin, own) = (db.store().admin(), db.store().admin().own(Own::Snapshots));
        // Each note: its version, its format and its schema version; then what is left of them.
        for (notes, left) in [
            (vec![(3, 1, 1)], vec![3]),
            (vec![(3, 0, 1)], vec![]),
            (vec![(3, 1, 0)], vec![]),
            (vec![(3, 0, 1), (1, 2, 1)], vec![1]),
            (vec![(3, 2, 1), (1, 0, 1)], vec![1, 3]),
            (vec![(3, 2, 0)], vec![3]),
            (vec![(3, 1, 2), (1, 1, 0)], vec![1, 3]),
        ] {
            admin.remove(&own, &Predicate::always()).await.unwrap();
            let note = |(v, fmt, sv): (i64, i64, i64)| {
                let mut note = good.clone();
                note.extend(doc! { "_id": format!("page-1@{v}"), "v": v, "fmt": fmt, "sv": sv });
                note
            };
            admin.put(&own, notes.iter().copied().map(note).collect(), PutRule::Always).await.unwrap();
            assert_eq!(Page::at_version(&db, 1, 3).await.unwrap().unwrap().text, "3", "{notes:?}");
            let mut versions: Vec<_> = kept(&db).await.iter().map(|note| note.get_i64("v").unwrap()).collect();
            // What this program takes itself.
            versions.retain(|version| *version != 2);
            versions.sort_unstable();
            assert_eq!(versions, left, "{notes:?}");
        }
    }

    async fn a_snapshot_of_a_sourced_model_holds_its_state(db: Database) {
        let db = with(&db, SnapshotPolicy::every(2)).await;
        let mut account = db.start::<Account>("a", Opened {}).await.unwrap();
        account.raise(Deposited { cents: 10 }).unwrap();
        account.save(&db).await.unwrap();
        assert_eq!(Account::at_version(&db, "a", 2).await.unwrap().unwrap().cents, 10);
        let note = kept(&db).await.remove(0);
        assert_eq!(note.get_document("state").unwrap(), &doc! { "_id": "a", "cents": 10_i64 });
        assert_eq!((note.get_i64("v").unwrap(), note.get_i64("shape").unwrap()), (2, 1));
    }

    async fn with_any_policy_the_fold_is_the_one_from_zero(db: Database) {
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let cases = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
            let mut runner = proptest::test_runner::TestRunner::new(cases);
            let policy = prop_oneof![
                (1..9_u64).prop_map(SnapshotPolicy::every),
                (1..200_usize).prop_map(|bytes| SnapshotPolicy::never().or_bytes(bytes)),
                (1..9_u64, 1..200_usize).prop_map(|(n, bytes)| SnapshotPolicy::every(n).or_bytes(bytes)),
            ];
            let texts = prop::collection::vec(prop::option::weighted(0.9, "[a-z]{0,20}"), 1..25);
            let id = std::cell::Cell::new(0);
            runner
                .run(&(policy, texts), |(policy, texts)| {
                    id.set(id.get() + 1);
                    runtime.block_on(any_policy(&db, policy, id.get(), texts));
                    Ok(())
                })
                .unwrap();
        })
        .await
        .unwrap();
    }
}

/// A page whose text is its version.
async fn grown(db: &Database, versions: i64) {
    let mut page = db.create(Page { id: 1, text: "1".into() }).await.unwrap();
    for version in 2..=versions {
        page.text = version.to_string();
        page.save(db).await.unwrap();
    }
}

/// A text is a save, none is a delete and a restore.
async fn any_policy(db: &Database, policy: SnapshotPolicy, id: i64, texts: Vec<Option<String>>) {
    let (zero, cached) = (with(db, SnapshotPolicy::never()).await, with(db, policy).await);
    let mut page = db.create(Page { id, text: String::new() }).await.unwrap();
    for text in texts {
        match text {
            Some(text) => {
                page.text = text;
                page.save(db).await.unwrap();
            }
            None => {
                page.delete(db).await.unwrap();
                page.restore(db).await.unwrap();
            }
        }
    }
    let last = page.version();
    for version in (1..=last).rev().chain(1..=last) {
        let expected = Page::at_version(&zero, id, version).await.unwrap();
        assert_eq!(Page::at_version(&cached, id, version).await.unwrap(), expected, "{policy:?} at {version}");
    }
    for event in db.events().category("page").after(Default::default()).all().await.unwrap() {
        let moment = event.recorded_at;
        let expected = Page::as_of(&zero, id, moment).await.unwrap();
        assert_eq!(Page::as_of(&cached, id, moment).await.unwrap(), expected, "{policy:?} as of {moment}");
    }
}
