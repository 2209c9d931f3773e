//! Which types read what others stored, checked against what the types themselves do.

use proptest::prelude::*;

use super::fields::is_below;
use super::wider::reads;
use super::{Lock, Shape};
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
