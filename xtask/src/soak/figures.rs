//! What runs came to, as numbers by name.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::chaos::{Fault, Kind, Outcome};

/// What everything came to.
#[derive(Default)]
pub(super) struct Results {
    /// Honest runs.
    pub(super) runs: Vec<Figures>,
    pub(super) controls: Vec<Control>,
    pub(super) killed: Vec<Killed>,
    pub(super) faults: BTreeMap<Fault, Kind>,
    /// Commands that came to nothing.
    pub(super) failed: Vec<String>,
}

impl Results {
    /// Whether nothing is wrong, and each control was caught.
    pub(super) fn is_good(&self) -> bool {
        self.failed.is_empty()
            && self.runs.iter().all(|run| run.is_good)
            && self.controls.iter().all(|control| control.is_good)
            && self.killed.iter().all(|killed| killed.passed)
    }

    /// What kept the data, with versions.
    pub(super) fn engines(&self) -> String {
        let engines: BTreeSet<_> = self.runs.iter().map(|run| run.engine.as_str()).collect();
        engines.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// A figure over all honest runs.
    pub(super) fn sum(&self, row: &str) -> i64 {
        let of = |run: &Figures| {
            run.rows.iter().find(|(name, _)| *name == row).and_then(|(_, value)| value.parse::<i64>().ok())
        };
        self.runs.iter().filter_map(of).sum::<i64>()
    }
}

/// The figures of an honest run.
pub(super) struct Figures {
    pub(super) name: String,
    pub(super) command: String,
    pub(super) engine: String,
    pub(super) rows: Vec<(&'static str, String)>,
    pub(super) is_good: bool,
}

impl Figures {
    /// Takes them from the report of the stress program.
    pub(super) fn new(name: &str, command: &str, report: &Value, is_good: bool) -> Self {
        let engine = report.get("engine").and_then(Value::as_str).unwrap_or("?").to_owned();
        let mut rows: Vec<_> = ROWS.iter().map(|(name, parts)| (*name, sum(report, parts))).collect();
        let killed = report.pointer("/commits/killed").and_then(Value::as_object);
        let killed = killed.map(|killed| killed.values().filter_map(Value::as_i64).sum::<i64>());
        rows.insert(4, (KILLED, killed.map_or_else(|| "?".to_owned(), |killed| killed.to_string())));
        rows.push(("seconds for which programs wrote", seconds(report, "/wrote_seconds")));
        rows.push(("longest pause between acknowledgements, in seconds", seconds(report, "/silence_seconds")));
        rows.push(("half of the commits took at most, in ms", sum(report, &["/millis/0"])));
        rows.push(("99 % of them", sum(report, &["/millis/1"])));
        Self { name: name.to_owned(), command: command.to_owned(), engine, rows, is_good }
    }
}

/// Rows that are summed up over all runs.
pub(super) const COMMITS: &str = "acknowledged commits";
pub(super) const EVENTS: &str = "events in them";
pub(super) const KILLED: &str = "processes killed";
pub(super) const UNKNOWN: &str = "unknown outcomes";
pub(super) const LOST: &str = "lost";

/// A row, and the places in a report that it sums up.
const ROWS: &[(&str, &[&str])] = &[
    (COMMITS, &["/commits/acknowledged"]),
    (EVENTS, &["/commits/acknowledged_events"]),
    ("transfers of the bank", &["/verdict/bank/transfers"]),
    ("events in the log", &["/log_events"]),
    (UNKNOWN, &["/unknown"]),
    (LOST, &["/lost"]),
    ("half there", &["/verdict/torn", "/verdict/bank/torn"]),
    ("refused and there all the same", &["/verdict/refused_found", "/verdict/bank/refused_found"]),
    ("missed by readers", &["/missed"]),
    ("doubled", &["/doubled"]),
    ("out of order", &["/out_of_order", "/verdict/bank/out_of_turn"]),
    ("positions with nothing", &["/verdict/holes"]),
    ("documents that are not the fold", &["/verdict/document_faults", "/verdict/bank/documents_wrong"]),
    ("cents made or lost", &["/verdict/bank/sum_wrong"]),
    ("effects that did not happen once", &["/verdict/bank/tallies_wrong", "/verdict/bank/unhandled"]),
];

/// The sum of what stands at these places; a place that is not there is not taken for nothing.
fn sum(report: &Value, places: &[&str]) -> String {
    let numbers: Option<Vec<_>> = places.iter().map(|place| report.pointer(place)?.as_i64()).collect();
    numbers.map_or_else(|| "?".to_owned(), |numbers| numbers.iter().sum::<i64>().to_string())
}

fn seconds(report: &Value, place: &str) -> String {
    report.pointer(place).and_then(Value::as_f64).map_or_else(|| "?".to_owned(), |seconds| format!("{seconds:.1}"))
}

/// A control and what it was caught at.
pub(super) struct Control {
    pub(super) name: String,
    pub(super) command: String,
    pub(super) caught: String,
    /// Whether it was caught, and nothing else is wrong.
    pub(super) is_good: bool,
}

impl Control {
    /// One on a cluster.
    pub(super) fn of_cluster(name: &str, outcome: &Outcome) -> Self {
        let Some(lost) = outcome.lost else {
            return Self::of_stress(name, &outcome.command, &outcome.report, outcome.is_good());
        };
        let caught = format!("{} of {} acknowledged writes lost", lost.lost, lost.acknowledged);
        Self { name: name.to_owned(), command: outcome.command.clone(), caught, is_good: outcome.is_good() }
    }

    /// One that the stress program catches.
    pub(super) fn of_stress(name: &str, command: &str, report: &Value, is_good: bool) -> Self {
        let missed = report.pointer("/control/missed_acknowledged").and_then(Value::as_u64);
        let caught = match missed {
            Some(missed) => format!("{missed} acknowledged events missed"),
            None => format!("{} accounts counted wrongly", sum(report, &["/verdict/bank/control_caught"])),
        };
        Self { name: name.to_owned(), command: command.to_owned(), caught, is_good }
    }
}

/// What became of a test that kills processes.
pub(super) struct Killed {
    pub(super) command: String,
    pub(super) kills: u64,
    pub(super) passed: bool,
    pub(super) took: Duration,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_come_from_the_report_and_what_it_does_not_say_is_no_zero() {
        let report = json!({
            "engine": "SQLite 3", "lost": 1, "commits": { "acknowledged": 7, "killed": { "writers": 2, "readers": 3 } },
            "verdict": { "torn": 1, "bank": { "torn": 2 } }, "silence_seconds": 1.26
        });
        let figures = Figures::new("a", "b", &report, true);
        let row = |name: &str| figures.rows.iter().find(|(row, _)| *row == name).map(|(_, value)| value.as_str());
        assert_eq!([row(COMMITS), row(KILLED), row(LOST)], [Some("7"), Some("5"), Some("1")]);
        assert_eq!([row("half there"), row("doubled")], [Some("3"), Some("?")]);
        assert_eq!(row("longest pause between acknowledgements, in seconds"), Some("1.3"));
        let results = Results { runs: vec![figures], ..Results::default() };
        assert_eq!((results.sum(COMMITS), results.engines().as_str(), results.is_good()), (7, "SQLite 3", true));
    }

    #[test]
    fn whatever_is_wrong_is_wrong_in_all() {
        let report = json!({ "control": { "missed_acknowledged": 3 } });
        let control = Control::of_stress("a", "b", &report, false);
        assert_eq!(control.caught, "3 acknowledged events missed");
        let loose = Control::of_stress("a", "b", &json!({ "verdict": { "bank": { "control_caught": 2 } } }), true);
        assert_eq!(loose.caught, "2 accounts counted wrongly");
        assert!(!Results { controls: vec![control], ..Results::default() }.is_good());
        assert!(!Results { failed: vec![String::new()], ..Results::default() }.is_good());
        let killed = Killed { command: String::new(), kills: 1, passed: false, took: Duration::ZERO };
        assert!(!Results { killed: vec![killed], ..Results::default() }.is_good());
        assert!(!Results { runs: vec![Figures::new("", "", &report, false)], ..Results::default() }.is_good());
    }
}
