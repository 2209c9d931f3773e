//! The registry: what is collected, what clashes, what is missing.

use std::sync::Arc;

use earnorm::database::models_of;
use earnorm::hook::{Hook, HookFn, Phase};
use earnorm::prelude::*;
use earnorm::upcast::UpcastRegistration;
use earnorm::{Registry, schema};

#[model(name = "reg_thing")]
#[derive(Debug, Clone)]
struct Thing {
    #[model(id)]
    id: i64,
    size: i32,
}

#[model]
impl Thing {
    #[pre_save]
    fn grow(&mut self) {
        self.size += 1;
    }
}

mod rival {
    use earnorm::prelude::*;

    #[model(name = "reg_thing", collection = "others")]
    #[derive(Debug, Clone)]
    pub(super) struct SameName {
        #[model(id)]
        pub(super) id: i64,
    }

    #[model(collection = "things")]
    #[derive(Debug, Clone)]
    pub(super) struct SameCollection {
        #[model(id)]
        pub(super) id: i64,
    }
}

/// What becomes of models over the years.
mod years {
    use earnorm::prelude::*;

    #[model(name = "reg_thing", collection = "others", version = 2)]
    #[derive(Debug, Clone)]
    pub(super) struct Newer {
        #[model(id)]
        pub(super) id: i64,
    }

    #[model(name = "reg_code", collection = "codes")]
    #[derive(Debug, Clone)]
    pub(super) struct Code {
        #[model(id)]
        pub(super) id: i64,
        #[model(unique)]
        pub(super) code: String,
    }

    #[model(name = "reg_code", collection = "codes")]
    #[derive(Debug, Clone)]
    pub(super) struct FreeCode {
        #[model(id)]
        pub(super) id: i64,
        #[model(unique)]
        pub(super) code: Option<String>,
    }
}

fn registry() -> Registry {
    Registry::empty().model::<Thing>()
}

/// Another program with the same store.
async fn program(db: &Database, registry: Registry) -> Database {
    Database::builder().registry(registry).store(Arc::clone(db.store())).await.unwrap()
}

every_store! {
    async fn the_store_keeps_a_note_of_the_newest_shape_of_each_model(db: Database) {
        let newer = || {
            let step = UpcastRegistration::of_model::<years::Newer>(1, |_| Ok(()));
            Registry::empty().model::<years::Newer>().upcast(step)
        };
        for (registry, collection, version) in [
            (registry(), "things", 1),
            // Moved elsewhere, and the same as before.
            (Registry::empty().model::<rival::SameName>(), "others", 1),
            (registry(), "things", 1),
            (newer(), "others", 2),
            // While two programs run side by side the newer one's note stays.
            (registry(), "others", 2),
            (newer(), "others", 2),
        ] {
            program(&db, registry).await;
            let notes = models_of(&**db.store()).await.unwrap();
            let [note] = &notes[..] else { panic!("{notes:?}") };
            assert_eq!((note.name.as_str(), note.collection.as_str(), note.version), ("reg_thing", collection, version));
        }
        program(&db, Registry::empty().model::<years::Code>()).await;
        let names: Vec<_> = models_of(&**db.store()).await.unwrap().into_iter().map(|note| note.name).collect();
        assert_eq!(names, ["reg_code", "reg_thing"]);
    }

    async fn an_index_that_differs_is_told_of_and_kept(db: Database) {
        let first = program(&db, Registry::empty().model::<years::Code>()).await;
        assert_eq!(first.drift(), []);
        let second = program(&db, Registry::empty().model::<years::FreeCode>()).await;
        let [drift] = second.drift() else { panic!("{:?}", second.drift()) };
        assert_eq!(drift.collection, "codes");
        assert_eq!(drift.to_string(), format!("index `{}` of `codes`: {}", drift.index, drift.difference));
        first.create(years::Code { id: 1, code: "a".into() }).await.unwrap();
        let taken = second.create(years::FreeCode { id: 2, code: Some("a".into()) }).await.unwrap_err();
        assert!(matches!(taken, Error::Unique(_)), "{taken:?}");
    }
}

async fn refused(registry: Registry) -> String {
    let error = Database::builder().registry(registry).connect("memory:").await.unwrap_err();
    assert!(matches!(error, Error::Registry(_)), "{error:?}");
    error.to_string()
}

#[tokio::test]
async fn clashes_are_found_when_connecting() {
    let twins = refused(Registry::empty().model::<Thing>().model::<rival::SameName>()).await;
    assert!(twins.contains("two models are named `reg_thing`"), "{twins}");
    let shared = refused(Registry::empty().model::<Thing>().model::<rival::SameCollection>()).await;
    assert!(shared.contains("share the collection `things`"), "{shared}");
    let none = refused(Registry::empty()).await;
    assert!(none.contains("no models"), "{none}");
    // Everything that is linked into this program has both clashes in it.
    refused(Registry::collected()).await;
}

#[tokio::test]
async fn an_unregistered_model_names_the_cure() {
    let db = Database::builder().registry(Registry::empty().model::<Thing>()).connect("memory:").await.unwrap();
    let error = db.create(rival::SameName { id: 1 }).await.unwrap_err();
    assert!(matches!(error, Error::Unregistered { .. }) && error.to_string().contains(".model::<"), "{error}");
    assert!(matches!(rival::SameCollection::all().all(&db).await.unwrap_err(), Error::Unregistered { .. }));
    assert!(matches!(db.get::<rival::SameName>(1).await.unwrap_err(), Error::Unregistered { .. }));
    assert!(db.events().all().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_test_has_a_registry_of_its_own() {
    let bare = Database::builder().registry(Registry::empty().model::<Thing>()).connect("memory:").await.unwrap();
    assert_eq!(bare.create(Thing { id: 1, size: 0 }).await.unwrap().size, 0);
    let double = HookFn::<Thing>::Pre(|thing, _| {
        Box::pin(async move {
            thing.size *= 2;
            Ok(())
        })
    });
    let by_hand = Hook::new(Phase::PreSave, "double", double).order(1);
    let registry = Registry::empty().model::<Thing>().hooks_of::<Thing>().hook::<Thing>(by_hand);
    let hooks: Vec<_> = registry.hooks().into_iter().filter(|hook| hook.model.ends_with("Thing")).collect();
    assert_eq!(hooks.iter().map(|hook| hook.name).collect::<Vec<_>>(), ["Thing::grow", "double"]);
    let db = Database::builder().registry(registry).connect("memory:").await.unwrap();
    assert_eq!(db.create(Thing { id: 1, size: 4 }).await.unwrap().size, 10);
    assert_eq!(db.models().iter().map(|model| model.name).collect::<Vec<_>>(), ["reg_thing"]);
    assert_eq!(Thing::SCHEMA.kind, schema::ModelKind::Tracked);
}

#[tokio::test]
async fn naming_a_crate_by_its_marker_links_its_models() {
    assert_eq!(earnorm_renamed::EARNORM.name(), "earnorm-renamed");
    let collected = Registry::collected();
    assert!(collected.models().any(|model| model.name == "basket"), "{collected:?}");
    assert!(collected.hooks().iter().any(|hook| hook.model.ends_with("::Basket")));
    let registry = Registry::empty().model::<Thing>();
    let builder = Database::builder().models_of(earnorm_renamed::EARNORM).registry(registry);
    builder.connect("memory:").await.unwrap();
}
