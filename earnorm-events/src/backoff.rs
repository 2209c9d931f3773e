//! Growing waits between attempts, with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).

use std::time::Duration;

use rand::Rng;

/// Waits that double up to a bound.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    first: Duration,
    max: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, max: Duration) -> Self {
        Self { next: first, first, max }
    }

    /// How long to wait now: between nothing and the bound of this attempt.
    pub(crate) fn wait(&mut self) -> Duration {
        let bound = self.next;
        self.next = (bound * 2).min(self.max);
        bound.mul_f64(rand::rng().random())
    }

    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_never_exceeds_its_bound(first in 1_u64..1_000, factor in 1_u64..100, attempts in 1_usize..50) {
            let (first, max) = (Duration::from_millis(first), Duration::from_millis(first * factor));
            let mut backoff = Backoff::new(first, max);
            for attempt in 0..attempts {
                let bound = first.saturating_mul(2_u32.saturating_pow(u32::try_from(attempt).unwrap())).min(max);
                prop_assert!(backoff.wait() <= bound);
            }
            backoff.reset();
            prop_assert!(backoff.wait() <= first);
        }
    }
}
