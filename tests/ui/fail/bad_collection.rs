//! Collections of the database itself.
use earnorm::prelude::*;

#[model(collection = "system.users")]
#[derive(Clone)]
struct User {
    #[model(id)]
    id: i64,
}

fn main() {}
