//! The machine that a soak ran on and the versions of what it ran, without its names and paths.

use std::env::consts;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace::Workspace;

/// Cores, memory, operating system, and how busy it is.
pub(super) fn describe() -> String {
    let cores = std::thread::available_parallelism().map_or_else(|_| "?".to_owned(), |cores| cores.to_string());
    let mut parts = vec![format!("{cores} cores ({})", consts::ARCH)];
    parts.extend(read("/proc/meminfo").and_then(|text| memory(&text)));
    let kernel = read("/proc/sys/kernel/osrelease").map(|release| format!(", kernel {}", release.trim()));
    let system = read("/etc/os-release").and_then(|text| system(&text)).unwrap_or_else(|| consts::OS.to_owned());
    parts.push(format!("{system}{}", kernel.unwrap_or_default()));
    // Others may use it too, and then everything takes longer.
    parts.extend(read("/proc/loadavg").and_then(|text| Some(format!("load {} at the start", text.split(' ').nth(1)?))));
    parts.join(", ")
}

/// The versions of this crate and of the compiler.
pub(super) fn versions(workspace: &Workspace) -> Result<String> {
    let manifest: toml::Table = workspace.read("Cargo.toml")?.parse()?;
    let package = manifest.get("workspace").and_then(|workspace| workspace.get("package"));
    let version = package.and_then(|package| package.get("version")).and_then(toml::Value::as_str);
    let compiler = Command::new("rustc").arg("--version").output().context("rustc does not run")?;
    let compiler = String::from_utf8_lossy(&compiler.stdout);
    // What follows is a hash and a date.
    let compiler = compiler.split(" (").next().unwrap_or_default().trim();
    Ok(format!("EarnORM {}, {compiler}", version.unwrap_or("?")))
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The memory in whole GiB, of `/proc/meminfo`.
fn memory(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(format!("{} GiB", (kib + (1 << 19)) >> 20))
}

/// The name of the system, of `/etc/os-release`.
fn system(text: &str) -> Option<String> {
    let name = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(name.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_system_are_read_as_linux_writes_them() {
        assert_eq!(memory("MemTotal:       24684092 kB\nMemFree: 1 kB\n"), Some("24 GiB".to_owned()));
        assert_eq!(memory("MemFree: 1 kB\n"), None);
        assert_eq!(system("NAME=\"D\"\nPRETTY_NAME=\"Debian 12\"\n"), Some("Debian 12".to_owned()));
    }

    #[test]
    fn the_versions_are_known() {
        let versions = versions(&Workspace::locate().expect("the workspace")).expect("versions");
        assert!(versions.starts_with("EarnORM 0.") && versions.contains(", rustc 1."), "{versions}");
    }
}
