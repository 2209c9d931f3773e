//! The log of the books moves from a file to MongoDB and on to memory: positions, ids and times stay, and each store folds
//! to the same totals.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};

use earnorm::event::RecordedEvent;
use earnorm::prelude::*;
use futures::TryStreamExt;

use crate::model::{Customer, Invoice};
use crate::totals::Totals;

/// Files that go with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("retail_moves_{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Moves the log through a file of lines, makes the documents from it, and compares them with it.
async fn move_on(from: &Database, to: &Database, file: &Path) {
    let exported = from.export().run(&mut BufWriter::new(File::create_new(file).unwrap())).await.unwrap();
    let imported = to.import().run(&mut BufReader::new(File::open(file).unwrap())).await.unwrap();
    assert_eq!(imported.written, exported.events + exported.tombstones);
    to.rebuild::<Invoice>().unwrap().run().await.unwrap();
    to.rebuild::<Customer>().unwrap().run().await.unwrap();
    let invoices = to.verify::<Invoice>().unwrap().run().await.unwrap();
    assert!(invoices.is_whole(), "{:?}", invoices.differences);
    let customers = to.verify::<Customer>().unwrap().run().await.unwrap();
    assert!(customers.is_whole(), "{:?}", customers.differences);
}

/// Both logs have the same events at the same positions.
async fn same_log(left: &Database, right: &Database) {
    let (mut left, mut right) = (left.events().stream(), right.events().stream());
    loop {
        let pair: (Option<RecordedEvent>, Option<RecordedEvent>) =
            (left.try_next().await.unwrap(), right.try_next().await.unwrap());
        match pair {
            (None, None) => return,
            (left, right) => assert_eq!(format!("{left:?}"), format!("{right:?}")),
        }
    }
}

async fn moves(rows: &Path) {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.0.join(name);
    let in_file = Database::connect(format!("sqlite:{}", path("retail.db").display())).await.unwrap();
    let totals = crate::books(&in_file, rows).await;

    let uri = std::env::var("EARNORM_TEST_MONGODB_URI").expect("run the tests with `cargo xtask test`");
    let name = format!("retail_{}", Uuid::now_v7().simple());
    let on_server = Database::builder().database(&name).connect(&uri).await.unwrap();
    move_on(&in_file, &on_server, &path("to_server.jsonl")).await;
    same_log(&in_file, &on_server).await;
    assert_eq!(Totals::live(&on_server).await.unwrap(), totals);

    let in_memory = Database::connect("memory:").await.unwrap();
    move_on(&on_server, &in_memory, &path("to_memory.jsonl")).await;
    same_log(&in_file, &in_memory).await;
    assert_eq!(Totals::live(&in_memory).await.unwrap(), totals);

    in_file.close().await.unwrap();
    on_server.close().await.unwrap();
    let client = mongodb::Client::with_uri_str(&uri).await.unwrap();
    client.database(&name).drop().await.unwrap();
    client.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_the_sample_moves_through_all_stores() {
    moves(Path::new(crate::SAMPLE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_of_the_real_file_moves_through_all_stores() {
    if let Some(file) = crate::real_file() {
        moves(&file).await;
    }
}
