//! A marker belongs above a function.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: String,
}

#[pre_save]
struct Other;

#[post_save]
impl User {}

fn main() {}
