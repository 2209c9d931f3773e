//! Write commands as raw BSON: documents are encoded once, and the server's whole answer can be read, which the
//! driver's own actions drop in part (the key pattern of a duplicate, the index in a batch).

use bson::raw::{CString, RawArrayBuf, RawDocumentBuf, cstr};
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, RawBson};
use uuid::Uuid;

use super::error::without_values;
use super::fitness::number;

/// How many bytes of documents go into one command; servers take 48 MB a message, 16 MiB of it in its body.
pub(super) const COMMAND_BYTES_MAX: usize = 12 * 1024 * 1024;

/// Why a value has no raw form: a NUL in a field name, which the limits refuse before.
pub(super) type RawResult<T> = Result<T, bson::error::Error>;

/// What the server said to a write command.
#[derive(Debug)]
pub(super) struct Reply {
    /// How many documents were inserted, matched or deleted.
    pub(super) n: usize,
    /// The first statement that failed.
    pub(super) fault: Option<WriteFault>,
}

/// A statement that failed.
#[derive(Debug, Clone)]
pub(super) struct WriteFault {
    pub(super) index: usize,
    pub(super) code: i32,
    pub(super) message: String,
    key_pattern: Option<Document>,
}

impl Reply {
    /// Reads the server's answer.
    pub(super) fn read(answer: &Document) -> Self {
        let n = number(answer, "n").and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
        let faults = answer.get_array("writeErrors").ok();
        let fault = faults.and_then(|faults| faults.first()).and_then(Bson::as_document).map(WriteFault::read);
        Self { n, fault }
    }
}

/// All statements that failed.
pub(super) fn faults(answer: &Document) -> Vec<WriteFault> {
    let faults = answer.get_array("writeErrors").ok();
    faults.into_iter().flatten().filter_map(Bson::as_document).map(WriteFault::read).collect()
}

impl WriteFault {
    fn read(fault: &Document) -> Self {
        Self {
            index: number(fault, "index").and_then(|index| usize::try_from(index).ok()).unwrap_or(0),
            code: number(fault, "code").and_then(|code| i32::try_from(code).ok()).unwrap_or(0),
            message: without_values(fault.get_str("errmsg").unwrap_or("no reason given")),
            key_pattern: fault.get_document("keyPattern").ok().cloned(),
        }
    }

    /// The fields of the unique index that refused: from the answer, or else from its name in the message.
    pub(super) fn fields(&self, known: impl Fn(&str) -> Option<Vec<String>>) -> Vec<String> {
        if let Some(pattern) = &self.key_pattern {
            return pattern.keys().cloned().collect();
        }
        let Some(name) = self.index_name() else { return Vec::new() };
        known(name).unwrap_or_else(|| vec![if name == "_id_" { "_id".to_owned() } else { name.to_owned() }])
    }

    /// The index's name in `… index: earnorm_email dup key: …`.
    fn index_name(&self) -> Option<&str> {
        self.message.split_once("index: ")?.1.split_whitespace().next()
    }
}

/// A UUID as binary subtype 4.
pub(super) fn uuid(id: Uuid) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: id.as_bytes().to_vec() })
}

/// An ordered insert.
pub(super) fn insert_command(collection: &str, documents: RawArrayBuf) -> RawDocumentBuf {
    let mut command = RawDocumentBuf::new();
    command.append(cstr!("insert"), collection);
    command.append(cstr!("ordered"), true);
    command.append(cstr!("documents"), documents);
    command
}

/// An ordered batch of updates.
pub(super) fn update_command(collection: &str, statements: RawArrayBuf) -> RawDocumentBuf {
    let mut command = RawDocumentBuf::new();
    command.append(cstr!("update"), collection);
    command.append(cstr!("ordered"), true);
    command.append(cstr!("updates"), statements);
    command
}

/// An ordered batch of deletes.
pub(super) fn delete_command(collection: &str, statements: RawArrayBuf) -> RawDocumentBuf {
    let mut command = RawDocumentBuf::new();
    command.append(cstr!("delete"), collection);
    command.append(cstr!("ordered"), true);
    command.append(cstr!("deletes"), statements);
    command
}

/// One update of the document that `query` names.
pub(super) fn update_statement(query: &Document, change: RawDocumentBuf) -> RawResult<RawDocumentBuf> {
    let mut statement = RawDocumentBuf::new();
    statement.append(cstr!("q"), RawDocumentBuf::try_from(query)?);
    statement.append(cstr!("u"), change);
    statement.append(cstr!("multi"), false);
    Ok(statement)
}

/// One delete of the document that `query` names.
pub(super) fn delete_statement(query: &Document) -> RawResult<RawDocumentBuf> {
    let mut statement = RawDocumentBuf::new();
    statement.append(cstr!("q"), RawDocumentBuf::try_from(query)?);
    statement.append(cstr!("limit"), 1_i32);
    Ok(statement)
}

/// New values at some paths, and paths that go.
pub(super) fn patch(set: &[(String, Bson)], unset: &[String]) -> RawResult<RawDocumentBuf> {
    let mut change = RawDocumentBuf::new();
    if !set.is_empty() || unset.is_empty() {
        let mut values = RawDocumentBuf::new();
        for (path, value) in set {
            values.append(CString::try_from(path.as_str())?, RawBson::try_from(value.clone())?);
        }
        change.append(cstr!("$set"), values);
    }
    if !unset.is_empty() {
        let mut paths = RawDocumentBuf::new();
        for path in unset {
            paths.append(CString::try_from(path.as_str())?, "");
        }
        change.append(cstr!("$unset"), paths);
    }
    Ok(change)
}

/// `document` with `_id` first, whatever it held there.
pub(super) fn with_id(id: &Bson, document: &Document) -> RawResult<RawDocumentBuf> {
    if document.get("_id") == Some(id) {
        return RawDocumentBuf::try_from(document);
    }
    let mut whole = Document::new();
    whole.insert("_id", id.clone());
    whole.extend(
        document.iter().filter(|(field, _)| *field != "_id").map(|(field, value)| (field.clone(), value.clone())),
    );
    RawDocumentBuf::try_from(&whole)
}

/// A value that the limits let pass but BSON does not: it is a field name with NUL, which cannot be.
pub(super) fn unencodable(error: &bson::error::Error) -> earnorm_core::Error {
    earnorm_core::Error::InvalidCommit { reason: format!("a value has no BSON form: {error}") }
}

#[cfg(test)]
mod tests {
    //! Answers of real servers.

    use bson::doc;

    use super::Reply;

    #[test]
    fn the_fields_of_a_duplicate_come_from_the_answer_or_the_message() {
        let message = "E11000 duplicate key error collection: a.users index: earnorm_email dup key: { email: \"x\" }";
        let fault = doc! { "index": 2, "code": 11000, "errmsg": message, "keyPattern": { "email": 1, "tenant": 1 } };
        let reply = Reply::read(&doc! { "n": 0, "writeErrors": [fault], "ok": 1.0 });
        let fault = reply.fault.expect("a fault");
        assert_eq!((fault.index, fault.code), (2, 11_000));
        assert_eq!(fault.fields(|_| None), ["email", "tenant"]);

        let reply = Reply::read(&doc! { "n": 0, "writeErrors": [{ "code": 11000, "errmsg": message }] });
        let fault = reply.fault.expect("a fault");
        let known = |name: &str| (name == "earnorm_email").then(|| vec!["email".to_owned()]);
        assert_eq!(fault.fields(known), ["email"]);
        assert_eq!(fault.fields(|_| None), ["earnorm_email"]);
    }
}
