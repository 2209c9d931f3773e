//! The limit on a file's length, and the exceptions from it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use super::{EXCEPTIONS, Finding, Rule};

/// The longest a file may be without an exception.
const LIMIT: usize = 500;

const LENGTH: Rule = Rule {
    name: "file-length",
    reason: "a file of more than 500 lines does more than one thing, and is read by nobody whole",
    fix: "split it by purpose; do not squeeze lines together",
};

const STALE: Rule = Rule {
    name: "exceptions-only-shrink",
    reason: "an exception wider than needed lets a long file grow again unseen",
    fix: "set the entry in xtask/tidy-exceptions.txt to the present length, or remove it",
};

/// The lengths allowed to files above the limit.
#[derive(Debug)]
pub(super) struct Exceptions(BTreeMap<String, usize>);

impl Exceptions {
    /// Reads lines of `path max reason`; empty lines and those with `#` are skipped.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut entries = BTreeMap::new();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (path, max) = entry(line).with_context(|| format!("{EXCEPTIONS}: bad line `{line}`"))?;
            ensure!(entries.insert(path.clone(), max).is_none(), "{EXCEPTIONS}: {path} is listed twice");
        }
        Ok(Self(entries))
    }

    /// Finds files that are too long, and exceptions wider than needed.
    pub(super) fn check(&self, lengths: &[(String, usize)]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (path, length) in lengths {
            let max = self.0.get(path).copied().unwrap_or(LIMIT).max(LIMIT);
            if *length > max {
                findings.push(Finding::new(&LENGTH, path, format!("{length} lines, {max} allowed")));
            }
        }
        for (path, max) in &self.0 {
            let length = lengths.iter().find(|(other, _)| other == path).map(|(_, length)| *length);
            if let Some(what) = stale(*max, length) {
                findings.push(Finding::new(&STALE, path, what));
            }
        }
        findings
    }
}

fn entry(line: &str) -> Result<(String, usize)> {
    let mut parts = line.splitn(3, char::is_whitespace);
    let path = parts.next().context("no path")?;
    let max = parts.next().context("no number of lines")?.parse().context("not a number")?;
    ensure!(parts.next().is_some_and(|reason| !reason.trim().is_empty()), "no reason");
    Ok((path.to_owned(), max))
}

fn stale(max: usize, length: Option<usize>) -> Option<String> {
    match length {
        None => Some("the file is gone, its exception is not".to_owned()),
        Some(length) if length <= LIMIT => Some(format!("{length} lines need no exception")),
        Some(length) if length < max => Some(format!("{length} lines, the exception says {max}")),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(exceptions: &str, files: &[(&str, usize)]) -> Vec<&'static str> {
        let lengths: Vec<_> = files.iter().map(|(path, n)| ((*path).to_owned(), *n)).collect();
        let exceptions = Exceptions::parse(exceptions).expect("parses");
        exceptions.check(&lengths).iter().map(|finding| finding.rule.name).collect()
    }

    #[test]
    fn a_long_file_needs_an_exception() {
        assert!(found("", &[("a.rs", 500)]).is_empty());
        assert_eq!(found("", &[("a.rs", 501)]), ["file-length"]);
        assert!(found("# header\n\na.rs 620 generated table", &[("a.rs", 620)]).is_empty());
        assert_eq!(found("a.rs 620 generated table", &[("a.rs", 621)]), ["file-length"]);
    }

    #[test]
    fn an_exception_only_shrinks() {
        for files in [&[("a.rs", 619)][..], &[("a.rs", 400)], &[]] {
            assert_eq!(found("a.rs 620 generated table", files), ["exceptions-only-shrink"]);
        }
    }

    #[test]
    fn an_exception_has_a_number_and_a_reason() {
        for line in ["a.rs", "a.rs many reason", "a.rs 620", "a.rs 620 x\na.rs 630 y"] {
            assert!(Exceptions::parse(line).is_err(), "{line}");
        }
    }
}
