//! The registry: what is collected, what clashes, what is missing.

use earnorm::hook::{Hook, HookFn, Phase};
use earnorm::prelude::*;
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
