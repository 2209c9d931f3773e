//! Keys of the model do not belong on its `impl` block.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
    name: String,
}

#[model(collection = "users")]
impl User {}

fn main() {}
