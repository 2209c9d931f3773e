//! How many connections the driver holds open, as its pools tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mongodb::event::EventHandler;
use mongodb::event::cmap::CmapEvent;

/// A count of open connections, over all pools that report to it.
#[derive(Debug, Clone, Default)]
pub(super) struct Connections(Arc<AtomicU64>);

impl Connections {
    pub(super) fn open(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// What a client's pools report to.
    pub(super) fn counter(&self) -> EventHandler<CmapEvent> {
        let count = Arc::clone(&self.0);
        EventHandler::callback(move |event| match event {
            CmapEvent::ConnectionCreated(_) => {
                count.fetch_add(1, Ordering::Relaxed);
            }
            CmapEvent::ConnectionClosed(_) => {
                count.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        })
    }
}
