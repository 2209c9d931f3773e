//! A marker comes once on a method.
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
    #[pre_save(order = 2)]
    fn a(&self) {}
}

fn main() {}
