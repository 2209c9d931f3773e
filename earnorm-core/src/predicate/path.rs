//! Dotted paths: which values of a document a condition looks at.

use bson::{Bson, Document};

/// Calls `look` with the values at `path` until it answers `true`; answers whether it did.
///
/// Arrays on the way are looked into: every document in them is followed, and a number in the path is a place in them.
/// An array at the end gives its elements, if `elements` is set, and then itself. A missing field gives `None`;
/// elements on the way that are no documents give nothing at all.
pub(crate) fn any(
    document: &Document,
    path: &str,
    elements: bool,
    look: &mut dyn FnMut(Option<&Bson>) -> bool,
) -> bool {
    let (name, rest) = split(path);
    match (document.get(name), rest) {
        (Some(Bson::Array(items)), None) if elements => {
            items.iter().any(|item| look(Some(item))) || look(document.get(name))
        }
        (found, None) => look(found),
        (Some(Bson::Document(inner)), Some(rest)) => any(inner, rest, elements, look),
        (Some(Bson::Array(items)), Some(rest)) => any_in_array(items, rest, elements, look),
        (_, Some(_)) => look(None),
    }
}

fn any_in_array(items: &[Bson], path: &str, elements: bool, look: &mut dyn FnMut(Option<&Bson>) -> bool) -> bool {
    let (name, rest) = split(path);
    let place = place(name);
    items.iter().enumerate().any(|(index, item)| {
        if let Bson::Document(inner) = item
            && any(inner, path, elements, look)
        {
            return true;
        }
        if place != Some(index) {
            return false;
        }
        match (item, rest) {
            // A place that ends the path gives the element as it is, an array too.
            (item, None) => look(Some(item)),
            (Bson::Document(inner), Some(rest)) => any(inner, rest, elements, look),
            (Bson::Array(inner), Some(rest)) => any_in_array(inner, rest, elements, look),
            _ => false,
        }
    })
}

/// The first name of a path, and what follows it.
pub(crate) fn split(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)))
}

/// The place in an array that a name stands for, written without leading zeros.
pub(crate) fn place(name: &str) -> Option<usize> {
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (name.len() == 1 || !name.starts_with('0'))).then(|| name.parse().ok())?
}
