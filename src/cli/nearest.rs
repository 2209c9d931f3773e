//! The names that someone may have meant.

/// How alike two names must be to be worth a hint.
const ALIKE: f64 = 0.75;
/// How many names a hint offers.
const OFFERS_MAX: usize = 3;

/// The known names nearest to `name`, the nearest first.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let likeness = |other: &str| match other {
        _ if name.len() > 2 && other.starts_with(name) => 1.0,
        // One slip of the finger, which weighs too much in short names.
        _ if name.len() > 2 && strsim::osa_distance(name, other) == 1 => 0.9,
        _ => strsim::jaro_winkler(name, other),
    };
    let mut alike: Vec<_> = known.into_iter().map(|other| (likeness(other), other)).collect();
    alike.retain(|(likeness, _)| *likeness >= ALIKE);
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    alike.into_iter().map(|(_, other)| other).take(OFFERS_MAX).collect()
}

/// What to type instead of an unknown name: the nearest ones, or all of a few.
pub(super) fn instead(what: &str, name: &str, known: &[&str]) -> Option<String> {
    let near = nearest(name, known.iter().copied());
    match (near.as_slice(), known) {
        (_, []) => None,
        ([], known) if known.len() <= 12 => Some(format!("known {what}: {}", known.join(", "))),
        ([], _) => None,
        (near, _) => Some(format!("did you mean {}?", near.join(" or "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first_and_far_ones_not_at_all() {
        assert_eq!(nearest("usr", ["order", "user", "users"]), ["user", "users"]);
        assert_eq!(nearest("lgo", ["log", "login", "doctor"]), ["log", "login"]);
        assert_eq!(nearest("zebra", ["order", "user"]), [""; 0]);
        assert_eq!(instead("models", "usr", &["order", "user"]).as_deref(), Some("did you mean user?"));
        assert_eq!(instead("models", "zebra", &["order", "user"]).as_deref(), Some("known models: order, user"));
        assert_eq!(instead("models", "zebra", &[]), None);
    }
}
