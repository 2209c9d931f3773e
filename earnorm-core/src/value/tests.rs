//! What is read as which type, and what is refused; ids as keys; sets in an order of their own.

use std::collections::HashSet;

use bson::{Binary, Bson, bson, doc};

use super::generated::{Encoding, field, items, tagged, variant, write};
use super::*;

/// 2^53: above it, doubles are not exact any more.
const EXACT: i64 = 1 << 53;

#[test]
fn integers_are_read_from_every_number_that_is_whole() {
    for stored in [Bson::Int32(5), Bson::Int64(5), Bson::Double(5.0)] {
        assert_eq!((i64::decode(&stored).unwrap(), u8::decode(&stored).unwrap()), (5, 5), "{stored:?}");
    }
    for whole in [0, EXACT, -EXACT] {
        assert_eq!(i64::decode(&Bson::Double(whole as f64)).unwrap(), whole);
    }
    for broken in [0.5, -0.5, (EXACT + 2) as f64, -((EXACT + 2) as f64), 1e300, f64::INFINITY, f64::NAN] {
        assert!(i64::decode(&Bson::Double(broken)).is_err(), "{broken}");
    }
    assert!(u8::decode(&Bson::Int32(256)).is_err() && u8::decode(&Bson::Int64(-1)).is_err());
    assert!(i64::decode(&"5".into()).is_err() && i64::decode(&Bson::Null).is_err());
}

#[test]
fn doubles_are_read_from_integers_that_they_hold_exactly() {
    assert_eq!(f64::decode(&Bson::Int32(-7)).unwrap(), -7.0);
    for exact in [EXACT, -EXACT] {
        assert_eq!(f64::decode(&Bson::Int64(exact)).unwrap(), exact as f64);
    }
    for beyond in [EXACT + 1, -EXACT - 1, i64::MAX, i64::MIN] {
        assert!(f64::decode(&Bson::Int64(beyond)).is_err(), "{beyond}");
    }
    assert_eq!(f32::decode(&Bson::Double(0.1)).unwrap(), 0.1_f32);
    assert!(f32::decode(&Bson::Double(f64::INFINITY)).unwrap().is_infinite());
    assert!(f32::decode(&Bson::Double(1e300)).is_err(), "it does not become infinite");
}

#[test]
fn a_key_reads_back_as_the_id_that_it_was_written_from() {
    let uuid = uuid::Uuid::from_u128(7);
    let object = bson::oid::ObjectId::from_bytes([9; 12]);
    for (kind, id, key) in [
        (StoredKind::String, Bson::from("a-1"), "a-1".to_owned()),
        (StoredKind::Int64, Bson::Int64(-5), "-5".to_owned()),
        (StoredKind::ObjectId, Bson::ObjectId(object), object.to_hex()),
        (StoredKind::Uuid, uuid.encode().unwrap(), uuid.to_string()),
    ] {
        assert_eq!(key_text(&id).as_ref(), Some(&key));
        assert_eq!(from_key(kind, &key), Some(id));
    }
    for (kind, wrong) in
        [(StoredKind::Int64, "x"), (StoredKind::ObjectId, "0909"), (StoredKind::Uuid, "7"), (StoredKind::Bool, "true")]
    {
        assert_eq!(from_key(kind, wrong), None, "{wrong}");
    }
    let bytes = Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![0; 16] };
    for never in [Bson::Binary(bytes.clone()), Bson::Int32(5), Bson::Null, bson!({ "a": 1 })] {
        assert_eq!(key_text(&never), None, "{never}");
    }
    assert!(uuid::Uuid::decode(&Bson::Binary(bytes)).is_err());
}

#[test]
fn a_set_is_stored_in_the_order_of_its_values() {
    let set: HashSet<i64> = [3, 1, 2].into();
    assert_eq!(set.encode().unwrap(), bson!([1_i64, 2_i64, 3_i64]));
    assert_eq!(HashSet::<i64>::decode(&bson!([2_i64, 1_i64, 3_i64])).unwrap(), set);
    assert!(HashSet::<i64>::decode(&bson!(["x"])).is_err());
}

#[test]
fn a_path_that_leads_nowhere_is_null() {
    let document = doc! { "a": { "b": { "c": 1 } }, "d": [ { "e": 1 } ] };
    assert_eq!(value_at(&document, "a.b.c"), Bson::Int32(1));
    assert_eq!(value_at(&document, "a.b"), bson!({ "c": 1 }));
    for nowhere in ["x", "a.x", "a.b.c.d", "d.e", "d.0"] {
        assert_eq!(value_at(&document, nowhere), Bson::Null, "{nowhere}");
    }
}

#[test]
fn an_operand_has_the_form_of_its_field() {
    let (number, text) = (5_i64, "x".to_owned());
    assert_eq!(Operand::<i64>::operand(&number).unwrap(), Bson::Int64(5));
    assert_eq!(Operand::<i64>::operand(&&number).unwrap(), Bson::Int64(5));
    assert_eq!(Operand::<Option<i64>>::operand(&number).unwrap(), Bson::Int64(5));
    assert_eq!(Operand::<Option<i64>>::operand(&None::<i64>).unwrap(), Bson::Null);
    assert_eq!(Operand::<String>::operand(&text.as_str()).unwrap(), "x".into());
    assert_eq!(Operand::<Option<String>>::operand(&text.as_str()).unwrap(), "x".into());
}

#[test]
fn a_field_is_written_and_read_under_its_name() {
    let mut encoding = Encoding::new();
    write(&mut encoding, "n", 5_i64.encode());
    let document = encoding.finish().unwrap();
    assert_eq!(document, doc! { "n": 5_i64 });
    let fields = Fields::of(&document);
    assert_eq!(field(&fields, "n", i64::decode, i64::absent).unwrap(), 5);
    assert_eq!(field(&fields, "m", <Option<i64>>::decode, <Option<i64>>::absent).unwrap(), None);
    assert!(field(&fields, "m", i64::decode, i64::absent).unwrap_err().to_string().contains('m'));
    assert!(field(&fields, "n", String::decode, String::absent).unwrap_err().to_string().contains('n'));
    let mut encoding = Encoding::new();
    write(&mut encoding, "big", u64::MAX.encode());
    write(&mut encoding, "bigger", u64::MAX.encode());
    let error = encoding.finish().unwrap_err().to_string();
    assert!(error.contains("big") && !error.contains("bigger"), "the first that has no stored form: {error}");
}

#[test]
fn a_variant_is_its_name_or_one_field_with_its_content() {
    assert_eq!(variant(&"Open".into()).unwrap(), ("Open", None));
    let closed = tagged("Closed", 5_i64.encode()).unwrap();
    assert_eq!(variant(&closed).unwrap(), ("Closed", Some(&Bson::Int64(5))));
    for wrong in [bson!({}), bson!({ "Closed": 5, "Open": 6 }), bson!(["Open"]), Bson::Null] {
        assert!(variant(&wrong).unwrap_err().to_string().contains("a document with one field"), "{wrong}");
    }
    let pair = bson!([1, 2]);
    assert_eq!(items(&pair, 2).unwrap().len(), 2);
    for len in [1, 3] {
        let error = items(&pair, len).unwrap_err().to_string();
        assert!(error.contains(&format!("holds 2 values where {len} are expected")), "{error}");
    }
    assert!(items(&bson!({ "0": 1 }), 1).unwrap_err().to_string().contains("a list"));
}
