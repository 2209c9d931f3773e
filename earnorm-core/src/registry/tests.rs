//! What a registry refuses, and what it tells of its models.

use super::*;
use crate::model::Stamp;
use crate::model::sample::{ID, Sample};
use crate::schema::FieldSchema;

/// A registry of tracked models with these schemas.
fn tracked(schemas: impl IntoIterator<Item = ModelSchema>) -> Registry {
    let mut registry = Registry::empty();
    for schema in schemas {
        let schema: &'static ModelSchema = Box::leak(Box::new(schema));
        registry.add(Known { type_id: TypeId::of::<()>(), schema, fold: FoldCode::Tracked(|_| Ok(())) });
    }
    registry
}

fn thing(name: &'static str, collection: &'static str) -> ModelSchema {
    ModelSchema::new(name, collection, "app::Thing").fields(&[ID])
}

#[track_caller]
fn refusal(registry: &Registry) -> String {
    match registry.check() {
        Err(Error::Registry(problem)) => problem,
        other => panic!("expected a refusal, not {other:?}"),
    }
}

#[test]
fn a_name_a_collection_and_an_id_are_asked_of_every_model() {
    tracked([thing("thing", "things")]).check().unwrap();
    let name = refusal(&tracked([thing("Thing", "things")]));
    assert_eq!(name, "app::Thing: the name `Thing` is not one lower-case word");
    for collection in ["", "system.users", "a$b", "a\0b"] {
        let refused = refusal(&tracked([thing("thing", collection)]));
        assert_eq!(refused, format!("app::Thing: the collection name `{collection}` is not allowed"));
    }
    for fields in [&[][..], &[FieldSchema { path: "number", ..ID }]] {
        let schema = ModelSchema::new("thing", "things", "app::Thing").fields(fields);
        assert_eq!(refusal(&tracked([schema])), "app::Thing: the first field of its schema is not the id");
    }
    assert!(refusal(&tracked([])).contains("no models"));
}

#[test]
fn a_model_whose_upcasters_are_missing_is_refused() {
    let missing = refusal(&tracked([thing("thing", "things").version(2)]));
    assert!(missing.contains("version 2, but no upcaster from version 1 to 2"), "{missing}");
}

#[test]
fn upcasters_that_are_linked_are_in_every_registry() {
    // Its event is at version 2, and the step to there is linked.
    Registry::empty().model::<Sample>().check().unwrap();
    let twice =
        Registry::empty().model::<Sample>().upcast(UpcastRegistration::of_event("sample.opened", 1, |_| Ok(())));
    assert!(refusal(&twice).contains("two upcasters from version 1"), "{}", refusal(&twice));
}

#[test]
fn hooks_without_their_model_are_told_of() {
    let orphan = refusal(&Registry::collected());
    assert!(orphan.contains("sample::Sample` are linked, but its `#[model]` is not registered"), "{orphan}");
    let mut known = Registry::empty().model::<Sample>();
    known.find_orphans();
    known.check().unwrap();
}

#[test]
fn the_types_of_events_are_what_is_recorded_of_each_model() {
    let noted = EventRegistration {
        type_id: TypeId::of::<u8>,
        rust_path: type_name::<u8>,
        name: "noted",
        version: 1,
        fields: &[],
    };
    let mut registry = tracked([thing("thing", "things")]).model::<Sample>();
    registry.events = vec![noted, noted];
    let expected = [
        "sample.baseline",
        "sample.deleted",
        "sample.erased",
        "sample.opened",
        "sample.restored",
        "thing.baseline",
        "thing.created",
        "thing.deleted",
        "thing.erased",
        "thing.noted",
        "thing.restored",
        "thing.updated",
    ];
    assert_eq!(registry.event_types(), expected);
    let applied: Vec<_> = registry.applied_events().into_iter().map(|(name, event)| (name, event.version)).collect();
    assert_eq!(applied, [("sample.opened".to_owned(), 2)]);
}

#[test]
fn a_model_keeps_no_moment_unless_it_says_so() {
    assert!(!Sample::has_stamp(Stamp::Created) && !Sample::has_stamp(Stamp::Updated));
}
