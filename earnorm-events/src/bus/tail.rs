//! Where the log ends, watched once for all handlers of a process.

use std::sync::Arc;
use std::time::Duration;

use earnorm_core::position::Position;
use earnorm_core::store::Store;
use tokio::sync::watch;

use crate::backoff::Backoff;

/// Tells the high-water mark whenever it has moved, as long as anyone listens.
pub(super) async fn watch_end(store: Arc<dyn Store>, end: watch::Sender<Position>) {
    let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
    loop {
        let looked = async {
            let reached = store.high_water().await?;
            end.send_if_modified(|known| {
                let moved = reached > *known;
                *known = reached.max(*known);
                moved
            });
            store.moved(reached).await
        };
        let outcome = tokio::select! {
            outcome = looked => outcome,
            () = end.closed() => return,
        };
        match outcome {
            Ok(()) => backoff.reset(),
            Err(error) => {
                let wait = backoff.wait();
                tracing::warn!(%error, ?wait, "the end of the log could not be looked at and is tried again");
                tokio::time::sleep(wait).await;
            }
        }
        // A signal that came for nothing must not keep others from running.
        tokio::task::yield_now().await;
    }
}
