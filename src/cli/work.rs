//! What long commands share: running over models, confirming, files.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::exit::{Exit, Outcome, Stop};
use super::open::Opened;
use super::out::Out;
use super::progress::Bar;
use crate::replay::Replay;
use crate::schema::ModelInfo;

/// Models that work was asked for, split into those that can be folded here and those that need their code.
pub(super) struct Chosen {
    pub(super) ready: Vec<(ModelInfo, Replay)>,
    pub(super) need_code: Vec<String>,
}

/// The models named, or all. A model that was named and needs its code ends the command; one of all is left out.
pub(super) fn choose(names: &[String], opened: &Opened) -> Outcome<Chosen> {
    let mut chosen = Chosen { ready: Vec::new(), need_code: Vec::new() };
    for model in opened.chosen(names)? {
        match opened.replay(&model) {
            Ok(replay) => chosen.ready.push((model, replay)),
            Err(crate::Error::NeedsCode { .. }) if names.is_empty() => chosen.need_code.push(model.name),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(chosen)
}

impl Chosen {
    /// The end of work that went well as far as it went.
    pub(super) fn end(&self, out: &mut Out<'_>) -> Exit {
        if self.need_code.is_empty() {
            return Exit::Ok;
        }
        out.note(format!(
            "left out, because only their code can fold them: {}; let the program with the models call \
             `earnorm::cli::run()`",
            self.need_code.join(", ")
        ));
        Exit::NeedsCode
    }
}

/// Asks before something that cannot be taken back: the subject has to be typed again.
pub(super) fn confirm(what: &str, subject: &str, given: Option<&str>, out: &mut Out<'_>) -> Outcome<()> {
    let typed = match given {
        Some(given) => given.to_owned(),
        None if out.can_ask() => out.ask(format!("{what}. This cannot be taken back.\nType {subject} to go on: "))?,
        None => {
            let stop = Stop::usage(format!("{what}, which cannot be taken back: it needs a confirmation"));
            return Err(stop.hint(format!("add --yes {subject}")));
        }
    };
    if typed == subject {
        return Ok(());
    }
    Err(Stop::usage(format!("not confirmed: `{typed}` is not `{subject}`")).hint("nothing was changed"))
}

/// A file that is on the disk when it was flushed.
#[derive(Debug)]
pub(super) struct Durable(File);

impl Write for Durable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// A new file. One that is there already is never written over.
pub(super) fn create(path: &Path) -> Outcome<BufWriter<Durable>> {
    let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let stop = Stop::failed(format!("could not create {}: {error}", path.display()));
        match error.kind() {
            io::ErrorKind::AlreadyExists => stop.hint("choose another name: files are never written over"),
            _ => stop,
        }
    })?;
    Ok(BufWriter::with_capacity(1 << 20, Durable(file)))
}

/// A file whose reading Ctrl-C ends, and which tells how far the first reading is.
#[derive(Debug)]
pub(super) struct Watched {
    file: File,
    bar: Bar,
    read: u64,
    size: u64,
    interrupted: Arc<AtomicBool>,
}

impl Watched {
    pub(super) fn new(file: File, bar: Bar, out: &Out<'_>) -> Self {
        let size = file.metadata().map_or(0, |metadata| metadata.len());
        let interrupted = Arc::new(AtomicBool::new(false));
        if out.signals() {
            // A long reading never waits for anything, so that nobody else on its thread would see the signal.
            let flag = Arc::clone(&interrupted);
            tokio::spawn(async move { flag.store(tokio::signal::ctrl_c().await.is_ok(), Ordering::Relaxed) });
        }
        Self { file, bar, read: 0, size, interrupted }
    }
}

impl Read for Watched {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.interrupted.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        if self.read <= self.size {
            self.bar.show(self.read, Some(self.size));
        }
        Ok(count)
    }
}

impl Seek for Watched {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// Removes a file again unless it was kept: what an interrupted export leaves is of no use.
#[derive(Debug)]
pub(super) struct Unfinished(Option<PathBuf>);

impl Unfinished {
    pub(super) fn new(path: &Path) -> Self {
        Self(Some(path.to_owned()))
    }

    pub(super) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // It may be gone already; there is nobody to tell.
            let _ = std::fs::remove_file(path);
        }
    }
}
