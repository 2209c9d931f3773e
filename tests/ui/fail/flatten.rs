//! A stored field cannot be flattened.
use earnorm::prelude::*;

#[model(embedded)]
#[derive(Clone)]
struct Address {
    city: String,
}

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    #[serde(flatten)]
    address: Address,
}

fn main() {}
