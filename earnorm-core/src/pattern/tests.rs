//! The rule of patterns, stated a second time without globs, and the two compared.

use proptest::prelude::*;

use super::EventPattern;

/// `*` is one word; `**` is any number of words, of which a trailing one asks for at least one.
fn matches(pattern: &[&str], words: &[&str]) -> bool {
    match pattern {
        [] => words.is_empty(),
        ["**"] => !words.is_empty(),
        ["**", rest @ ..] => (0..=words.len()).any(|skip| matches(rest, &words[skip..])),
        ["*", rest @ ..] => !words.is_empty() && matches(rest, &words[1..]),
        [word, rest @ ..] => words.first() == Some(word) && matches(rest, &words[1..]),
    }
}

proptest! {
    #[test]
    fn the_matcher_keeps_the_rule(
        pattern in prop::collection::vec(prop_oneof![Just("*"), Just("**"), Just("a"), Just("b")], 1..5),
        name in prop::collection::vec(prop_oneof![Just("a"), Just("b"), Just("c")], 1..5),
    ) {
        let matcher = EventPattern::new(&pattern.join(".")).unwrap();
        prop_assert_eq!(matcher.matches(&name.join(".")), matches(&pattern, &name), "{} on {:?}", matcher, name);
    }
}

#[test]
fn examples_from_the_documentation() {
    let cases = [
        ("user.*", "user.created", true),
        ("user.*", "user.password.changed", false),
        ("user.*", "user", false),
        ("user.**", "user.password.changed", true),
        ("user.**", "user", false),
        ("**.created", "created", true),
        ("**.created", "shop.order.created", true),
        ("**", "anything", true),
    ];
    for (pattern, name, expected) in cases {
        assert_eq!(EventPattern::new(pattern).unwrap().matches(name), expected, "{pattern} on {name}");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    for text in ["", ".", "user.", "User.*", "user.cre*", "user/created", "user.{a,b}", "a b", "***", "[a]"] {
        assert!(EventPattern::new(text).is_err(), "{text}");
    }
}
