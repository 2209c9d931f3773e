//! What a write makes of a document, the same for every store that does not leave it to a server.

pub(crate) mod index;
pub(crate) mod patch;
pub(crate) mod projection;
pub(crate) mod sort;
pub(crate) mod touched;

use bson::{Bson, Document};
use earnorm_core::commit::DocumentOp;
use earnorm_core::error::VersionConflict;
use earnorm_core::schema::VERSION;
use earnorm_core::store::PutRule;
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::{Error, Result};

use crate::names;

/// What stands under `id` after `op`, where `found` stands now; `None` when nothing does.
pub(crate) fn after(
    collection: &str,
    id: &Bson,
    op: &DocumentOp,
    found: Option<&Document>,
) -> Result<Option<Document>> {
    match op {
        DocumentOp::Insert { document } => match found {
            Some(found) => {
                let expected = ExpectedVersion::NoStream;
                Err(VersionConflict::new(names::document(collection, id), expected, version(found)).into())
            }
            None => Ok(Some(with_id(id, document))),
        },
        DocumentOp::Replace { expected, document } => {
            expect(collection, id, *expected, found)?;
            Ok(Some(with_id(id, document)))
        }
        DocumentOp::Patch { expected, set, unset } => {
            expect(collection, id, *expected, found)?;
            let mut document = found.cloned().unwrap_or_default();
            change(collection, id, &mut document, set, unset)?;
            Ok(Some(document))
        }
        DocumentOp::Delete { expected } => {
            expect(collection, id, *expected, found)?;
            Ok(None)
        }
    }
}

/// The version of a stored document: 0 where it has none, as documents that are older than the library.
pub(crate) fn version(document: &Document) -> u64 {
    let number = match document.get(VERSION) {
        None | Some(Bson::Null) => return 0,
        Some(Bson::Int64(number)) => u64::try_from(*number).ok(),
        Some(Bson::Int32(number)) => u64::try_from(*number).ok(),
        Some(_) => None,
    };
    // What is no version equals none.
    number.unwrap_or(u64::MAX)
}

/// Refuses a document that is not at version `expected`.
pub(crate) fn expect(collection: &str, id: &Bson, expected: u64, found: Option<&Document>) -> Result<()> {
    match found.map(version) {
        Some(actual) if actual == expected => Ok(()),
        actual => {
            let expected = ExpectedVersion::Exact(expected);
            Err(VersionConflict::new(names::document(collection, id), expected, actual.unwrap_or(0)).into())
        }
    }
}

/// The document with its `_id`, first where it has none. Another one than `id` was refused with the commit.
fn with_id(id: &Bson, document: &Document) -> Document {
    if document.contains_key("_id") {
        return document.clone();
    }
    let mut whole = Document::new();
    whole.insert("_id", id.clone());
    whole.extend(document.clone());
    whole
}

/// Puts new values at some paths of a document, and takes others away.
pub(crate) fn change(
    collection: &str,
    id: &Bson,
    document: &mut Document,
    set: &[(String, Bson)],
    unset: &[String],
) -> Result<()> {
    patched(document, set, unset).map_err(|place| blocked(collection, id, place))
}

fn patched<'a>(document: &mut Document, set: &'a [(String, Bson)], unset: &[String]) -> Result<(), &'a str> {
    for (path, value) in set {
        patch::set(document, path, value.clone())?;
    }
    unset.iter().for_each(|path| patch::unset(document, path));
    Ok(())
}

fn blocked(collection: &str, id: &Bson, place: &str) -> Error {
    let reason =
        format!("`{place}` of {} is neither a document nor an array with that place", names::document(collection, id));
    Error::InvalidCommit { reason }
}

/// Whether `rule` lets `new` be put over `found`.
pub(crate) fn applies(rule: PutRule, found: Option<&Document>, new: &Document) -> bool {
    match (rule, found) {
        (PutRule::Always, _) | (PutRule::Absent | PutRule::Newer, None) => true,
        (PutRule::Absent, Some(_)) | (PutRule::SameVersion, None) => false,
        (PutRule::Newer, Some(found)) => {
            matches!(found.get(VERSION), None | Some(Bson::Null)) || version(found) < version(new)
        }
        (PutRule::SameVersion, Some(found)) => version(found) == version(new),
    }
}
