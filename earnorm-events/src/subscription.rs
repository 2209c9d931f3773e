//! Subscriptions: the log as a stream that goes on.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use earnorm_core::event::RecordedEvent;
use earnorm_core::pattern::EventPattern;
use earnorm_core::position::Position;
use earnorm_core::reader::Reader;
use earnorm_core::store::LogQuery;
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};
use futures::Stream;
use futures::stream::{self, BoxStream, StreamExt};

use crate::backoff::Backoff;

/// How many events are read at once.
const PAGE: usize = 1_000;
/// The waits between attempts while the store is out of reach.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// Where a subscription begins.
#[derive(Debug, Clone, Copy)]
enum Start {
    After(Position),
    End,
}

/// A subscription that has not begun. Conditions are joined by and; several streams, categories or types by or. They
/// are evaluated by the store.
#[derive(Debug, Clone)]
#[must_use = "a subscription does nothing until its stream is read"]
pub struct SubscriptionBuilder {
    reader: Reader,
    query: LogQuery,
    start: Start,
    invalid: Option<String>,
}

impl SubscriptionBuilder {
    /// A subscription without a database: for tools that know a store only. The query's conditions hold, its bounds
    /// and order do not.
    pub fn over(reader: Reader, query: LogQuery) -> Self {
        let query = LogQuery { limit: PAGE, upto: Position::END, backwards: false, ..query };
        Self { reader, query, start: Start::After(Position::START), invalid: None }
    }

    /// Begins with the first event of the log: the default.
    pub fn from_start(mut self) -> Self {
        self.start = Start::After(Position::START);
        self
    }

    /// Begins with what comes after the first poll.
    pub fn from_end(mut self) -> Self {
        self.start = Start::End;
        self
    }

    /// Begins behind a position, such as a checkpoint.
    pub fn after(mut self, position: Position) -> Self {
        self.start = Start::After(position);
        self
    }

    /// Only events of this stream.
    pub fn stream_of(mut self, stream: StreamId) -> Self {
        self.query.streams.push(stream);
        self
    }

    /// Only events of one category: a model's name.
    pub fn category(mut self, category: impl Into<String>) -> Self {
        self.query.categories.push(category.into());
        self
    }

    /// Only types that match a pattern: `user.*`, `**.created`. A pattern that is not valid ends the stream with its
    /// error.
    pub fn by_type(mut self, pattern: &str) -> Self {
        match EventPattern::new(pattern) {
            Ok(pattern) => self.query.types.push(pattern),
            Err(_) => self.invalid = Some(pattern.to_owned()),
        }
        self
    }

    /// The events. The stream never ends by itself: it waits at the end of the log for what comes. While the store is
    /// out of reach (an election, a restart) it tries again and goes on where it was, with no event missed and none
    /// twice. Any other error is its last item. Dropping it ends it.
    #[must_use]
    pub fn stream(self) -> Subscription {
        let seen = Arc::new(Seen { position: AtomicI64::new(0), caught_up: AtomicBool::new(false) });
        if let Start::After(position) = self.start {
            seen.position.store(position.get(), Ordering::Release);
        }
        let follower = Follower {
            builder: self,
            seen: Arc::clone(&seen),
            page: VecDeque::new(),
            after: None,
            behind_page: Position::START,
            backoff: Backoff::new(RETRY_FIRST, RETRY_MAX),
        };
        let events = stream::unfold(Some(follower), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(event) => Some((Ok(event), Some(follower))),
                Err(error) => Some((Err(error), None)),
            }
        });
        Subscription { events: events.boxed(), seen }
    }
}

/// Every event that matches, once and in order, as long as it is read.
pub struct Subscription {
    events: BoxStream<'static, Result<RecordedEvent>>,
    seen: Arc<Seen>,
}

struct Seen {
    position: AtomicI64,
    caught_up: AtomicBool,
}

impl Subscription {
    /// Everything that matches at or below this position was handed out. After an item was dealt with, this is the
    /// checkpoint to keep: it moves on over events that do not match, too.
    #[must_use]
    pub fn position(&self) -> Position {
        Position::new(self.seen.position.load(Ordering::Acquire))
    }

    /// Whether it stood at the end of the log when it was last polled.
    #[must_use]
    pub fn is_caught_up(&self) -> bool {
        self.seen.caught_up.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("position", &self.position())
            .field("caught_up", &self.is_caught_up())
            .finish_non_exhaustive()
    }
}

impl Stream for Subscription {
    type Item = Result<RecordedEvent>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.events.poll_next_unpin(cx)
    }
}

/// Reads page after page.
struct Follower {
    builder: SubscriptionBuilder,
    seen: Arc<Seen>,
    page: VecDeque<RecordedEvent>,
    /// Where the next page begins; `None` before the first.
    after: Option<Position>,
    /// Everything up to here is done when the page is.
    behind_page: Position,
    backoff: Backoff,
}

impl Follower {
    async fn next(&mut self) -> Result<RecordedEvent> {
        if let Some(pattern) = self.builder.invalid.take() {
            EventPattern::new(&pattern)?;
        }
        loop {
            if let Some(event) = self.page.pop_front() {
                self.seen.position.store(event.position.get(), Ordering::Release);
                return Ok(event);
            }
            match self.read().await {
                Ok(()) => self.backoff.reset(),
                Err(error) if is_passing(&error) => {
                    let wait = self.backoff.wait();
                    tracing::warn!(%error, ?wait, position = self.behind_page.get(), "subscription tries again");
                    tokio::time::sleep(wait).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Fills the page, or waits for something to come.
    async fn read(&mut self) -> Result<()> {
        let reader = &self.builder.reader;
        let after = match (self.after, self.builder.start) {
            (Some(after), _) | (None, Start::After(after)) => after,
            (None, Start::End) => reader.store().high_water().await?,
        };
        self.after = Some(after);
        self.seen.position.fetch_max(after.get(), Ordering::AcqRel);
        let page = reader.read_log(LogQuery { after, ..self.builder.query.clone() }).await?;
        let reached = match page.events.last() {
            Some(last) if page.more => last.position,
            _ if page.more => after,
            _ => page.high_water.max(after),
        };
        let caught_up = page.events.is_empty() && !page.more;
        self.page = page.events.into();
        (self.after, self.behind_page) = (Some(reached), reached);
        self.seen.caught_up.store(caught_up, Ordering::Release);
        if caught_up {
            self.seen.position.fetch_max(reached.get(), Ordering::AcqRel);
            reader.store().moved(reached).await?;
            // A signal that came for nothing must not keep others from running.
            tokio::task::yield_now().await;
        }
        Ok(())
    }
}

/// Whether the store may answer the same question later.
fn is_passing(error: &Error) -> bool {
    matches!(error, Error::Store(_)) && error.is_retryable()
}
