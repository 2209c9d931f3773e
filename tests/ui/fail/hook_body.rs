//! A mistake in a hook is reported once.
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
    fn a(&mut self) {
        self.name = 1;
    }
}

fn main() {}
