//! Sizes are those of BSON, and a limit is the most that passes.

use bson::{Bson, Document, bson, doc};
use uuid::Uuid;

use super::*;
use crate::commit::{Append, DocumentWrite};
use crate::event::NewEvent;
use crate::metadata::Metadata;
use crate::stream::{ExpectedVersion, StreamId};

fn bytes(document: &Document) -> usize {
    bson::serialize_to_vec(document).unwrap().len()
}

fn subject() -> String {
    "it".to_owned()
}

/// A value of each type, so far as the driver writes them.
fn every_type() -> Document {
    let code = bson::JavaScriptCodeWithScope { code: "f()".into(), scope: doc! { "a": { "b": 1 } } };
    doc! {
        "double": 1.5, "long": 1_i64, "int": 1_i32, "date": bson::DateTime::from_millis(5), "yes": true, "nothing": null,
        "stamp": bson::Timestamp { time: 1, increment: 2 }, "text": "grüße", "symbol": Bson::Symbol("ab".into()),
        "code": Bson::JavaScriptCode("abc".into()), "scoped": Bson::JavaScriptCodeWithScope(code),
        "inner": { "x": { "y": [] } }, "list": (0..1_234).map(Bson::Int32).collect::<Vec<_>>(), "lists": [[1, [2]], [{}]],
        "bytes": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![0; 7] },
        "id": bson::oid::ObjectId::new(), "decimal": "1.25".parse::<bson::Decimal128>().unwrap(),
        "regex": bson::Regex { pattern: "a+b".try_into().unwrap(), options: "ims".try_into().unwrap() },
        "undefined": Bson::Undefined, "min": Bson::MinKey, "max": Bson::MaxKey,
    }
}

#[test]
fn a_size_is_that_of_the_bytes() {
    assert_eq!(size_of(&doc! {}, subject).unwrap(), 5);
    assert_eq!(size_of(&every_type(), subject).unwrap(), bytes(&every_type()));
    for (name, value) in every_type() {
        let document = doc! { name: value };
        assert_eq!(size_of(&document, subject).unwrap(), bytes(&document), "{document}");
    }
}

#[test]
fn the_size_of_a_patch_is_that_of_its_values_with_their_paths() {
    let set = vec![("a.b".to_owned(), bson!({ "c": "text" })), ("long_name".to_owned(), bson!([1, 2, 3]))];
    let unset = ["x".to_owned(), "y.zz".to_owned()];
    let told = doc! { "a.b": { "c": "text" }, "long_name": [1, 2, 3], "x": true, "y.zz": true };
    assert_eq!(inspect::size_of_patch(&set, &unset, subject).unwrap(), bytes(&told));
    assert_eq!(inspect::size_of_patch(&[], &[], subject).unwrap(), 5);
}

/// A commit of one event with some metadata, and of one document.
fn commit(data: Document, metadata: Metadata, document: Document) -> Commit {
    let event = NewEvent {
        id: Uuid::from_u128(2),
        event_type: "user.noted".into(),
        schema_version: 1,
        data,
        metadata,
        recorded_at: Default::default(),
    };
    let stream = StreamId::new("user", "1").unwrap();
    let mut commit = Commit::new(Uuid::from_u128(1));
    commit.appends.push(Append { stream, expected: ExpectedVersion::Any, not_before: None, events: vec![event] });
    let write = DocumentWrite { collection: "users".into(), id: 1.into(), op: DocumentOp::Insert { document } };
    commit.documents.push(write);
    commit
}

#[test]
fn bytes_are_counted_to_the_last_one() {
    let metadata = Metadata::new().actor("ada").extra("k", 5_i64);
    let (data, document) = (doc! { "text": "abc" }, doc! { "_id": 1, "n": 2_i64 });
    let size = bytes(&data) + bytes(&document) + "ada".len() + bytes(&metadata.extra);
    let sent = commit(data, metadata, document);
    Limits { writes: 2, bytes: size }.check(&sent).unwrap();
    match (Limits { writes: 2, bytes: size - 1 }).check(&sent) {
        Err(Error::CommitTooLarge { unit: "bytes", actual, limit }) => assert_eq!((actual, limit), (size, size - 1)),
        other => panic!("expected a commit that is too large, not {other:?}"),
    }
}

#[test]
fn metadata_may_take_half_of_an_envelope() {
    let room = ENVELOPE_BYTES_MAX / 2 - bytes(&doc! {});
    let with = |length: usize| commit(doc! {}, Metadata::new().actor("x".repeat(length)), doc! { "_id": 1 });
    Limits::default().check(&with(room)).unwrap();
    match Limits::default().check(&with(room + 1)) {
        Err(Error::TooLarge { actual, limit, .. }) => assert_eq!((actual, limit), (8 * 1024 + 1, 8 * 1024)),
        other => panic!("expected metadata that are too large, not {other:?}"),
    }
}

#[test]
fn a_document_leaves_room_for_the_envelope_around_it() {
    let limits = Limits { writes: 10, bytes: usize::MAX };
    let room = DOCUMENT_BYTES_MAX - ENVELOPE_BYTES_MAX;
    let with = |size: usize| doc! { "text": "x".repeat(size - bytes(&doc! { "text": "" })) };
    limits.check(&commit(with(room), Metadata::new(), with(room))).unwrap();
    for sent in [commit(with(room + 1), Metadata::new(), doc! {}), commit(doc! {}, Metadata::new(), with(room + 1))] {
        match limits.check(&sent) {
            Err(Error::TooLarge { actual, limit, .. }) => assert_eq!((actual, limit), (room + 1, room)),
            other => panic!("expected a document that is too large, not {other:?}"),
        }
    }
}

/// A document of so many levels, made by `wrap`, itself included.
fn levels(count: usize, wrap: fn(Bson) -> Bson) -> Document {
    doc! { "a": (1..count).fold(Bson::Int32(1), |inner, _| wrap(inner)) }
}

#[test]
fn every_kind_of_level_counts() {
    let in_document = |inner: Bson| bson!({ "in": inner });
    let in_array = |inner: Bson| Bson::Array(vec![Bson::Null, inner]);
    let in_scope = |inner: Bson| {
        let scope = doc! { "in": inner };
        Bson::JavaScriptCodeWithScope(bson::JavaScriptCodeWithScope { code: "f".into(), scope })
    };
    let is_deep = |error: Option<Error>| matches!(error, Some(Error::TooDeep { .. }));
    for wrap in [in_document, in_array, in_scope as fn(Bson) -> Bson] {
        let made = levels(MAX_DEPTH, wrap);
        assert_eq!(size_of(&made, subject).unwrap(), bytes(&made));
        assert!(is_deep(size_of(&levels(MAX_DEPTH + 1, wrap), subject).err()));
        assert!(size_of_model(&levels(MODEL_DEPTH_MAX, wrap), subject).is_ok());
        assert!(is_deep(size_of_model(&levels(MODEL_DEPTH_MAX + 1, wrap), subject).err()));
        for more in [0, 2] {
            let raw = |count| bson::RawDocumentBuf::try_from(&levels(count, wrap)).unwrap();
            let deepest = levels(MAX_DEPTH + more, wrap);
            assert_eq!(decode_document(&raw(MAX_DEPTH + more), more, subject).unwrap(), deepest);
            assert!(is_deep(decode_document(&raw(MAX_DEPTH + more + 1), more, subject).err()));
        }
    }
}

#[test]
fn a_document_that_cannot_be_read_is_named_by_its_id() {
    let id = bson::oid::ObjectId::parse_str("65f0c0ffee0000000000cafe").unwrap();
    let texts: [(Bson, &str); 6] = [
        ("ada".into(), "document ada of users"),
        (7_i64.into(), "document 7 of users"),
        (7_i32.into(), "document 7 of users"),
        (id.into(), "65f0c0ffee0000000000cafe"),
        (Bson::Boolean(true), "a document of users"),
        (doc! { "a": 1 }.into(), "a document of users"),
    ];
    for (id, named) in texts {
        let mut made = levels(MAX_DEPTH + 1, |inner| bson!({ "in": inner }));
        made.insert("_id", id.clone());
        let error = decode_of("users", &bson::RawDocumentBuf::try_from(&made).unwrap()).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
        let good = doc! { "_id": id };
        assert_eq!(decode_of("users", &bson::RawDocumentBuf::try_from(&good).unwrap()).unwrap(), good);
    }
}
