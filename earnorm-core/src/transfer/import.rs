//! Reading a log that was written down.

use std::io::{BufRead, Read, Seek};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::io;
use super::line::{self, Chain, FORMAT, LINE_BYTES_MAX};
use crate::error::{Error, Result};
use crate::position::Position;
use crate::replay::{OnProgress, Progress, Teller};
use crate::store::{LogEntry, Store};

/// How many entries are written at once, and about how many bytes of lines.
const BATCH: usize = 500;
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// After how many lines others may run while a file is checked.
const YIELD_EVERY: u64 = 256;

/// An import that has not begun.
///
/// The log must be empty, or end where the file goes on, or hold a part of this very file: then the rest is added.
/// State documents are not part of a file: build them with `rebuild` afterwards.
#[must_use = "nothing is imported until it runs"]
pub struct Import {
    store: Arc<dyn Store>,
    tell: Option<OnProgress>,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("store", &self.store).finish_non_exhaustive()
    }
}

/// What an import did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// How many entries the file holds.
    pub entries: u64,
    /// How many were written; the others were there already.
    pub written: u64,
}

impl Import {
    /// An import into a store's log.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, tell: None }
    }

    /// Is told how far it is, after each batch.
    pub fn on_progress(mut self, tell: impl FnMut(Progress) + Send + Sync + 'static) -> Self {
        self.tell = Some(Box::new(tell));
        self
    }

    /// Imports. The whole file is read and checked first. Dropping the future stops it at a batch; the next run goes on
    /// there.
    ///
    /// # Errors
    /// [`Error::Corrupt`] names the line of a file that was cut or edited, or says that the log does not reach to where
    /// the file goes on, after which nothing is written; it names the entry that the log has no place for.
    pub async fn run(mut self, file: &mut (impl BufRead + Seek + Send)) -> Result<Imported> {
        let start = file.stream_position().map_err(|error| io("read the import", error))?;
        let Checked { after, entries } = check(file).await?;
        let end = self.store.high_water().await?;
        if end < after {
            let reason = format!(
                "the log ends at position {end}, and the file goes on behind {after}: import what comes before it first"
            );
            return Err(Error::Corrupt { subject: "the import".to_owned(), reason });
        }
        file.seek(std::io::SeekFrom::Start(start)).map_err(|error| io("read the import", error))?;
        let mut teller = Teller::new(self.tell.take(), "importing", Some(entries));
        let mut lines = Lines::new(file);
        lines.next()?;
        let mut report = Imported { entries, written: 0 };
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for _ in 0..entries {
            let (entry, size) = lines.entry()?;
            batch.push(entry);
            bytes += size;
            if batch.len() >= BATCH || bytes >= BATCH_BYTES {
                self.write(&mut batch, &mut report, &mut teller).await?;
                bytes = 0;
            }
        }
        self.write(&mut batch, &mut report, &mut teller).await?;
        Ok(report)
    }

    async fn write(&self, batch: &mut Vec<LogEntry>, report: &mut Imported, teller: &mut Teller) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let count = batch.len() as u64;
        report.written += self.store.admin().append_entries(std::mem::take(batch)).await?;
        teller.add(count);
        Ok(())
    }
}

/// What a file that is whole holds.
struct Checked {
    /// The position behind which it goes on.
    after: Position,
    entries: u64,
}

/// Reads the whole file.
async fn check(file: &mut (impl BufRead + Send)) -> Result<Checked> {
    let mut lines = Lines::new(file);
    let header = lines.next()?.ok_or_else(|| lines.corrupt("the file is empty"))?.0;
    if header.get("earnorm").and_then(Value::as_str) != Some("log") {
        return Err(lines.corrupt("it is not the header of an exported log"));
    }
    if header.get("format").and_then(Value::as_i64) != Some(FORMAT) {
        return Err(
            lines.corrupt(&format!("its format is not {FORMAT}: use the program that wrote it, or a newer one"))
        );
    }
    let after = Position::new(header.get("after").and_then(Value::as_i64).unwrap_or(0));
    let mut entries = 0;
    let mut last = after;
    loop {
        let Some((mut line, _)) = lines.next()? else {
            return Err(lines.corrupt("the file ends without its last line: it was cut"));
        };
        if line.get("end") == Some(&Value::Bool(true)) {
            if line.get("entries").and_then(Value::as_u64) != Some(entries) {
                return Err(lines.corrupt("it counts other entries than there are"));
            }
            break;
        }
        let entry = line::read(&mut line).map_err(|reason| lines.corrupt(&reason))?;
        if entry.position() <= last {
            return Err(lines.corrupt("its position does not rise"));
        }
        last = entry.position();
        entries += 1;
        if entries.is_multiple_of(YIELD_EVERY) {
            // A file is always ready to be read: others must run too, and the import be dropped.
            tokio::task::yield_now().await;
        }
    }
    match lines.next()? {
        None => Ok(Checked { after, entries }),
        Some(_) => Err(lines.corrupt("it stands behind the end")),
    }
}

/// The lines of a file, with their checksums proved.
struct Lines<'a, R> {
    file: &'a mut R,
    chain: Chain,
    number: u64,
    buffer: Vec<u8>,
}

impl<'a, R: BufRead> Lines<'a, R> {
    fn new(file: &'a mut R) -> Self {
        Self { file, chain: Chain::new(), number: 0, buffer: Vec::new() }
    }

    fn corrupt(&self, reason: &str) -> Error {
        Error::Corrupt { subject: format!("line {} of the import", self.number), reason: reason.to_owned() }
    }

    /// The next line and its length; `None` at the end.
    fn next(&mut self) -> Result<Option<(Map<String, Value>, usize)>> {
        self.number += 1;
        self.buffer.clear();
        let mut limited = Read::take(&mut *self.file, LINE_BYTES_MAX as u64);
        limited.read_until(b'\n', &mut self.buffer).map_err(|error| io("read the import", error))?;
        if self.buffer.is_empty() {
            return Ok(None);
        }
        let line = self.buffer.strip_suffix(b"\n").ok_or_else(|| self.corrupt("it has no end: the file was cut"))?;
        let text = std::str::from_utf8(line).map_err(|_| self.corrupt("it is not UTF-8"))?;
        match self.chain.open(text) {
            Ok(map) => Ok(Some((map, self.buffer.len()))),
            Err(reason) => Err(self.corrupt(&reason)),
        }
    }

    fn entry(&mut self) -> Result<(LogEntry, usize)> {
        let (mut line, size) = self.next()?.ok_or_else(|| self.corrupt("it is gone: the file changed meanwhile"))?;
        let entry = line::read(&mut line).map_err(|reason| self.corrupt(&reason))?;
        Ok((entry, size))
    }
}
