//! The main job on real input, on every store: totals live, folded again, and straight from the file are the same.
//!
//! Takes the small file of the example, and the one that `EARNORM_RETAIL_CSV` names, if it names one.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, missing_docs)]

#[path = "../../examples/online_retail/import.rs"]
mod import;
#[path = "../../examples/online_retail/model.rs"]
mod model;
mod moves;
#[path = "../../examples/online_retail/totals.rs"]
mod totals;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use earnorm::prelude::*;
use totals::Totals;

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/online_retail_sample.csv");

/// The real file, where the environment names one.
fn real_file() -> Option<PathBuf> {
    std::env::var_os("EARNORM_RETAIL_CSV").map(PathBuf::from)
}

/// Revenue by country and by customer, added up without the library.
fn plain(file: &Path) -> (BTreeMap<String, Decimal>, BTreeMap<i64, Decimal>) {
    let (mut countries, mut customers) = (BTreeMap::<_, Decimal>::new(), BTreeMap::<_, Decimal>::new());
    let mut reader = csv::Reader::from_path(file).unwrap();
    for record in reader.records() {
        let record = record.unwrap();
        let number = |index: usize| record[index].parse::<Decimal>().unwrap();
        let amount = number(4) * number(5);
        *countries.entry(record[3].to_owned()).or_default() += amount;
        if let Ok(customer) = record[2].parse() {
            *customers.entry(customer).or_default() += amount;
        }
    }
    (countries, customers)
}

async fn books(db: &Database, file: &Path) -> Totals {
    let rows = import::read(file).unwrap();
    import::book(db, rows, || {}).await.unwrap();
    let live = Totals::live(db).await.unwrap();
    assert_eq!(Totals::folded(db).await.unwrap(), live, "the log and the documents agree");
    let (countries, customers) = plain(file);
    assert_eq!(live.by_country.iter().cloned().collect::<BTreeMap<_, _>>(), countries);
    let spent: BTreeMap<_, _> = live.customers.iter().map(|(id, customer)| (*id, customer.spent)).collect();
    assert_eq!(spent, customers);
    live
}

async fn on_memory(file: &Path) -> Totals {
    let db = Database::connect("memory:").await.unwrap();
    books(&db, file).await
}

async fn on_sqlite(file: &Path) -> Totals {
    let path = std::env::temp_dir().join(format!("retail_{}.db", Uuid::now_v7().simple()));
    let db = Database::connect(format!("sqlite:{}", path.display())).await.unwrap();
    let totals = books(&db, file).await;
    db.close().await.unwrap();
    std::fs::remove_file(path).unwrap();
    totals
}

async fn on_mongodb(file: &Path) -> Totals {
    let uri = std::env::var("EARNORM_TEST_MONGODB_URI").expect("run the tests with `cargo xtask test`");
    let name = format!("retail_{}", Uuid::now_v7().simple());
    let db = Database::builder().database(&name).connect(&uri).await.unwrap();
    let totals = books(&db, file).await;
    db.close().await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    client.database(&name).drop().await.unwrap();
    client.shutdown().await;
    totals
}

async fn same_on_all(file: &Path) {
    let memory = on_memory(file).await;
    assert_eq!(on_sqlite(file).await, memory);
    assert_eq!(on_mongodb(file).await, memory);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sample_gives_the_same_totals_everywhere() {
    same_on_all(Path::new(SAMPLE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_real_file_gives_the_same_totals_everywhere() {
    if let Some(file) = real_file() {
        same_on_all(&file).await;
    }
}

/// Two customers on one invoice stand in each other's queue: some rows come late and are booked again, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_with_two_customers_is_booked_once() {
    let mut text = String::from("InvoiceNo,InvoiceDate,CustomerID,Country,Quantity,UnitPrice\n");
    for number in 0..60 {
        for customer in [number % 4, (number + 1) % 4] {
            text.push_str(&format!("{number},1/1/2024 1:00,{customer},Malta,{},1.25\n", number - 9));
        }
    }
    let path = std::env::temp_dir().join(format!("{}.csv", Uuid::now_v7()));
    std::fs::write(&path, text).unwrap();
    same_on_all(&path).await;
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn a_row_that_is_not_one_names_its_line() {
    let path = std::env::temp_dir().join(format!("{}.csv", Uuid::now_v7()));
    std::fs::write(&path, "a,b,c,d,e,f\n1,1/1/2024 1:00,(blank),X,1,1.5\n2,1/1/2024 1:00,x,X,1,1.5\n").unwrap();
    let error = import::read(&path).unwrap_err();
    std::fs::remove_file(&path).unwrap();
    let text = format!("{error:#}");
    assert!(text.contains("line 3") && text.contains("CustomerID"), "{text}");
}
