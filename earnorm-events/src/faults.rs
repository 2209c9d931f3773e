//! Faults for tests: a handler that fails, so often or by chance with a seed, is called twice or waits.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::failure::{Handled, HandlerError};
use crate::handler::{Call, Handler};

/// Faults around handlers. The same seed makes the same choices, in the order in which events are handled.
///
/// ```text
/// let handler = Faults::seeded(7).fail(0.2).duplicate(0.3).delay(Duration::from_millis(5)).around(handler);
/// ```
#[derive(Debug, Clone)]
pub struct Faults {
    chance: Arc<Mutex<StdRng>>,
    fail_first: u32,
    fail: f64,
    duplicate: f64,
    delay: Duration,
}

/// What happens to one call.
#[derive(Debug, Clone, Copy)]
struct Fate {
    before: bool,
    after: bool,
    twice: bool,
    wait: Duration,
}

impl Faults {
    /// No faults yet.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let chance = Arc::new(Mutex::new(StdRng::seed_from_u64(seed)));
        Self { chance, fail_first: 0, fail: 0.0, duplicate: 0.0, delay: Duration::ZERO }
    }

    /// The first attempts at each event fail, so many, before the handler runs: it gets the event with the next one.
    #[must_use]
    pub fn fail_first(mut self, attempts: u32) -> Self {
        self.fail_first = attempts;
        self
    }

    /// This share of the calls fails, from 0 to 1: half of them before the handler runs, half when it has done its work.
    #[must_use]
    pub fn fail(mut self, share: f64) -> Self {
        self.fail = share.clamp(0.0, 1.0);
        self
    }

    /// This share of the calls is made twice, as after a crash between an effect and its checkpoint. Transactional
    /// handlers and projections are not called twice: their effects are one commit with their progress.
    #[must_use]
    pub fn duplicate(mut self, share: f64) -> Self {
        self.duplicate = share.clamp(0.0, 1.0);
        self
    }

    /// Each call waits up to so long before it begins.
    #[must_use]
    pub fn delay(mut self, max: Duration) -> Self {
        self.delay = max;
        self
    }

    /// What happens to a call for the attempt of this number.
    fn fate(&self, attempt: u32) -> Fate {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let fails = chance.random_bool(self.fail);
        let before = chance.random_bool(0.5);
        Fate {
            before: (fails && before) || attempt <= self.fail_first,
            after: fails && !before,
            twice: chance.random_bool(self.duplicate),
            wait: self.delay.mul_f64(chance.random()),
        }
    }

    /// The handler with these faults around it. Projections stay as they are.
    #[must_use]
    pub fn around(&self, mut handler: Handler) -> Handler {
        let faults = self.clone();
        handler.call = match handler.call {
            Call::Each(run) => Call::Each(Arc::new(move |event, cx| {
                let (fate, run) = (faults.fate(cx.attempt()), Arc::clone(&run));
                Box::pin(async move {
                    fate.begin().await?;
                    if fate.twice {
                        run(Arc::clone(&event), cx.clone()).await?;
                    }
                    run(event, cx).await?;
                    fate.end()
                })
            })),
            Call::Transactional(run) => Call::Transactional(Arc::new(move |event, cx| {
                let (fate, run) = (faults.fate(cx.attempt()), Arc::clone(&run));
                Box::pin(async move {
                    fate.begin().await?;
                    run(event, cx).await?;
                    fate.end()
                })
            })),
            Call::Batch { max, wait, run } => {
                let run: Arc<crate::handler::Batch> = Arc::new(move |events, cx| {
                    let (fate, run) = (faults.fate(cx.attempt()), Arc::clone(&run));
                    Box::pin(async move {
                        let refused = |count: usize| (0..count).map(|_| Err(injected())).collect();
                        if fate.begin().await.is_err() {
                            return refused(events.len());
                        }
                        if fate.twice {
                            let _again = run(events.clone(), cx.clone()).await;
                        }
                        let count = events.len();
                        let answers = run(events, cx).await;
                        if fate.after { refused(count) } else { answers }
                    })
                });
                Call::Batch { max, wait, run }
            }
            Call::Fold(folds) => Call::Fold(folds),
        };
        handler
    }
}

impl Fate {
    async fn begin(self) -> Handled {
        if !self.wait.is_zero() {
            tokio::time::sleep(self.wait).await;
        }
        if self.before { Err(injected()) } else { Ok(()) }
    }

    fn end(self) -> Handled {
        if self.after { Err(injected()) } else { Ok(()) }
    }
}

fn injected() -> HandlerError {
    HandlerError::retry("a fault that the test injected")
}
