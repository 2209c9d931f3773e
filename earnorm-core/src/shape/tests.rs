//! Which types read what others stored, checked against what the types themselves do.

use proptest::prelude::*;

use super::fields::is_below;
use super::wider::reads;
use super::{Change, ChangeKind, Lock, Shape};
use crate::registry::Registry;
use crate::upcast::UpcastRegistration;
use crate::value::Value;

fn text<T: Value>() -> &'static str {
    match T::shape() {
        Shape::Scalar(name) => name,
        other => panic!("{other:?}"),
    }
}

/// Whatever `Old` stores, `New` reads where the table says so.
fn kept<Old: Value, New: Value>(old: &Old) {
    let Ok(stored) = old.encode() else { return };
    if reads(text::<New>(), text::<Old>()) {
        New::decode(&stored).unwrap();
        Option::<New>::decode(&stored).unwrap();
    }
}

fn kept_as_all<Old: Value>(old: &Old) {
    kept::<Old, i8>(old);
    kept::<Old, i16>(old);
    kept::<Old, i32>(old);
    kept::<Old, i64>(old);
    kept::<Old, u8>(old);
    kept::<Old, u16>(old);
    kept::<Old, u32>(old);
    kept::<Old, u64>(old);
    kept::<Old, usize>(old);
    kept::<Old, f32>(old);
    kept::<Old, f64>(old);
    kept::<Old, bool>(old);
    kept::<Old, String>(old);
    #[cfg(feature = "rust_decimal")]
    kept::<Old, rust_decimal::Decimal>(old);
}

proptest! {
    #[test]
    fn a_wider_type_reads_whatever_was_stored(
        signed: (i8, i16, i32, i64), unsigned: (u8, u16, u32, u64, usize), float: (f32, f64), other: (bool, String),
    ) {
        kept_as_all(&signed.0);
        kept_as_all(&signed.1);
        kept_as_all(&signed.2);
        kept_as_all(&signed.3);
        kept_as_all(&unsigned.0);
        kept_as_all(&unsigned.1);
        kept_as_all(&unsigned.2);
        kept_as_all(&unsigned.3);
        kept_as_all(&unsigned.4);
        kept_as_all(&float.0);
        kept_as_all(&float.1);
        kept_as_all(&other.0);
        kept_as_all(&other.1);
    }

    #[test]
    fn any_text_is_read_or_refused(text: String) {
        let _ = Lock::read(&text);
    }
}

#[test]
fn types_are_compared_through_their_wrappers() {
    let wider = [
        ("i64", "i32"),
        ("Option<i32>", "i32"),
        ("Option<Vec<i64>>", "Vec<u8>"),
        ("Option<String>", "Personal<String>"),
        ("Personal<String>", "String"),
        ("Vec<String>", "Set<String>"),
        ("String, default", "String"),
        ("Option<String>", "String, default"),
        ("variant i64", "variant i32"),
        ("Map<Option<struct>>", "Map<struct>"),
        ("Decimal", "i64"),
        ("f64", "i32"),
        ("f64", "u32"),
        ("f64", "f32"),
    ];
    for (new, old) in wider {
        assert!(reads(new, old), "{new} reads {old}");
        assert!(!reads(old, new) || old == new, "{old} does not read {new}");
    }
    let other = [
        ("String", "i32"),
        ("Vec<i32>", "i32"),
        ("struct", "Map<struct>"),
        ("variant", "variant i32"),
        ("variant of 3 values", "variant of 2 values"),
        ("Set<String>", "Vec<String>"),
        ("Personal<String>", "Option<String>"),
        ("serde(Vec<A>)", "serde(Vec<B>)"),
        ("f64", "i64"),
        ("f64", "u64"),
        ("f32", "i8"),
        ("like a", "like b"),
    ];
    for (new, old) in other {
        assert!(!reads(new, old), "{new} does not read {old}");
    }
}

#[test]
fn a_path_is_below_another_by_its_parts() {
    assert!(is_below("a.b", "a") && is_below("a[].b", "a") && is_below("a::B", "a") && is_below("a{}", "a"));
    assert!(!is_below("ab", "a") && !is_below("a", "a") && !is_below("a", "a.b"));
}

#[test]
fn a_broken_lock_is_refused_by_its_part() {
    let refused = |text: &str| Lock::read(text).unwrap_err().to_string();
    assert!(refused("{").contains("not JSON"));
    assert!(refused("{}").contains("`format`"));
    assert!(refused(r#"{"format": 2}"#).contains("format 2"));
    assert!(refused(r#"{"format": 1}"#).contains("`models`"));
    let entry = |entry: &str| refused(&format!(r#"{{"format": 1, "models": {{"m": {entry}}}, "events": {{}}}}"#));
    assert!(entry("{}").contains("`kind` of `models`, `m`"));
    assert!(entry(r#"{"kind": "tracked", "version": 0}"#).contains("`version` of"));
    assert!(entry(r#"{"kind": "tracked", "version": 1, "fields": []}"#).contains("`fields`"));
    assert!(entry(r#"{"kind": "tracked", "version": 1, "fields": {"a": 1}}"#).contains("field `a`"));
}

/// A model or an event: its name, its version, and its fields.
type Told<'a> = (&'a str, u32, &'a [(&'a str, &'a str)]);

/// A lock of models and events, each with its version and its fields.
fn locked(models: &[Told<'_>], events: &[Told<'_>]) -> Lock {
    let entries = |entries: &[Told<'_>]| -> serde_json::Value {
        let entry = |(name, version, fields): &Told<'_>| {
            let fields: serde_json::Map<_, _> =
                fields.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect();
            ((*name).to_owned(), serde_json::json!({ "kind": "tracked", "version": version, "fields": fields }))
        };
        serde_json::Value::Object(entries.iter().map(entry).collect())
    };
    let value = serde_json::json!({ "format": 1, "models": entries(models), "events": entries(events) });
    Lock::read(&value.to_string()).unwrap()
}

/// Of what and how bad each change is.
fn told(changes: &[Change]) -> Vec<(ChangeKind, &str, Option<&str>)> {
    changes.iter().map(|change| (change.kind, change.subject.as_str(), change.field.as_deref())).collect()
}

/// What is told of one model whose fields changed, and its version not.
fn changed(old: &[(&str, &str)], new: &[(&str, &str)]) -> Vec<Change> {
    locked(&[("m", 1, new)], &[]).changes_since(&locked(&[("m", 1, old)], &[]), &Registry::empty())
}

#[test]
fn a_lock_is_empty_without_models_and_events() {
    assert!(Lock::default().is_empty() && locked(&[], &[]).is_empty());
    assert!(!locked(&[("m", 1, &[])], &[]).is_empty() && !locked(&[], &[("m.e", 1, &[])]).is_empty());
}

#[test]
fn what_stands_below_a_field_of_another_type_is_not_told_again() {
    let (list, text) = ([("a", "Vec<struct>"), ("a[].b", "i32"), ("a[].c", "i32")], [("a", "String")]);
    for (old, new) in [(&list[..], &text[..]), (&text[..], &list[..])] {
        assert_eq!(told(&changed(old, new)), [(ChangeKind::Incompatible, "model `m`", Some("a"))]);
    }
    let changes = changed(&[("a", "struct"), ("a.b", "i64")], &[("a", "Option<struct>"), ("a.b", "i32")]);
    let expected = [(ChangeKind::Incompatible, Some("a.b")), (ChangeKind::OutOfDate, Some("a"))];
    assert_eq!(told(&changes).iter().map(|(kind, _, field)| (*kind, *field)).collect::<Vec<_>>(), expected);
}

#[test]
fn only_a_new_field_of_the_same_type_may_be_the_one_that_is_gone() {
    let hints = |old: &[(&str, &str)], new: &[(&str, &str)]| {
        changed(old, new).iter().filter(|change| change.cure.contains("if it is `")).count()
    };
    let old = [("age", "i32"), ("gone", "i32"), ("inner", "struct"), ("inner.b", "i32")];
    let rest = [("age", "i32"), ("inner", "struct"), ("inner.b", "i32")];
    let with = |more: &[(&'static str, &'static str)]| [&rest[..], more].concat();
    assert_eq!(hints(&old, &with(&[("new", "i32")])), 1);
    assert_eq!(hints(&old, &rest), 0, "the others were there before");
    assert_eq!(hints(&old, &with(&[("new", "String")])), 0, "another type");
    assert_eq!(hints(&old, &with(&[("inner.new", "i32")])), 0, "another place");
    assert_eq!(hints(&old, &with(&[("new", "i32"), ("newer", "i32")])), 0, "which of both?");
}

#[test]
fn another_id_is_refused_once_and_without_the_advice_to_write_an_upcaster() {
    let (uuid, number, wide) = ([("_id", "Uuid")], [("_id", "i32")], [("_id", "i64")]);
    let changes = changed(&uuid, &wide);
    assert_eq!(told(&changes), [(ChangeKind::Incompatible, "model `m`", Some("_id"))]);
    assert!(changes[0].cure.starts_with("an upcaster never changes an id"), "{}", changes[0]);
    assert_eq!(told(&changed(&number, &wide)), [(ChangeKind::OutOfDate, "model `m`", Some("_id"))]);
    // A field of an event is one as all others.
    let event = |version, fields| locked(&[], &[("m.e", version, fields)]);
    let registry = Registry::empty().upcast(UpcastRegistration::of_event("m.e", 1, |_| Ok(())));
    let changes = event(2, &wide).changes_since(&event(1, &uuid), &registry);
    assert_eq!(told(&changes), [(ChangeKind::OutOfDate, "event `m.e`", None)]);
    let changes = event(1, &wide).changes_since(&event(1, &uuid), &registry);
    assert!(changes[0].cure.contains("write `#[upcast(event = \"m.e\", from = 1)]`"), "{}", changes[0]);
}

#[test]
fn an_event_needs_the_steps_from_its_locked_version_up() {
    let event = |version| locked(&[], &[("m.e", version, &[])]);
    let step = |event_type, from| UpcastRegistration::of_event(event_type, from, |_| Ok(()));
    let changes = |steps: &[UpcastRegistration]| {
        let registry = steps.iter().fold(Registry::empty(), |registry, step| registry.upcast(*step));
        event(4).changes_since(&event(2), &registry)
    };
    for (steps, missing) in [(vec![], 2), (vec![step("m.e", 3)], 2), (vec![step("m.e", 2), step("n.e", 3)], 3)] {
        let found = changes(&steps);
        assert_eq!(told(&found), [(ChangeKind::Incompatible, "event `m.e`", None)]);
        assert!(found[0].what.ends_with(&format!("no upcaster from version {missing}")), "{}", found[0]);
        assert_eq!(found[0].cure, format!("write `#[upcast(event = \"m.e\", from = {missing})]`"));
    }
    let found = changes(&[step("m.e", 3), step("m.e", 2)]);
    assert_eq!(told(&found), [(ChangeKind::OutOfDate, "event `m.e`", None)]);
}

#[test]
fn an_event_of_any_model_is_elsewhere_only_if_it_is_the_same_there() {
    let events = |events: &[Told<'_>]| locked(&[], events);
    let (text, flag) = ([("a", "String")], [("a", "bool")]);
    let both = events(&[("*.e (x::E)", 1, &text), ("*.e (y::E)", 1, &flag)]);
    let alone = events(&[("*.e", 1, &text)]);
    let changes = alone.changes_since(&both, &Registry::empty());
    let expected = [(ChangeKind::Incompatible, "event `*.e (y::E)`"), (ChangeKind::OutOfDate, "event `*.e`")];
    assert_eq!(told(&changes).iter().map(|(kind, subject, _)| (*kind, *subject)).collect::<Vec<_>>(), expected);
    let moved = events(&[("*.e (z::E)", 1, &text), ("*.e (y::E)", 1, &flag)]).changes_since(&both, &Registry::empty());
    assert_eq!(told(&moved), [(ChangeKind::OutOfDate, "event `*.e (z::E)`", None)]);
    let other = events(&[("*.f", 1, &text)]).changes_since(&alone, &Registry::empty());
    assert_eq!(told(&other)[0], (ChangeKind::Incompatible, "event `*.e`", None), "another name is another event");
}
