//! What serde writes is not what is stored.
use earnorm::prelude::*;

mod as_text {
    use earnorm::__private::serde::Serializer;

    pub fn write<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(*value)
    }
}

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[serde(serialize_with = "as_text::write")]
    count: u32,
}

fn main() {}
