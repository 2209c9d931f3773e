//! Sealing and opening one value.

use bson::oid::ObjectId;
use proptest::prelude::*;

use super::*;

fn key(id: u8) -> DataKey {
    DataKey::generate(KeyId::new([id; 16])).expect("randomness")
}

fn stream(key: &str) -> StreamId {
    StreamId::new("user", key).expect("a stream")
}

fn binary(sealed: &Bson) -> &Binary {
    match sealed {
        Bson::Binary(binary) if is_sealed(sealed) => binary,
        other => panic!("not sealed: {other}"),
    }
}

#[test]
fn every_kind_of_value_comes_back() {
    let (key, stream) = (key(1), stream("1"));
    let place = Place { event: Uuid::from_u128(1), stream: &stream, event_type: "user.created" };
    let values = [
        Bson::String(String::new()),
        Bson::String("ü\0x".into()),
        Bson::Double(f64::INFINITY),
        Bson::Int32(-1),
        Bson::Int64(i64::MIN),
        Bson::Boolean(false),
        Bson::DateTime(bson::DateTime::from_millis(-5)),
        Bson::ObjectId(ObjectId::from_bytes([3; 12])),
        Bson::Decimal128("1.50".parse().expect("a decimal")),
        Bson::Binary(Binary { subtype: BinarySubtype::Uuid, bytes: vec![1; 16] }),
        Bson::Array(vec![Bson::Null, doc! { "a": { "b": [1, "x"] } }.into()]),
        doc! { "street": "s", "zip": Bson::Null }.into(),
    ];
    for value in values {
        let size = doc! { "v": value.clone() }.to_vec().expect("a size").len();
        let sealed = seal(&key, place, "name", value.clone()).expect("sealed");
        assert_eq!(key_of(binary(&sealed)), Ok(key.id()));
        assert!(binary(&sealed).bytes.len() <= size + SEALED_BYTES);
        assert_eq!(open(&key, place, "name", binary(&sealed)), Ok(value));
    }
}

#[test]
fn the_same_value_never_looks_the_same() {
    let (key, stream) = (key(1), stream("1"));
    let place = Place { event: Uuid::nil(), stream: &stream, event_type: "user.created" };
    let seal = || seal(&key, place, "name", Bson::Boolean(true)).expect("sealed");
    assert_ne!(seal(), seal());
}

#[test]
fn it_opens_in_its_own_place_only() {
    let (right, other, here, there) = (key(1), key(2), stream("1"), stream("2"));
    let place = Place { event: Uuid::from_u128(1), stream: &here, event_type: "user.created" };
    let sealed = seal(&right, place, "name", Bson::Int32(7)).expect("sealed");
    let sealed = binary(&sealed);
    let elsewhere = [
        (&other, place, "name"),
        (&right, Place { event: Uuid::from_u128(2), ..place }, "name"),
        (&right, Place { stream: &there, ..place }, "name"),
        (&right, Place { event_type: "user.restored", ..place }, "name"),
        (&right, place, "nam"),
        // The same letters, parted elsewhere.
        (&right, Place { event_type: "user.create", ..place }, "dname"),
    ];
    assert_eq!(open(&right, place, "name", sealed), Ok(Bson::Int32(7)));
    for (key, place, path) in elsewhere {
        assert!(open(key, place, path, sealed).is_err(), "{place:?} {path}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_no_change_goes_unseen(noise in proptest::collection::vec(any::<u8>(), 0..120), at in 0_usize..80, bit in 0_u8..8) {
        let (key, stream) = (key(1), stream("1"));
        let place = Place { event: Uuid::nil(), stream: &stream, event_type: "user.created" };
        let noise = Binary { subtype: BinarySubtype::UserDefined(SEALED_SUBTYPE), bytes: noise };
        prop_assert!(open(&key, place, "name", &noise).is_err());
        let _ = key_of(&noise);
        let mut sealed = binary(&seal(&key, place, "name", Bson::String("x".repeat(30))).expect("sealed")).clone();
        sealed.bytes[at] ^= 1 << bit;
        prop_assert!(key_of(&sealed) != Ok(key.id()) || open(&key, place, "name", &sealed).is_err());
    }
}
