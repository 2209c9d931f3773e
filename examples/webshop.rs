//! A small shop: models with hooks, handlers that try again and give up, dead letters, a read model, and a periodic task.
//!
//! `cargo run --example webshop` needs no server. Pass `sqlite:shop.db` to keep the data in a file, or a MongoDB URI to run
//! the same on a replica set, in as many processes as you like: they share the work.

#![allow(clippy::print_stdout, reason = "it tells its story on the terminal")]
#![allow(missing_docs, reason = "the names say it")]

use std::time::Duration;

use earnorm::events::{EventBus, EventStatus, LetterFilter, RetryPolicy};
use earnorm::prelude::*;
use futures::StreamExt;
use serde::{Deserialize, Serialize};

/// What is on the shelf.
#[model]
#[derive(Debug, Clone)]
pub struct Product {
    #[model(id)]
    pub sku: String,
    #[validate(range(min = 0))]
    pub pieces: i64,
}

/// What a guest wants.
#[model]
#[derive(Debug, Clone)]
pub struct Order {
    #[model(id)]
    pub id: Uuid,
    pub sku: String,
    #[validate(range(min = 1, max = 100))]
    pub pieces: i64,
    pub email: String,
    #[model(index)]
    pub state: String,
}

/// Three attempts, one right after the other. A real shop takes `retry = "standard"`, which waits longer and longer.
fn at_once() -> RetryPolicy {
    RetryPolicy::table([Duration::ZERO; 2])
}

#[model]
impl Order {
    /// A hook: part of the save, before anything is written.
    #[pre_save]
    fn normalise(&mut self) {
        self.email = self.email.to_lowercase();
    }

    /// A handler: runs from the log, after the save and apart from it. The pieces leave the stock and the order is packed
    /// in one commit with the handler's progress: once, whatever crashes. Too few pieces break a rule of `Product`: nothing
    /// is written, and it is tried again.
    #[on_event("created", id = "pack", retry = at_once())]
    async fn pack(&mut self, cx: &TransactionContext) -> Result<()> {
        let mut product = Product::load(cx, self.sku.clone()).await?;
        product.pieces -= self.pieces;
        product.save(cx).await?;
        self.state = "packed".into();
        Ok(())
    }
}

/// A side effect: at least once. The mail server of this story never answers at the first attempt.
#[event_handler(
    id = "confirmation",
    when = |order: &Recorded<Updated<Order>>| order.became(&Order::STATE, "packed"),
    retry = at_once(),
    timeout = "10s"
)]
async fn confirm(event: Recorded<Updated<Order>>, cx: &EventContext) -> Handled {
    let order = Order::load(cx, event.recorded().model_id::<Order>()?).await?;
    if cx.attempt() == 1 {
        return Err(HandlerError::retry("the mail server does not answer"));
    }
    println!("  mail to {}, attempt {}: {} x {} are packed", order.email, cx.attempt(), order.pieces, order.sku);
    Ok(())
}

/// A read model: rows that are folded from the log. Raise the version when the code changes, and it is built anew beside
/// this one.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sales {
    pub orders: i64,
    pub pieces: i64,
}

#[projection(name = "sales", version = 1)]
async fn sales(order: &Recorded<Created<Order>>, view: &mut View<Sales>) -> Handled {
    let row = view.row(&order.sku).await?;
    row.orders += 1;
    row.pieces += order.pieces;
    Ok(())
}

/// Runs again and again, each time in one of the processes. Each time is an event in the log, and this handles it.
#[periodic("1s", id = "stocktaking", misfire = "skip")]
async fn take_stock(cx: &EventContext) -> Result<()> {
    for product in Product::all().all(cx.db()).await? {
        println!("  there are {} pieces of {}", product.pieces, product.sku);
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let store = std::env::args().nth(1).unwrap_or_else(|| "memory:".into());
    let db = Database::connect(&store).await?;
    run(&db).await?;
    db.close().await
}

/// Tells the story.
///
/// # Errors
/// What the store answers.
pub async fn run(db: &Database) -> Result<()> {
    let bus = EventBus::builder(db).start().await?;

    println!("1. Two orders: the handlers pack them and send mails, at the second attempt");
    stock(db, 10).await?;
    for pieces in [3, 4] {
        order(db, pieces).await?;
    }
    bus.run_until_idle().await?; // A server goes on; a story, like a test, waits.

    println!("2. An order for more than there is: packing fails until it becomes a dead letter");
    let large = order(db, 5).await?;
    bus.run_until_idle().await?;
    let letters = db.dead_letters();
    for letter in letters.list(&LetterFilter::new().handler("pack")).await? {
        println!("  {} of {}, {} attempts: {}", letter.handler, letter.event_type, letter.attempts, letter.error);
    }
    let created = large.receipt().and_then(|receipt| receipt.position()).unwrap_or_default();
    for at in db.handlers().status_of(created).await? {
        let status = match at.status {
            EventStatus::Dead(_) => "dead",
            EventStatus::Completed => "completed",
            _ => "on its way",
        };
        println!("  the event is {status} at {}", at.handler);
    }

    println!("3. A delivery comes, and the letter is requeued: the order is packed after all");
    stock(db, 20).await?;
    let requeued = letters.requeue_where(&LetterFilter::new().handler("pack")).await?;
    bus.run_until_idle().await?;
    println!("  {requeued} letter requeued, {} left", letters.list(&LetterFilter::new()).await?.len());

    println!("4. The read model has followed");
    let sold: Option<Sales> = db.projection("sales").get("tea").await?;
    println!("  {:?}", sold.unwrap_or_default());

    println!("5. A second passes, and stock is taken");
    let mut times = db.subscribe().by_type("schedule.stocktaking").from_end().stream();
    times.next().await.transpose()?;
    bus.run_until_idle().await?;

    println!("6. The log says what happened, and which handler did it");
    for revision in Order::history(db, large.id).await? {
        let by = revision.event.metadata.actor.unwrap_or_else(|| "the shop".into());
        println!("  {:>3}  {} by {by}", revision.event.position, revision.event.event_type);
    }
    bus.stop().await
}

/// So many pieces of tea are in stock now.
async fn stock(db: &Database, pieces: i64) -> Result<()> {
    let tea = Product { sku: "tea".into(), pieces };
    Product::upsert(db, Product::SKU, tea, |stored, new| stored.pieces = new.pieces).await.map(|_| ())
}

async fn order(db: &Database, pieces: i64) -> Result<Entity<Order>> {
    let (id, email) = (Uuid::now_v7(), "Ada@Example.org".into());
    db.create(Order { id, sku: "tea".into(), pieces, email, state: "new".into() }).await
}
