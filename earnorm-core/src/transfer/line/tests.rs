//! Lines come back as they were, and hostile ones are refused.

use bson::{Bson, Document, JavaScriptCodeWithScope, doc};
use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Chain, DEPTH_MAX, nests_to, read, write};
use crate::limits::MAX_DEPTH;
use crate::metadata::Metadata;
use crate::store::LogEntry;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        prop::sample::select(vec!["", "\0", "\"h\":\"", "}", "\\", "\u{2028}\n"]).prop_map(str::to_owned)
    ]
}

fn value() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        Just(Bson::Null),
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        any::<u64>().prop_map(|bits| Bson::Double(f64::from_bits(bits))),
        text().prop_map(Bson::String),
        any::<i64>().prop_map(|millis| Bson::DateTime(bson::DateTime::from_millis(millis))),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Bson::Array),
            prop::collection::vec((text(), inner), 0..3)
                .prop_map(|fields| Bson::Document(fields.into_iter().collect())),
        ]
    })
}

fn fields() -> impl Strategy<Value = Document> {
    prop::collection::vec((text(), value()), 0..3).prop_map(|fields| fields.into_iter().collect())
}

fn moment() -> impl Strategy<Value = i64> {
    let edges =
        [DateTime::UNIX_EPOCH, DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC].map(|edge| edge.timestamp_millis());
    let years = [253_402_300_799_999, 253_402_300_800_000, -62_135_596_800_001, -62_167_219_200_001];
    prop_oneof![
        prop::sample::select([edges.to_vec(), years.to_vec()].concat()),
        edges[1]..=edges[2],
        1_600_000_000_000..1_800_000_000_000_i64,
    ]
}

/// The line of an event with these parts.
fn line(at: i64, data: &Document, metadata: &Metadata) -> Value {
    let mut line = json!({
        "p": 3, "s": "user-a b", "v": 2, "id": Uuid::from_u128(9).to_string(), "t": "user.noted", "sv": 1,
        "at": "2026-01-01T00:00:00.000Z", "d": {}, "m": {},
    });
    let Ok(LogEntry::Event { mut event, commit }) = read(line.as_object_mut().unwrap()) else {
        panic!("it is an event")
    };
    event.recorded_at = DateTime::from_timestamp_millis(at).unwrap();
    event.data = data.clone().into();
    event.metadata = metadata.clone();
    write(&LogEntry::Event { event, commit }).unwrap()
}

/// Sealed, opened, read, and written again.
fn again(line: &Value) -> Value {
    let sealed = Chain::new().seal(line);
    let mut opened = Chain::new().open(&sealed).unwrap_or_else(|reason| panic!("{sealed}: {reason}"));
    write(&read(&mut opened).unwrap_or_else(|reason| panic!("{sealed}: {reason}"))).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_event_comes_back(
        at in moment(), data in fields(), extra in fields(), actor in prop::option::of(text()), traceparent in prop::option::of(text()),
    ) {
        let metadata = Metadata { actor, traceparent, extra, ..Metadata::default() };
        let line = line(at, &data, &metadata);
        prop_assert_eq!(again(&line), line);
    }

    #[test]
    fn any_line_is_refused_or_an_entry(noise in any::<String>(), field in 0..12_usize, odd in 0..10_usize, cut in any::<prop::sample::Index>()) {
        prop_assert!(Chain::new().open(&noise).is_err());
        let odd = [
            json!(null), json!(-1), json!(0), json!(i64::MIN), json!(u64::MAX), json!(1.5), json!([]), json!({}), json!(noise),
            json!("-x"),
        ][odd].clone();
        let names = ["p", "s", "v", "id", "t", "sv", "at", "d", "m", "c", "n", "x"];
        let mut line = line(0, &doc! {}, &Metadata::default());
        line.as_object_mut().unwrap().insert(names[field].to_owned(), odd);
        // Sealed as it should be: what it says is judged, not only its checksum.
        let sealed = Chain::new().seal(&line);
        let mut opened = Chain::new().open(&sealed).unwrap();
        if let Ok(entry) = read(&mut opened) {
            let line = write(&entry).unwrap();
            prop_assert_eq!(again(&line), line);
        }
        let cut = cut.index(sealed.len());
        prop_assert!(Chain::new().open(&sealed[..sealed.floor_char_boundary(cut)]).is_err(), "a part of it is not taken");
    }
}

#[test]
fn the_deepest_events_come_back() {
    let scopes = (1..MAX_DEPTH).fold(Bson::DateTime(bson::DateTime::from_millis(-1)), |inner, _| {
        Bson::JavaScriptCodeWithScope(JavaScriptCodeWithScope { code: String::new(), scope: doc! { "a": inner } })
    });
    let deep = doc! { "a": scopes };
    crate::limits::size_of(&deep, String::new).unwrap();
    let line = line(0, &deep, &Metadata { extra: deep.clone(), ..Metadata::default() });
    assert_eq!(again(&line), line);
}

#[test]
fn lines_that_nest_without_end_are_refused() {
    // The third closes in texts what it has opened.
    for (open, close) in [("{\"a\":", "}"), ("[", "]"), ("[\"]\",", "]")] {
        let mut chain = Chain::new();
        let body = format!("{{\"d\":{}0{}}}", open.repeat(200_000), close.repeat(200_000));
        let checksum = chain.next(&body);
        let sealed = format!("{},\"h\":\"{checksum}\"}}", body.strip_suffix('}').unwrap());
        let reason = chain.open(&sealed).unwrap_err();
        assert_eq!(reason, format!("it nests deeper than {DEPTH_MAX} levels"));
    }
    // Brackets in texts do not count.
    let line = line(0, &doc! { "text": "[{\"".repeat(1_000) }, &Metadata::default());
    assert_eq!(again(&line), line);
}

#[test]
fn a_line_may_nest_to_the_last_level_and_no_deeper() {
    for levels in 0..4 {
        let text = format!("{}0{}", "[".repeat(levels), "]".repeat(levels));
        assert!(nests_to(&text, levels), "{text}");
        assert_eq!(nests_to(&text, 2), levels <= 2, "{text}");
    }
    // What was closed does not count, nor do brackets in texts, also behind quotes that are escaped.
    assert!(nests_to(r#"[[], {}, [], "[[[", "\"[[["]"#, 2));
    assert!(!nests_to(r#"[[[0], "]]]"]]"#, 2) && !nests_to(r#"[["]]", "\"]]", [0]]]"#, 2));
}
