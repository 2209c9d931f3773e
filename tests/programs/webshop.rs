//! The example of the shop tells its story to the end, on every store.

use earnorm::events::{LetterFilter, Operate, Projections};
use earnorm::prelude::*;

use crate::Scratch;
use crate::webshop::{self, Order, Product, Sales};

async fn check(db: &Database) {
    webshop::run(db).await.unwrap();
    assert_eq!(Order::find(Order::STATE.eq("packed")).count(db).await.unwrap(), 3, "the letter was mended");
    assert_eq!(Product::load(db, "tea").await.unwrap().pieces, 15, "each effect happened once");
    assert_eq!(db.dead_letters().list(&LetterFilter::new()).await.unwrap(), []);
    let sold: Option<Sales> = db.projection("sales").get("tea").await.unwrap();
    assert_eq!(sold, Some(Sales { orders: 3, pieces: 12 }));
    assert!(!db.events().by_type("schedule.stocktaking").all().await.unwrap().is_empty());
    // It can be run again where data are kept.
    webshop::run(db).await.unwrap();
    assert_eq!(Order::all().count(db).await.unwrap(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_memory() {
    check(&Database::connect("memory:").await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    let file = Scratch::new("webshop");
    let db = Database::connect(file.uri()).await.unwrap();
    check(&db).await;
    db.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mongodb() {
    let uri = std::env::var("EARNORM_TEST_MONGODB_URI").expect("run the tests with `cargo xtask test`");
    let name = format!("webshop_{}", Uuid::now_v7().simple());
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    check(&db).await;
    db.close().await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    client.database(&name).drop().await.unwrap();
    client.shutdown().await;
}
