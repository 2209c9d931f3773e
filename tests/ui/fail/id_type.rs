//! Four types can be ids.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: f64,
}

fn main() {}
