//! Reading your own writes in what is derived from the log.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::{Error, Result};

use crate::backoff::Backoff;

/// The waits between two looks at a checkpoint.
const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(100);

/// A wait for a position; `.await` it.
#[derive(Debug)]
#[must_use = "it waits when it is awaited"]
pub struct WaitUntil {
    db: Database,
    position: Position,
    consumer: Option<String>,
    within: Duration,
}

impl WaitUntil {
    pub(crate) fn new(db: Database, position: Position) -> Self {
        Self { db, position, consumer: None, within: Duration::from_secs(30) }
    }

    /// Waits for this consumer's checkpoint instead of the log's high-water mark.
    pub fn consumer(mut self, name: impl Into<String>) -> Self {
        self.consumer = Some(name.into());
        self
    }

    /// How long to wait at most: 30 s unless it is set.
    pub fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    async fn wait(self) -> Result<()> {
        match tokio::time::timeout(self.within, self.look_until_there()).await {
            Ok(result) => result,
            Err(_) => Err(Error::TimedOut {
                what: match &self.consumer {
                    Some(consumer) => format!("the checkpoint of `{consumer}` to reach position {}", self.position),
                    None => format!("the log's high-water mark to reach position {}", self.position),
                },
                after: self.within,
            }),
        }
    }

    async fn look_until_there(&self) -> Result<()> {
        if self.position == Position::START {
            return Ok(());
        }
        let mut backoff = Backoff::new(LOOK_FIRST, LOOK_MAX);
        loop {
            match self.look().await {
                Ok(true) => return Ok(()),
                Err(error) if !error.is_retryable() => return Err(error),
                Ok(false) | Err(_) => tokio::time::sleep(backoff.wait()).await,
            }
        }
    }

    /// Whether it is reached; otherwise the log may have moved meanwhile.
    async fn look(&self) -> Result<bool> {
        let reached = self.reached().await?;
        if reached < self.position && self.consumer.is_none() {
            self.db.store().moved(reached).await?;
            return Ok(self.reached().await? >= self.position);
        }
        Ok(reached >= self.position)
    }

    async fn reached(&self) -> Result<Position> {
        match &self.consumer {
            None => self.db.store().high_water().await,
            Some(consumer) => {
                let checkpoint = self.db.store().checkpoint(consumer).await?;
                Ok(checkpoint.map_or(Position::START, |checkpoint| checkpoint.position))
            }
        }
    }
}

impl IntoFuture for WaitUntil {
    type Output = Result<()>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<()>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}
