//! A sourced model changes through events.
use earnorm::prelude::*;

#[event]
#[derive(Clone)]
struct Paid {
    cents: i64,
}

#[model(sourced)]
#[derive(Clone)]
struct Order {
    #[model(id)]
    id: i64,
    paid: i64,
}

#[model]
impl Order {
    #[pre_save]
    fn a(&mut self) {
        self.paid = 0;
    }
}

#[pre_update]
fn free(order: &mut Order) {
    order.paid = 0;
}

fn main() {}
