//! A post hook changes nothing.
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
    #[post_save]
    fn a(&mut self) {}

    #[validate]
    fn b(&mut self) -> Result<(), ValidationError> {
        Ok(())
    }
}

fn main() {}
