//! Growing waits with full jitter between attempts.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tokio::time::Instant;

/// The first wait between two attempts.
const FIRST: Duration = Duration::from_millis(5);
/// The longest wait between two attempts.
const MAX: Duration = Duration::from_millis(500);
/// How much longer each wait is than the one before.
const GROWTH: f64 = 1.5;

/// How long to wait after so many attempts.
pub(super) fn delay(tries: u32) -> Duration {
    let growth = GROWTH.powi(i32::try_from(tries.min(32)).unwrap_or(0));
    FIRST.mul_f64(growth).min(MAX).mul_f64(jitter())
}

/// Waits until a deadline.
pub(super) struct Backoff {
    tries: u32,
    deadline: Instant,
}

impl Backoff {
    pub(super) fn new(deadline: Instant) -> Self {
        Self { tries: 0, deadline }
    }

    /// Waits; `false` when the deadline is reached.
    pub(super) async fn wait(&mut self) -> bool {
        let now = Instant::now();
        if now >= self.deadline {
            return false;
        }
        tokio::time::sleep_until((now + delay(self.tries)).min(self.deadline)).await;
        self.tries += 1;
        true
    }
}

/// A random number between 0 and 1. A new hasher state is random enough to spread writers.
fn jitter() -> f64 {
    let random = u32::try_from(RandomState::new().hash_one(Instant::now()) >> 32).unwrap_or_default();
    f64::from(random) / f64::from(u32::MAX)
}
