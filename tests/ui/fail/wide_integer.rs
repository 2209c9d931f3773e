//! 128-bit integers have no stored form.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    big: Option<u128>,
}

fn main() {}
