//! Where the workspace and its build directory are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The folders every task works in.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    target: PathBuf,
}

impl Workspace {
    /// Finds the workspace from this package's manifest, so that tasks run from any folder.
    pub(crate) fn locate() -> Result<Self> {
        let manifest_dir =
            env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = manifest_dir.parent().context("the xtask package has no parent folder")?.to_path_buf();
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(dir) => env::current_dir()?.join(dir),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The folder that holds the MongoDB server and the data of its runs.
    pub(crate) fn mongodb_dir(&self) -> PathBuf {
        self.target.join("mongodb")
    }

    /// Where benches hand over what they measured.
    pub(crate) fn bench_record(&self) -> PathBuf {
        self.target.join("benches.jsonl")
    }

    /// The same for the bench of scale, whose run leaves what the others handed over.
    pub(crate) fn scale_record(&self) -> PathBuf {
        self.target.join("scale.jsonl")
    }

    /// Where cargo puts an example that it builds for development.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.target.join("debug").join("examples").join(format!("{name}{}", env::consts::EXE_SUFFIX))
    }

    /// Reads a file by its path from the workspace root.
    pub(crate) fn read(&self, path: impl AsRef<Path>) -> Result<String> {
        let path = self.root.join(path);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }
}
