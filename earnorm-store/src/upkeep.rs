//! What every store checks before upkeep changes anything.

use bson::{Bson, Document};
use earnorm_core::limits::{DOCUMENT_BYTES_MAX, size_of};
use earnorm_core::position::Position;
use earnorm_core::{Error, Result};

use crate::names;

/// The `_id` under which a document is put.
pub(crate) fn own_id<'a>(collection: &str, document: &'a Document) -> Result<&'a Bson> {
    document.get("_id").ok_or_else(|| Error::InvalidCommit {
        reason: format!("a document for `{collection}` has no `_id` to be put under"),
    })
}

/// Refuses documents that no database holds, or that could not be read again.
pub(crate) fn check_documents(collection: &str, documents: &[Document]) -> Result<()> {
    for document in documents {
        let id = own_id(collection, document)?;
        let subject = || names::document(collection, id);
        let actual = size_of(document, subject)?;
        if actual > DOCUMENT_BYTES_MAX {
            return Err(Error::TooLarge { subject: subject(), actual, limit: DOCUMENT_BYTES_MAX });
        }
    }
    Ok(())
}

/// Refuses a truncation that would take what is not final, or what a consumer has not read.
pub(crate) fn check_truncation<'a>(
    upto: Position,
    high_water: Position,
    checkpoints: impl IntoIterator<Item = (&'a str, Position)>,
) -> Result<()> {
    let refused = |reason: String| Err(Error::InvalidQuery { path: "upto".to_owned(), reason });
    if upto > high_water {
        return refused(format!("position {upto} is above the high-water mark, which is {high_water}"));
    }
    let behind = checkpoints.into_iter().filter(|(_, position)| *position < upto).min();
    match behind {
        Some((consumer, position)) => refused(format!(
            "consumer `{consumer}` has read up to position {position} only; let it catch up to {upto}, or remove it"
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn a_document_may_be_as_large_as_a_database_holds() {
        let most = 16 * 1024 * 1024;
        // Beside the text: an id, and the frames of the document and of both fields.
        let document = |bytes: usize| doc! { "_id": 1, "x": "x".repeat(bytes - 22) };
        assert_eq!(bson::serialize_to_vec(&document(most)).unwrap().len(), most);
        check_documents("things", &[document(100), document(most)]).unwrap();
        match check_documents("things", &[document(100), document(most + 1)]) {
            Err(Error::TooLarge { subject, actual, limit }) => {
                assert_eq!((subject.as_str(), actual, limit), ("document 1 of things", most + 1, most));
            }
            other => panic!("expected a refusal, not {other:?}"),
        }
    }
}
