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

#[cfg(test)]
mod tests {
    //! Bounds, growth and jitter.

    use super::*;

    #[test]
    fn delays_grow_to_their_bound_and_are_spread_below_it() {
        for (tries, most) in [(0, 5.0), (1, 7.5), (2, 11.25), (5, 37.97), (11, 432.5), (12, 500.0), (u32::MAX, 500.0)] {
            let delays: Vec<_> = (0..500).map(|_| delay(tries).as_secs_f64() * 1_000.0).collect();
            let (low, high) = delays.iter().fold((f64::MAX, 0.0_f64), |(low, high), ms| (low.min(*ms), high.max(*ms)));
            assert!(high <= most && high > 0.9 * most && low < 0.1 * most, "{tries}: {low} to {high} of {most}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_waits_longer_each_time_and_stops_at_the_deadline() {
        let (began, patience) = (Instant::now(), Duration::from_secs(20));
        let (mut backoff, mut waits) = (Backoff::new(began + patience), 0);
        while backoff.wait().await {
            waits += 1;
        }
        assert_eq!(began.elapsed(), patience);
        assert!((60..200).contains(&waits), "{waits} waits of up to half a second");
        assert!(!backoff.wait().await, "nor does it wait later");
        assert_eq!(began.elapsed(), patience);
    }
}
