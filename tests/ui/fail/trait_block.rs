//! Hooks are methods of the type itself.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: String,
}

#[model]
impl Drop for User {
    fn drop(&mut self) {}
}

fn main() {}
