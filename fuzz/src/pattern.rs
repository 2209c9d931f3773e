//! Patterns over event types.

use earnorm_core::pattern::EventPattern;

/// A pattern is refused, or matches what its rule says: told here without globs.
pub fn pattern(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (pattern, name) = text.split_once('\n').unwrap_or((&text, "user.created"));
    let Ok(matcher) = EventPattern::new(pattern) else { return };
    assert_eq!(matcher.as_str(), pattern);
    let parts: Vec<_> = pattern.split('.').collect();
    assert!(parts.iter().all(|part| *part == "*" || *part == "**" || earnorm_core::event::is_word(part)), "{pattern}");
    assert_eq!(matcher.literal().is_some(), !parts.iter().any(|part| part.starts_with('*')));
    let names = [name, "user.created", pattern];
    for name in names.into_iter().filter(|name| earnorm_core::event::is_dotted_name(name)) {
        let words: Vec<_> = name.split('.').collect();
        assert_eq!(matcher.matches(name), matches(&parts, &words), "{pattern} on {name}");
    }
    let _ = matcher.matches(name);
}

/// `*` is one word; `**` is any number of words, of which a trailing one asks for at least one.
fn matches(parts: &[&str], words: &[&str]) -> bool {
    // Whether the parts up to here lead to each place among the words.
    let mut at = vec![false; words.len() + 1];
    at[0] = true;
    for (number, part) in parts.iter().enumerate() {
        let mut next = vec![false; words.len() + 1];
        for place in (0..=words.len()).filter(|place| at[*place]) {
            match *part {
                "**" => {
                    let least = usize::from(number + 1 == parts.len());
                    next.iter_mut().skip(place + least).for_each(|there| *there = true);
                }
                part if words.get(place).is_some_and(|word| part == "*" || part == *word) => next[place + 1] = true,
                _ => {}
            }
        }
        at = next;
    }
    at[words.len()]
}
