//! A hook borrows its model.
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
    #[pre_save]
    fn a(self) {}

    #[pre_save]
    fn b() {}
}

fn main() {}
