//! Tests of the portable subset.

use proptest::prelude::*;
use proptest::string::string_regex;

use super::PortableRegex;

fn canonical(source: &str) -> String {
    PortableRegex::new(source).unwrap().as_str().to_owned()
}

fn matches(source: &str, text: &str) -> bool {
    PortableRegex::new(source).unwrap().is_match(text)
}

#[test]
fn patterns_are_written_without_room_for_interpretation() {
    assert_eq!(canonical("^ada"), r"\Aada");
    assert_eq!(canonical(r"a\.b$"), r"a\.b\z");
    assert_eq!(canonical("a.b"), r"a[^\x{A}]b");
    assert_eq!(canonical("(?s)a.b"), r"a[\x{0}-\x{10FFFF}]b");
    assert_eq!(canonical(r"\d+"), "[0-9]+");
    assert_eq!(canonical(r"[^\w]"), r"[^0-9A-Z\x{5F}a-z]");
    assert_eq!(canonical(r"(?i)\W\w"), r"[^0-9A-Z\x{5F}a-z][0-9A-Z\x{5F}a-z]");
    assert_eq!(canonical("(?i)k"), r"[Kk\x{212A}]");
    assert_eq!(canonical("(a|bc)*?d"), "(?:a|bc)*d");
    assert_eq!(canonical("(?:a+)+"), "(?:a+)+");
    assert_eq!(canonical("é\n"), r"\x{E9}\x{A}");
    assert_eq!(canonical("a{2}b{2,3}c{2,}d{0,1}e{1,}f{0,}"), "a{2}b{2,3}c{2,}d?e+f*");
    assert_eq!(canonical("[^a-c]"), r"[^a-c]");
    assert_eq!(canonical(""), "(?:)");
    assert_eq!(PortableRegex::new(r"\d").unwrap().source(), r"\d");
}

#[test]
fn patterns_are_equal_that_mean_the_same() {
    let pattern = |source| PortableRegex::new(source).unwrap();
    assert!(pattern(r"\d") == pattern("[0-9]") && pattern("a") != pattern("b"));
}

#[test]
fn perl_classes_are_ascii() {
    assert!(matches(r"^\s$", "\u{B}") && matches(r"^\s$", "\u{C}") && !matches(r"^\s$", "\u{A0}"));
    assert!(!matches(r"\d", "٣") && matches(r"\D", "٣") && matches(r"^[^\d]$", "٣"));
    assert!(!matches(r"^\w$", "é") && matches(r"^[\wé]$", "é") && !matches(r"(?i)^\w$", "\u{212A}"));
    assert!(matches("(?i)^straße$", "STRAßE") && matches("(?i)É", "é"));
}

#[test]
fn the_end_is_the_very_end() {
    assert!(matches("a$", "a") && !matches("a$", "a\n") && !matches("^b", "a\nb"));
}

#[test]
fn what_engines_read_differently_is_refused() {
    let refused = [
        (r"\bword\b", "word boundaries"),
        (r"\b{start}word", "word boundaries"),
        ("(?m)^a", "multi-line"),
        ("(?m:^a)", "multi-line"),
        ("(?R)a", "multi-line"),
        ("(?-u)a", "flag `u`"),
        (r"\p{Greek}", "Unicode classes"),
        (r"[\pL]", "Unicode classes"),
        ("a\0", "NUL"),
        (r"[\x00-a]", "NUL"),
        ("a{1001}", "1001"),
        ("a{2,5000}", "5000"),
        ("(a{900}b{900}){900}", "too large"),
        ("(abcdefghij[a-zé]{3}){1000}", "too large"),
        ("[a&&b]", "combined"),
        ("[[ab]c]", "inside another"),
        ("(?=a)", "look-around"),
        (r"(a)\1", "backreference"),
        ("(", "cannot be read"),
    ];
    for (source, part) in refused {
        let reason = PortableRegex::new(source).unwrap_err();
        assert!(reason.contains(part), "{source}: {reason}");
    }
    assert!(PortableRegex::new(&"a".repeat(4_097)).unwrap_err().contains("4096"));
    assert!(PortableRegex::new(&format!("{}a{}", "(".repeat(500), ")".repeat(500))).is_err());
}

#[test]
fn a_repetition_counts_with_all_that_is_in_it() {
    let is_small = |source: String| PortableRegex::new(&source).is_ok();
    // The last one that passes: what is around a repeated group counts too.
    let letters = |before: usize, inside: usize| format!("{}({}){{1000}}", "b".repeat(before), "a".repeat(inside));
    assert!(is_small(letters(990, 16)) && !is_small(letters(991, 16)));
    assert!(is_small(letters(0, 16)) && !is_small(letters(0, 17)));
    let class = |times: usize| format!("([acegikmoqs]x){{{times}}}");
    assert!(is_small(class(277)) && !is_small(class(278)));
}

/// Patterns whose meaning is the same in the `regex` crate: no Perl classes, no `$`.
fn safe() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[a-c]".prop_map(|text| text),
        Just(".".to_owned()),
        Just("[a-b]".to_owned()),
        Just("[^a]".to_owned()),
        Just("[[:digit:]_]".to_owned()),
        Just(r"\.".to_owned()),
        Just("(?i:b)".to_owned()),
        Just("-".to_owned()),
        Just(r"\A".to_owned()),
        Just(r"\z".to_owned()),
        Just(String::new()),
    ];
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}{b}")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(?:{a}|{b})")),
            inner.clone().prop_map(|a| format!("({a})*")),
            inner.clone().prop_map(|a| format!("(?:{a})+?")),
            inner.clone().prop_map(|a| format!("(?:{a})?")),
            (inner, 0..3_u32, 0..3_u32).prop_map(|(a, n, m)| format!("(?:{a}){{{n},{}}}", n + m)),
        ]
    })
}

proptest! {
    #[test]
    fn the_canonical_pattern_means_the_same(source in safe(), texts in prop::collection::vec("[a-dB.\n_1é-]{0,6}", 8)) {
        let plain = ::regex::Regex::new(&source).unwrap();
        let portable = PortableRegex::new(&source).unwrap();
        for text in texts {
            prop_assert_eq!(plain.is_match(&text), portable.is_match(&text), "{} {}", portable.as_str(), text);
        }
    }

    #[test]
    fn the_canonical_pattern_is_its_own(source in safe()) {
        let once = PortableRegex::new(&source).unwrap();
        // Full classes are written with NUL, which users may not write.
        if !once.as_str().contains(r"\x{0}") {
            prop_assert_eq!(canonical(once.as_str()), once.as_str());
        }
    }

    #[test]
    fn literal_text_matches_itself(text in string_regex("[ -~é]{0,20}").unwrap()) {
        let portable = PortableRegex::new(&format!("^{}$", ::regex::escape(&text))).unwrap();
        prop_assert!(portable.is_match(&text));
    }
}
