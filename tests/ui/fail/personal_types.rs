//! Only types in which null says that a value is gone can be personal.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct Customer {
    #[model(id)]
    id: i64,
    #[model(personal)]
    name: String,
    #[model(subject)]
    account: Option<Uuid>,
}

#[event]
#[derive(Clone)]
struct Moved {
    #[event(personal)]
    street: String,
}

fn main() {}
