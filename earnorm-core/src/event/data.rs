//! What an event tells, made into a document only when somebody looks at it.

use std::fmt;
use std::sync::OnceLock;

use bson::Document;

use crate::extjson::{self, NotExtendedJson};

/// The data of an event.
///
/// A store may hand it over as the text that it keeps. That text becomes a document once, when it is first looked at:
/// who reads a log for its types, streams or times alone does not pay for it. [`RecordedEvent::data`] looks at it and
/// names the event in its error.
///
/// [`RecordedEvent::data`]: super::RecordedEvent::data
pub struct EventData(Kept);

enum Kept {
    Document(Document),
    Text { text: Box<str>, read: OnceLock<Box<Document>> },
}

impl EventData {
    /// Takes a text of extended JSON as it stands: it is read when it is looked at. See [`extjson`].
    #[must_use]
    pub fn from_text(text: impl Into<Box<str>>) -> Self {
        Self(Kept::Text { text: text.into(), read: OnceLock::new() })
    }

    /// The document. It is made once.
    ///
    /// # Errors
    /// When the text that the store kept is not what this library writes.
    pub fn document(&self) -> Result<&Document, NotExtendedJson> {
        match &self.0 {
            Kept::Document(document) => Ok(document),
            Kept::Text { text, read } => match read.get() {
                Some(document) => Ok(document),
                None => {
                    let document = Box::new(extjson::decode(text)?);
                    Ok(read.get_or_init(|| document))
                }
            },
        }
    }

    /// The document, to be changed. A text that cannot be read stays.
    ///
    /// # Errors
    /// As [`EventData::document`].
    pub fn document_mut(&mut self) -> Result<&mut Document, NotExtendedJson> {
        if let Kept::Text { text, read } = &mut self.0 {
            let document = match read.take() {
                Some(document) => *document,
                None => extjson::decode(text)?,
            };
            self.0 = Kept::Document(document);
        }
        match &mut self.0 {
            Kept::Document(document) => Ok(document),
            Kept::Text { .. } => Err(NotExtendedJson::unread()),
        }
    }

    /// The document alone.
    ///
    /// # Errors
    /// As [`EventData::document`].
    pub fn into_document(self) -> Result<Document, NotExtendedJson> {
        match self.0 {
            Kept::Document(document) => Ok(document),
            Kept::Text { text, read } => match read.into_inner() {
                Some(document) => Ok(*document),
                None => extjson::decode(&text),
            },
        }
    }

    /// Whether it may hold binary values that are no UUIDs, as sealed ones are. A text is not read for that.
    pub(crate) fn may_hold_binary(&self) -> bool {
        match &self.0 {
            Kept::Document(_) => true,
            Kept::Text { text, .. } => text.contains(extjson::BINARY_MARK),
        }
    }
}

impl From<Document> for EventData {
    fn from(document: Document) -> Self {
        Self(Kept::Document(document))
    }
}

impl Default for EventData {
    fn default() -> Self {
        Document::new().into()
    }
}

impl Clone for EventData {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Kept::Document(document) => Kept::Document(document.clone()),
            Kept::Text { text, read } => match read.get() {
                Some(document) => Kept::Document(Document::clone(document)),
                None => Kept::Text { text: text.clone(), read: OnceLock::new() },
            },
        })
    }
}

/// Equal documents; texts that cannot be read are equal if they are the same.
impl PartialEq for EventData {
    fn eq(&self, other: &Self) -> bool {
        match (self.document(), other.document()) {
            (Ok(one), Ok(other)) => one == other,
            (Err(_), Err(_)) => self.to_string() == other.to_string(),
            _ => false,
        }
    }
}

impl PartialEq<Document> for EventData {
    fn eq(&self, other: &Document) -> bool {
        self.document().is_ok_and(|document| document == other)
    }
}

/// The document, or the text that is none.
impl fmt::Display for EventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.document(), &self.0) {
            (Ok(document), _) => write!(f, "{document}"),
            (Err(_), Kept::Text { text, .. }) => f.write_str(text),
            (Err(_), Kept::Document(_)) => Ok(()),
        }
    }
}

/// As the document's, which it looks at.
impl fmt::Debug for EventData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.document() {
            Ok(document) => fmt::Debug::fmt(document, f),
            Err(_) => write!(f, "{:?}", self.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    //! A text behaves as the document that it tells.

    use bson::doc;

    use super::*;

    fn whole() -> Document {
        doc! { "name": "Ada", "n": 5_i64, "of": [1, { "x": null }], "key": bson::Uuid::from_bytes([7; 16]), "bytes": bytes() }
    }

    fn bytes() -> bson::Binary {
        bson::Binary { subtype: bson::spec::BinarySubtype::UserDefined(0x81), bytes: vec![1, 2] }
    }

    #[test]
    fn a_text_is_the_document_that_was_written() {
        let (kept, mut text) = (EventData::from(whole()), EventData::from_text(extjson::encode(&whole())));
        assert_eq!(kept, text);
        assert_eq!(text, whole());
        assert_eq!((kept.to_string(), format!("{kept:?}")), (text.to_string(), format!("{text:?}")));
        assert_eq!(text.clone(), EventData::from_text(extjson::encode(&whole())));
        assert!(text.may_hold_binary());
        text.document_mut().unwrap().insert("name", "Grace");
        assert_ne!(text, kept);
        assert_eq!(text.document().unwrap().get_str("name").unwrap(), "Grace");
        assert_eq!(text.into_document().unwrap().get_str("name").unwrap(), "Grace");
        assert!(!EventData::from_text(r#"{"name":"Ada"}"#).may_hold_binary());
    }

    #[test]
    fn a_text_that_cannot_be_read_stays_and_says_so() {
        let mut broken = EventData::from_text(r#"{"name":"#);
        assert!(broken.document().unwrap_err().to_string().contains("not extended JSON"));
        assert!(broken.document_mut().is_err());
        assert_eq!(broken.to_string(), r#"{"name":"#);
        assert_eq!(broken, broken.clone());
        assert_ne!(broken, EventData::from_text(r#"{"other":"#));
        assert_ne!(broken, EventData::default());
        assert!(broken.into_document().is_err());
    }
}
