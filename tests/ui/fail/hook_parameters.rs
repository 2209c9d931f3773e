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
    fn a(&self, cx: &mut PreContext<'_, User>, more: u8) {}

    #[post_load]
    fn b(&self, cx: &PostContext<'_, User>) {}

    #[post_save]
    fn c(&self, cx: &mut PostContext<'_, User>) {}

    #[pre_save]
    fn d(&self, cx: PreContext<'_, User>) {}
}

fn main() {}
