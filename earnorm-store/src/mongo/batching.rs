//! How commits share transactions, and how many may wait.

/// How a store handle sends the commits of its callers. Commits that wait while another transaction is on its way go
/// together in the next one; a commit that finds nobody on the way goes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// At most so many commits in one transaction; 256 unless set.
    pub commits: usize,
    /// At most so many events, documents, checkpoints and checks in one transaction, unless a single commit has more;
    /// 1,000 unless set.
    pub writes: usize,
    /// At most so many bytes in one transaction, unless a single commit has more; 8 MiB unless set.
    pub bytes: usize,
    /// At most so many transactions at once; 2 unless set.
    pub in_flight: usize,
    /// At most so many commits wait or are on their way; further callers wait for room within their commit time-out;
    /// 8,192 unless set.
    pub waiting: usize,
    /// At most so many bytes of commits wait or are on their way; 128 MiB unless set.
    pub waiting_bytes: usize,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            commits: 256,
            writes: 1_000,
            bytes: 8 * 1024 * 1024,
            in_flight: 2,
            waiting: 8_192,
            waiting_bytes: 128 * 1024 * 1024,
        }
    }
}
