//! Subjects: whom personal data is about, as text and as stored.

use std::collections::BTreeSet;

use bson::{Bson, Document};

use crate::error::{EncodeError, Error, Result};
use crate::schema::{ModelSchema, StoredKind};
use crate::value::{from_key, key_text};

/// How long the text of a subject may be.
const BYTES_MAX: usize = 512;

/// The stored form of a subject in a model; `None` where no instance can have it.
pub(super) fn stored(schema: &ModelSchema, text: &str) -> Option<Bson> {
    let kind = schema.fields.iter().find(|field| field.path == schema.subject)?.kind;
    from_key(kind, text)
}

/// A subject as it was given, and as the models write it: a `Uuid` may be given in capitals.
pub(super) fn spellings(schemas: &[&ModelSchema], text: &str) -> BTreeSet<String> {
    let written = schemas.iter().filter_map(|schema| key_text(&stored(schema, text)?));
    written.chain([text.to_owned()]).collect()
}

/// The subject of an instance, from its document.
pub(super) fn of(document: &Document, path: &str, instance: impl Fn() -> String) -> Result<String> {
    let refused = |reason: &str| Error::Encode { subject: instance(), source: EncodeError::new(reason).at(path) };
    let text = document.get(path).and_then(key_text);
    let text = text.ok_or_else(|| refused("is no id, and personal data needs the id of its subject there"))?;
    check(&text).map_err(|reason| refused(&reason))?;
    Ok(text)
}

/// Refuses a text that cannot name a subject.
pub(super) fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty, and personal data needs a subject: whom it is about".to_owned());
    }
    if text.len() > BYTES_MAX {
        return Err(format!("has {} bytes, and the name of a subject has at most {BYTES_MAX}", text.len()));
    }
    Ok(())
}

/// What is wrong with the subjects of models together: numbers that say whose data it is must count one kind of person.
pub(crate) fn clash(schemas: impl Iterator<Item = &'static ModelSchema>) -> Option<String> {
    let numbered = |schema: &&ModelSchema| {
        let id = schema.fields.iter().find(|field| field.path == "_id");
        !schema.personal.is_empty() && schema.subject == "_id" && id.is_some_and(|id| id.kind == StoredKind::Int64)
    };
    let mut numbered = schemas.filter(numbered);
    let (one, two) = (numbered.next()?, numbered.next()?);
    Some(format!(
        "{} and {} hold personal data of subjects that are their own numbers, and the same number in both would be one \
         person, whose data is erased in both: mark a field with `#[model(subject)]` in one of them, or use `Uuid` ids",
        one.rust_path, two.rust_path
    ))
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, check};

    #[test]
    fn a_subject_has_a_name_of_some_length() {
        for good in [1, BYTES_MAX] {
            assert_eq!(check(&"x".repeat(good)), Ok(()));
        }
        let long = check(&"x".repeat(BYTES_MAX + 1)).unwrap_err();
        assert!(long.contains("has 513 bytes") && long.contains("at most 512"), "{long}");
        assert!(check("").is_err());
    }
}
