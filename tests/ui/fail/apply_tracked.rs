//! Only sourced models apply events.
use earnorm::prelude::*;

#[event]
#[derive(Clone)]
struct Paid {
    cents: i64,
}

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: String,
}

#[model]
impl User {
    #[apply]
    fn paid(&mut self, _: &Paid) {}
}

fn main() {}
