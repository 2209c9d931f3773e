//! New values at dotted paths, as `$set` and `$unset` write them.

use bson::{Bson, Document};

/// Writes `value` at `path`, with the documents on the way. Gives the place that is in the way otherwise.
pub(crate) fn set<'a>(document: &mut Document, path: &'a str, value: Bson) -> Result<(), &'a str> {
    match path.split_once('.') {
        None => {
            document.insert(path, value);
            Ok(())
        }
        Some((name, rest)) => {
            let inner = document.entry(name.to_owned()).or_insert_with(|| Bson::Document(Document::new()));
            set_in(inner, name, rest, value)
        }
    }
}

fn set_in<'a>(target: &mut Bson, name: &'a str, path: &'a str, value: Bson) -> Result<(), &'a str> {
    match target {
        Bson::Document(inner) => set(inner, path, value),
        Bson::Array(items) => set_element(items, name, path, value),
        _ => Err(name),
    }
}

/// The longest run of nulls that a place beyond the end of an array may make, as MongoDB limits it.
const PADDING_MAX: usize = 1_500_000;

/// Whether a place is so far behind the end of an array that nothing fills it up to there.
fn is_too_far(index: usize, length: usize) -> bool {
    index.saturating_sub(length) > PADDING_MAX
}

/// The place in an array that a name stands for: digits alone, without a sign.
fn place_of(name: &str) -> Option<usize> {
    name.bytes().all(|byte| byte.is_ascii_digit()).then(|| name.parse().ok())?
}

fn set_element<'a>(items: &mut Vec<Bson>, name: &'a str, path: &'a str, value: Bson) -> Result<(), &'a str> {
    let (place, rest) = path.split_once('.').map_or((path, None), |(place, rest)| (place, Some(rest)));
    let index = place_of(place).ok_or(name)?;
    if index >= items.len() {
        if is_too_far(index, items.len()) {
            return Err(name);
        }
        items.resize(index, Bson::Null);
        items.push(if rest.is_some() { Bson::Document(Document::new()) } else { Bson::Null });
    }
    let Some(item) = items.get_mut(index) else { return Err(name) };
    match rest {
        None => *item = value,
        Some(rest) => return set_in(item, place, rest, value),
    }
    Ok(())
}

/// Removes what stands at `path`, if anything does. An element of an array becomes null, so that the others stay.
pub(crate) fn unset(document: &mut Document, path: &str) {
    match path.split_once('.') {
        None => {
            document.remove(path);
        }
        Some((name, rest)) => {
            if let Some(inner) = document.get_mut(name) {
                unset_in(inner, rest);
            }
        }
    }
}

fn unset_in(target: &mut Bson, path: &str) {
    match target {
        Bson::Document(inner) => unset(inner, path),
        Bson::Array(items) => {
            let (place, rest) = path.split_once('.').map_or((path, None), |(place, rest)| (place, Some(rest)));
            let Some(item) = place_of(place).and_then(|index| items.get_mut(index)) else { return };
            match rest {
                None => *item = Bson::Null,
                Some(rest) => unset_in(item, rest),
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::is_too_far;

    #[test]
    fn an_array_is_filled_up_to_a_place_as_far_as_mongodb_fills_it() {
        for (length, farthest) in [(0, 1_500_000), (2, 1_500_002), (1_600_000, 3_100_000)] {
            assert!(!is_too_far(farthest, length) && !is_too_far(length, length));
            assert!(is_too_far(farthest + 1, length), "of {length}");
        }
    }
}
