//! The lock file of shapes on disk: what the command and `assert_shapes_locked!` share.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::Registry;
use crate::shape::{Change, ChangeKind, Lock};

/// Writes the lock where it is out of date, when it is set to anything but `0` or nothing.
const UPDATE: &str = "EARNORM_UPDATE_LOCK";

/// A lock file beside the shapes of today.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    today: Lock,
    /// Whether there was no file yet.
    pub(crate) missing: bool,
    pub(crate) changes: Vec<Change>,
}

impl LockFile {
    /// Compares a file with a registry. A missing file is an empty one, to which everything is new.
    pub(crate) fn compare(path: &Path, registry: &Registry) -> Result<Self, String> {
        let today = Lock::of(registry).map_err(|error| error.to_string())?;
        let (committed, missing) = match std::fs::read_to_string(path) {
            Ok(text) => (
                Lock::read(&text).map_err(|error| format!("{} cannot be read as a lock: {error}", path.display()))?,
                false,
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (Lock::default(), true),
            Err(error) => return Err(format!("could not read {}: {error}", path.display())),
        };
        let changes = today.changes_since(&committed, registry);
        Ok(Self { path: path.to_owned(), today, missing, changes })
    }

    /// The changes after which stored data cannot be read.
    pub(crate) fn incompatible(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.kind == ChangeKind::Incompatible)
    }

    /// Writes what is stored today, under another name until it is whole.
    pub(crate) fn write(&self) -> Result<(), String> {
        let mut unfinished = self.path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        std::fs::write(&unfinished, self.today.to_string())
            .and_then(|()| std::fs::rename(&unfinished, &self.path))
            .map_err(|error| format!("could not write {}: {error}", self.path.display()))
    }
}

/// What `assert_shapes_locked!` calls.
///
/// # Errors
/// What to tell whoever runs the test.
pub fn check(directory: &str, path: impl AsRef<Path>, registry: &Registry) -> Result<(), String> {
    let update = std::env::var_os(UPDATE).is_some_and(|value| !value.is_empty() && value != "0");
    check_or_update(&Path::new(directory).join(path), registry, update)
}

fn check_or_update(path: &Path, registry: &Registry, update: bool) -> Result<(), String> {
    let file = LockFile::compare(path, registry)?;
    if file.changes.is_empty() {
        return Ok(());
    }
    let broken: Vec<_> = file.incompatible().collect();
    if update && broken.is_empty() {
        return file.write();
    }
    if file.missing {
        return Err(format!(
            "there is no lock of shapes at {}: run this test with {UPDATE}=1, and commit the file",
            path.display()
        ));
    }
    let mut told = format!("what is stored differs from {}:", path.display());
    for change in if broken.is_empty() { file.changes.iter().collect() } else { broken } {
        // Writing to a text cannot fail.
        let _ = write!(told, "\n  {change}");
    }
    Err(told)
}

#[cfg(all(test, feature = "macros"))]
mod tests {
    use super::*;
    use crate::prelude::*;

    #[model(name = "lckf_berth", collection = "lckf_berths")]
    #[derive(Debug, Clone)]
    struct Berth {
        #[model(id)]
        id: i64,
    }

    #[model(name = "lckf_berth", collection = "lckf_berths")]
    #[derive(Debug, Clone)]
    struct Longer {
        #[model(id)]
        id: i64,
        length: Option<f64>,
    }

    #[test]
    fn the_file_is_updated_only_when_asked_and_only_by_compatible_changes() {
        let path = std::env::temp_dir().join(format!("earnorm-{}.lock.json", Uuid::now_v7()));
        let (berth, longer) = (Registry::empty().model::<Berth>(), Registry::empty().model::<Longer>());
        assert!(check_or_update(&path, &berth, false).is_err() && !path.exists());
        check_or_update(&path, &berth, true).unwrap();
        let first = std::fs::read_to_string(&path).unwrap();
        let told = check_or_update(&path, &longer, false).unwrap_err();
        assert!(told.contains("`length` (`Option<f64>`) is new: the lock is out of date"), "{told}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), first);
        check_or_update(&path, &longer, true).unwrap();
        check_or_update(&path, &longer, false).unwrap();
        let second = std::fs::read_to_string(&path).unwrap();
        let told = check_or_update(&path, &berth, true).unwrap_err();
        assert!(told.contains("`length` (`Option<f64>`) is gone"), "{told}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), second);
        std::fs::remove_file(&path).unwrap();
    }
}
