//! Errors that show nothing of personal data.

use bson::{Bson, Document};

use crate::error::Error;

/// The error about a document with personal data at `paths`: a key in them is not named, since keys of maps are values.
pub(crate) fn veil_name(error: Error, document: &Document, paths: &[&str]) -> Error {
    match error {
        Error::InvalidField { subject, name, reason }
            if paths.iter().filter_map(|path| document.get(path)).any(|value| has_key(value, &name)) =>
        {
            Error::InvalidField { subject, name: "…".to_owned(), reason }
        }
        other => other,
    }
}

fn has_key(value: &Bson, name: &str) -> bool {
    match value {
        Bson::Document(document) => document.iter().any(|(key, value)| key == name || has_key(value, name)),
        Bson::Array(items) => items.iter().any(|item| has_key(item, name)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn keys_of_personal_maps_are_not_named_and_all_others_are() {
        let document =
            doc! { "_id": 1, "friends": { "Ada.": 1 }, "calls": [{ "to": { "Bob.": 1 } }], "sizes": { "a.b": 1 } };
        let named = |name: &str| {
            let error =
                Error::InvalidField { subject: "m `1`".to_owned(), name: name.to_owned(), reason: "it contains `.`" };
            match veil_name(error, &document, &["friends", "calls"]) {
                Error::InvalidField { name, .. } => name,
                other => other.to_string(),
            }
        };
        assert_eq!(["Ada.", "Bob.", "a.b", "elsewhere."].map(named), ["…", "…", "a.b", "elsewhere."]);
    }
}
