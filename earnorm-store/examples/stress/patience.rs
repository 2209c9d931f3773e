//! Calls that are made again while the store is out of reach, for a while.

use std::future::Future;
use std::time::{Duration, Instant};

use earnorm_core::Result;

/// How long a store may be out of reach.
const PATIENCE: Duration = Duration::from_secs(60);
/// The wait after an error that may pass.
pub(crate) const RETRY: Duration = Duration::from_millis(100);

/// Calls until there is an answer, or an error that would only come again.
pub(crate) async fn patiently<T, F>(mut call: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        match call().await {
            Err(error) if error.is_retryable() && Instant::now() < deadline => tokio::time::sleep(RETRY).await,
            answer => return answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use earnorm_core::Error;

    use super::*;

    #[tokio::test]
    async fn only_what_may_pass_is_tried_again() {
        let calls = Cell::new(0);
        let call = |last: fn() -> Result<u32>| {
            calls.set(calls.get() + 1);
            let after = std::time::Duration::from_secs(1);
            let passing = Err(Error::TimedOut { what: "a test".to_owned(), after });
            std::future::ready(if calls.get() % 2 == 1 { passing } else { last() })
        };
        assert_eq!(patiently(|| call(|| Ok(7))).await.expect("an answer"), 7);
        assert_eq!(calls.get(), 2);
        assert!(patiently(|| call(|| Err(Error::Closed))).await.is_err());
        assert_eq!(calls.get(), 4);
    }
}
