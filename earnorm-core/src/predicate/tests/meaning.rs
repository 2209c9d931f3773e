//! What each condition means: arrays, null and missing, NaN, places in arrays.

use bson::{Bson, Document, bson, doc};

use super::decimal;
use crate::Error;
use crate::predicate::Comparison::{Eq, Gt, Gte, Lt, Lte};
use crate::predicate::{Comparison, Predicate, TextMatch};
use crate::regex::PortableRegex;

fn compare(path: &str, op: Comparison, value: impl Into<Bson>) -> Predicate {
    Predicate::Compare { path: path.into(), op, value: value.into() }
}

#[track_caller]
fn check(predicate: &Predicate, document: &Document, expected: bool) {
    assert_eq!(predicate.matches(document).unwrap(), expected, "{predicate:?} on {document}");
}

#[test]
fn a_path_looks_into_arrays() {
    let document = doc! { "a": [{ "b": [1, 2] }, { "b": 3 }, 7, [{ "b": 9 }]] };
    for value in [1, 2, 3] {
        check(&compare("a.b", Eq, value), &document, true);
    }
    check(&compare("a.b", Eq, bson!([1, 2])), &document, true);
    check(&compare("a.b", Eq, 7), &document, false);
    // An array in an array is not looked into, unless its place is named.
    check(&compare("a.b", Eq, 9), &document, false);
    check(&compare("a.3.b", Eq, 9), &document, true);
    check(&compare("a", Eq, 7), &document, true);
}

#[test]
fn a_number_in_a_path_is_a_place_or_a_name() {
    check(&compare("a.1", Eq, 2), &doc! { "a": [1, 2] }, true);
    check(&compare("a.01", Eq, 2), &doc! { "a": [1, 2] }, false);
    check(&compare("a.1", Eq, 4), &doc! { "a": [5, { "1": 4 }] }, true);
    check(&compare("a.1", Eq, 2), &doc! { "a": [5, [2, 4]] }, false);
    check(&compare("a.1", Eq, bson!([2, 4])), &doc! { "a": [5, [2, 4]] }, true);
    check(&compare("a.1.0", Eq, 2), &doc! { "a": [5, [2, 4]] }, true);
    check(&compare("a.1.b", Eq, 2), &doc! { "a": [5, { "b": 2 }] }, true);
    check(&compare("a.1", Eq, 2), &doc! { "a": { "1": 2 } }, true);
    check(&compare("a.5", Eq, Bson::Null), &doc! { "a": [1] }, false);
    // Digits alone are a place.
    for name in ["+1", "-1", "1_", " 1", "0x1", ""] {
        check(&compare(&format!("a.{name}"), Eq, 2), &doc! { "a": [1, 2] }, false);
        check(&compare(&format!("a.{name}"), Eq, 2), &doc! { "a": { name: 2 } }, true);
    }
}

#[test]
fn null_is_also_missing() {
    for op in [Eq, Gte, Lte] {
        check(&compare("a", op, Bson::Null), &doc! {}, true);
        check(&compare("a", op, Bson::Null), &doc! { "a": null }, true);
        check(&compare("a", op, Bson::Null), &doc! { "a": Bson::Undefined }, true);
        check(&compare("a", op, Bson::Null), &doc! { "a": 0 }, false);
    }
    check(&compare("a", Gt, Bson::Null), &doc! { "a": 1 }, false);
    check(&compare("a", Lt, Bson::Null), &doc! {}, false);
    check(&compare("a", Eq, Bson::Null), &doc! { "a": [] }, false);
    check(&compare("a", Eq, Bson::Null), &doc! { "a": [1, null] }, true);
    check(&compare("a.b", Eq, Bson::Null), &doc! { "a": 1 }, true);
    check(&compare("a.b", Eq, Bson::Null), &doc! { "a": [1, 2] }, false);
    check(&compare("a.b", Eq, Bson::Null), &doc! { "a": [1, {}] }, true);
    let among = Predicate::In { path: "a".into(), values: vec![Bson::Null] };
    check(&among, &doc! {}, true);
    check(&Predicate::In { path: "a".into(), values: Vec::new() }, &doc! {}, false);
}

#[test]
fn only_one_bracket_is_compared() {
    check(&compare("a", Lt, 5), &doc! { "a": "1" }, false);
    check(&compare("a", Gt, 5), &doc! { "a": "9" }, false);
    check(&compare("a", Gt, true), &doc! { "a": 9 }, false);
    check(&compare("a", Gte, 1_i64 << 53), &doc! { "a": 9_007_199_254_740_992.0 }, true);
    check(&compare("a", Gt, Bson::Double(9_007_199_254_740_992.0)), &doc! { "a": (1_i64 << 53) + 1 }, true);
    check(&compare("a", Eq, decimal("0.1")), &doc! { "a": 0.1 }, false);
    check(&compare("a", Lt, Bson::Double(0.1)), &doc! { "a": decimal("0.1") }, true);
    check(&compare("a", Eq, bson!({ "b": 1 })), &doc! { "a": { "b": 1_i64 } }, true);
    check(&compare("a", Eq, bson!({ "b": 1 })), &doc! { "a": { "b": 1, "c": 2 } }, false);
    check(&compare("a", Gt, Bson::MinKey), &doc! {}, true);
    check(&compare("a", Lt, Bson::MaxKey), &doc! { "a": 1 }, true);
    check(&compare("a", Gt, Bson::MaxKey), &doc! { "a": 1 }, false);
}

#[test]
fn nan_equals_only_nan() {
    for nan in [Bson::Double(f64::NAN), decimal("NaN")] {
        for (op, expected) in [(Eq, true), (Gte, true), (Lte, true), (Gt, false), (Lt, false)] {
            check(&compare("a", op, nan.clone()), &doc! { "a": f64::NAN }, expected);
            check(&compare("a", op, nan.clone()), &doc! { "a": 1 }, false);
            check(&compare("a", op, 1), &doc! { "a": nan.clone() }, false);
        }
        check(&compare("a", Lt, f64::INFINITY), &doc! { "a": nan }, false);
    }
}

#[test]
fn text_is_literal() {
    let text = |op, needle: &str| Predicate::Text { path: "a".into(), op, needle: needle.into() };
    check(&text(TextMatch::Prefix, ".*"), &doc! { "a": "abc" }, false);
    check(&text(TextMatch::Prefix, ".*"), &doc! { "a": ".*abc" }, true);
    check(&text(TextMatch::Contains, "\\E(b|"), &doc! { "a": "a\\E(b|c" }, true);
    check(&text(TextMatch::Suffix, "$"), &doc! { "a": "abc" }, false);
    check(&text(TextMatch::Suffix, "C"), &doc! { "a": "abc" }, false);
    check(&text(TextMatch::Contains, "b"), &doc! { "a": [1, "abc"] }, true);
    check(&text(TextMatch::Contains, ""), &doc! { "a": 1 }, false);
    let regex = Predicate::Regex { path: "a".into(), regex: PortableRegex::new("^b.$").unwrap() };
    check(&regex, &doc! { "a": ["a", "bc"] }, true);
    check(&regex, &doc! { "a": "abc" }, false);
}

#[test]
fn arrays_have_sizes_and_elements() {
    let size = |path: &str, len| Predicate::Size { path: path.into(), len };
    check(&size("a", 0), &doc! { "a": [] }, true);
    check(&size("a", 2), &doc! { "a": [[1, 2, 3], 2] }, true);
    check(&size("a", 3), &doc! { "a": [[1, 2, 3], 2] }, false);
    check(&size("a", 0), &doc! {}, false);
    check(&size("a.b", 1), &doc! { "a": [{ "b": [1] }, { "b": [1, 2] }] }, true);
    let all = |values: Vec<Bson>| Predicate::HasAll { path: "a".into(), values };
    check(&all(vec![1.into(), 2.into()]), &doc! { "a": [3, 2, 1] }, true);
    check(&all(vec![1.into(), 4.into()]), &doc! { "a": [3, 2, 1] }, false);
    check(&all(Vec::new()), &doc! { "a": [1] }, false);
    let both = compare("x", Gt, 1).and(compare("y", Lt, 1));
    let element = Predicate::Element { path: "a".into(), predicate: Box::new(both.clone()) };
    check(&element, &doc! { "a": [{ "x": 2, "y": 0 }] }, true);
    check(&element, &doc! { "a": [{ "x": 2, "y": 5 }, { "x": 0, "y": 0 }] }, false);
    check(&element, &doc! { "a": { "x": 2, "y": 0 } }, false);
    let place = Predicate::Element { path: "a".into(), predicate: Box::new(compare("0", Eq, 1)) };
    check(&place, &doc! { "a": [[1, 2]] }, true);
}

#[test]
fn a_field_exists_or_not() {
    let exists = |path: &str, present| Predicate::Exists { path: path.into(), present };
    check(&exists("a", true), &doc! { "a": null }, true);
    check(&exists("a", false), &doc! { "a": null }, false);
    check(&exists("a", false), &doc! {}, true);
    check(&exists("a.b", true), &doc! { "a": [1, { "b": 1 }] }, true);
    check(&exists("a.b", false), &doc! { "a": [1, {}] }, true);
}

#[test]
fn what_cannot_be_evaluated_is_an_error_wherever_it_stands() {
    let invalid = Predicate::Invalid { path: "a".into(), reason: "no".into() };
    let hidden = Predicate::always().or(!invalid);
    assert!(matches!(hidden.matches(&doc! {}), Err(Error::InvalidQuery { .. })));
    let raw = Predicate::Element { path: "a".into(), predicate: Box::new(Predicate::Raw(doc! {})) };
    assert!(matches!(raw.matches(&doc! {}), Err(Error::Unsupported { .. })));
}

#[test]
fn in_words_a_condition_names_its_path_and_what_must_hold() {
    let told = |predicate: Predicate| predicate.to_string();
    let (a, b) = (compare("a", Gt, 1), compare("b", Lte, "x"));
    assert_eq!(told(a.clone().and(b.clone())), "(a > 1 and b <= \"x\")");
    assert_eq!(told(a.clone().or(!b)), "(a > 1 or not (b <= \"x\"))");
    assert_eq!(told(Predicate::always()), "always");
    assert_eq!(told(Predicate::Any(Vec::new())), "never");
    assert_eq!(told(Predicate::All(vec![a.clone()])), "a > 1");
    for (op, word) in [(Eq, "="), (Gte, ">="), (Lt, "<")] {
        assert_eq!(told(compare("a", op, true)), format!("a {word} true"));
    }
    let values = |count: i32| (0..count).map(Bson::Int32).collect::<Vec<_>>();
    assert_eq!(told(Predicate::In { path: "a".into(), values: values(5) }), "a in [0, 1, 2, 3, 4]");
    assert_eq!(told(Predicate::In { path: "a".into(), values: values(6) }), "a in [0, 1, 2, 3, 4, … 6 in all]");
    assert_eq!(told(Predicate::HasAll { path: "a".into(), values: values(2) }), "a holds all of [0, 1]");
    assert_eq!(told(Predicate::Exists { path: "a".into(), present: true }), "a exists");
    assert_eq!(told(Predicate::Exists { path: "a".into(), present: false }), "a is missing");
    assert_eq!(told(Predicate::Size { path: "a".into(), len: 2 }), "a has 2 elements");
    assert_eq!(told(Predicate::Element { path: "a".into(), predicate: Box::new(a) }), "an element of a has (a > 1)");
    for (op, word) in
        [(TextMatch::Prefix, "starts with"), (TextMatch::Contains, "contains"), (TextMatch::Suffix, "ends with")]
    {
        let text = Predicate::Text { path: "a".into(), op, needle: "x\"".into() };
        assert_eq!(told(text), format!("a {word} \"x\\\"\""));
    }
    let regex = PortableRegex::new("^secret$").unwrap();
    assert_eq!(told(Predicate::Regex { path: "a".into(), regex }), "a matches a pattern");
    let invalid = Predicate::Invalid { path: "a".into(), reason: "no".into() };
    assert_eq!(told(invalid), "a has a condition that could not be built");
    assert_eq!(told(Predicate::Raw(doc! { "a": "secret" })), "a condition in the database's own language");
}
