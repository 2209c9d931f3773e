//! What an event tells, made into a document only when somebody looks at it.

use std::fmt;
use std::sync::{Arc, LazyLock, OnceLock};

use bson::{Document, RawDocument};
use memchr::{memchr, memmem};

use crate::error::{Error, Result};
use crate::extjson;
use crate::limits::decode_document;
use crate::personal::SEALED_SUBTYPE;

/// Finds the mark of binary values, of which sealed ones are some.
static BINARY: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(extjson::BINARY_MARK));

/// The data of an event. To clone it costs nothing.
///
/// A store may hand it over as the text or the bytes that it keeps. They become a document once, when they are first
/// looked at: who reads a log for its types, streams or times alone does not pay for it. [`RecordedEvent::data`] looks,
/// and names the event in its error.
///
/// [`RecordedEvent::data`]: super::RecordedEvent::data
#[derive(Clone)]
pub struct RecordedData {
    kept: Kept,
    read: OnceLock<Arc<Document>>,
}

/// As what it was handed over.
#[derive(Clone)]
enum Kept {
    Document,
    /// UTF-8, once it is read.
    Text(Arc<[u8]>),
    Bytes(Arc<[u8]>),
}

impl RecordedData {
    /// Takes a text of extended JSON as it stands: it is read when it is looked at, also whether it is UTF-8. See
    /// [`extjson`].
    #[must_use]
    pub fn from_text(text: impl AsRef<[u8]>) -> Self {
        Self { kept: Kept::Text(text.as_ref().into()), read: OnceLock::new() }
    }

    /// Takes BSON as it stands: it is read when it is looked at.
    #[must_use]
    pub fn from_bytes(raw: &RawDocument) -> Self {
        Self { kept: Kept::Bytes(raw.as_bytes().into()), read: OnceLock::new() }
    }

    /// The document. It is made once.
    ///
    /// # Errors
    /// [`Error::Corrupt`] when what the store kept is not what this library writes, [`Error::TooDeep`] beyond
    /// [`crate::limits::MAX_DEPTH`] levels.
    pub fn document(&self) -> Result<&Document> {
        self.document_of(subject)
    }

    /// As [`RecordedData::document`], with the subject of its errors.
    pub(crate) fn document_of(&self, subject: impl Fn() -> String) -> Result<&Document> {
        if let Some(document) = self.read.get() {
            return Ok(document);
        }
        let document = Arc::new(self.kept.read(subject)?);
        Ok(self.read.get_or_init(|| document))
    }

    /// The document, to be changed: in this copy alone. What cannot be read stays.
    ///
    /// # Errors
    /// As [`RecordedData::document`].
    pub fn document_mut(&mut self) -> Result<&mut Document> {
        self.document_mut_of(subject)
    }

    pub(crate) fn document_mut_of(&mut self, subject: impl Fn() -> String) -> Result<&mut Document> {
        self.document_of(&subject)?;
        self.kept = Kept::Document;
        self.read.get_mut().map(Arc::make_mut).ok_or_else(|| corrupt(subject(), "it was not read"))
    }

    /// The document alone.
    ///
    /// # Errors
    /// As [`RecordedData::document`].
    pub fn into_document(self) -> Result<Document> {
        match self.read.into_inner() {
            Some(document) => Ok(Arc::unwrap_or_clone(document)),
            None => self.kept.read(subject),
        }
    }

    /// Whether a sealed value may stand in it: what is answered without making a document of it.
    pub(crate) fn may_be_sealed(&self) -> bool {
        match &self.kept {
            Kept::Document => true,
            Kept::Text(text) => BINARY.find(text).is_some(),
            Kept::Bytes(bytes) => memchr(SEALED_SUBTYPE, bytes).is_some(),
        }
    }
}

impl Kept {
    fn read(&self, subject: impl Fn() -> String) -> Result<Document> {
        match self {
            Self::Document => Err(corrupt(subject(), "nothing was kept")),
            Self::Text(text) => {
                let text = std::str::from_utf8(text).map_err(|error| corrupt(subject(), error))?;
                extjson::decode(text).map_err(|error| corrupt(subject(), error))
            }
            Self::Bytes(bytes) => {
                let raw = RawDocument::from_bytes(bytes).map_err(|error| corrupt(subject(), error))?;
                decode_document(raw, 0, subject)
            }
        }
    }
}

fn subject() -> String {
    "the data of an event".to_owned()
}

fn corrupt(subject: String, reason: impl fmt::Display) -> Error {
    Error::Corrupt { subject, reason: reason.to_string() }
}

impl From<Document> for RecordedData {
    fn from(document: Document) -> Self {
        Self { kept: Kept::Document, read: Arc::new(document).into() }
    }
}

impl Default for RecordedData {
    fn default() -> Self {
        Document::new().into()
    }
}

/// Equal documents; what cannot be read is equal if it shows the same.
impl PartialEq for RecordedData {
    fn eq(&self, other: &Self) -> bool {
        match (self.document(), other.document()) {
            (Ok(one), Ok(other)) => one == other,
            (Err(_), Err(_)) => self.to_string() == other.to_string(),
            _ => false,
        }
    }
}

impl PartialEq<Document> for RecordedData {
    fn eq(&self, other: &Document) -> bool {
        self.document().is_ok_and(|document| document == other)
    }
}

/// The document, or what stands where none can be read.
impl fmt::Display for RecordedData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.document(), &self.kept) {
            (Ok(document), _) => write!(f, "{document}"),
            (Err(_), Kept::Text(text)) => f.write_str(&String::from_utf8_lossy(text)),
            (Err(_), Kept::Bytes(bytes)) => write!(f, "{} bytes that are no document: {bytes:02x?}", bytes.len()),
            (Err(_), Kept::Document) => Ok(()),
        }
    }
}

/// As the document's, which it looks at.
impl fmt::Debug for RecordedData {
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

    use bson::{RawDocumentBuf, doc};

    use super::*;

    fn whole() -> Document {
        doc! { "name": "Ada", "n": 5_i64, "of": [1, { "x": null }], "key": bson::Uuid::from_bytes([7; 16]), "bytes": bytes() }
    }

    fn bytes() -> bson::Binary {
        bson::Binary { subtype: bson::spec::BinarySubtype::UserDefined(0x81), bytes: vec![1, 2] }
    }

    #[test]
    fn a_text_is_the_document_that_was_written() {
        let (kept, mut text) = (RecordedData::from(whole()), RecordedData::from_text(extjson::encode(&whole())));
        assert_eq!(kept, text);
        assert_eq!(text, whole());
        assert_ne!(text, doc! { "name": "Grace" });
        assert_eq!((kept.to_string(), format!("{kept:?}")), (text.to_string(), format!("{text:?}")));
        assert_eq!(text.clone(), RecordedData::from_text(extjson::encode(&whole())));
        assert!(text.may_be_sealed());
        let bytes = RawDocumentBuf::try_from(&whole()).unwrap();
        let (mut raw, mut shared) = (RecordedData::from_bytes(&bytes), kept.clone());
        assert_eq!((&raw, raw.document().unwrap()), (&kept, &whole()));
        raw.document_mut().unwrap().remove("name");
        shared.document_mut().unwrap().remove("name");
        assert_eq!((&raw, &kept), (&shared, &whole().into()), "a copy is changed alone");
        text.document_mut().unwrap().insert("name", "Grace");
        assert_ne!(text, kept);
        assert_eq!(text.document().unwrap().get_str("name").unwrap(), "Grace");
        assert_eq!(text.into_document().unwrap().get_str("name").unwrap(), "Grace");
        assert!(!RecordedData::from_text(r#"{"name":"Ada"}"#).may_be_sealed());
    }

    #[test]
    fn a_text_that_cannot_be_read_stays_and_says_so() {
        let mut broken = RecordedData::from_text(r#"{"name":"#);
        let told = broken.document().unwrap_err().to_string();
        assert!(told.contains("not extended JSON") && told.contains("the data of an event"), "{told}");
        assert!(broken.document_mut().is_err());
        assert_eq!(broken.to_string(), r#"{"name":"#);
        assert_eq!(broken, broken.clone());
        assert_ne!(broken, RecordedData::from_text(r#"{"other":"#));
        assert_ne!(broken, RecordedData::default());
        assert!(broken.into_document().is_err());
        let torn = RecordedData::from_text(b"{\"name\":\"A\xff\"}");
        assert!(torn.document().unwrap_err().to_string().contains("utf-8"), "{:?}", torn.document());
        assert!(torn.to_string().starts_with(r#"{"name":"A"#), "{torn}");
        let cut = RecordedData::from_bytes(RawDocument::from_bytes(b"\x08\0\0\0\x10a\0\0").unwrap());
        assert!(cut.document().is_err() && cut.to_string().contains("8 bytes that are no document: [08, 00"), "{cut}");
        let deep = (0..70).fold(doc! {}, |inner, _| doc! { "a": inner });
        let deep = RecordedData::from_bytes(&RawDocumentBuf::try_from(&deep).unwrap());
        assert!(matches!(deep.document(), Err(Error::TooDeep { limit: 64, .. })));
    }
}
