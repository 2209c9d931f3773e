//! The queue of a store handle: who waits for whom, and who goes in the next transaction.
//!
//! What a commit touches (streams, documents, checkpoints, its own id) are its keys. The first commit in line for a key
//! holds it until it is answered, and a commit that holds all its keys is ready. So no two commits on their way touch
//! the same thing, the line of each key is first come, first served, and nobody waits in a ring: a commit joins all its
//! lines at one moment.

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::batch::Batch;
use super::batching::Batching;
use super::inner::Inner;
use super::member::Member;
use super::meters;

/// The unit in which waiting bytes are counted.
const ROOM_UNIT: usize = 1_024;

/// The queue and its settings.
pub(super) struct Committer {
    pub(super) settings: Batching,
    /// Where transactions run: the runtime that the store was opened on outlives its callers.
    pub(super) runtime: Handle,
    pub(super) room: Arc<Semaphore>,
    pub(super) room_bytes: Arc<Semaphore>,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    next: u64,
    places: HashMap<u64, Place>,
    keys: HashMap<u64, Key>,
    /// Those that hold all their keys and wait for a transaction.
    ready: VecDeque<u64>,
    /// Those that were tried and go again.
    again: VecDeque<Batch>,
    in_flight: usize,
}

/// A commit in line.
struct Place {
    keys: Vec<u64>,
    /// How many of its keys others hold.
    lacks: usize,
    /// `None` once it is on its way, or was withdrawn.
    member: Option<Box<Member>>,
}

/// Who holds a key, and who waits for it.
struct Key {
    holder: u64,
    waiting: VecDeque<u64>,
}

/// A commit's place in line; its keys are free when it is dropped.
pub(super) struct Hold {
    inner: Arc<Inner>,
    place: u64,
}

impl Hold {
    /// Gives the keys back; the place, to come back to.
    pub(super) fn place(self) -> u64 {
        self.place
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let more = self.inner.committer.lock().leave(self.place);
        if more {
            self.inner.pump();
        }
    }
}

/// The right to run one transaction.
pub(super) struct Flight {
    inner: Arc<Inner>,
    /// Whether its task ever ran. On a runtime that has ended it does not, and would not the next time either.
    began: bool,
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.inner.committer.lock().in_flight -= 1;
        if self.began {
            self.inner.pump();
        }
    }
}

impl Committer {
    pub(super) fn new(settings: Batching, runtime: Handle) -> Self {
        let room = settings.waiting.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            settings,
            runtime,
            room: Arc::new(Semaphore::new(room)),
            room_bytes: Arc::new(Semaphore::new(room_units(settings.waiting_bytes))),
            line: Mutex::default(),
        }
    }

    /// How much room so many bytes take: never more than there is.
    pub(super) fn units(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(ROOM_UNIT).min(room_units(self.settings.waiting_bytes))).unwrap_or(u32::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Withdraws a commit that is not on its way yet.
    pub(super) fn withdraw(&self, place: u64) -> bool {
        // It is dropped after the lock is given back: its hold takes the lock again.
        let withdrawn = self.lock().places.get_mut(&place).and_then(|place| place.member.take());
        withdrawn.is_some()
    }

    /// Whether no more than one transaction is on its way, and nobody waits for the next.
    pub(super) fn is_alone(&self) -> bool {
        let line = self.lock();
        line.in_flight == 1 && line.ready.is_empty() && line.again.is_empty()
    }

    /// Takes the way, so that no transaction starts.
    #[cfg(test)]
    pub(super) fn occupy(&self) {
        self.lock().in_flight = usize::MAX;
    }

    /// The next batch.
    pub(super) fn take(&self) -> Option<Batch> {
        let mut line = self.lock();
        if let Some(batch) = line.again.pop_front() {
            return Some(batch);
        }
        let (mut members, mut writes, mut bytes) = (Vec::new(), 0, 0);
        while let Some(&place) = line.ready.front() {
            let Some(member) = line.places.get(&place).and_then(|place| place.member.as_ref()) else {
                line.ready.pop_front();
                continue;
            };
            let (more_writes, more_bytes) = (member.prepared.commit.writes(), member.prepared.bytes);
            let fits = members.len() < self.settings.commits
                && writes + more_writes <= self.settings.writes
                && bytes + more_bytes <= self.settings.bytes;
            let odd = member.fault.is_some() || members.last().is_some_and(|last: &Member| last.fault.is_some());
            if !members.is_empty() && (!fits || odd) {
                break;
            }
            line.ready.pop_front();
            members.extend(line.places.get_mut(&place).and_then(|place| place.member.take()).map(|member| *member));
            (writes, bytes) = (writes + more_writes, bytes + more_bytes);
        }
        drop(line);
        if members.is_empty() {
            return None;
        }
        meters::batch_starts(&members);
        Some(Batch::new(members))
    }
}

/// Bytes as semaphore permits.
fn room_units(bytes: usize) -> usize {
    bytes.div_ceil(ROOM_UNIT).clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize))
}

impl Line {
    /// Puts a commit at the end of the line of each of its keys.
    fn join(&mut self, place: u64, mut member: Box<Member>, hold: Hold) -> bool {
        let keys = member.prepared.keys();
        member.hold = Some(hold);
        let mut lacks = 0;
        for key in &keys {
            match self.keys.entry(*key) {
                Slot::Occupied(mut key) => {
                    key.get_mut().waiting.push_back(place);
                    lacks += 1;
                }
                Slot::Vacant(key) => {
                    key.insert(Key { holder: place, waiting: VecDeque::new() });
                }
            }
        }
        if lacks == 0 {
            self.ready.push_back(place);
        }
        self.places.insert(place, Place { keys, lacks, member: Some(member) });
        lacks == 0
    }

    /// Gives a commit's keys to those behind it; whether anyone became ready.
    fn leave(&mut self, place: u64) -> bool {
        let Some(gone) = self.places.remove(&place) else { return false };
        let mut more = false;
        for key in gone.keys {
            let Slot::Occupied(mut line) = self.keys.entry(key) else { continue };
            if line.get().holder != place {
                // It was withdrawn before its turn came.
                line.get_mut().waiting.retain(|waiting| *waiting != place);
                continue;
            }
            let Some(next) = line.get_mut().waiting.pop_front() else {
                line.remove();
                continue;
            };
            line.get_mut().holder = next;
            if let Some(waiting) = self.places.get_mut(&next) {
                waiting.lacks -= 1;
                if waiting.lacks == 0 {
                    self.ready.push_back(next);
                    more = true;
                }
            }
        }
        more
    }
}

impl Inner {
    /// Puts a commit in line; its place.
    pub(super) fn enqueue(self: &Arc<Self>, member: Member) -> u64 {
        self.enqueue_at(None, member)
    }

    /// Puts a commit in line at the end, under the name of the place that it had before.
    pub(super) fn enqueue_at(self: &Arc<Self>, place: Option<u64>, member: Member) -> u64 {
        let mut line = self.committer.lock();
        let place = place.unwrap_or(line.next);
        line.next = line.next.max(place + 1);
        let ready = line.join(place, Box::new(member), Hold { inner: Arc::clone(self), place });
        drop(line);
        if ready {
            self.pump();
        }
        place
    }

    /// Puts commits in line that go in one transaction of their own, with what goes wrong with the first of them. The
    /// caller sees to it that they share no key with each other or with anyone.
    #[cfg(feature = "conformance")]
    pub(super) fn enqueue_together(self: &Arc<Self>, members: Vec<Member>) {
        let mut line = self.committer.lock();
        let mut taken = Vec::new();
        for member in members {
            let place = line.next;
            line.next += 1;
            line.join(place, Box::new(member), Hold { inner: Arc::clone(self), place });
            taken.extend(line.places.get_mut(&place).and_then(|place| place.member.take()).map(|member| *member));
        }
        line.again.push_back(Batch::new(taken));
        drop(line);
        self.pump();
    }

    /// Puts a batch that was tried before the others.
    pub(super) fn enqueue_again(self: &Arc<Self>, batch: Batch) {
        self.committer.lock().again.push_back(batch);
        self.pump();
    }

    /// Starts a transaction if someone waits for one and there may be one more.
    pub(super) fn pump(self: &Arc<Self>) {
        let mut line = self.committer.lock();
        let wanted = !line.ready.is_empty() || !line.again.is_empty();
        if !wanted || line.in_flight >= self.committer.settings.in_flight.max(1) {
            return;
        }
        line.in_flight += 1;
        drop(line);
        let mut flight = Flight { inner: Arc::clone(self), began: false };
        self.committer.runtime.spawn(async move {
            flight.began = true;
            // Callers that were answered a moment ago may have the next commit ready: let them come along.
            tokio::task::yield_now().await;
            let inner = Arc::clone(&flight.inner);
            if let Some(batch) = inner.committer.take() {
                inner.pump();
                batch.fly(&inner, flight).await;
            }
        });
    }
}

#[cfg(test)]
mod tests;
