//! Appends that expect no version take turns within a process, stream by stream: each would have to reserve positions
//! before it learns that another was faster, and leave them as holes.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use earnorm_core::commit::Commit;
use earnorm_core::stream::ExpectedVersion;
use tokio::sync::{Mutex, MutexGuard};

/// How many streams may be appended to at once. Two streams that share a lane only wait for each other.
const LANES: u64 = 256;

/// One lock a lane.
#[derive(Debug)]
pub(super) struct Turns {
    lanes: Vec<Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { lanes: (0..LANES).map(|_| Mutex::new(())).collect() }
    }
}

impl Turns {
    /// Waits until no other commit of this process appends to the same streams without a version.
    pub(super) async fn take(&self, commit: &Commit) -> Vec<MutexGuard<'_, ()>> {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        let open = commit.appends.iter().filter(|append| append.expected == ExpectedVersion::Any);
        // In one order, so that two commits never wait for each other.
        let lanes: BTreeSet<_> = open.map(|append| hasher.hash_one(&append.stream) % LANES).collect();
        let mut taken = Vec::with_capacity(lanes.len());
        for lane in lanes {
            if let Some(lane) = usize::try_from(lane).ok().and_then(|lane| self.lanes.get(lane)) {
                taken.push(lane.lock().await);
            }
        }
        taken
    }
}
