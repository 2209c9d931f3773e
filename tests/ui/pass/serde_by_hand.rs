//! Serde derived below the macro, or written by hand.
use earnorm::bson::Bson;
use earnorm::prelude::*;
use earnorm::__private::serde;

#[model]
#[derive(Clone, serde::Serialize, serde::Deserialize)]
#[serde(crate = "earnorm::__private::serde", rename_all = "SCREAMING_SNAKE_CASE")]
struct Derived {
    #[model(id)]
    id: i64,
    first_name: String,
    #[serde(skip)]
    cache: u8,
    #[serde(default = "seven")]
    lucky: u8,
}

fn seven() -> u8 {
    7
}

#[model(serde = false)]
#[derive(Clone)]
struct ByHand {
    #[model(id)]
    id: i64,
}

impl serde::Serialize for ByHand {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(self.id)
    }
}

impl<'de> serde::Deserialize<'de> for ByHand {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        i64::deserialize(from).map(|id| Self { id })
    }
}

fn main() {
    let document = Derived { id: 1, first_name: "a".into(), cache: 1, lucky: 2 }.encode().unwrap();
    assert_eq!(document.keys().collect::<Vec<_>>(), ["_id", "FIRST_NAME", "LUCKY"]);
    let mut document = document;
    document.remove("LUCKY");
    let back = Derived::decode(&document).unwrap();
    assert_eq!((back.lucky, back.cache, back.first_name.as_str()), (7, 0, "a"));
    assert_eq!(ByHand { id: 1 }.encode().unwrap().get("_id"), Some(&Bson::Int64(1)));
}
