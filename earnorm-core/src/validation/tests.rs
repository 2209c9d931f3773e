//! Rules at their bounds, and what they pass over.

use std::collections::HashSet;

use super::rules::{HasLength, Maybe, MaybeText, Nested, email, length, nested, pattern, range, url};
use super::*;

/// What a rule says, path and message; nothing when it holds.
fn said(rule: impl Fn(&mut ValidationErrors)) -> String {
    let mut errors = ValidationErrors::default();
    rule(&mut errors);
    errors.to_string()
}

fn of_length<T: HasLength>(value: T, min: Option<usize>, max: Option<usize>) -> bool {
    said(|errors| length(&value, (min, max), "it", errors)).is_empty()
}

fn in_range(value: impl Maybe<f64>, min: Option<f64>, max: Option<f64>) -> bool {
    said(|errors| range(&value, (min, max), "it", errors)).is_empty()
}

fn is_url(value: impl MaybeText) -> bool {
    said(|errors| url(&value, "it", errors)).is_empty()
}

#[test]
fn a_bound_is_the_last_that_is_allowed() {
    assert!(of_length("äöü".to_owned(), Some(3), Some(3)), "characters count, not bytes");
    assert!(!of_length("ab".to_owned(), Some(3), None) && !of_length("abcd".to_owned(), Some(3), Some(3)));
    assert!(of_length(vec![1, 2], Some(2), Some(2)) && !of_length(HashSet::from([1, 2, 3]), None, Some(2)));
    assert!(of_length(Some("ab".to_owned()), Some(2), None) && !of_length(Some("a".to_owned()), Some(2), None));
    assert!(of_length(None::<String>, Some(2), Some(3)), "nothing passes");
    assert!(in_range(1.0, Some(1.0), Some(1.0)) && !in_range(0.9, Some(1.0), None) && !in_range(1.1, None, Some(1.0)));
    assert!(in_range(Some(1.0), Some(1.0), None) && !in_range(Some(0.0), Some(1.0), None));
    assert!(in_range(None, Some(1.0), None) && !in_range(f64::NAN, Some(0.0), None) && in_range(f64::NAN, None, None));
}

#[test]
fn text_rules_look_at_text_alone() {
    assert!(
        is_url("https://example.com/a?b".to_owned()) && is_url(Some("mailto:a@b".to_owned())) && is_url(None::<String>)
    );
    assert!(!is_url("example.com".to_owned()) && !is_url(Some("no url".to_owned())));
    let mail = |text: &str| said(|errors| email(&text.to_owned(), "it", errors));
    assert_eq!((mail("a@b.c").as_str(), mail("a").contains("it")), ("", true));
    let digits = regex::Regex::new("[0-9]").unwrap();
    let matches = |text: Option<String>| said(|errors| pattern(&text, &digits, "it", errors));
    assert!(matches(Some("a1".into())).is_empty() && matches(None).is_empty() && !matches(Some("a".into())).is_empty());
}

#[test]
fn rules_of_what_is_inside_name_its_place() {
    struct Inner(bool);

    impl Nested for Inner {
        fn check(&self, path: &str, errors: &mut ValidationErrors) {
            if !self.0 {
                errors.add(rules::join(path, "field"), "is wrong");
            }
        }
    }

    let paths = |value: &dyn Fn(&mut ValidationErrors)| {
        let mut errors = ValidationErrors::default();
        value(&mut errors);
        (&errors).into_iter().map(|error| error.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(paths(&|errors| nested(&Box::new(Inner(false)), "boxed", errors)), ["boxed.field"]);
    assert_eq!(paths(&|errors| nested(&Some(Inner(false)), "", errors)), ["field"]);
    assert_eq!(paths(&|errors| nested(&vec![Inner(true), Inner(false)], "list", errors)), ["list[1].field"]);
    assert!(paths(&|errors| nested(&None::<Inner>, "none", errors)).is_empty());
}

#[test]
fn errors_stand_one_behind_the_other() {
    let mut errors = ValidationErrors::default();
    assert!(errors.is_empty() && errors.to_string().is_empty());
    errors.add("a", "is wrong");
    let one = errors.to_string();
    errors.add("b", "is wrong too");
    let two = errors.to_string();
    assert_eq!((one.as_str(), two.as_str()), ("`a` is wrong", "`a` is wrong; `b` is wrong too"));
    assert!(errors.into_result().is_err() && ValidationErrors::default().into_result().is_ok());
}

#[test]
fn a_value_about_a_person_is_not_shown() {
    let told = |path: &str| {
        let mut errors = ValidationErrors::about(&["age"]);
        range(&7.5, (Some(10.0), None), path, &mut errors);
        errors.into_result().unwrap_err().to_string()
    };
    for hidden in ["age", "age.years", "age[0]"] {
        assert!(!told(hidden).contains("7.5") && told(hidden).contains("out of range"), "{}", told(hidden));
    }
    for shown in ["ages", "a", "the.age"] {
        assert!(told(shown).contains("7.5"), "{}", told(shown));
    }
    let mut found = ValidationErrors::about(&["age"]);
    found.add("age", "is wrong");
    let written = ValidationErrors::from(ValidationError::new("age", "is wrong"));
    assert_eq!(found.into_result(), Err(written), "what is found is what someone writes");
}
