//! Waiting for other handlers: an event is taken only when they are done with it.

use std::sync::Arc;

use chrono::TimeDelta;
use earnorm_core::Result;
use earnorm_core::event::RecordedEvent;
use earnorm_core::store::Own;

use super::Consumer;
use crate::records::{Parked, parked_id};

/// How long until it looks again whether another handler is done.
const LOOK_AGAIN: TimeDelta = TimeDelta::milliseconds(250);

impl Consumer {
    /// Lets the next event through, or holds its stream until the others are done; whether there is one to start.
    pub(super) async fn pass_gate(&mut self) -> Result<bool> {
        while let Some(event) = self.lanes.peek().map(Arc::clone) {
            if self.others_are_done(&event).await? {
                return Ok(true);
            }
            // It stays open, so the checkpoint does not pass it.
            self.lanes.hold(&event.stream, self.now() + LOOK_AGAIN);
        }
        Ok(false)
    }

    /// Whether the handlers that this one waits for are done with an event.
    pub(super) async fn others_are_done(&self, event: &RecordedEvent) -> Result<bool> {
        let store = self.shared.db.store();
        let parked = store.admin().own(Own::Parked);
        for other in &self.handler.after {
            let reached =
                store.checkpoint(other).await?.is_some_and(|checkpoint| checkpoint.position >= event.position);
            if !reached {
                return Ok(false);
            }
            let record = store.get(&parked, &parked_id(other, &event.stream).into()).await?;
            if let Some(record) = record
                && Parked::from_document(&record)?.event.version <= event.version
            {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
