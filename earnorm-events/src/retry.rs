//! When a failed event is tried again.

use std::time::Duration;

use rand::Rng;

/// How waits are spread, so that what failed together does not come back together.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Jitter {
    /// Anything from nothing to the whole wait: *full jitter* (Brooker, "Exponential Backoff And Jitter", 2015).
    Full,
    /// Half the wait, and anything up to the other half.
    Equal,
    /// The wait, give or take this share of it: 0.2 is 20%.
    Part(f64),
    /// The wait as it is.
    None,
}

/// When a failed event is tried again, and how often. What is stored is the time of the next attempt, so a restart
/// changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryPolicy {
    waits: Waits,
    attempts_max: u32,
    within: Option<Duration>,
    jitter: Jitter,
}

#[derive(Debug, Clone, PartialEq)]
enum Waits {
    Exponential { base: Duration, factor: f64, cap: Duration },
    Table(Vec<Duration>),
}

impl RetryPolicy {
    /// 5 attempts, waits of up to 1, 2, 4 and 8 seconds (full jitter).
    #[must_use]
    pub fn fast() -> Self {
        Self::exponential(Duration::from_secs(1), 2.0, Duration::from_secs(60)).attempts(5)
    }

    /// 10 attempts, waits of up to 5 seconds, tripled each time, at most 6 hours (full jitter): at most 10.6 hours in all,
    /// half of that on average. The default.
    #[must_use]
    pub fn standard() -> Self {
        Self::exponential(Duration::from_secs(5), 3.0, Duration::from_secs(6 * 3_600)).attempts(10)
    }

    /// The table of Standard Webhooks: at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h, each
    /// give or take 20%.
    #[must_use]
    pub fn webhook() -> Self {
        let waits = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map(Duration::from_secs);
        Self::table(waits).jitter(Jitter::Part(0.2))
    }

    /// One attempt: what fails is a dead letter at once.
    #[must_use]
    pub fn never() -> Self {
        Self::table([])
    }

    /// Waits of `base`, `base × factor`, `base × factor²` …, at most `cap`, with full jitter, so that each is anything from
    /// nothing to that; 10 attempts unless set. A factor below 1 or none at all counts as 1.
    #[must_use]
    pub fn exponential(base: Duration, factor: f64, cap: Duration) -> Self {
        let factor = if factor.is_finite() { factor.max(1.0) } else { 1.0 };
        let waits = Waits::Exponential { base, factor, cap };
        Self { waits, attempts_max: 10, within: None, jitter: Jitter::Full }
    }

    /// These waits, one after the other: one attempt more than there are waits.
    #[must_use]
    pub fn table(waits: impl Into<Vec<Duration>>) -> Self {
        let waits = waits.into();
        let attempts_max = u32::try_from(waits.len()).unwrap_or(u32::MAX).saturating_add(1);
        Self { waits: Waits::Table(waits), attempts_max, within: None, jitter: Jitter::None }
    }

    /// The policy of a name: `fast`, `standard`, `webhook`, `never`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "fast" => Some(Self::fast()),
            "standard" => Some(Self::standard()),
            "webhook" => Some(Self::webhook()),
            "never" => Some(Self::never()),
            _ => None,
        }
    }

    /// At most so many attempts, the first one included; at least 1. A table that is shorter repeats its last wait.
    #[must_use]
    pub fn attempts(mut self, max: u32) -> Self {
        self.attempts_max = max.max(1);
        self
    }

    /// No attempt begins later than this after the first failure.
    #[must_use]
    pub fn within(mut self, time: Duration) -> Self {
        self.within = Some(time);
        self
    }

    /// Spreads the waits.
    #[must_use]
    pub fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// At most so many attempts.
    #[must_use]
    pub fn attempts_max(&self) -> u32 {
        self.attempts_max
    }

    /// How long to wait after `attempts` attempts failed, the first of them `since` ago; `None` when there is no next
    /// one.
    pub(crate) fn wait(&self, attempts: u32, since: Duration) -> Option<Duration> {
        if attempts >= self.attempts_max {
            return None;
        }
        let wait = self.spread(self.plain(attempts));
        let late = self.within.is_some_and(|within| since.saturating_add(wait) > within);
        (!late).then_some(wait)
    }

    /// The wait after so many attempts, before it is spread.
    fn plain(&self, attempts: u32) -> Duration {
        match &self.waits {
            Waits::Exponential { base, factor, cap } => {
                let power = factor.powi(i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX));
                let seconds = base.as_secs_f64() * power;
                Duration::try_from_secs_f64(seconds).unwrap_or(*cap).min(*cap)
            }
            Waits::Table(waits) => {
                let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
                waits.get(index).or(waits.last()).copied().unwrap_or_default()
            }
        }
    }

    fn spread(&self, wait: Duration) -> Duration {
        let random = || rand::rng().random_range(0.0..=1.0);
        match self.jitter {
            Jitter::None => wait,
            Jitter::Full => wait.mul_f64(random()),
            Jitter::Equal => wait / 2 + (wait / 2).mul_f64(random()),
            Jitter::Part(part) => wait.mul_f64(1.0 + part.clamp(0.0, 1.0) * (2.0 * random() - 1.0)),
        }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::standard()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ready_made_policies_are_as_documented() {
        let webhook = RetryPolicy::webhook();
        assert_eq!(webhook.attempts_max(), 10);
        let plain: Vec<_> = (1..10).map(|attempt| webhook.plain(attempt).as_secs()).collect();
        assert_eq!(plain, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        let fast = RetryPolicy::fast();
        assert_eq!((1..6).map(|attempt| fast.plain(attempt).as_secs()).collect::<Vec<_>>(), [1, 2, 4, 8, 16]);
        assert_eq!(RetryPolicy::standard().plain(9).as_secs(), 6 * 3_600);
        assert_eq!(RetryPolicy::never().wait(1, Duration::ZERO), None);
    }

    proptest! {
        #[test]
        fn waits_keep_to_their_bounds(
            base in 0_u64..10_000, factor in 0.0_f64..10.0, cap in 0_u64..1_000_000, attempts in 1_u32..200, max in 1_u32..200
        ) {
            let cap = Duration::from_millis(cap);
            for jitter in [Jitter::Full, Jitter::Equal, Jitter::Part(0.2), Jitter::None] {
                let policy = RetryPolicy::exponential(Duration::from_millis(base), factor, cap).attempts(max).jitter(jitter);
                match policy.wait(attempts, Duration::ZERO) {
                    None => prop_assert!(attempts >= max),
                    Some(wait) => prop_assert!(attempts < max && wait <= cap.mul_f64(1.2)),
                }
            }
        }

        #[test]
        fn no_attempt_begins_too_late(within in 0_u64..10_000, since in 0_u64..20_000) {
            let (within, since) = (Duration::from_millis(within), Duration::from_millis(since));
            let policy = RetryPolicy::fast().within(within);
            if let Some(wait) = policy.wait(1, since) {
                prop_assert!(since + wait <= within);
            }
        }
    }
}
