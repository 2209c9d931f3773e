//! What hooks may return.
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
    fn a(&self) -> u32 {
        1
    }

    #[post_save]
    async fn b(&self) -> bool {
        true
    }

    #[validate]
    fn c(&self) {}
}

fn main() {}
