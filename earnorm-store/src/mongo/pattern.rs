//! Event patterns as regular expressions, so that the server filters by type with the one matcher's meaning.

use earnorm_core::pattern::EventPattern;

/// The pattern as an anchored regular expression; `None` when it matches everything.
///
/// `*` is one word; `**` is any number of words: at the start and in the middle also none, at the end at least one.
pub(super) fn regex(pattern: &EventPattern) -> Option<String> {
    let mut parts: Vec<_> = pattern.as_str().split('.').collect();
    parts.dedup_by(|next, previous| *next == "**" && *previous == "**");
    if parts == ["**"] {
        return None;
    }
    let last = parts.len() - 1;
    let mut regex = String::from("^");
    // Whether the part before ended with its dot, or there is none.
    let mut dotted = true;
    for (index, part) in parts.into_iter().enumerate() {
        if part == "**" {
            regex.push_str(match index {
                0 => r"(?:.*\.)?",
                _ if index == last => r"\..+",
                _ => r"\.(?:.*\.)?",
            });
            dotted = true;
            continue;
        }
        if !dotted {
            regex.push_str(r"\.");
        }
        regex.push_str(if part == "*" { r"[^.]+" } else { part });
        dotted = false;
    }
    regex.push_str(r"\z");
    Some(regex)
}

#[cfg(test)]
mod tests {
    //! The same answers as the one matcher.

    use earnorm_core::pattern::EventPattern;
    use earnorm_core::regex::PortableRegex;

    use super::regex;

    #[test]
    fn it_matches_what_the_pattern_matches() {
        let words = ["user", "created", "a", "b"];
        let mut names: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        for _ in 0..3 {
            let longer: Vec<_> =
                names.iter().flat_map(|name| words.iter().map(move |w| format!("{name}.{w}"))).collect();
            names.extend(longer);
            names.sort();
            names.dedup();
        }
        let parts = ["user", "a", "*", "**"];
        let mut patterns: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
        for _ in 0..3 {
            let longer: Vec<_> =
                patterns.iter().flat_map(|p| parts.iter().map(move |part| format!("{p}.{part}"))).collect();
            patterns.extend(longer);
            patterns.sort();
            patterns.dedup();
        }
        for text in patterns {
            let pattern = EventPattern::new(&text).expect("a pattern");
            let compiled =
                regex(&pattern).map(|regex| PortableRegex::new(&regex).unwrap_or_else(|e| panic!("{regex}: {e}")));
            for name in &names {
                let matched = compiled.as_ref().is_none_or(|regex| regex.is_match(name));
                assert_eq!(matched, pattern.matches(name), "{text} on {name}");
            }
        }
    }
}
