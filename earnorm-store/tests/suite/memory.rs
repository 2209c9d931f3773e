//! The in-memory store keeps every promise.

use std::sync::Arc;

use async_trait::async_trait;
use earnorm_core::store::Store;
use earnorm_store::MemoryStore;
use earnorm_store::conformance::Fixture;

/// Stores in memory.
pub(crate) struct Memory;

#[async_trait]
impl Fixture for Memory {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(MemoryStore::new())
    }
}

earnorm_store::conformance_tests!(Memory);
