//! The examples tell their stories to the end, on every store that they are meant for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, missing_docs)]

#[path = "quickstart.rs"]
mod first;
#[path = "webshop.rs"]
mod shop;

#[path = "../../examples/quickstart.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a program of its own")]
mod quickstart;
#[path = "../../examples/webshop.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is a program of its own")]
mod webshop;

use std::path::PathBuf;

/// A database file that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("{name}_{}.db", earnorm::prelude::Uuid::now_v7().simple())))
    }

    fn uri(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", self.0.display()));
        }
    }
}
