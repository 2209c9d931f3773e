//! The comparison: what writers were told and what readers saw against what is in the log.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::audit::{Audit, Books, audit};
use super::keys::Key;
use super::ledger::{Ledger, Pass};
use super::options::Counts;
use super::truth::{Entry, Truth};

/// How many faults are described.
const EXAMPLES_MAX: usize = 20;

/// What a reader did, over all its passes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct ReaderVerdict {
    pub(crate) passes: u64,
    pub(crate) resumed: u64,
    pub(crate) read: u64,
    /// Events of the log that it passed without seeing them.
    pub(crate) missed: u64,
    /// Of these, events that a writer was told are in the log.
    pub(crate) missed_acknowledged: u64,
    pub(crate) doubled: u64,
    pub(crate) out_of_order: u64,
    /// Events that are not in the log like this.
    pub(crate) strange: u64,
    pub(crate) finished: bool,
}

/// Everything that was compared. All numbers but those of `unclear` ones are faults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Verdict {
    pub(crate) readers: BTreeMap<u32, ReaderVerdict>,
    /// Acknowledged events that are not in the log, or at another position or version.
    pub(crate) acknowledged_lost: u64,
    /// Events of refused commits that are in the log.
    pub(crate) refused_found: u64,
    /// Commits of which only a part is in the log.
    pub(crate) torn: u64,
    /// Events that are in the log twice.
    pub(crate) log_doubled: u64,
    /// Events whose version is not the one after the last of their stream.
    pub(crate) version_faults: u64,
    /// Events that were recorded before the last of their stream.
    pub(crate) time_faults: u64,
    /// State documents that are not at the end of their stream.
    pub(crate) document_faults: u64,
    /// Positions below the mark at which nothing stands.
    pub(crate) holes: u64,
    pub(crate) unclear_applied: u64,
    pub(crate) unclear_absent: u64,
    /// The bank, where there was one.
    pub(crate) bank: Option<Audit>,
    /// What workers complained about.
    pub(crate) troubles: u64,
    /// The first faults, in words.
    pub(crate) examples: Vec<String>,
}

impl Verdict {
    /// Whether there is no fault.
    pub(crate) fn is_fine(&self) -> bool {
        let faults = self.acknowledged_lost
            + self.refused_found
            + self.torn
            + self.log_doubled
            + self.version_faults
            + self.time_faults
            + self.document_faults
            + self.holes
            + self.troubles;
        faults == 0
            && self.bank.as_ref().is_none_or(Audit::is_fine)
            && self.readers.values().all(ReaderVerdict::is_fine)
    }

    /// Adds the bank.
    pub(crate) fn audit(&mut self, ledger: &Ledger, books: &Books, counts: Counts) {
        let mut examples = Vec::new();
        self.bank = Some(audit(ledger, books, counts, &mut examples));
        for text in examples {
            self.example(|| text);
        }
    }

    fn example(&mut self, text: impl FnOnce() -> String) {
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(text());
        }
    }
}

impl ReaderVerdict {
    /// Whether this reader saw everything once and in order.
    pub(crate) fn is_fine(&self) -> bool {
        self.missed + self.doubled + self.out_of_order + self.strange == 0 && self.finished
    }
}

/// Compares. Readers that finished have read up to `end`.
pub(crate) fn check(ledger: &Ledger, truth: &Truth, end: i64) -> Verdict {
    let mut verdict = Verdict { holes: truth.holes, troubles: ledger.troubles.len() as u64, ..Verdict::default() };
    for trouble in &ledger.troubles {
        verdict.example(|| trouble.clone());
    }
    let by_key = log(truth, &mut verdict);
    writers(ledger, &by_key, &mut verdict);
    documents(truth, &mut verdict);
    let acknowledged: HashSet<Key> = ledger.acked.iter().map(|acked| acked.key).collect();
    for (number, pass) in ledger.passes.iter().enumerate() {
        let finished = ledger.is_current(number, pass.reader) && ledger.done.contains(&pass.reader);
        let upto = if finished { end } else { pass.seen.iter().map(|seen| seen.position).max().unwrap_or(pass.after) };
        reader(pass, upto, truth, &acknowledged, &mut verdict);
        let reader = verdict.readers.entry(pass.reader).or_default();
        reader.finished |= finished;
        reader.resumed = ledger.resumed.get(&pass.reader).copied().unwrap_or(0);
    }
    verdict
}

/// The log by itself: versions, times, whole commits. Its events by key.
fn log<'a>(truth: &'a Truth, verdict: &mut Verdict) -> HashMap<Key, &'a Entry> {
    let mut by_key = HashMap::with_capacity(truth.entries.len());
    let mut ends: HashMap<usize, (u64, i64)> = HashMap::new();
    let mut commits: HashMap<Key, (u64, u64)> = HashMap::new();
    for entry in &truth.entries {
        let (version, at) = ends.insert(entry.stream, (entry.version, entry.at)).unwrap_or((0, i64::MIN));
        if entry.version != version + 1 {
            verdict.version_faults += 1;
            verdict.example(|| {
                format!("version {} follows {version} in {}: {entry:?}", entry.version, name(truth, entry.stream))
            });
        }
        if entry.at < at {
            verdict.time_faults += 1;
            verdict.example(|| format!("recorded before the event that it follows: {entry:?}"));
        }
        if by_key.insert(entry.key, entry).is_some() {
            verdict.log_doubled += 1;
            verdict.example(|| format!("key {} stands in the log twice", entry.key));
        }
        let commit = commits.entry(entry.key - entry.part.0).or_insert((0, entry.part.1));
        commit.0 += 1;
    }
    for (first, (found, all)) in commits {
        if found != all {
            verdict.torn += 1;
            verdict.example(|| format!("{found} of {all} events of the commit of key {first} are in the log"));
        }
    }
    by_key
}

/// What writers were told.
fn writers(ledger: &Ledger, by_key: &HashMap<Key, &Entry>, verdict: &mut Verdict) {
    for acked in &ledger.acked {
        let found = by_key.get(&acked.key);
        if found.is_none_or(|entry| (entry.position, entry.version) != (acked.position, acked.version)) {
            verdict.acknowledged_lost += 1;
            verdict.example(|| format!("acknowledged as {acked:?}, but the log has {found:?}"));
        }
    }
    for &(first, events) in &ledger.refused {
        for key in first..first + events {
            if let Some(entry) = by_key.get(&key) {
                verdict.refused_found += 1;
                verdict.example(|| format!("refused, and in the log all the same: {entry:?}"));
            }
        }
    }
    for (first, _) in &ledger.unclear {
        match by_key.contains_key(first) {
            true => verdict.unclear_applied += 1,
            false => verdict.unclear_absent += 1,
        }
    }
}

/// State documents stand at the end of their streams.
fn documents(truth: &Truth, verdict: &mut Verdict) {
    let mut ends: HashMap<&str, &Entry> = HashMap::new();
    for entry in &truth.entries {
        if let Some(id) = name(truth, entry.stream).strip_prefix("account-") {
            ends.insert(id, entry);
        }
    }
    for (id, end) in &ends {
        let expected = (!end.closes).then_some((end.version, end.key));
        let found = truth.accounts.get(*id).copied();
        if found != expected {
            verdict.document_faults += 1;
            verdict.example(|| format!("account {id} is {found:?}, but its stream ends at {end:?}"));
        }
    }
    for id in truth.accounts.keys().filter(|id| !ends.contains_key(id.as_str())) {
        verdict.document_faults += 1;
        verdict.example(|| format!("account {id} has no stream"));
    }
}

/// One pass against the log.
fn reader(pass: &Pass, upto: i64, truth: &Truth, acknowledged: &HashSet<Key>, verdict: &mut Verdict) {
    let mut result = ReaderVerdict { passes: 1, read: pass.seen.len() as u64, ..ReaderVerdict::default() };
    let mut passed: BTreeMap<i64, &Entry> = BTreeMap::new();
    let first = truth.entries.partition_point(|entry| entry.position <= pass.after);
    let mut expected = truth.entries.iter().skip(first).take_while(|entry| entry.position <= upto).peekable();
    let mut before = pass.after;
    for seen in &pass.seen {
        if seen.position <= before {
            let late = passed.remove(&seen.position).is_some();
            result.out_of_order += u64::from(late);
            result.doubled += u64::from(!late);
            verdict.example(|| format!("reader {}: {seen:?} came after position {before}", pass.reader));
            continue;
        }
        before = seen.position;
        while let Some(entry) = expected.next_if(|entry| entry.position < seen.position) {
            passed.insert(entry.position, entry);
        }
        let entry = expected.next_if(|entry| entry.position == seen.position);
        if entry.is_none_or(|entry| (entry.key, entry.version) != (seen.key, seen.version)) {
            result.strange += 1;
            verdict.example(|| format!("reader {}: saw {seen:?} where the log has {entry:?}", pass.reader));
        }
    }
    passed.extend(expected.map(|entry| (entry.position, entry)));
    result.missed = passed.len() as u64;
    result.missed_acknowledged = passed.values().filter(|entry| acknowledged.contains(&entry.key)).count() as u64;
    if let Some(entry) = passed.values().next() {
        verdict.example(|| format!("reader {}: missed {} events, first {entry:?}", pass.reader, result.missed));
    }
    let all = verdict.readers.entry(pass.reader).or_default();
    all.passes += result.passes;
    all.read += result.read;
    all.missed += result.missed;
    all.missed_acknowledged += result.missed_acknowledged;
    all.doubled += result.doubled;
    all.out_of_order += result.out_of_order;
    all.strange += result.strange;
}

fn name(truth: &Truth, stream: usize) -> &str {
    truth.streams.get(stream).map_or("", String::as_str)
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
