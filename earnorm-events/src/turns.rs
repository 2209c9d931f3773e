//! Turns: how many events all handlers of a process handle at once, and who is next.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A bounded number of turns. Who waits gets one by priority, then first come, first served.
#[derive(Debug, Clone)]
pub(crate) struct Turns(Arc<Mutex<Line>>);

#[derive(Debug)]
struct Line {
    free: usize,
    next: u64,
    waiting: BTreeMap<(Reverse<i32>, u64), oneshot::Sender<Turn>>,
}

/// The right to handle one event, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Option<Turns>);

impl Turns {
    pub(crate) fn new(at_once: usize) -> Self {
        Self(Arc::new(Mutex::new(Line { free: at_once.max(1), next: 0, waiting: BTreeMap::new() })))
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. Dropping the future leaves the line.
    pub(crate) async fn take(&self, priority: i32) -> Turn {
        let receiver = {
            let mut line = self.lock();
            if line.free > 0 {
                line.free -= 1;
                return Turn(Some(self.clone()));
            }
            let (sender, receiver) = oneshot::channel();
            let place = (Reverse(priority), line.next);
            line.next += 1;
            line.waiting.insert(place, sender);
            receiver
        };
        match receiver.await {
            Ok(turn) => turn,
            // The line keeps the sender until it hands a turn over.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(turns) = self.0.take() else { return };
        loop {
            let next = {
                let mut line = turns.lock();
                let Some((_, next)) = line.waiting.pop_first() else {
                    line.free += 1;
                    return;
                };
                next
            };
            match next.send(Turn(Some(turns.clone()))) {
                Ok(()) => return,
                // Whoever waited is gone: the turn comes back, and must not be given twice.
                Err(mut turn) => turn.0 = None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn turns_are_bounded_and_go_by_priority() {
        let turns = Turns::new(1);
        let first = turns.take(0).await;
        let mut waiting: Vec<_> = [(0, "low"), (5, "high"), (0, "later"), (9, "gone")]
            .map(|(priority, name)| (name, Box::pin(turns.take(priority))))
            .into();
        for (name, wait) in &mut waiting {
            assert!(futures::poll!(wait).is_pending(), "{name} must wait");
        }
        let (_, gone) = waiting.remove(3);
        drop(gone);
        drop(first);
        let mut order = Vec::new();
        while !waiting.is_empty() {
            let mut ready = None;
            for (index, (_, wait)) in waiting.iter_mut().enumerate() {
                if let std::task::Poll::Ready(turn) = futures::poll!(wait) {
                    ready = Some((index, turn));
                    break;
                }
            }
            let Some((index, turn)) = ready else { panic!("nobody has a turn") };
            order.push(waiting.remove(index).0);
            drop(turn);
        }
        assert_eq!(order, ["high", "low", "later"]);
        assert_eq!(turns.lock().free, 1);
    }
}
