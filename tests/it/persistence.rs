//! Creating, saving, deleting: the versions, the events, the errors.

use std::collections::BTreeMap;
use std::sync::Arc;

use earnorm::error::Applied;
use earnorm::prelude::*;

#[model]
#[derive(Debug, Clone, PartialEq)]
struct User {
    #[model(id)]
    id: Uuid,
    #[model(unique)]
    email: String,
    name: String,
    #[model(index)]
    age: u32,
    #[model(unique)]
    nickname: Option<String>,
    tags: Vec<String>,
    settings: BTreeMap<String, String>,
    #[model(created_at)]
    created_at: Option<DateTime<Utc>>,
    #[model(updated_at)]
    updated_at: Option<DateTime<Utc>>,
}

fn registry() -> Registry {
    Registry::empty().model::<User>()
}

use earnorm::Registry;

/// Recorded beside a change, or alone.
#[event(name = "greeted")]
#[derive(Debug, Clone)]
struct Greeted;

fn user(email: &str) -> User {
    User {
        id: Uuid::now_v7(),
        email: email.into(),
        name: "Ada".into(),
        age: 36,
        nickname: None,
        tags: vec!["maths".into()],
        settings: BTreeMap::from([("theme".into(), "dark".into())]),
        created_at: None,
        updated_at: None,
    }
}

every_store! {
    async fn a_create_records_the_whole_document(db: Database) {
        let ada = db.create(user("ada@example.org")).await.unwrap();
        assert_eq!(ada.version(), 1);
        assert!(ada.created_at.is_some() && ada.created_at == ada.updated_at);
        let events = db.events().all().await.unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0].event_type, "user.created");
        assert_eq!(events[0].data().unwrap().get_str("email").unwrap(), "ada@example.org");
        assert_eq!(events[0].stream, ada.stream().unwrap());
        let again = User::load(&db, ada.id).await.unwrap();
        assert_eq!(*again, *ada);
        assert_eq!(again.version(), 1);
    }

    async fn a_save_records_what_changed_old_and_new(db: Database) {
        let mut ada = db.create(user("ada@example.org")).await.unwrap();
        ada.name = "Ada L.".into();
        ada.nickname = Some("Countess".into());
        ada.settings.insert("font".into(), "serif".into());
        ada.settings.remove("theme");
        let receipt = ada.save(&db).await.unwrap();
        assert_eq!(ada.version(), 2);
        assert_eq!(receipt.events().len(), 1);
        let changes = User::changes_between(&db, ada.id, 1, 2).await.unwrap();
        let mut paths = changes.paths();
        paths.sort();
        // `updated_at` may fall into the same millisecond as the create.
        paths.retain(|path| path != "updated_at");
        assert_eq!(paths, ["name", "nickname", "settings.font", "settings.theme"]);
        assert!(changes.touch(&User::SETTINGS) && !changes.touch(&User::AGE));
        let again = User::load(&db, ada.id).await.unwrap();
        assert_eq!(*again, *ada);
    }

    async fn an_unchanged_entity_writes_nothing(db: Database) {
        let mut ada = db.create(user("ada@example.org")).await.unwrap();
        let receipt = ada.save(&db).await.unwrap();
        assert!(!receipt.is_written());
        let mut again = User::load(&db, ada.id).await.unwrap();
        assert!(!again.save(&db).await.unwrap().is_written());
        assert_eq!(db.events().all().await.unwrap().len(), 1);
        assert_eq!(again.version(), 1);
    }

    async fn a_stale_save_is_a_conflict_with_both_versions(db: Database) {
        let mut ada = db.create(user("ada@example.org")).await.unwrap();
        let mut stale = User::load(&db, ada.id).await.unwrap();
        ada.age = 37;
        ada.save(&db).await.unwrap();
        stale.age = 99;
        let before = (*stale).clone();
        let error = stale.save(&db).await.unwrap_err();
        let Error::Conflict(conflict) = &error else { panic!("{error:?}") };
        assert_eq!(conflict.expected.base(), Some(1));
        assert_eq!(conflict.actual, 2);
        assert_eq!(conflict.subject, ada.stream().unwrap().to_string());
        assert!(error.is_retryable() && error.was_applied() == Applied::No);
        assert_eq!((*stale).clone(), before);
        assert_eq!(stale.version(), 1);
        stale.reload(&db).await.unwrap();
        stale.age = 99;
        stale.save(&db).await.unwrap();
        assert_eq!(stale.version(), 3);
    }

    async fn a_taken_value_names_the_field_and_leaves_nothing(db: Database) {
        db.create(user("ada@example.org")).await.unwrap();
        let mut other = db.create(user("bob@example.org")).await.unwrap();
        other.email = "ada@example.org".into();
        other.age = 1;
        let error = other.save(&db).await.unwrap_err();
        let Error::Unique(violation) = &error else { panic!("{error:?}") };
        assert_eq!(violation.fields, ["email"]);
        assert_eq!(other.version(), 1);
        assert_eq!(User::load(&db, other.id).await.unwrap().age, 36);
        assert_eq!(db.events().all().await.unwrap().len(), 2);
        let error = db.create(user("ada@example.org")).await.unwrap_err();
        assert!(matches!(error, Error::Unique(_)), "{error:?}");
    }

    async fn an_id_is_used_once(db: Database) {
        let ada = db.create(user("ada@example.org")).await.unwrap();
        let twin = User { id: ada.id, ..user("twin@example.org") };
        let error = db.create(twin.clone()).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { deleted: false, .. }), "{error:?}");
        let mut ada = ada;
        ada.delete(&db).await.unwrap();
        let error = db.create(twin).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { deleted: true, .. }), "{error:?}");
    }

    async fn a_delete_keeps_the_last_state_in_the_log(db: Database) {
        let mut ada = db.create(user("ada@example.org")).await.unwrap();
        let id = ada.id;
        ada.delete(&db).await.unwrap();
        assert!(ada.is_deleted() && ada.version() == 2);
        assert!(User::get(&db, id).await.unwrap().is_none());
        let error = ada.save(&db).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { deleted: true, .. }), "{error:?}");
        let error = ada.delete(&db).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { deleted: true, .. }), "{error:?}");
        let last = db.events().backwards().limit(1).all().await.unwrap();
        assert_eq!(last[0].event_type, "user.deleted");
        assert_eq!(last[0].data().unwrap().get_str("name").unwrap(), "Ada");
    }

    async fn a_deleted_instance_comes_back(db: Database) {
        let mut ada = db.create(user("ada@example.org")).await.unwrap();
        let id = ada.id;
        ada.delete(&db).await.unwrap();
        let back = User::restore(&db, id).await.unwrap();
        assert_eq!(back.version(), 3);
        assert_eq!(back.name, "Ada");
        let mut again = User::load(&db, id).await.unwrap();
        again.name = "Ada again".into();
        again.save(&db).await.unwrap();
        assert_eq!(again.version(), 4);
        let error = User::restore(&db, id).await.unwrap_err();
        assert!(matches!(error, Error::AlreadyExists { .. }), "{error:?}");
        let error = User::restore(&db, Uuid::now_v7()).await.unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }

    async fn find_or_create_and_upsert_make_one_instance(db: Database) {
        let (ada, created) = User::find_or_create(&db, User::EMAIL, user("ada@example.org")).await.unwrap();
        assert!(created);
        let (same, created) = User::find_or_create(&db, User::EMAIL, user("ada@example.org")).await.unwrap();
        assert!(!created && same.id == ada.id);
        let other = User { name: "Countess".into(), ..user("ada@example.org") };
        let upserted = User::upsert(&db, User::EMAIL, other, |stored, new| stored.name.clone_from(&new.name)).await.unwrap();
        assert_eq!((upserted.id, upserted.version(), upserted.name.as_str()), (ada.id, 2, "Countess"));
    }

    async fn only_a_unique_value_tells_one_instance_from_another(db: Database) {
        db.create(user("ada@example.org")).await.unwrap();
        let refused = async |error: Result<_>| match error {
            Err(Error::InvalidQuery { path, reason }) => (path, reason),
            other => panic!("expected a refusal, not {other:?}"),
        };
        let by_name = refused(User::find_or_create(&db, User::NAME, user("x@example.org")).await).await;
        assert_eq!(by_name, ("name".into(), "the field is not unique: mark it `#[model(unique)]`".into()));
        let by_age = refused(User::find_or_create(&db, User::AGE, user("x@example.org")).await).await;
        assert_eq!(by_age, ("age".into(), by_name.1), "an index alone makes nothing unique");
        let by_null = refused(User::find_or_create(&db, User::NICKNAME, user("x@example.org")).await).await;
        assert_eq!(by_null, ("nickname".into(), "it is null here, and null is never unique".into()));
        assert_eq!(User::all().count(&db).await.unwrap(), 1);
    }

    async fn what_another_field_refuses_is_given_up_after_some_tries(db: Database) {
        let builder = Database::builder().registry(registry()).conflict_retries_max(2);
        let db = builder.store(Arc::clone(db.store())).await.unwrap();
        let named = |email: &str| User { nickname: Some("Countess".into()), ..user(email) };
        let ada = db.create(named("ada@example.org")).await.unwrap();
        // Nobody has this address, so there is nothing to find, and the nickname lets nothing be created.
        let error = User::find_or_create(&db, User::EMAIL, named("other@example.org")).await.unwrap_err();
        assert!(matches!(&error, Error::Unique(refused) if refused.fields == ["nickname"]), "{error:?}");
        let (found, created) = User::find_or_create(&db, User::NICKNAME, named("other@example.org")).await.unwrap();
        assert!(found.id == ada.id && !created);
    }

    async fn a_revert_is_an_ordinary_save(db: Database) {
        let mut ada = db.create(user("ada@example.org")).await.unwrap();
        ada.name = "Wrong".into();
        ada.save(&db).await.unwrap();
        ada.revert_to(&db, 1).await.unwrap();
        assert_eq!((ada.version(), ada.name.as_str()), (3, "Ada"));
        let events = db.events().all().await.unwrap();
        assert_eq!(events[2].event_type, "user.updated");
    }

    async fn many_are_created_in_one_commit_or_not_at_all(db: Database) {
        let users = (0..20).map(|n| user(&format!("u{n}@example.org")));
        let made = db.create_many(users).await.unwrap();
        assert_eq!(made.len(), 20);
        assert!(made.iter().all(|user| user.version() == 1));
        let clash = vec![user("new@example.org"), user("u3@example.org")];
        let error = db.create_many(clash).await.unwrap_err();
        assert!(matches!(error, Error::Unique(_)), "{error:?}");
        assert_eq!(User::all().count(&db).await.unwrap(), 20);
        assert_eq!(db.events().all().await.unwrap().len(), 20);
    }

    async fn metadata_comes_from_the_handle(db: Database) {
        let scoped = db.with_metadata(
            Metadata::new().actor("ada").correlation_id("c1").causation_id("k1").traceparent("00-1-2-01").extra("ip", "::1"),
        );
        scoped.create(user("ada@example.org")).await.unwrap();
        db.create(user("bob@example.org")).await.unwrap();
        let events = db.events().all().await.unwrap();
        assert_eq!(events[0].metadata, *scoped.metadata());
        assert!(events[1].metadata.is_empty());
    }

    async fn a_changed_id_is_refused(db: Database) {
        let mut ada = db.create(user("ada@example.org")).await.unwrap();
        ada.id = Uuid::now_v7();
        let error = ada.save(&db).await.unwrap_err();
        assert!(error.to_string().contains("an id never changes"), "{error}");
    }
}

with_clock! {
    async fn the_time_of_the_last_change_moves_with_changes_alone(db: Database, clock: ManualClock) {
        let mut ada = db.create(user("ada@example.org")).await.unwrap();
        let made = db.now();
        clock.advance(1_000);
        ada.name = "Ada L.".into();
        ada.save(&db).await.unwrap();
        let changed = db.now();
        assert_eq!((ada.created_at, ada.updated_at), (Some(made), Some(changed)));
        clock.advance(1_000);
        ada.raise(Greeted).unwrap();
        ada.save(&db).await.unwrap();
        assert_eq!((ada.version(), ada.updated_at), (3, Some(changed)), "nothing was changed");
        let types: Vec<_> = db.events().all().await.unwrap().into_iter().map(|event| event.event_type).collect();
        assert_eq!(types, ["user.created", "user.updated", "user.greeted"]);
        let stored = User::load(&db, ada.id).await.unwrap();
        assert_eq!((&*stored, stored.created_at, stored.updated_at), (&*ada, Some(made), Some(changed)));
        assert_eq!(User::changes_between(&db, ada.id, 1, 3).await.unwrap().paths(), ["name", "updated_at"]);
    }
}
