//! A small shop: models with hooks, handlers that retry and give up, a projection.
//!
//! `cargo run --example webshop` needs no server. Pass a MongoDB URI to run the same on a replica set.

#![allow(clippy::print_stdout, reason = "it tells its story on the terminal")]

use std::sync::atomic::{AtomicBool, Ordering};

use earnorm::events::EventBus;
use earnorm::prelude::*;
use serde::{Deserialize, Serialize};

#[model]
#[derive(Debug, Clone)]
struct Product {
    #[model(id)]
    sku: String,
    #[validate(range(min = 0))]
    pieces: i64,
    cents: i64,
}

#[model]
#[derive(Debug, Clone)]
struct Order {
    #[model(id)]
    id: i64,
    sku: String,
    #[validate(range(min = 1, max = 100))]
    pieces: i64,
    state: String,
    email: String,
}

#[model]
impl Order {
    #[pre_save]
    fn normalise(&mut self) {
        self.email = self.email.to_lowercase();
    }

    /// The pieces leave the stock and the order is packed in one commit with this handler's progress: once, whatever
    /// crashes. Too few pieces break a rule of `Product`, so nothing is written and it is tried again.
    #[on_event("created", id = "pack", retry = "fast")]
    async fn pack(&mut self, cx: &TransactionContext) -> Result<()> {
        let mut product = Product::load(cx, self.sku.clone()).await?;
        product.pieces -= self.pieces;
        product.save(cx).await?;
        self.state = "packed".into();
        Ok(())
    }
}

/// Whether the mail server answers; in this story it is down at first.
static MAIL_IS_UP: AtomicBool = AtomicBool::new(false);

/// A side effect: at least once. Here it gives up at once, so that there is a dead letter to show.
#[event_handler(id = "confirmation", when = |event: &Recorded<Updated<Order>>| event.became(&Order::STATE, "packed"), retry = "never")]
async fn confirm(event: Recorded<Updated<Order>>, cx: &EventContext) -> Handled {
    let order = Order::load(cx, event.recorded().model_id::<Order>()?).await?;
    if !MAIL_IS_UP.load(Ordering::Relaxed) {
        return Err(HandlerError::retry("the mail server does not answer"));
    }
    println!("  mail to {}: your {} x {} are packed", order.email, order.pieces, order.sku);
    Ok(())
}

/// A read model: folded from the log into a collection of its own. Raise the version and it is built again beside this one.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Sales {
    orders: i64,
    pieces: i64,
}

#[projection(name = "sales", version = 1)]
async fn sales(order: &Recorded<Created<Order>>, view: &mut View<Sales>) -> Handled {
    let row = view.row(&order.sku).await?;
    row.orders += 1;
    row.pieces += order.pieces;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let store = std::env::args().nth(1).unwrap_or_else(|| "memory:".into());
    let db = Database::builder().database("webshop").connect(store).await?;
    let bus = EventBus::builder(&db).start().await?;

    println!("Two orders of tea");
    db.create(Product { sku: "tea".into(), pieces: 10, cents: 450 }).await?;
    for (id, pieces) in [(1, 3), (2, 4)] {
        let email = format!("Guest{id}@Example.org");
        db.create(Order { id, sku: "tea".into(), pieces, state: "new".into(), email }).await?;
    }
    bus.run_until_idle().await?;
    println!("  {} pieces are left", Product::load(&db, "tea").await?.pieces);

    let tea: Option<Sales> = db.projection("sales").get("tea").await?;
    println!("Sales of tea\n  {:?}", tea.unwrap_or_default());

    println!("The log, by whom");
    for event in db.events().all().await? {
        let actor = event.metadata.actor.as_deref().unwrap_or("the shop");
        println!("  {:>3}  {:<16} {:<10} {actor}", event.position, event.event_type, event.stream.key());
    }

    bus.stop().await?;
    db.close().await
}
