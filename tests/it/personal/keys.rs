//! Keys: who makes them, how long they are kept, and that nobody sees them.

use std::collections::HashSet;

use earnorm::personal::{DataKey, KeyId, KeyState, KeyStore, StoredKeys};

use super::store::Keys;
use super::*;
use crate::support::ManualClock;

const NOON: i64 = 1_700_000_000_000;

every_store! {
    async fn everyone_who_asks_at_once_gets_the_same_key(db: Database) {
        let ask = |_| {
            let keys = StoredKeys::new(db.store().clone());
            tokio::spawn(async move { keys.current(&["b".to_owned(), "a".to_owned()]).await.unwrap() })
        };
        let mut seen = HashSet::new();
        for asked in (0..8).map(ask).collect::<Vec<_>>() {
            let keys = asked.await.unwrap();
            seen.insert((keys[0].id(), *keys[0].bytes(), keys[1].id(), *keys[1].bytes()));
        }
        assert_eq!(seen.len(), 1);
        let (b, _, a, _) = seen.into_iter().next().unwrap();
        assert_ne!(a, b);
    }

    async fn a_destroyed_key_is_remembered_and_never_used_again(db: Database) {
        let keys = StoredKeys::new(db.store().clone());
        let (ada, grace) = (["ada".to_owned()], ["grace".to_owned()]);
        let other = keys.current(&grace).await.unwrap().remove(0);
        let mut ids = Vec::new();
        for generation in 0..6 {
            let key = keys.current(&ada).await.unwrap().remove(0);
            assert!(!ids.contains(&key.id()));
            ids.push(key.id());
            let at = DateTime::from_timestamp_millis(NOON + generation).unwrap();
            assert_eq!(keys.destroy("ada", at).await.unwrap(), 1);
            assert_eq!(keys.destroy("ada", Utc::now()).await.unwrap(), 0);
        }
        ids.extend([other.id(), KeyId::new([9; 16])]);
        let mut states = keys.find(&ids).await.unwrap();
        assert!(matches!(states.pop(), Some(KeyState::Unknown)));
        assert!(matches!(states.pop(), Some(KeyState::Live(key)) if key.bytes() == other.bytes()));
        for (generation, state) in (0..).zip(states) {
            let KeyState::Destroyed(at) = state else { panic!("{state:?}") };
            assert_eq!(at.timestamp_millis(), NOON + generation);
        }
    }

    async fn keys_that_were_read_are_kept_for_five_minutes(db: Database) {
        let clock = ManualClock::at(NOON);
        let keys = Keys::over(&db);
        let builder = Database::builder().registry(registry()).key_store(keys.clone()).clock(clock.clone());
        let reader = builder.store(db.store().clone()).await.unwrap();
        let customer = db.create(ada()).await.unwrap();
        let name = || async { Customer::at_version(&reader, customer.id, 1).await.unwrap().unwrap().name };
        assert_eq!(name().await, NAME);
        db.erase_subject(customer.id).await.unwrap();
        clock.advance(299_999);
        assert_eq!(name().await, NAME, "another process may read it so long");
        clock.advance(1);
        assert!(name().await.is_erased());
        let second = db.create(ada()).await.unwrap();
        assert_eq!(Customer::at_version(&db, second.id, 1).await.unwrap().unwrap().name, NAME);
        db.erase_subject(second.id).await.unwrap();
        assert!(Customer::at_version(&db, second.id, 1).await.unwrap().unwrap().name.is_erased(), "not the own one");
    }

    async fn keys_out_of_reach_are_an_error_and_no_erasure(db: Database) {
        let keys = Keys::over(&db);
        let db = keys.database(&db).await;
        keys.fail(Some("current"));
        let refused = db.create(ada()).await.unwrap_err();
        assert!(refused.is_retryable(), "{refused}");
        assert_eq!(raw_log(&db).await.len(), 0);
        keys.fail(Some("find"));
        let mut saved = db.create(ada()).await.unwrap();
        saved.plan = "paid".into();
        saved.save(&db).await.unwrap();
        for error in [
            Customer::history(&db, saved.id).await.map(|_| ()).unwrap_err(),
            Customer::fold_all(&db).await.map(|_| ()).unwrap_err(),
            db.events().all().await.map(|_| ()).unwrap_err(),
        ] {
            assert!(error.is_retryable(), "{error}");
        }
        keys.fail(None);
        assert_eq!(Customer::at_version(&db, saved.id, 1).await.unwrap().unwrap().name, NAME);
    }

    async fn other_keys_open_nothing(db: Database) {
        let customer = db.create(ada()).await.unwrap();
        let keys = Keys::over(&db);
        keys.answer_wrong_keys();
        let error = Customer::history(&keys.database(&db).await, customer.id).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }) && error.to_string().contains("another key"), "{error}");
        let elsewhere = crate::support::memory(registry()).await;
        let empty = StoredKeys::new(elsewhere.store().clone());
        let stranger = Database::builder().registry(registry()).key_store(empty).store(db.store().clone());
        let error = Customer::history(&stranger.await.unwrap(), customer.id).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }) && error.to_string().contains("not in the key store"), "{error}");
    }

    async fn models_without_personal_fields_ask_for_no_keys(db: Database) {
        #[model(name = "p_plain", collection = "p_plains")]
        #[derive(Debug, Clone)]
        struct Plain {
            #[model(id)]
            id: i64,
            size: i32,
        }
        let keys = Keys::over(&db);
        let builder = Database::builder().registry(earnorm::Registry::empty().model::<Plain>());
        let db = builder.key_store(keys.clone()).store(db.store().clone()).await.unwrap();
        let mut plain = db.create(Plain { id: 1, size: 1 }).await.unwrap();
        plain.size = 2;
        plain.save(&db).await.unwrap();
        assert_eq!(Plain::history(&db, 1).await.unwrap().len(), 2);
        assert_eq!(keys.calls("current") + keys.calls("find"), 0);
    }

    async fn debug_shows_neither_keys_nor_values(db: Database) {
        let customer = db.create(ada()).await.unwrap();
        let keys = StoredKeys::new(db.store().clone());
        let key = keys.current(&[customer.id.to_string()]).await.unwrap().remove(0);
        let states = keys.find(&[key.id()]).await.unwrap();
        Customer::history(&db, customer.id).await.unwrap();
        let known: Personal<String> = NAME.into();
        let raw = db.store().read_log(earnorm::store::LogQuery::default()).await.unwrap();
        let shown = format!("{key:?} {states:?} {keys:?} {db:?} {known:?} {:?} {raw:?} {customer:?}", customer.name);
        let bytes = key.bytes();
        assert!(!shown.contains(NAME), "{shown}");
        assert!(!shown.contains(&format!("{}, {}, {}", bytes[0], bytes[1], bytes[2])), "{shown}");
        assert!(shown.contains(&format!("DataKey {{ id: KeyId({}), .. }}", key.id())), "{shown}");
        assert!(format!("{:?}", DataKey::new(KeyId::new([1; 16]), [77; 32])).find("77").is_none());
    }
}

#[tokio::test]
async fn numbers_of_two_kinds_of_people_are_not_one_subject() {
    #[model(name = "p_clerk", collection = "p_clerks")]
    #[derive(Debug, Clone)]
    struct Clerk {
        #[model(id)]
        id: i64,
        #[model(personal)]
        name: Personal<String>,
    }
    #[model(name = "p_guest", collection = "p_guests")]
    #[derive(Debug, Clone)]
    struct Guest {
        #[model(id)]
        id: i64,
        #[model(personal)]
        name: Personal<String>,
    }
    let connect = |registry| Database::builder().registry(registry).connect("memory:");
    let clerks = earnorm::Registry::empty().model::<Clerk>();
    connect(earnorm::Registry::empty().model::<Guest>()).await.unwrap();
    let error = connect(clerks.model::<Guest>()).await.unwrap_err();
    assert!(error.to_string().contains("the same number in both would be one person"), "{error}");
}
