//! A file is read in parts: of so many entries or so many bytes, and others run meanwhile.

use std::sync::{Arc, Mutex};

use futures::FutureExt;

use super::*;

/// A file with these names of items in its events, written so many at once.
async fn file(names: impl IntoIterator<Item = String>, at_once: usize) -> Vec<u8> {
    let source = fresh().await;
    let items: Vec<_> = (0..).zip(names).map(|(id, name)| Item { id, name, price: 1.0, tags: vec![] }).collect();
    for part in items.chunks(at_once) {
        source.create_many(part.iter().cloned()).await.unwrap();
    }
    exported(&source).await
}

/// How far an import says that it is.
async fn told(db: &Database, file: &[u8]) -> Vec<String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let run = db.import().on_progress(move |progress| tell.lock().unwrap().push(progress.to_string()));
    run.run(&mut Cursor::new(file)).await.unwrap();
    told.lock().unwrap().clone()
}

every_store! {
    async fn entries_are_written_five_hundred_at_once(db: Database) {
        let file = file((0..1_200).map(|id| id.to_string()), 400).await;
        let steps = ["importing: 500 of 1200", "importing: 1000 of 1200", "importing: 1200 of 1200"];
        assert_eq!(told(&db, &file).await, steps);
        assert_eq!(db.events().all().await.unwrap().len(), 1_200);
    }

    async fn large_entries_are_written_a_few_at_once(db: Database) {
        let file = file((0..5).map(|_| "x".repeat(2_200_000)), 1).await;
        let steps = ["importing: 2 of 5", "importing: 4 of 5", "importing: 5 of 5"];
        assert_eq!(told(&db, &file).await, steps);
    }
}

#[tokio::test]
async fn others_run_while_a_file_is_checked_and_the_import_can_be_dropped() {
    for (entries, waits) in [(255, false), (256, true)] {
        let file = file((0..entries).map(|id| id.to_string()), 400).await;
        let db = fresh().await;
        let mut file = Cursor::new(&file);
        // A store in memory is always ready, and so is the file.
        let done = db.import().run(&mut file).now_or_never();
        assert_eq!(done.is_none(), waits, "{done:?}");
        assert_eq!(db.events().all().await.unwrap().is_empty(), waits, "it was dropped before anything was written");
    }
}
