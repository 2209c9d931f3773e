//! A hook takes a context at most.
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
    fn a(&self, _: &mut PreContext<'_, User>, _: u8) {}

    #[post_load]
    fn b(&self, _: &PostContext<'_, User>) {}

    #[post_save]
    fn c(&self, _: &mut PostContext<'_, User>) {}

    #[pre_save]
    fn d(&self, _: PreContext<'_, User>) {}
}

fn main() {}
