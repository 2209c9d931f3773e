//! Waiting until the log may have grown: own commits tell at once, a change stream on the log tells of others, and a
//! look now and then makes up for all that may go wrong with it. Nothing depends on being woken.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bson::{Document, doc};
use earnorm_core::Result;
use mongodb::change_stream::ChangeStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error::{Explain, text};
use super::fitness::number;
use super::inner::Inner;

/// How long one wait lasts at most.
const WAIT_MAX: Duration = Duration::from_secs(1);
/// How long to the next look while no change stream is open.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long one question to the change stream waits on the server.
const AWAIT_MAX: Duration = Duration::from_millis(500);
/// How long the change stream is kept when nobody waits.
const IDLE_MAX: Duration = Duration::from_secs(10);
/// The first and the longest wait before a change stream that failed is opened again.
const REOPEN_FIRST: Duration = Duration::from_millis(100);
const REOPEN_MAX: Duration = Duration::from_secs(10);

/// Who waits, and what wakes them.
#[derive(Default)]
pub(super) struct Feed {
    shared: Arc<Shared>,
    watcher: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    /// The highest position that was told of. What is told again wakes too, so that everyone looks.
    told: watch::Sender<i64>,
    /// The highest position whose entry a look has seen.
    seen: AtomicI64,
    live: AtomicBool,
    closed: AtomicBool,
    /// How often someone began to wait.
    waits: AtomicU64,
}

impl Feed {
    /// Wakes those who wait for what is below `position`.
    pub(super) fn tell(&self, position: i64) {
        self.shared.tell(position);
    }

    /// Wakes everyone and ends the change stream.
    pub(super) fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.told.send_modify(|_| {});
        self.end();
    }

    fn end(&self) {
        if let Some(watcher) = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).take() {
            watcher.abort();
        }
    }

    /// Starts the task that listens, unless it runs.
    fn listen(&self, inner: &Arc<Inner>) {
        let mut watcher = self.watcher.lock().unwrap_or_else(PoisonError::into_inner);
        if watcher.as_ref().is_none_or(JoinHandle::is_finished) && !self.shared.closed.load(Ordering::Acquire) {
            *watcher = Some(tokio::spawn(watch(Arc::downgrade(inner), Arc::clone(&self.shared))));
        }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn tell(&self, position: i64) {
        self.told.send_modify(|told| *told = position.max(*told));
    }
}

/// Waits until the log may reach past `position`.
pub(super) async fn moved(inner: &Arc<Inner>, position: i64) -> Result<()> {
    let (feed, deadline) = (&inner.upkeep.feed, Instant::now() + WAIT_MAX);
    let shared = &feed.shared;
    let mut told = shared.told.subscribe();
    loop {
        inner.open()?;
        shared.waits.fetch_add(1, Ordering::Relaxed);
        feed.listen(inner);
        told.mark_unchanged();
        let live = shared.live.load(Ordering::Acquire);
        if inner.reached() > position || *told.borrow() > position || inner.reaches_past(position).await? {
            return Ok(());
        }
        // Told while it looked: it looks again, but only for a position above, or when the stream was opened.
        let until = if live { deadline } else { deadline.min(Instant::now() + LOOK_EVERY) };
        let news = told.wait_for(|told| {
            *told > position || shared.closed.load(Ordering::Acquire) || shared.live.load(Ordering::Acquire) != live
        });
        let woken = tokio::time::timeout_at(until, news).await.is_ok();
        if !woken && Instant::now() >= deadline {
            return inner.open();
        }
    }
}

impl Inner {
    /// Whether a majority read shows an entry above `position`.
    async fn reaches_past(&self, position: i64) -> Result<bool> {
        let seen = &self.upkeep.feed.shared.seen;
        if seen.load(Ordering::Acquire) <= position {
            seen.fetch_max(self.top().await?, Ordering::AcqRel);
        }
        Ok(seen.load(Ordering::Acquire) > position)
    }
}

/// Listens to the log while someone waits now and then. It holds the store only while it opens a stream.
async fn watch(inner: Weak<Inner>, shared: Arc<Shared>) {
    let mut reopen = REOPEN_FIRST;
    loop {
        let Some(opened) = open(&inner).await else { return };
        match opened {
            Ok(stream) => {
                let began = Instant::now();
                shared.live.store(true, Ordering::Release);
                // What came before the stream was open, it does not tell: everyone looks.
                shared.told.send_modify(|_| {});
                let ended = follow(stream, &shared).await;
                shared.live.store(false, Ordering::Release);
                shared.told.send_modify(|_| {});
                match ended {
                    Ok(()) => return,
                    Err(error) => tracing::debug!(error = text(&error), "the change stream on the log ended"),
                }
                if began.elapsed() > REOPEN_MAX {
                    reopen = REOPEN_FIRST;
                }
            }
            Err(error) => tracing::debug!(error = error.to_string(), "no change stream on the log; looking instead"),
        }
        tokio::time::sleep(reopen).await;
        reopen = (reopen * 2).min(REOPEN_MAX);
    }
}

/// A change stream on the log, from now on; `None` when the store is gone.
async fn open(inner: &Weak<Inner>) -> Option<Result<ChangeStream<Document>>> {
    let (events, names) = {
        let inner = inner.upgrade()?;
        inner.open().ok()?;
        (inner.db.collection::<Document>(&inner.names.events), "open a change stream on the log")
    };
    let pipeline = [
        doc! { "$match": { "operationType": "insert" } },
        // The resume token stands in `_id`.
        doc! { "$project": { "_id": 1, "documentKey": 1 } },
    ];
    let stream = events.watch().pipeline(pipeline).max_await_time(AWAIT_MAX).batch_size(1_000).await;
    Some(stream.map(ChangeStream::with_type::<Document>).explain(names))
}

/// Tells of what the stream brings, until nobody has waited for a while.
async fn follow(mut stream: ChangeStream<Document>, shared: &Shared) -> mongodb::error::Result<()> {
    let (mut waits, mut used) = (shared.waits.load(Ordering::Relaxed), Instant::now());
    while stream.is_alive() {
        let change = stream.next_if_any().await?;
        let position = change.as_ref().and_then(|change| change.get_document("documentKey").ok());
        if let Some(position) = position.and_then(|key| number(key, "_id")) {
            shared.seen.fetch_max(position, Ordering::AcqRel);
            shared.tell(position);
        }
        let now = shared.waits.load(Ordering::Relaxed);
        if now != waits {
            (waits, used) = (now, Instant::now());
        } else if used.elapsed() > IDLE_MAX {
            return Ok(());
        }
    }
    Err(mongodb::error::Error::custom("the log was dropped or renamed"))
}
