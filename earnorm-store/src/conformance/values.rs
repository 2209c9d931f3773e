//! Every kind of value comes back as it was stored.

use bson::oid::ObjectId;
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, DateTime, Document, Regex, Timestamp, bson, doc};
use earnorm_core::store::StreamQuery;
use earnorm_core::stream::ExpectedVersion::NoStream;

use super::Subject;
use super::draft::{Draft, THINGS, commit, event, stream, thing, write};
use super::filter_compare::decimal;
use super::subject::same;

pub(super) async fn documents_keep_every_value_exactly(s: Subject) {
    for (id, (name, value)) in (1..).zip(every_value()) {
        let document = thing(id, doc! { "kind": name, "value": value.clone(), "list": [value.clone(), value] });
        s.put([document.clone()]).await;
        same(&s.document(id).await.unwrap(), &document);
    }
}

pub(super) async fn patches_keep_every_value_exactly(s: Subject) {
    for (id, (name, value)) in (1..).zip(every_value()) {
        s.put([thing(id, doc! { "kind": name, "in": { "value": 0 } })]).await;
        s.commits(write().patch(THINGS, id, 1, doc! { "in.value": value.clone() }, &[])).await;
        same(&s.document(id).await.unwrap(), &doc! { "_id": id, "_v": 2_i64, "kind": name, "in": { "value": value } });
    }
}

pub(super) async fn events_keep_every_value_exactly(s: Subject) {
    let one = stream("user");
    let data: Document = every_value().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut written = event("user.noted");
    written.data = data.clone();
    written.metadata.extra = data.clone();
    let receipt = s.commits(commit().append_events(&one, NoStream, vec![written])).await;
    let read = s.read_stream(StreamQuery::last(one)).await.unwrap();
    same(read[0].data().unwrap(), &data);
    same(&read[0].metadata.extra, &data);
    let logged = s.log_to(receipt.events[0].position).await;
    same(logged[0].data().unwrap(), &data);
}

pub(super) async fn the_order_of_fields_is_kept(s: Subject) {
    let document = thing(1, doc! { "z": 1, "a": { "y": 1, "b": { "x": 1, "c": 1 } }, "m": [{ "q": 1, "d": 1 }] });
    s.put([document.clone()]).await;
    same(&s.document(1).await.unwrap(), &document);
}

pub(super) async fn metadata_is_kept_whole(s: Subject) {
    let one = stream("user");
    let mut written = event("user.noted");
    written.metadata.actor = Some("ünïcode \u{1F600} $actor.with.dots".to_owned());
    written.metadata.correlation_id = Some(String::new());
    written.metadata.extra = doc! { "n": 1_i64, "list": [], "empty": {}, "null": null };
    let metadata = written.metadata.clone();
    s.commits(commit().append_events(&one, NoStream, vec![written])).await;
    assert_eq!(s.events(&one).await[0].metadata, metadata);
}

fn every_value() -> Vec<(&'static str, Bson)> {
    let mut values = scalars();
    values.extend(texts_and_bytes());
    values.extend([
        ("empty_array", bson!([])),
        ("empty_document", bson!({})),
        ("nested", bson!({ "a": [1, [2, [3.5, null, { "b": [] }]]] })),
        ("array_of_kinds", bson!([1_i32, 1_i64, 1.0, "1", true, null])),
        ("array_of_documents", bson!([{ "a": 1 }, {}, { "a": null }])),
    ]);
    values
}

fn scalars() -> Vec<(&'static str, Bson)> {
    vec![
        ("null", Bson::Null),
        ("true", true.into()),
        ("false", false.into()),
        ("int32_min", i32::MIN.into()),
        ("int32_zero", 0_i32.into()),
        ("int64_zero", 0_i64.into()),
        ("int64_small", 5_i64.into()),
        ("int64_min", i64::MIN.into()),
        ("int64_max", i64::MAX.into()),
        ("double_whole", 5.0.into()),
        ("double_zero", 0.0.into()),
        ("double_minus_zero", (-0.0).into()),
        ("double_small", f64::MIN_POSITIVE.into()),
        ("double_large", f64::MAX.into()),
        ("double_third", (1.0 / 3.0).into()),
        ("double_infinity", f64::NEG_INFINITY.into()),
        ("double_nan", f64::NAN.into()),
        ("decimal", decimal("1.10")),
        ("decimal_whole", decimal("5")),
        ("decimal_long", decimal("1234567890.123456789012345678901234")),
        ("decimal_large", decimal("9.999999999999999999999999999999999E+6144")),
        ("decimal_small", decimal("1E-6176")),
        ("decimal_minus_zero", decimal("-0.00")),
        ("decimal_infinity", decimal("Infinity")),
        ("decimal_nan", decimal("NaN")),
        ("date", DateTime::from_millis(1_700_000_000_123).into()),
        ("date_before_epoch", DateTime::from_millis(-62_135_596_800_001).into()),
        ("date_far", DateTime::MAX.into()),
        ("timestamp", Bson::Timestamp(Timestamp { time: 5, increment: 7 })),
        ("object_id", ObjectId::from_bytes([0xab; 12]).into()),
    ]
}

fn texts_and_bytes() -> Vec<(&'static str, Bson)> {
    let binary = |subtype, bytes: &[u8]| Bson::Binary(Binary { subtype, bytes: bytes.to_vec() });
    let pattern = Regex { pattern: "^a.*".try_into().unwrap(), options: "im".try_into().unwrap() };
    vec![
        ("text", "plain".into()),
        ("text_empty", "".into()),
        ("text_unicode", "ä\u{1F600}\u{fffd}\u{202e}".into()),
        ("text_nul", "a\0b".into()),
        ("text_lines", "a\r\nb\tc\\".into()),
        ("text_dollar", "$text.with.dots".into()),
        ("uuid", bson::Uuid::from_bytes([0x9c; 16]).into()),
        ("bytes", binary(BinarySubtype::Generic, &[0, 1, 255])),
        ("bytes_empty", binary(BinarySubtype::Generic, &[])),
        ("bytes_own_kind", binary(BinarySubtype::UserDefined(0x85), &[5])),
        ("regular_expression", Bson::RegularExpression(pattern)),
        ("code", Bson::JavaScriptCode("return 1".to_owned())),
    ]
}
