//! One walk over a document: its size as BSON, its depth, and its field names.

use bson::raw::{RawBsonRef, RawDocument};
use bson::{Bson, Document, JavaScriptCodeWithScope};

use crate::error::{EncodeError, Error, Result};

/// How deep documents may nest. BSON decoders recurse without a guard: about 900 levels overflow a worker's stack.
pub const MAX_DEPTH: usize = 64;
/// How deep a model may nest: the event that records a change of it needs the other levels around it.
pub const MODEL_DEPTH_MAX: usize = MAX_DEPTH - 4;

/// The size of `document` as BSON, in bytes.
///
/// # Errors
/// [`Error::TooDeep`] beyond [`MAX_DEPTH`] levels; [`Error::InvalidField`] for a field name that is empty, starts with
/// `$`, or holds `.` or NUL.
pub fn size_of(document: &Document, subject: impl Fn() -> String) -> Result<usize> {
    document_size(document, 1, &Bound { depth: MAX_DEPTH, subject: &subject, sealed: true })
}

/// As [`size_of`], for the document of a model.
///
/// # Errors
/// As [`size_of`], beyond [`MODEL_DEPTH_MAX`] levels; [`Error::Encode`] for binary of the subtype that only sealed
/// personal data has.
pub fn size_of_model(document: &Document, subject: impl Fn() -> String) -> Result<usize> {
    document_size(document, 1, &Bound { depth: MODEL_DEPTH_MAX, subject: &subject, sealed: false })
}

/// Refuses the data of an event that was raised, as [`size_of_model`] refuses that of a model.
pub(crate) fn refuse_sealed(document: &Document, subject: impl Fn() -> String) -> Result<()> {
    document_size(document, 1, &Bound { depth: MAX_DEPTH, subject: &subject, sealed: false }).map(|_| ())
}

/// What a walk must keep to.
struct Bound<'a> {
    depth: usize,
    subject: &'a dyn Fn() -> String,
    /// Whether sealed values may stand in it.
    sealed: bool,
}

/// The size of the values of a patch, whose paths were made of checked names.
pub(super) fn size_of_patch(set: &[(String, Bson)], unset: &[String], subject: impl Fn() -> String) -> Result<usize> {
    let bound = Bound { depth: MAX_DEPTH, subject: &subject, sealed: true };
    let mut total = 5;
    for (path, value) in set {
        for name in path.split('.') {
            check_name(name, &subject)?;
        }
        total += path.len() + 2 + value_size(value, path.split('.').count(), &bound)?;
    }
    for name in unset.iter().flat_map(|path| path.split('.')) {
        check_name(name, &subject)?;
    }
    Ok(total + unset.iter().map(|path| path.len() + 3).sum::<usize>())
}

/// Refuses a field name that databases read as an operator or a path.
fn check_name(name: &str, subject: &dyn Fn() -> String) -> Result<()> {
    let reason = if name.is_empty() {
        "it is empty"
    } else if name.starts_with('$') {
        "it starts with `$`"
    } else if name.contains('.') {
        "it contains `.`"
    } else if name.contains('\0') {
        "it contains NUL"
    } else {
        return Ok(());
    };
    Err(Error::InvalidField { subject: subject(), name: name.to_owned(), reason })
}

impl Bound<'_> {
    fn corrupt(&self, error: &dyn std::fmt::Display) -> Error {
        Error::Corrupt { subject: (self.subject)(), reason: error.to_string() }
    }

    fn too_deep(&self) -> Error {
        Error::TooDeep { subject: (self.subject)(), limit: self.depth }
    }
}

fn document_size(document: &Document, depth: usize, bound: &Bound<'_>) -> Result<usize> {
    if depth > bound.depth {
        return Err(bound.too_deep());
    }
    let mut total = 5;
    for (name, value) in document {
        check_name(name, bound.subject)?;
        total += name.len() + 2 + value_size(value, depth, bound).map_err(|error| at(error, name))?;
    }
    Ok(total)
}

/// An error about a value, with the field in which it stands.
fn at(error: Error, name: &str) -> Error {
    match error {
        Error::Encode { subject, source } => Error::Encode { subject, source: source.at(name) },
        other => other,
    }
}

fn value_size(value: &Bson, depth: usize, bound: &Bound<'_>) -> Result<usize> {
    Ok(match value {
        Bson::Double(_) | Bson::Int64(_) | Bson::DateTime(_) | Bson::Timestamp(_) => 8,
        Bson::String(text) | Bson::Symbol(text) | Bson::JavaScriptCode(text) => text.len() + 5,
        Bson::Document(document) => document_size(document, depth + 1, bound)?,
        Bson::Array(items) => {
            if depth >= bound.depth {
                return Err(bound.too_deep());
            }
            let mut total = 5;
            for (index, item) in items.iter().enumerate() {
                total += decimal_digits(index) + 2 + value_size(item, depth + 1, bound)?;
            }
            total
        }
        Bson::Binary(_) if !bound.sealed && crate::personal::is_sealed(value) => {
            let reason = "holds binary of subtype 0xE5, which only sealed personal data has: use another subtype";
            return Err(Error::Encode { subject: (bound.subject)(), source: EncodeError::new(reason) });
        }
        Bson::Binary(binary) => binary.bytes.len() + 5,
        Bson::Boolean(_) => 1,
        Bson::Int32(_) => 4,
        Bson::ObjectId(_) => 12,
        Bson::Decimal128(_) => 16,
        Bson::RegularExpression(regex) => regex.pattern.as_str().len() + regex.options.as_str().len() + 2,
        Bson::JavaScriptCodeWithScope(code) => code.code.len() + 9 + document_size(&code.scope, depth + 1, bound)?,
        Bson::DbPointer(_) => 64,
        Bson::Null | Bson::Undefined | Bson::MinKey | Bson::MaxKey => 0,
    })
}

fn decimal_digits(mut number: usize) -> usize {
    let mut digits = 1;
    while number >= 10 {
        number /= 10;
        digits += 1;
    }
    digits
}

/// Decodes raw bytes, and refuses those that nest deeper than [`MAX_DEPTH`] before it follows them. `levels` more are
/// allowed where the documents stand so far below an envelope.
///
/// # Errors
/// [`Error::TooDeep`], or [`Error::Corrupt`] when the bytes are not BSON.
pub fn decode_document(raw: &RawDocument, levels: usize, subject: impl Fn() -> String) -> Result<Document> {
    decode(raw, 1, &Bound { depth: MAX_DEPTH + levels, subject: &subject, sealed: true })
}

/// As [`decode_document`], for a document of a collection, which its errors name.
///
/// # Errors
/// As [`decode_document`].
pub fn decode_of(collection: &str, raw: &RawDocument) -> Result<Document> {
    let subject = || match raw.get("_id") {
        Ok(Some(RawBsonRef::String(id))) => format!("document {id} of {collection}"),
        Ok(Some(
            id @ (RawBsonRef::ObjectId(_) | RawBsonRef::Int64(_) | RawBsonRef::Int32(_) | RawBsonRef::Binary(_)),
        )) => Bson::try_from(id)
            .map_or_else(|_| format!("a document of {collection}"), |id| format!("document {id} of {collection}")),
        _ => format!("a document of {collection}"),
    };
    decode_document(raw, 0, subject)
}

/// Decodes a field of the first level, as [`decode_document`] does.
pub(crate) fn decode_field(value: RawBsonRef<'_>) -> Result<Bson> {
    let subject = || "a field".to_owned();
    decode_value(value, 1, &Bound { depth: MAX_DEPTH, subject: &subject, sealed: true })
}

fn decode(raw: &RawDocument, depth: usize, bound: &Bound<'_>) -> Result<Document> {
    if depth > bound.depth {
        return Err(Error::TooDeep { subject: (bound.subject)(), limit: MAX_DEPTH });
    }
    let mut document = Document::new();
    for field in raw {
        let (name, value) = field.map_err(|error| bound.corrupt(&error))?;
        document.insert(name.as_str(), decode_value(value, depth, bound)?);
    }
    Ok(document)
}

fn decode_value(value: RawBsonRef<'_>, depth: usize, bound: &Bound<'_>) -> Result<Bson> {
    Ok(match value {
        // Most values are one of these. The driver's own conversion makes an owned raw value of each first.
        RawBsonRef::String(text) => Bson::String(text.to_owned()),
        RawBsonRef::Int64(number) => Bson::Int64(number),
        RawBsonRef::Int32(number) => Bson::Int32(number),
        RawBsonRef::Double(number) => Bson::Double(number),
        RawBsonRef::Boolean(value) => Bson::Boolean(value),
        RawBsonRef::DateTime(moment) => Bson::DateTime(moment),
        RawBsonRef::ObjectId(id) => Bson::ObjectId(id),
        RawBsonRef::Null => Bson::Null,
        RawBsonRef::Document(inner) => Bson::Document(decode(inner, depth + 1, bound)?),
        RawBsonRef::Array(items) => {
            if depth >= bound.depth {
                return Err(Error::TooDeep { subject: (bound.subject)(), limit: MAX_DEPTH });
            }
            let item = |item: std::result::Result<_, _>| {
                decode_value(item.map_err(|error| bound.corrupt(&error))?, depth + 1, bound)
            };
            Bson::Array(items.into_iter().map(item).collect::<Result<_>>()?)
        }
        RawBsonRef::JavaScriptCodeWithScope(code) => {
            let scope = decode(code.scope, depth + 1, bound)?;
            Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code: code.code.to_owned(), scope })
        }
        leaf => Bson::try_from(leaf).map_err(|error| bound.corrupt(&error))?,
    })
}
