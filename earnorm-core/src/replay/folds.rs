//! Every stream of a model, folded, one after the other in the order of keys.

use std::collections::VecDeque;

use super::Replay;
use crate::error::{Error, Result};
use crate::event::RecordedEvent;
use crate::fold::Folding;
use crate::position::Position;
use crate::reader::PAGE;
use crate::stream::StreamId;

/// A stream and what its events make.
pub(crate) struct Folded {
    pub(crate) stream: StreamId,
    /// The error names the event that cannot be folded.
    pub(crate) fold: Result<Box<dyn Folding>>,
    /// Where its first event in the log stands.
    pub(crate) first: Position,
    /// The last event.
    pub(crate) last: RecordedEvent,
    /// Whether it holds a baseline above this position.
    pub(crate) baseline: Option<Position>,
}

/// Goes through all streams. Memory holds one page of events and one fold, however many there are.
pub(crate) struct Folds<'a> {
    replay: &'a Replay,
    after: Option<(String, u64)>,
    page: VecDeque<RecordedEvent>,
    done: bool,
}

impl<'a> Folds<'a> {
    /// Streams behind the key `after`.
    pub(crate) fn new(replay: &'a Replay, after: Option<&str>) -> Self {
        Self { replay, after: after.map(|key| (key.to_owned(), u64::MAX)), page: VecDeque::new(), done: false }
    }

    async fn event(&mut self) -> Result<Option<RecordedEvent>> {
        if self.page.is_empty() && !self.done {
            // A store that never waits would not let others run, or the work be dropped.
            tokio::task::yield_now().await;
            let after = self.after.as_ref().map(|(key, version)| (key.as_str(), *version));
            let events = self.replay.reader.scan(&self.replay.folder.info().name, after, PAGE).await?;
            self.done = events.len() < PAGE;
            if let Some(last) = events.last() {
                self.after = Some((last.stream.key().to_owned(), last.version));
            }
            self.page = events.into();
        }
        Ok(self.page.pop_front())
    }

    /// The next stream; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Folded>> {
        let Some(first) = self.event().await? else { return Ok(None) };
        let mut fold = Ok(self.replay.folder.begin());
        let (stream, position) = (first.stream.clone(), first.position);
        let (mut last, mut baseline) = (first, None);
        loop {
            // Events that the fold leaves out must be readable too.
            if let Ok(folding) = &mut fold
                && let Err(error) = last.data().map(drop).and_then(|()| folding.add(&last))
            {
                fold = Err(error);
            }
            if last.name() == crate::event::BASELINE {
                baseline = Some(last.position);
            }
            match self.event().await? {
                Some(event) if event.stream == stream => last = event,
                Some(other) => {
                    self.page.push_front(other);
                    break;
                }
                None => break,
            }
        }
        Ok(Some(Folded { stream, fold, first: position, last, baseline }))
    }
}

impl Replay {
    /// One stream, folded to its end. Not bound by the high-water mark.
    pub(crate) async fn fold(&self, stream: &StreamId) -> Result<Box<dyn Folding>> {
        let mut fold = self.folder.begin();
        self.reader.walk(stream, (1, u64::MAX), |event| fold.add(&event).map(|()| true)).await?;
        Ok(fold)
    }

    /// Errors that no other stream can be free of, so that going on makes no sense.
    pub(crate) fn is_fatal(error: &Error) -> bool {
        matches!(error, Error::NeedsCode { .. } | Error::SchemaAhead { .. } | Error::Store(_) | Error::Closed)
    }
}
