//! The Rust files of the workspace.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::workspace::Workspace;

/// The `*.rs` files that Git tracks, and new ones that it does not ignore.
///
/// In a copy without Git's data, every such file outside `target` and hidden folders. The paths
/// start at the workspace root and have `/` between folders.
pub(super) fn rust_files(workspace: &Workspace) -> Result<Vec<String>> {
    let mut files = match known_to_git(&workspace.root) {
        Some(files) => files,
        None => present(&workspace.root)?,
    };
    // A file removed but not yet committed is still tracked.
    files.retain(|path| workspace.root.join(path).is_file());
    files.sort();
    Ok(files)
}

fn known_to_git(root: &Path) -> Option<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.args(["--", "*.rs"]).output().ok()?;
    let listing = String::from_utf8(output.stdout).ok()?;
    let files: Vec<String> = listing.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect();
    (output.status.success() && !files.is_empty()).then_some(files)
}

fn present(root: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root.join(&folder))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = format!("{folder}{name}");
            if entry.file_type()?.is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(format!("{path}/"));
                }
            } else if name.ends_with(".rs") {
                files.push(path);
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_file_is_found_with_and_without_git() {
        let workspace = Workspace::locate().expect("the workspace");
        let this = "xtask/src/tidy/files.rs".to_owned();
        assert!(rust_files(&workspace).expect("listed").contains(&this));
        assert!(present(&workspace.root).expect("listed").contains(&this));
    }
}
