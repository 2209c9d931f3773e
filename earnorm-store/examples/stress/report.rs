//! What a run came to: a table, or one JSON object.

use std::io::Write;
use std::time::Duration;

use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use serde::Serialize;

use super::audit::Audit;
use super::check::{ReaderVerdict, Verdict};
use super::ledger::{Counts, Ledger};
use super::options::{Control, Options};
use super::truth::Truth;

/// The figures of a run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) seed: u64,
    /// The server, or the library, that keeps the data.
    pub(crate) engine: String,
    pub(crate) wrote_seconds: f64,
    pub(crate) commits: Counts,
    /// Half, 99% and all of the commits that nothing was done to were acknowledged within so many milliseconds.
    pub(crate) millis: [u64; 3],
    /// The longest time in which no commit was acknowledged to anybody.
    pub(crate) silence_seconds: f64,
    pub(crate) log_events: u64,
    pub(crate) holes_filled: u64,
    /// Commits and transfers whose fate the store could not tell.
    pub(crate) unknown: u64,
    /// Acknowledged events and transfers that are not in the log.
    pub(crate) lost: u64,
    /// What readers missed, what stands in the log or came to readers twice, and what came late.
    pub(crate) missed: u64,
    pub(crate) doubled: u64,
    pub(crate) out_of_order: u64,
    /// Everything but the control.
    pub(crate) verdict: Verdict,
    /// The reader that is wrong on purpose, if there is one.
    pub(crate) control: Option<ReaderVerdict>,
    is_fine: bool,
    #[serde(skip)]
    names: Vec<String>,
    #[serde(skip)]
    json: bool,
}

impl Report {
    pub(crate) fn new(
        options: &Options,
        seed: u64,
        wrote: Duration,
        ledger: &Ledger,
        truth: &Truth,
        mut verdict: Verdict,
    ) -> Self {
        let control = options.control.and_then(|_| verdict.readers.remove(&options.readers));
        let sum = |of: fn(&ReaderVerdict) -> u64| verdict.readers.values().map(of).sum::<u64>();
        let is_caught = control.as_ref().is_none_or(|control| control.missed_acknowledged > 0);
        let bank = verdict.bank.clone().unwrap_or_default();
        Self {
            seed,
            engine: String::new(),
            wrote_seconds: wrote.as_secs_f64(),
            commits: ledger.counts.clone(),
            millis: [0.5, 0.99, 1.0].map(|share| ledger.within(share)),
            silence_seconds: ledger.silence_max.as_secs_f64(),
            log_events: truth.entries.len() as u64,
            holes_filled: truth.tombstones,
            unknown: ledger.counts.unclear + bank.unclear_applied + bank.unclear_absent,
            lost: verdict.acknowledged_lost + bank.lost,
            missed: sum(|reader| reader.missed),
            doubled: sum(|reader| reader.doubled) + verdict.log_doubled,
            out_of_order: sum(|reader| reader.out_of_order) + verdict.version_faults,
            is_fine: verdict.is_fine() && is_caught && ledger.counts.acknowledged > 0,
            control,
            names: names(options),
            json: options.json,
            verdict,
        }
    }

    /// Whether something was written, and nothing is wrong but what is wrong on purpose, which was caught.
    pub(crate) fn is_fine(&self) -> bool {
        self.is_fine
    }

    /// Prints it to the standard output; with `--json` as a value there, and for people beside it.
    pub(crate) fn print(&self) {
        if self.json {
            tell(&Told::Report(self));
            return say(&self.text());
        }
        let _closed_early = writeln!(std::io::stdout().lock(), "{}", self.text());
    }

    fn text(&self) -> String {
        let mut text = format!("{}\n{}\n{}", self.writers(), self.readers(), self.log());
        if let Some(bank) = &self.verdict.bank {
            text.push_str(&format!("\n{}", books(bank)));
        }
        for example in &self.verdict.examples {
            text.push_str(&format!("\n  {example}"));
        }
        let ruling = if self.is_fine() { "nothing is wrong" } else { "SOMETHING IS WRONG" };
        text.push_str(&format!("\nat most {:.1} s without any acknowledgement", self.silence_seconds));
        if let Some(control) = &self.control {
            let ruling = if control.missed_acknowledged > 0 { "caught, as it must be" } else { "NOT CAUGHT" };
            text.push_str(&format!("\ncontrol: {} acknowledged events missed: {ruling}", control.missed_acknowledged));
        }
        text.push_str(&format!(
            "\n{} lost, {} missed, {} doubled, {} out of order: {ruling} (seed {})",
            self.lost, self.missed, self.doubled, self.out_of_order, self.seed
        ));
        text
    }

    fn writers(&self) -> Table {
        let counts = &self.commits;
        let [half, most, all] = self.millis;
        let rate = counts.acknowledged_events as f64 / self.wrote_seconds.max(0.001);
        let mut table = table(&["commits", "", "meaning"]);
        let rows = [
            ("acknowledged", counts.acknowledged, format!("{} events, {rate:.0} a second", counts.acknowledged_events)),
            ("  in ms", half, format!("the median of those not tampered with; 99%: {most}, longest: {all}")),
            ("abandoned", counts.abandoned, "their writer died after it reserved positions".to_owned()),
            ("aborted", counts.aborted, "their writer died after it inserted its events".to_owned()),
            ("stalled", counts.stalled, "their writer stood still before it committed".to_owned()),
            ("answers lost", counts.answers_lost, "the answer to their commit was lost".to_owned()),
            ("conflicts", counts.conflicts, "someone else changed the document first".to_owned()),
            ("failed", counts.failed, "not applied within their time".to_owned()),
            ("unclear", counts.unclear, self.unclear()),
            ("killed", counts.killed.values().sum(), format!("processes, with SIGKILL: {:?}", counts.killed)),
        ];
        for (name, count, meaning) in rows {
            table.add_row([name.to_owned(), count.to_string(), meaning]);
        }
        table
    }

    fn unclear(&self) -> String {
        let Verdict { unclear_applied, unclear_absent, .. } = self.verdict;
        format!("looked up: {unclear_applied} in the log, {unclear_absent} not")
    }

    fn readers(&self) -> Table {
        let mut table =
            table(&["reader", "passes", "resumed", "read", "missed", "doubled", "out of order", "strange", "end"]);
        let honest = self.verdict.readers.values().zip(&self.names);
        for (reader, name) in honest.chain(self.control.iter().zip(self.names.last())) {
            let numbers = [
                reader.passes,
                reader.resumed,
                reader.read,
                reader.missed,
                reader.doubled,
                reader.out_of_order,
                reader.strange,
            ];
            let mut row = vec![name.clone()];
            row.extend(numbers.map(|number| number.to_string()));
            row.push(if reader.finished { "reached" } else { "NOT REACHED" }.to_owned());
            table.add_row(row);
        }
        table
    }

    fn log(&self) -> Table {
        let verdict = &self.verdict;
        let mut table = table(&["log", ""]);
        let rows = [
            ("events", self.log_events),
            ("holes that were filled (tombstones)", self.holes_filled),
            ("positions with nothing", verdict.holes),
            ("acknowledged events that are not there", verdict.acknowledged_lost),
            ("refused events that are there", verdict.refused_found),
            ("commits of which a part is there", verdict.torn),
            ("events that are there twice", verdict.log_doubled),
            ("versions out of turn", verdict.version_faults),
            ("times that fall within a stream", verdict.time_faults),
            ("state documents not at the end of their stream", verdict.document_faults),
            ("complaints of workers", verdict.troubles),
        ];
        for (name, count) in rows {
            table.add_row([name.to_owned(), count.to_string()]);
        }
        table
    }
}

fn books(bank: &Audit) -> Table {
    let control = bank.control_caught.map_or_else(|| "none".to_owned(), |caught| caught.to_string());
    let mut table = table(&["bank", ""]);
    let rows = [
        ("transfers in the log", bank.transfers.to_string()),
        ("acknowledged transfers that are not there", bank.lost.to_string()),
        ("refused transfers that are there", bank.refused_found.to_string()),
        ("transfers that are half there, or twice", bank.torn.to_string()),
        ("unclear transfers that are there", bank.unclear_applied.to_string()),
        ("unclear transfers that are not", bank.unclear_absent.to_string()),
        ("cents made or lost", bank.sum_wrong.to_string()),
        ("accounts that are not the fold of their stream", bank.documents_wrong.to_string()),
        ("events that were counted out of turn", bank.out_of_turn.to_string()),
        ("accounts whose events had not one effect each", bank.tallies_wrong.to_string()),
        ("the same of the control, which must be caught", control),
        ("events that were never handled", bank.unhandled.to_string()),
        ("events that were handled again, without a transaction", bank.again.to_string()),
    ];
    for (name, count) in rows {
        table.add_row([name.to_owned(), count]);
    }
    table
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn names(options: &Options) -> Vec<String> {
    let kinds = ["log", "subscription", "catch-up", "live"];
    let readers = kinds.iter().cycle().take(options.readers as usize).map(ToString::to_string);
    let control = options.control.map(|control| match control {
        Control::Naive => "control: naive".to_owned(),
        Control::GapTimeout => "control: gap time-out".to_owned(),
    });
    readers.chain(control).collect()
}

/// What others may read.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told<'a> {
    /// Writers begin.
    Writing,
    /// So long after a mark a commit was acknowledged that was sent after it.
    FirstAck { mark: u32, millis: u64 },
    /// The end.
    Report(&'a Report),
}

/// Tells others, as one line.
pub(crate) fn tell(what: &Told<'_>) {
    let text = serde_json::to_string(what).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    let _closed_early = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Says something beside the report.
pub(crate) fn say(text: &str) {
    eprintln!("{text}");
}
