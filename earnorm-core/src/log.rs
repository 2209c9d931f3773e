//! The whole log, by position: `db.events()`.

use bson::Document;
use chrono::{DateTime, Utc};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::database::Database;
use crate::error::Result;
use crate::event::RecordedEvent;
use crate::pattern::EventPattern;
use crate::position::Position;
use crate::store::LogQuery;
use crate::stream::StreamId;

/// A reading of the log. Conditions are joined by and; several streams, categories or types by or.
///
/// It never passes the high-water mark: nothing appears later at or below a position that was seen. Filters run in the
/// store.
#[derive(Debug, Clone)]
#[must_use = "a log reading does nothing until it is collected"]
pub struct Events {
    db: Database,
    query: LogQuery,
    limit: usize,
    invalid: Option<String>,
}

impl Database {
    /// Reads the log, oldest first.
    pub fn events(&self) -> Events {
        Events { db: self.clone(), query: LogQuery::default(), limit: usize::MAX, invalid: None }
    }
}

impl Events {
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

    /// Only types that match a pattern: `user.*`, `**.created`. A pattern that is not valid fails the reading.
    pub fn by_type(mut self, pattern: &str) -> Self {
        match EventPattern::new(pattern) {
            Ok(pattern) => self.query.types.push(pattern),
            Err(_) => self.invalid = Some(pattern.to_owned()),
        }
        self
    }

    /// Only events recorded at or after a moment.
    pub fn since(mut self, moment: DateTime<Utc>) -> Self {
        self.query.since = Some(moment);
        self
    }

    /// Only events recorded before a moment.
    pub fn until(mut self, moment: DateTime<Utc>) -> Self {
        self.query.until = Some(moment);
        self
    }

    /// Only events that one actor caused.
    pub fn actor(mut self, actor: impl Into<String>) -> Self {
        self.query.actor = Some(actor.into());
        self
    }

    /// Only events of one flow.
    pub fn correlation_id(mut self, id: impl ToString) -> Self {
        self.query.correlation_id = Some(id.to_string());
        self
    }

    /// Only positions above this one.
    pub fn after(mut self, position: Position) -> Self {
        self.query.after = position;
        self
    }

    /// Only positions up to this one.
    pub fn upto(mut self, position: Position) -> Self {
        self.query.upto = position;
        self
    }

    /// Newest first.
    pub fn backwards(mut self) -> Self {
        self.query.backwards = true;
        self
    }

    /// At most so many events.
    pub fn limit(mut self, events: usize) -> Self {
        self.limit = events;
        self
    }

    /// All of them in memory.
    ///
    /// # Errors
    /// What the store answers; [`crate::Error::InvalidName`] for a pattern that is not valid.
    pub async fn all(self) -> Result<Vec<RecordedEvent>> {
        let mut events = Vec::new();
        let mut stream = self.stream();
        while let Some(event) = stream.next().await {
            events.push(event?);
        }
        Ok(events)
    }

    /// One after the other, read in pages; from the third on up to two of them while the one before is used. It ends at
    /// the high-water mark of the moment when the last page is read.
    #[must_use]
    pub fn stream(self) -> BoxStream<'static, Result<RecordedEvent>> {
        stream::unfold(Some((Pages::Asked(self), false)), |reading| async move {
            let (mut pages, through) = reading?;
            let (events, more, failed) = match pages.next().await {
                Ok((events, more)) => (events, more, None),
                Err(error) => (Vec::new(), false, Some(error)),
            };
            let next = more.then(|| match pages {
                // Who reads one page may stop there; who reads two most often reads them all.
                Pages::Asked(reading) if through => (Pages::ahead(reading), true),
                pages => (pages, true),
            });
            Some((stream::iter(events.into_iter().map(Ok).chain(failed.map(Err))), next))
        })
        .flatten()
        .boxed()
    }

    async fn page(&mut self) -> Found {
        if let Some(pattern) = self.invalid.take() {
            EventPattern::new(&pattern)?;
        }
        if self.limit == 0 {
            return Ok((Vec::new(), false));
        }
        self.query.limit = self.limit.min(1_000);
        let page = self.db.read_log(self.query.clone()).await?;
        self.limit -= page.events.len().min(self.limit);
        if let Some(last) = page.events.last() {
            if self.query.backwards {
                self.query.upto = Position::new(last.position.get() - 1);
            } else {
                self.query.after = last.position;
            }
        }
        let more = page.more && !page.events.is_empty();
        Ok((page.events, more))
    }
}

/// The events of a page, and whether there are more.
type Found = Result<(Vec<RecordedEvent>, bool)>;

/// How many pages wait at most, read but not asked for; one more is being read.
const WAITING: usize = 1;

/// The pages that come next.
enum Pages {
    /// Each is read when it is asked for.
    Asked(Events),
    /// They are read already.
    Ahead(Ahead),
}

/// Pages that are read one after the other while those before them are used.
struct Ahead {
    /// Where whoever asks stands.
    reading: Events,
    pages: mpsc::Receiver<(Events, Found)>,
    task: JoinHandle<()>,
}

impl Pages {
    fn ahead(reading: Events) -> Self {
        let Ok(runtime) = Handle::try_current() else { return Self::Asked(reading) };
        let (send, pages) = mpsc::channel(WAITING);
        let mut ahead = reading.clone();
        let task = runtime.spawn(async move {
            loop {
                let found = ahead.page().await;
                let more = matches!(found, Ok((_, true)));
                if send.send((ahead.clone(), found)).await.is_err() || !more {
                    return;
                }
            }
        });
        Self::Ahead(Ahead { reading, pages, task })
    }

    /// The next page, and those behind it.
    async fn next(&mut self) -> Found {
        match self {
            Self::Asked(reading) => reading.page().await,
            Self::Ahead(ahead) => match ahead.pages.recv().await {
                Some((reading, found)) => {
                    ahead.reading = reading;
                    found
                }
                // Its runtime has ended, or it panicked, as it will here.
                None => ahead.reading.page().await,
            },
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Database {
    /// Runs a pipeline in MongoDB's own language over a collection; other stores refuse it. Never build it from text
    /// that a user typed.
    ///
    /// # Errors
    /// [`crate::Error::Unsupported`] on other stores; what the database answers.
    pub async fn raw_mongodb_aggregate(&self, collection: &str, pipeline: Vec<Document>) -> Result<Vec<Document>> {
        self.store().aggregate_raw(collection, pipeline).await
    }
}
