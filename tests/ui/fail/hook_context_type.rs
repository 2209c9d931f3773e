//! Pre hooks take a pre context.
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
    fn a(&self, _: &mut PostContext<'_, User>) {}
}

fn main() {}
