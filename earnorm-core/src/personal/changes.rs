//! The changes that an `updated` event records, where they touch personal fields.

use bson::{Bson, Document};

use crate::diff::{Change, Changes};

/// The path that a side of a change is bound to.
pub(super) fn change_path(path: &str, side: &str) -> String {
    format!("{side} {path}")
}

/// Whether a change has one of these paths.
pub(super) fn touches(data: &Document, paths: &[&str]) -> bool {
    let changes = data.get_array("changes").map(Vec::as_slice).unwrap_or_default();
    let path = |change: &Bson| change.as_document().and_then(|change| change.get_str("path").ok()).map(str::to_owned);
    changes.iter().filter_map(path).any(|path| paths.contains(&path.as_str()))
}

/// Whether a change names another subject.
pub(super) fn moved(data: &Document, subject: &str) -> bool {
    touches(data, &[subject])
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
