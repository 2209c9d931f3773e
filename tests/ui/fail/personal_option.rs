//! None and erased are one in the store, so a field has one of the two.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct Customer {
    #[model(id)]
    id: i64,
    #[model(personal)]
    name: Personal<Option<String>>,
}

fn main() {}
