//! Parked streams and requeued dead letters: reading their records, and trying again.

use std::sync::Arc;

use earnorm_core::event::RecordedEvent;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{DocumentQuery, Own, StreamQuery};
use earnorm_core::stream::StreamId;
use earnorm_core::{Error, Result};
use futures::TryStreamExt;

use super::Consumer;
use super::attempt::{Why, edited};
use crate::records::{Dead, EventRef, Parked, dead_id};

/// How many events of a stream are read at once in search of the next that the handler takes.
const PAGE: usize = 100;

impl Consumer {
    /// Reads the records as they are stored. What was read and is not done is read again. `false` when the handler was
    /// taken over, or moved to another place in the log.
    pub(super) async fn load_records(&mut self) -> Result<bool> {
        let touched = self.control.borrow_and_update().touched.clone();
        // What it wrote of itself is told back to it.
        self.own_pause &= touched == self.touched;
        self.touched = touched;
        self.jobs.shutdown().await;
        self.busy.clear();
        self.lanes.clear();
        self.open.clear();
        self.read = self.claim.checkpoint.position;
        (self.caught_up, self.unwritten, self.handled) = (false, None, false);
        let store = self.shared.db.store();
        if store.checkpoint(&self.handler.id).await? != Some(self.claim.checkpoint) {
            return Ok(false);
        }
        let mine = Predicate::eq("handler", &*self.handler.id);
        let query = DocumentQuery::new(store.admin().own(Own::Parked), mine.clone());
        let stored: Vec<_> = store.find(query).await?.try_collect().await?;
        self.parked.clear();
        for document in &stored {
            let parked = Parked::from_document(document)?;
            self.parked.insert(parked.event.stream.clone(), parked);
        }
        let requeued = mine.and(Predicate::eq("requeued", true));
        let query = DocumentQuery::new(store.admin().own(Own::DeadLetters), requeued);
        let stored: Vec<_> = store.find(query).await?.try_collect().await?;
        let letters = stored.iter().map(Dead::from_document).collect::<Result<Vec<_>>>()?;
        // Where the stream waits for it, the record of the stream says when.
        let waits =
            |dead: &Dead| self.parked.get(&dead.event.stream).is_some_and(|parked| parked.event.id == dead.event.id);
        self.requeued = letters.into_iter().filter(|dead| !waits(dead)).collect();
        Ok(true)
    }

    /// A parked stream whose time has come.
    pub(super) fn next_due(&self) -> Option<StreamId> {
        let now = self.now();
        let due = self.parked.values().filter(|parked| !self.busy.contains(&parked.event.stream.to_string()));
        let due = due.filter(|parked| self.is_its_turn(parked));
        let due = due.filter_map(|parked| Some((parked.next_try_at?, &parked.event.stream)));
        due.filter(|(at, _)| *at <= now).min().map(|(_, stream)| stream.clone())
    }

    /// Tries a parked stream's event again; `false` when the handler was taken over.
    pub(super) async fn start_due(&mut self, stream: StreamId) -> Result<bool> {
        let Some(parked) = self.parked.get(&stream).cloned() else { return Ok(true) };
        if parked.discarded {
            let next = self.next_of(&parked).await?;
            let documents = self.replace(Some(&parked), next).into_iter().collect();
            return self.write(documents).await;
        }
        let letter = self.dead_letter(&parked.event).await?;
        let event = self.event_of(&parked.event).await?;
        let event = edited(&event, letter.as_ref().and_then(|letter| letter.data.as_ref()));
        self.busy.insert(stream.to_string());
        if self.handler.call.is_transactional() {
            let next = self.next_pending(&parked.event).await?;
            self.spawn_transactional(Why::Due(parked), event, next);
        } else {
            self.spawn(Why::Due(parked), event);
        }
        Ok(true)
    }

    /// Tries a dead letter again whose stream went on without it.
    pub(super) async fn start_requeued(&mut self, dead: Dead) -> Result<()> {
        let event = self.event_of(&dead.event).await?;
        let event = edited(&event, dead.data.as_ref());
        self.busy.insert(dead_id(&self.handler.id, dead.event.id));
        if self.handler.call.is_transactional() {
            self.spawn_transactional(Why::Requeued(dead), event, None);
        } else {
            self.spawn(Why::Requeued(dead), event);
        }
        Ok(())
    }

    /// The dead letter of an event, where there is one.
    pub(super) async fn dead_letter(&self, event: &EventRef) -> Result<Option<Dead>> {
        let store = self.shared.db.store();
        let id = dead_id(&self.handler.id, event.id);
        let found = store.get(&store.admin().own(Own::DeadLetters), &id.into()).await?;
        found.as_ref().map(Dead::from_document).transpose()
    }

    async fn event_of(&self, event: &EventRef) -> Result<Arc<RecordedEvent>> {
        let query =
            StreamQuery { from: event.version, to: event.version, limit: 1, ..StreamQuery::all(event.stream.clone()) };
        let found = self.shared.db.reader().read_stream(query).await?.pop();
        found.map(Arc::new).ok_or_else(|| Error::Corrupt {
            subject: format!("{} version {}", event.stream, event.version),
            reason: format!("the handler `{}` waits for it, and it is not in the log", self.handler.id),
        })
    }

    /// The next event of a stream that the handler takes and has read past.
    pub(super) async fn next_pending(&self, after: &EventRef) -> Result<Option<EventRef>> {
        let mut from = after.version + 1;
        loop {
            let query = StreamQuery { from, limit: PAGE, ..StreamQuery::all(after.stream.clone()) };
            let page = self.shared.db.reader().read_stream(query).await?;
            let Some(last) = page.last() else { return Ok(None) };
            from = last.version + 1;
            let end = page.len() < PAGE || last.position > self.read;
            let mut read = page.iter().filter(|event| event.position <= self.read);
            if let Some(next) = read.find(|event| self.handler.takes(event)) {
                return Ok(Some(EventRef::of(next)));
            }
            if end {
                return Ok(None);
            }
        }
    }
}
