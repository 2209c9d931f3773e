//! What is prepared for a model, and which fields are whose.

use super::*;

const fn key(path: &'static str, optional: bool) -> IndexKey {
    IndexKey { path, descending: false, kind: StoredKind::String, optional }
}

#[test]
fn what_an_index_covers_follows_from_the_fields_of_a_model() {
    const INDEXES: &[IndexSchema] = &[
        IndexSchema { keys: &[key("code", false), key("nick", true)], unique: true },
        IndexSchema { keys: &[key("nick", true), IndexKey { descending: true, ..key("at", false) }], unique: false },
    ];
    let schema = ModelSchema::new("thing", "things", "app::Thing").indexes(INDEXES);
    let spec = |schema: &ModelSchema| CollectionSpec::of(schema).indexes;
    let [unique, plain] = &spec(&schema)[..] else { panic!("two indexes") };
    assert_eq!(unique.paths(), ["code", "nick"]);
    assert_eq!(unique.present, [("nick".to_owned(), bson::Bson::String(String::new()))], "null is free of the rule");
    assert!(unique.unique && !unique.live_only);
    assert_eq!(plain.keys, [("nick", false), ("at", true), ("_id", true)].map(|(path, down)| (path.to_owned(), down)));
    assert!(plain.present.is_empty() && !plain.unique, "a plain index holds every document");
    let [unique, plain] = &spec(&schema.soft_delete())[..] else { panic!("two indexes") };
    assert!(unique.live_only && !plain.live_only);
}

#[test]
fn the_id_is_the_models_and_other_underscores_are_the_librarys() {
    assert!([VERSION, SCHEMA_VERSION, RECORDED_AT, LIVE, CHECKED_BY].into_iter().all(is_internal));
    assert!(!is_internal("_id") && !is_internal("name") && !is_internal("n_"));
}
