//! The changes that an `updated` event records, where they touch personal fields.

use bson::{Bson, Document};

use crate::diff::{Change, Changes};

/// The path that a side of a change is bound to.
pub(super) fn change_path(path: &str, side: &str) -> String {
    format!("{side} {path}")
}

/// The changes that have one of these paths.
fn changes_of<'a>(data: &'a Document, paths: &'a [&'a str]) -> impl Iterator<Item = &'a Document> {
    let changes = data.get_array("changes").map(Vec::as_slice).unwrap_or_default();
    let of = |change: &&Document| change.get_str("path").is_ok_and(|path| paths.contains(&path));
    changes.iter().filter_map(Bson::as_document).filter(of)
}

/// Whether a change of one of these paths holds something on a side.
pub(super) fn tells(data: &Document, paths: &[&str], side: &str) -> bool {
    changes_of(data, paths).any(|change| change.get(side).is_some_and(|value| *value != Bson::Null))
}

/// Whether a change names another subject.
pub(super) fn moved(data: &Document, subject: &str) -> bool {
    changes_of(data, &[subject]).next().is_some()
}

/// Records changes inside a personal field as changes of the whole field, so that one that cannot be opened any more is
/// one that is null. Where the subject changed, all personal fields are recorded: from here on they are about another.
pub(super) fn whole_fields(
    data: &mut Document,
    names: &[&str],
    (previous, after): (Option<&Document>, Option<&Document>),
    moved: bool,
) {
    let (Ok(changes), Some(after)) = (Changes::from_data(data), after) else { return };
    let below = |change: &Change, name: &str| change.path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    let mut list: Vec<_> = changes.iter().cloned().collect();
    let mut rewritten = false;
    for name in names {
        if !moved && !list.iter().any(|change| below(change, name)) {
            continue;
        }
        let old = previous.and_then(|previous| previous.get(name)).cloned();
        let new = after.get(name).cloned();
        list.retain(|change| change.path != *name && !below(change, name));
        if old.is_some() || new.is_some() {
            list.push(Change { path: (*name).to_owned(), old, new });
        }
        rewritten = true;
    }
    if rewritten {
        *data = Changes::of(list).to_data();
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    fn whole(previous: &Document, after: &Document, moved: bool) -> Changes {
        let mut data = Changes::between(previous, after).to_data();
        whole_fields(&mut data, &["note", "address"], (Some(previous), Some(after)), moved);
        Changes::from_data(&data).expect("changes")
    }

    fn paths(changes: &Changes) -> Vec<String> {
        let mut paths = changes.paths();
        paths.sort();
        paths
    }

    #[test]
    fn a_change_inside_a_field_is_one_of_the_whole_field() {
        let previous = doc! { "_id": 1, "size": 1, "address": { "city": "A", "zip": 1 } };
        let after = doc! { "_id": 1, "size": 2, "address": { "city": "B", "zip": 1 } };
        let changes = whole(&previous, &after, false);
        assert_eq!(paths(&changes), ["address", "size"]);
        let mut folded = previous.clone();
        changes.apply_to(&mut folded);
        assert_eq!(folded, after);
    }

    #[test]
    fn an_instance_of_another_subject_tells_each_field_also_those_that_come_or_go() {
        let none = doc! { "_id": 1, "customer": 1 };
        let some = doc! { "_id": 1, "customer": 2, "note": "n", "address": { "city": "A" } };
        for (previous, after) in [(&none, &some), (&some, &none)] {
            let changes = whole(previous, after, true);
            assert_eq!(paths(&changes), ["address", "customer", "note"]);
            let mut folded = previous.clone();
            changes.apply_to(&mut folded);
            assert_eq!(&folded, after);
        }
        let moved = doc! { "_id": 1, "customer": 3, "note": "n", "address": { "city": "A" } };
        assert_eq!(paths(&whole(&some, &moved, true)), ["address", "customer", "note"]);
        assert_eq!(paths(&whole(&none, &doc! { "_id": 1, "customer": 3 }, true)), ["customer"]);
    }
}
