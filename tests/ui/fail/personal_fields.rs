//! Personal fields are erased by null, and one field says whose data they are.
use earnorm::prelude::*;

#[model]
#[derive(Clone)]
struct Customer {
    #[model(id, personal)]
    id: i64,
    #[model(subject)]
    person: Uuid,
    #[model(subject)]
    company: Uuid,
    #[model(skip, personal)]
    cache: Option<String>,
    #[model(serde, personal)]
    #[serde(with = "years")]
    born: Option<i32>,
}

#[model]
#[derive(Clone)]
struct Note {
    #[model(id, subject)]
    id: i64,
    #[model(skip, subject)]
    author: String,
}

#[model]
#[derive(Clone)]
struct Letter {
    #[model(id)]
    id: i64,
    #[model(subject, personal)]
    author: String,
    #[cfg(all())]
    #[model(subject)]
    reader: String,
}

#[model(embedded)]
#[derive(Clone)]
struct Address {
    #[model(personal)]
    street: Option<String>,
}

#[event]
#[derive(Clone)]
struct Moved {
    #[event(subject)]
    who: i64,
}

fn main() {}
