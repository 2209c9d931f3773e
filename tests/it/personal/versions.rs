//! Erasing what an older or a newer program stored.

use earnorm::Registry;

use super::*;

/// As the first program knew it.
mod v1 {
    use earnorm::prelude::*;

    #[model(soft_delete, name = "p_member", collection = "p_members")]
    #[derive(Debug, Clone)]
    pub(super) struct Member {
        #[model(id)]
        pub(super) id: Uuid,
        #[model(personal)]
        pub(super) nick: Personal<String>,
        #[model(personal)]
        pub(super) city: Option<String>,
        pub(super) plan: String,
    }

    #[model(sourced, name = "p_tab", collection = "p_tabs")]
    #[derive(Debug, Clone)]
    pub(super) struct Tab {
        #[model(id)]
        pub(super) id: Uuid,
        #[model(personal)]
        pub(super) habit: Option<String>,
        pub(super) cups: i64,
    }

    #[model]
    impl Tab {
        #[apply]
        fn begun(event: &super::Begun) -> Self {
            Self { id: event.id, habit: None, cups: 0 }
        }

        #[apply]
        fn drunk(&mut self, event: &super::Drunk) {
            self.cups += event.cups;
            self.habit = Some(format!("drinks {} cups", self.cups));
        }
    }
}

#[model(soft_delete, name = "p_member", collection = "p_members", version = 2)]
#[derive(Debug, Clone)]
struct Member {
    #[model(id)]
    id: Uuid,
    #[model(personal)]
    alias: Personal<String>,
    #[model(personal)]
    city: Option<String>,
    plan: String,
}

#[upcast(model = Member, from = 1)]
fn nick_is_alias(document: &mut Document) -> Result<(), UpcastError> {
    let nick = document.remove("nick").ok_or("no nick")?;
    document.insert("alias", nick);
    Ok(())
}

#[event(name = "begun")]
#[derive(Debug, Clone)]
struct Begun {
    id: Uuid,
}

#[event(name = "drunk")]
#[derive(Debug, Clone)]
struct Drunk {
    cups: i64,
}

/// What it tells of somebody comes from events that do not.
#[model(sourced, name = "p_tab", collection = "p_tabs", version = 2)]
#[derive(Debug, Clone, PartialEq)]
struct Tab {
    #[model(id)]
    id: Uuid,
    #[model(personal)]
    custom: Option<String>,
    cups: i64,
}

#[model]
impl Tab {
    #[apply]
    fn begun(event: &Begun) -> Self {
        Self { id: event.id, custom: None, cups: 0 }
    }

    #[apply]
    fn drunk(&mut self, event: &Drunk) {
        self.cups += event.cups;
        self.custom = Some(format!("drinks {} cups", self.cups));
    }
}

#[upcast(model = Tab, from = 1)]
fn habit_is_custom(document: &mut Document) {
    let habit = document.remove("habit").unwrap_or(bson::Bson::Null);
    document.insert("custom", habit);
}

fn registry() -> Registry {
    Registry::empty().model::<Member>().model::<Tab>()
}

async fn old(db: &Database) -> Database {
    let registry = Registry::empty().model::<v1::Member>().model::<v1::Tab>();
    Database::builder().registry(registry).store(db.store().clone()).await.unwrap()
}

async fn member(db: &Database) -> Entity<v1::Member> {
    let (id, nick) = (Uuid::now_v7(), NAME.into());
    db.create(v1::Member { id, nick, city: None, plan: "free".into() }).await.unwrap()
}

every_store! {
    async fn an_instance_of_an_older_shape_gets_the_shape_of_today(db: Database) {
        let before = old(&db).await;
        for deleted in [false, true] {
            let mut made = member(&before).await;
            if deleted {
                made.delete(&before).await.unwrap();
            }
            let report = db.erase_subject(made.id).await.unwrap();
            assert_eq!(counts(&report), (1, 1, 1, 1));
            let document = db.store().get("p_members", &earnorm::value::Value::encode(&made.id).unwrap()).await.unwrap().unwrap();
            assert!(!document.contains_key("nick") && document.get("alias") == Some(&bson::Bson::Null), "{document}");
            assert_eq!((document.get_i32("_s").unwrap(), document.get_bool("_live").unwrap()), (2, !deleted));
            let erased = db.events().stream_of(made.stream().unwrap()).all().await.unwrap().pop().unwrap();
            assert_eq!((erased.name(), erased.schema_version), ("erased", 2));
            assert_eq!(erased.data().unwrap(), &bson::doc! { "fields": ["alias"] });
        }
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
    }

    async fn an_instance_of_a_newer_shape_is_left_to_its_program(db: Database) {
        let before = old(&db).await;
        let id = Uuid::now_v7();
        let new = Member { id, alias: NAME.into(), city: Some(CITY.into()), plan: "free".into() };
        db.create(new).await.unwrap();
        let error = before.erase_subject(id).await.unwrap_err();
        assert!(matches!(error, Error::SchemaAhead { found: 2, known: 1, .. }), "{error:?}");
        assert_eq!(Member::load(&db, id).await.unwrap().version(), 1);
        assert_eq!(db.erase_subject(id).await.unwrap().events, 1);
        assert_gone(&db, &CANARIES).await;
        assert_whole(&db).await;
    }

    async fn what_a_sourced_model_made_of_other_events_is_erased_in_its_past_too(db: Database) {
        let before = old(&db).await;
        let early = Uuid::now_v7();
        let mut tab = before.start::<v1::Tab>(early, Begun { id: early }).await.unwrap();
        tab.raise(Drunk { cups: 2 }).unwrap();
        tab.save(&before).await.unwrap();
        assert_eq!(before.erase_subject(early).await.unwrap().events, 1);
        let late = Uuid::now_v7();
        let mut tab = db.start::<Tab>(late, Begun { id: late }).await.unwrap();
        tab.raise(Drunk { cups: 2 }).unwrap();
        tab.save(&db).await.unwrap();
        assert_eq!(db.erase_subject(late).await.unwrap().events, 1);
        for id in [early, late] {
            let erased = Tab { id, custom: None, cups: 2 };
            assert_eq!(*Tab::load(&db, id).await.unwrap(), erased);
            assert_eq!(Tab::at_version(&db, id, 3).await.unwrap().unwrap(), erased);
        }
        assert_whole(&db).await;
    }
}
