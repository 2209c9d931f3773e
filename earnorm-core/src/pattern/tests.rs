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

    #[test]
    fn any_text_is_refused_or_read_as_it_is(text in ".{0,20}", parts in prop::collection::vec(0..12_usize, 0..12)) {
        let words = ["*", "**", ".", "a", "b1", "_", "A", "{a,b}", "[a]", "\\", "?", "\n"];
        for text in [text, parts.into_iter().map(|part| words[part]).collect::<String>()] {
            let Ok(pattern) = EventPattern::new(&text) else { continue };
            prop_assert_eq!(pattern.as_str(), &text);
            prop_assert!(text.split('.').all(|part| part == "*" || part == "**" || crate::event::is_word(part)));
            // Event types are patterns without wildcards, which match themselves alone.
            prop_assert_eq!(pattern.literal().is_some(), crate::event::is_dotted_name(&text));
            let other = ["z", text.as_str()].concat();
            prop_assert!(pattern.literal().is_none_or(|name| pattern.matches(name) && !pattern.matches(&other)));
        }
    }
}

#[test]
fn patterns_of_any_length_are_read_or_refused() {
    let longest = ["**"; 170].join(".");
    let pattern = EventPattern::new(&longest).unwrap();
    assert!(pattern.matches("a.b") && pattern.matches("a"));
    let deep = ["a"; 64].join(".");
    assert!(EventPattern::new(&format!("{}.a", ["**.*"; 60].join("."))).unwrap().matches(&deep));
    for part in ["**.", "*.", "a."] {
        let error = EventPattern::new(&format!("{}a", part.repeat(500_000))).unwrap_err().to_string();
        assert!(error.contains("512 bytes at most") && error.len() < 300, "{error}");
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

#[test]
fn patterns_are_equal_by_their_text_and_show_it() {
    let pattern = |text: &str| EventPattern::new(text).unwrap();
    assert!(pattern("user.*") == pattern("user.*") && pattern("user.*") != pattern("user.**"));
    assert_eq!(
        (pattern("user.*").to_string(), format!("{:?}", pattern("a.b"))),
        ("user.*".into(), r#"EventPattern("a.b")"#.into())
    );
    assert_eq!("user.*".parse::<EventPattern>().unwrap(), pattern("user.*"));
}
