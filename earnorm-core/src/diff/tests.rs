//! Properties of changes: they lead from one state to the other, and back again they lead back.

use bson::{Bson, Document, bson, doc};
use proptest::prelude::*;

use super::Changes;
use crate::limits::MAX_DEPTH;

fn value() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        Just(Bson::Null),
        any::<bool>().prop_map(Bson::Boolean),
        (0..3_i32).prop_map(Bson::Int32),
        (0..3_i64).prop_map(Bson::Int64),
        prop_oneof![Just(f64::NAN), Just(0.0), Just(-0.0), Just(1.5)].prop_map(Bson::Double),
        "[ab]{0,2}".prop_map(Bson::String),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Bson::Array),
            prop::collection::vec(("[a-d]", inner), 0..4)
                .prop_map(|fields| Bson::Document(fields.into_iter().collect())),
        ]
    })
}

fn document() -> impl Strategy<Value = Document> {
    prop::collection::vec(("[a-d]", value()), 0..5).prop_map(|fields| fields.into_iter().collect())
}

fn shuffled(document: &Document) -> Document {
    let mut fields: Vec<_> = document.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    fields.reverse();
    let deep = |value| match value {
        Bson::Document(inner) => Bson::Document(shuffled(&inner)),
        other => other,
    };
    fields.into_iter().map(|(key, value)| (key, deep(value))).collect()
}

/// What tells two states apart and nothing else: the type and the bits of each value, but not the order of keys, and one NaN.
fn told(value: &Bson) -> String {
    match value {
        Bson::Document(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| format!("{key:?}: {}", told(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(", "))
        }
        Bson::Array(items) => format!("{:?}", items.iter().map(told).collect::<Vec<_>>()),
        Bson::Double(number) if number.is_nan() => "NaN".to_owned(),
        Bson::Double(number) => format!("double {:x}", number.to_bits()),
        leaf => format!("{leaf:?}"),
    }
}

fn same_document(left: &Document, right: &Document) -> bool {
    told(&left.clone().into()) == told(&right.clone().into())
}

proptest! {
    #[test]
    fn documents_are_the_same_where_nothing_tells_them_apart(old in document(), new in document()) {
        prop_assert_eq!(super::same_document(&old, &new), same_document(&old, &new));
        prop_assert_eq!(Changes::between(&old, &new).is_empty(), same_document(&old, &new));
        prop_assert!(super::same_document(&old, &shuffled(&old)));
    }

    #[test]
    fn changes_lead_from_the_old_state_to_the_new(old in document(), new in document()) {
        let mut state = old.clone();
        Changes::between(&old, &new).apply_to(&mut state);
        prop_assert!(same_document(&state, &new), "{state} is not {new}");
    }

    #[test]
    fn what_an_event_records_reads_back(old in document(), new in document()) {
        let changes = Changes::between(&old, &new);
        let read = Changes::from_data(&changes.to_data()).unwrap();
        let mut state = old.clone();
        read.apply_to(&mut state);
        prop_assert!(same_document(&state, &new));
        prop_assert_eq!(read.paths(), changes.paths());
    }

    #[test]
    fn the_order_of_keys_is_no_change(state in document()) {
        prop_assert!(Changes::between(&state, &shuffled(&state)).is_empty());
    }

    #[test]
    fn no_path_is_the_start_of_another(old in document(), new in document()) {
        let paths = Changes::between(&old, &new).paths();
        for path in &paths {
            let below = format!("{path}.");
            prop_assert!(paths.iter().filter(|other| *other == path || other.starts_with(&below)).count() == 1);
        }
    }
}

#[test]
fn a_list_that_is_longer_or_shorter_is_a_change() {
    for (old, new) in
        [(bson!([1]), bson!([1, 2])), (bson!([1, 2]), bson!([1])), (bson!([]), bson!([1])), (bson!([1]), bson!([2]))]
    {
        let (old, new) = (doc! { "list": [{ "in": old }] }, doc! { "list": [{ "in": new }] });
        assert_eq!(Changes::between(&old, &new).paths(), ["list"], "{old} and {new}");
        assert!(!super::same_document(&old, &new), "{old} and {new}");
    }
    assert!(!super::same_document(&doc! { "a": 1 }, &doc! { "a": 1, "b": null }));
    assert!(!super::same_document(&doc! { "a": 1, "b": null }, &doc! { "a": 1 }));
    assert!(!super::same_document(&doc! { "a": 1 }, &doc! { "b": 1 }));
}

#[test]
fn a_path_with_more_names_than_documents_have_levels_is_refused() {
    let data = |names: usize| doc! { "changes": [{ "path": vec!["a"; names].join("."), "new": 1 }] };
    let mut state = Document::new();
    Changes::from_data(&data(MAX_DEPTH)).unwrap().apply_to(&mut state);
    assert_eq!(state, (1..MAX_DEPTH).fold(doc! { "a": 1 }, |inner, _| doc! { "a": inner }));
    for names in [MAX_DEPTH + 1, 1_000_000] {
        let reason = Changes::from_data(&data(names)).unwrap_err();
        assert!(reason.contains("more names"), "{reason}");
    }
}

#[test]
fn what_is_no_list_of_changes_is_refused() {
    for changes in [Bson::Null, bson!([1]), bson!([{}]), bson!([{ "path": 1 }]), bson!({ "path": "a" })] {
        assert!(Changes::from_data(&doc! { "changes": changes.clone() }).is_err(), "{changes}");
    }
    assert!(Changes::from_data(&doc! {}).is_err());
}
