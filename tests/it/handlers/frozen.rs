//! A process that stood still while another took its handlers over: what it records afterwards is refused.

use std::sync::atomic::{AtomicUsize, Ordering};

use earnorm::events::TransactionContext;

use super::*;
use crate::personal::store::Faulty;

/// A handler with effects of its own and one whose effect is a write, and how often each ran.
#[derive(Debug, Clone, Default)]
struct Work {
    notes: Notes,
    runs: Arc<AtomicUsize>,
}

impl Work {
    fn bus(&self, db: &Database) -> EventBusBuilder {
        let runs = Arc::clone(&self.runs);
        let sum = Handler::transactional("sum", move |event: Arc<RecordedEvent>, cx: &TransactionContext| {
            runs.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                let mut tally = Tally::load(cx, 1).await?;
                tally.sum += i64::try_from(event.version)?;
                tally.save(cx).await?;
                Ok(())
            })
        });
        bus(db).handler(noting("notes", &self.notes)).handler(sum.on(["task.*"]))
    }

    fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}

async fn patiently(what: &str, holds: impl Fn() -> bool) {
    let patience = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(tokio::time::Instant::now() < patience, "{what}");
        tokio::task::yield_now().await;
    }
}

every_store! {
    async fn a_process_that_stood_still_records_nothing_of_what_was_taken_over(db: Database) {
        db.create(Tally { id: 1, sum: 0 }).await.unwrap();
        let store = Faulty::freezing(&db);
        let same = Database::builder().registry(registry()).store(store.clone()).await.unwrap();
        let (frozen, awake) = (Work::default(), Work::default());
        let one = frozen.bus(&same).start().await.unwrap();
        one.run_until_idle().await.unwrap();
        store.freeze(true);
        write(&db, 0..5, 1).await;
        // It has handled what it could, and stands before it records that: neither commits nor beats leave it.
        patiently("both handlers run", || frozen.notes.len() > 0 && frozen.runs() == 1 && store.stuck() >= 3).await;
        let two = awake.bus(&db).start().await.unwrap();
        two.run_until_idle().await.unwrap();
        assert_eq!((awake.notes.len(), awake.runs()), (10, 10), "the other process has taken both over");
        assert_eq!(Tally::load(&db, 1).await.unwrap().sum, 15);
        let taken = [reached(&db, "notes").await, reached(&db, "sum").await];
        store.freeze(false);
        patiently("what stood still goes on", || store.stuck() == 0).await;
        one.run_until_idle().await.unwrap();
        assert_eq!(Tally::load(&db, 1).await.unwrap().sum, 15, "the effect of the old owner is refused");
        assert_eq!([reached(&db, "notes").await, reached(&db, "sum").await], taken);
        let handled = frozen.notes.len() + awake.notes.len();
        write(&db, 5..6, 0).await;
        two.run_until_idle().await.unwrap();
        one.run_until_idle().await.unwrap();
        assert_eq!(frozen.notes.len() + awake.notes.len(), handled + 1, "one of them has it, and goes on");
        assert_eq!(Tally::load(&db, 1).await.unwrap().sum, 16);
        one.stop().await.unwrap();
        two.stop().await.unwrap();
    }
}

/// The place that is stored of a handler. Its epoch may be another one: who is back may be given it again.
async fn reached(db: &Database, handler: &str) -> earnorm::position::Position {
    db.store().checkpoint(handler).await.unwrap().unwrap().position
}
