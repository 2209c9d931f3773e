//! A hook is not generic.
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
    fn a<T>(&self) {}

    #[pre_save]
    unsafe fn b(&self) {}
}

fn main() {}
