//! An embedded type has no collection and no id.
use earnorm::prelude::*;

#[model(embedded, collection = "addresses")]
#[derive(Clone)]
struct Address {
    #[model(id)]
    id: i64,
    city: String,
}

fn main() {}
