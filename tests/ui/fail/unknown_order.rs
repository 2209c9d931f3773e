//! Keys of a marker.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: String,
}

#[model]
impl User {
    #[pre_save(ordr = 1)]
    fn a(&self) {}

    #[pre_save(order = "first")]
    fn b(&self) {}
}

fn main() {}
