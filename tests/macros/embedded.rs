//! `#[model(embedded)]` on structs and enums.

use std::collections::BTreeMap;

use bson::{Bson, doc};
use earnorm::prelude::*;
use earnorm::schema::StoredKind;
use earnorm::value::Value;

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
struct Address {
    #[validate(length(min = 1))]
    city: String,
    #[model(rename = "zip", default = "0000".to_owned())]
    code: String,
    since: Option<DateTime<Utc>>,
}

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
struct Line {
    #[validate(pattern("^[A-Z]+-[0-9]+$"))]
    sku: String,
    #[validate(range(min = 1))]
    count: u32,
    #[validate(nested)]
    to: Option<Address>,
    state: State,
}

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
#[serde(rename_all = "snake_case")]
enum State {
    Open,
    #[model(rename = "gone")]
    ShippedAway(DateTime<Utc>),
    Split(u32, String),
    Returned {
        reason: String,
        #[serde(rename = "refundCents")]
        refund: i64,
        #[model(default = 3)]
        days: u32,
    },
}

#[model(embedded)]
#[derive(Debug, Clone, Copy, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Colour {
    DeepRed,
    Blue,
}

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
struct Cents(i64);

#[model(embedded)]
#[derive(Debug, Clone, PartialEq)]
struct Comment {
    text: String,
    answers: Vec<Self>,
    parent: Option<Box<Comment>>,
}

#[model]
#[derive(Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Order {
    #[model(id)]
    id: ObjectId,
    #[validate(nested)]
    lines: Vec<Line>,
    #[validate(nested)]
    places: BTreeMap<String, Address>,
    colour: Option<Colour>,
    total_price: Cents,
    comment: Option<Comment>,
    amount: Decimal,
    #[serde(with = "as_text")]
    #[model(serde)]
    odd: u16,
    #[validate(custom(even))]
    even: i32,
}

fn even(number: &i32) -> Result<(), ValidationError> {
    if number % 2 == 0 { Ok(()) } else { Err(ValidationError::new("", "is odd")) }
}

mod as_text {
    use earnorm::__private::serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &u16, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("n{value}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
        let text = String::deserialize(from)?;
        text.strip_prefix('n').and_then(|digits| digits.parse().ok()).ok_or_else(|| D::Error::custom("not n…"))
    }
}

fn address(city: &str) -> Address {
    Address { city: city.into(), code: "1".into(), since: DateTime::from_timestamp_millis(5) }
}

fn line(state: State) -> Line {
    Line { sku: "AB-1".into(), count: 1, to: Some(address("Rome")), state }
}

fn order() -> Order {
    let at = DateTime::from_timestamp_millis(77).unwrap();
    let returned = State::Returned { reason: "broken".into(), refund: 5, days: 9 };
    Order {
        id: ObjectId::from_bytes([3; 12]),
        lines: vec![line(State::Open), line(State::ShippedAway(at)), line(State::Split(2, "x".into())), line(returned)],
        places: [("home".to_owned(), address("Oslo"))].into(),
        colour: Some(Colour::DeepRed),
        total_price: Cents(5),
        comment: Some(Comment {
            text: "a".into(),
            answers: vec![Comment { text: "b".into(), answers: vec![], parent: None }],
            parent: Some(Box::new(Comment { text: "c".into(), answers: vec![], parent: None })),
        }),
        amount: "12.50".parse().unwrap(),
        odd: 7,
        even: 2,
    }
}

#[test]
fn a_round_trip_keeps_everything() {
    assert_eq!(Order::decode(&order().encode().unwrap()).unwrap(), order());
}

#[test]
fn enums_are_stored_as_serde_tags_them() {
    let at = DateTime::from_timestamp_millis(77).unwrap();
    assert_eq!(State::Open.encode().unwrap(), Bson::String("open".into()));
    assert_eq!(
        State::ShippedAway(at).encode().unwrap(),
        Bson::Document(doc! { "gone": bson::DateTime::from_millis(77) })
    );
    assert_eq!(State::Split(2, "x".into()).encode().unwrap(), Bson::Document(doc! { "split": [2_i64, "x"] }));
    assert_eq!(
        State::Returned { reason: "r".into(), refund: 5, days: 1 }.encode().unwrap(),
        Bson::Document(doc! { "returned": { "reason": "r", "refundCents": 5_i64, "days": 1_i64 } })
    );
    assert_eq!(Colour::DeepRed.encode().unwrap(), Bson::String("deep-red".into()));
    assert_eq!((State::KIND, Colour::KIND, Address::KIND), (StoredKind::Any, StoredKind::String, StoredKind::Document));
    assert_eq!(Cents::KIND, StoredKind::Int64);
}

#[test]
fn unknown_variants_and_wrong_contents_are_named() {
    let error = State::decode(&Bson::String("lost".into())).unwrap_err();
    assert_eq!(error.reason, "holds the unknown variant `lost`; known are open, gone, split, returned");
    let error = State::decode(&Bson::String("gone".into())).unwrap_err();
    assert!(error.reason.contains("without content"), "{error}");
    let error = State::decode(&Bson::Document(doc! { "split": [1, 2] })).unwrap_err();
    assert_eq!(error.path, "split.1");
    let error = State::decode(&Bson::Document(doc! { "returned": { "reason": "r" } })).unwrap_err();
    assert_eq!(error.path, "returned.refundCents");
    let stored = Bson::Document(doc! { "returned": { "reason": "r", "refundCents": 1_i64 } });
    assert_eq!(State::decode(&stored).unwrap(), State::Returned { reason: "r".into(), refund: 1, days: 3 });
}

#[test]
fn serde_attributes_name_the_stored_fields() {
    let document = order().encode().unwrap();
    assert_eq!(document.get("totalPrice"), Some(&Bson::Int64(5)));
    assert_eq!(Order::TOTAL_PRICE.path(), "totalPrice");
    assert_eq!(document.get("odd"), Some(&Bson::String("n7".into())));
    assert!(matches!(document.get("amount"), Some(Bson::Decimal128(_))));
    let stored = Bson::Document(doc! { "city": "Rome" });
    assert_eq!(Address::decode(&stored).unwrap(), Address { code: "0000".into(), since: None, ..address("Rome") });
}

#[test]
fn constants_reach_into_embedded_structs() {
    assert_eq!(Order::LINES.path(), "lines");
    assert_eq!(Address::CODE.path(), "zip");
    let filter = Order::LINES.any(Line::COUNT.gt(2));
    assert!(format!("{filter:?}").contains("count"), "{filter:?}");
    assert_eq!(Line::TO.some().then(Address::CITY).path(), "to.city");
}

#[test]
fn rules_are_checked_all_the_way_down() {
    let mut order = order();
    order.lines[1].sku = "bad".into();
    order.lines[2].count = 0;
    order.lines[3].to = Some(address(""));
    order.places.insert("work".into(), address(""));
    order.even = 3;
    let mut errors = ValidationErrors::new();
    order.check(&mut errors);
    let paths: Vec<_> = errors.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(paths, ["lines[1].sku", "lines[2].count", "lines[3].to.city", "places.work.city", "even"]);
}

#[test]
fn errors_below_name_the_whole_path() {
    let mut document = order().encode().unwrap();
    document.insert("lines", vec![Bson::Document(doc! { "sku": "A-1", "count": "two" })]);
    assert_eq!(Order::decode(&document).unwrap_err().path, "lines.0.count");
}
