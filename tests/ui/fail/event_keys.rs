//! Keys of events.
use earnorm::prelude::*;

#[event(nam = "paid", version = 0)]
#[derive(Clone)]
struct Paid {
    #[event(unique)]
    id: i64,
    #[validate(email)]
    mail: String,
}

fn main() {}
