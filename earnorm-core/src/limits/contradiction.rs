//! Conditions of one commit on one document that exclude each other. What a commit writes is known before it is sent: a
//! store that found out by itself could only take it for a conflict with another writer, and try again in vain.

use std::collections::HashMap;

use bson::{Bson, Document};

use crate::commit::{Commit, DocumentOp};
use crate::schema::VERSION;

/// What a commit asks of a document, or leaves of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Absent,
    At(u64),
    /// Something that only the store can tell.
    Unknown,
}

impl State {
    fn excludes(self, other: Self) -> bool {
        self != other && self != Self::Unknown && other != Self::Unknown
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Absent => f.write_str("no document"),
            Self::At(version) => write!(f, "version {version}"),
            Self::Unknown => f.write_str("any version"),
        }
    }
}

/// The reason why no store could ever apply a commit, if its conditions on one document exclude each other.
pub(super) fn contradiction(commit: &Commit) -> Option<String> {
    if commit.checks.len() + commit.documents.len() < 2 {
        return None;
    }
    let mut states: HashMap<(&str, &Bson), State> = HashMap::new();
    for check in &commit.checks {
        let asked = State::At(check.expected);
        let before = states.insert((&check.collection, &check.id), asked).unwrap_or(asked);
        if before.excludes(asked) {
            return Some(format!("it checks {} {} for {before} and for {asked}", check.collection, check.id));
        }
    }
    for write in &commit.documents {
        let asked = asked(&write.op);
        let before = states.insert((&write.collection, &write.id), left(&write.op)).unwrap_or(asked);
        if before.excludes(asked) {
            return Some(format!(
                "it writes {} {} where it asks for {asked}, but what stands before in the commit makes that {before}: \
                 write a document once, or let each write ask for what the one before it leaves",
                write.collection, write.id
            ));
        }
    }
    None
}

fn asked(op: &DocumentOp) -> State {
    match op {
        DocumentOp::Insert { .. } => State::Absent,
        DocumentOp::Replace { expected, .. } | DocumentOp::Patch { expected, .. } | DocumentOp::Delete { expected } => {
            State::At(*expected)
        }
    }
}

fn left(op: &DocumentOp) -> State {
    match op {
        DocumentOp::Insert { document } | DocumentOp::Replace { document, .. } => version_of(document),
        DocumentOp::Patch { expected, set, unset } => {
            let inside = |path: &str| path.split('.').next() == Some(VERSION);
            let mut set = set.iter().filter(|(path, _)| inside(path));
            match (set.next(), set.next(), unset.iter().any(|path| inside(path))) {
                (None, _, false) => State::At(*expected),
                (Some((path, value)), None, false) if path == VERSION => version(Some(value)),
                _ => State::Unknown,
            }
        }
        DocumentOp::Delete { .. } => State::Absent,
    }
}

fn version_of(document: &Document) -> State {
    version(document.get(VERSION))
}

fn version(stored: Option<&Bson>) -> State {
    let number = match stored {
        None | Some(Bson::Null) => return State::At(0),
        Some(Bson::Int64(number)) => u64::try_from(*number).ok(),
        Some(Bson::Int32(number)) => u64::try_from(*number).ok(),
        Some(_) => None,
    };
    number.map_or(State::Unknown, State::At)
}

#[cfg(test)]
mod tests {
    use bson::doc;
    use uuid::Uuid;

    use super::*;
    use crate::commit::DocumentWrite;

    fn patch(expected: u64, set: Document) -> DocumentOp {
        DocumentOp::Patch { expected, set: set.into_iter().collect(), unset: Vec::new() }
    }

    /// What is said of two writes of one document.
    fn said(first: DocumentOp, second: DocumentOp) -> Option<String> {
        let mut commit = Commit::new(Uuid::nil());
        for op in [first, second] {
            commit.documents.push(DocumentWrite { collection: "users".into(), id: 1.into(), op });
        }
        contradiction(&commit)
    }

    #[test]
    fn what_the_first_write_leaves_and_the_second_asks_for_is_told() {
        let told = |first, second| said(first, second).expect("they exclude each other");
        let kept = told(patch(1, doc! { "n": 1 }), DocumentOp::Delete { expected: 2 });
        assert!(kept.contains("asks for version 2") && kept.contains("makes that version 1"), "{kept}");
        let gone = told(DocumentOp::Delete { expected: 1 }, patch(1, doc! {}));
        assert!(gone.contains("makes that no document"), "{gone}");
        let there = told(patch(1, doc! { VERSION: 2_i64 }), DocumentOp::Insert { document: doc! { "_id": 1 } });
        assert!(there.contains("asks for no document") && there.contains("makes that version 2"), "{there}");
    }

    #[test]
    fn what_only_the_store_can_tell_is_left_to_it() {
        for unclear in [doc! { format!("{VERSION}.0"): 1 }, doc! { VERSION: "two" }, doc! { VERSION: -1 }] {
            assert_eq!(said(patch(1, unclear), DocumentOp::Delete { expected: 7 }), None);
        }
        assert_eq!(said(patch(1, doc! { VERSION: 2_i64 }), DocumentOp::Delete { expected: 2 }), None);
    }
}
