//! The document with the figures.

use std::fmt::Write;
use std::time::Duration;

use super::figures::{COMMITS, EVENTS, KILLED, LOST, Results, UNKNOWN};
use crate::machine::Machine;

/// The text, in Markdown.
pub(super) fn write(command: &str, machine: &Machine, results: &Results) -> String {
    let ruling = if results.is_good() { "Nothing is wrong." } else { "**Something is wrong.**" };
    let caught = results.controls.iter().filter(|control| control.is_good).count();
    let mut text = format!(
        "# Soak\n\nWritten by `{command}`; run that again instead of editing this. What is done, what is checked, and how \
         to repeat a run by its seed: [stress.md](stress.md).\n\n\
         | | |\n|---|---|\n{}| stores | {} |\n\n",
        machine.rows(),
        results.engines()
    );
    let faults: u64 = results.faults.values().map(|kind| kind.count).sum();
    let _infallible = writeln!(
        text,
        "{ruling} {} commits with {} events were acknowledged, of which {} were lost; the store could not tell the \
         outcome of {}. There were {faults} cluster faults and {} killed processes. {caught} of {} controls were caught.\n",
        results.sum(COMMITS),
        results.sum(EVENTS),
        results.sum(LOST),
        results.sum(UNKNOWN),
        results.sum(KILLED) + results.killed.iter().map(|killed| killed.kills.cast_signed()).sum::<i64>(),
        results.controls.len(),
    );
    runs(&mut text, results);
    faults_by_kind(&mut text, results);
    controls(&mut text, results);
    killed(&mut text, results);
    if !results.failed.is_empty() {
        text.push_str("## Runs that did not get to their end\n\n");
        for command in &results.failed {
            let _infallible = writeln!(text, "- `{command}`");
        }
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn runs(text: &mut String, results: &Results) {
    text.push_str("## Runs\n\n");
    row(text, std::iter::once(String::new()).chain(results.runs.iter().map(|run| run.name.clone())));
    row(text, (0..=results.runs.len()).map(|column| if column == 0 { "---" } else { "---:" }.to_owned()));
    let names = results.runs.first().map(|run| run.rows.as_slice()).unwrap_or_default();
    for (index, (name, _)) in names.iter().enumerate() {
        let values = results.runs.iter().map(|run| run.rows.get(index).map_or("?", |(_, value)| value).to_owned());
        row(text, std::iter::once((*name).to_owned()).chain(values));
    }
    let rulings = results.runs.iter().map(|run| if run.is_good { "nothing is wrong" } else { "**WRONG**" }.to_owned());
    row(text, std::iter::once("ruling".to_owned()).chain(rulings));
    text.push('\n');
    for run in &results.runs {
        let _infallible = writeln!(text, "- {}: `{}`", run.name, run.command);
    }
    text.push('\n');
}

fn faults_by_kind(text: &mut String, results: &Results) {
    text.push_str(
        "## Cluster faults\n\nOf all runs on a cluster, controls included. The first acknowledgement is that of a commit \
         sent after the fault began; times are the longest there were, in seconds.\n\n\
         | fault | times | elections | first acknowledgement | all members at work again after its end |\n\
         |---|---:|---:|---:|---:|\n",
    );
    for (fault, kind) in &results.faults {
        let cells = [
            format!("{fault:?}"),
            kind.count.to_string(),
            kind.elections.to_string(),
            if kind.first_ack == Duration::MAX { "never".to_owned() } else { seconds(kind.first_ack) },
            seconds(kind.recovery),
        ];
        row(text, cells.into_iter());
    }
    text.push('\n');
}

fn controls(text: &mut String, results: &Results) {
    text.push_str(
        "## Controls\n\nEach works by a rule that is wrong on purpose.\n\n| control | | ruling |\n|---|---|---|\n",
    );
    for control in &results.controls {
        let ruling = if control.is_good { "caught" } else { "**NOT AS IT MUST BE**" };
        row(text, [control.name.clone(), control.caught.clone(), ruling.to_owned()].into_iter());
    }
    text.push('\n');
    for control in &results.controls {
        let _infallible = writeln!(text, "- {}: `{}`", control.name, control.command);
    }
    text.push('\n');
}

fn killed(text: &mut String, results: &Results) {
    text.push_str("## Killed processes\n\n| test | kills | seconds | ruling |\n|---|---:|---:|---|\n");
    for killed in &results.killed {
        let ruling = if killed.passed { "passed" } else { "**FAILED**" };
        let cells =
            [format!("`{}`", killed.command), killed.kills.to_string(), seconds(killed.took), ruling.to_owned()];
        row(text, cells.into_iter());
    }
    text.push('\n');
}

fn seconds(time: Duration) -> String {
    format!("{:.1}", time.as_secs_f64())
}

fn row(text: &mut String, cells: impl Iterator<Item = String>) {
    let cells: Vec<_> = cells.collect();
    let _infallible = writeln!(text, "| {} |", cells.join(" | "));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::figures::{Control, Figures, Killed};
    use super::*;
    use crate::chaos::{Fault, Kind};

    #[test]
    fn everything_that_was_found_stands_in_the_document() {
        let report =
            json!({ "engine": "MongoDB 6", "lost": 2, "unknown": 3, "commits": { "acknowledged": 7, "killed": {} } });
        let mut results = Results::default();
        results.runs.push(Figures::new("cluster, seed 7", "cargo xtask chaos --seed 7", &report, false));
        results.controls.push(Control::of_stress("a reader", "stress", &report, true));
        let command = "cargo test".to_owned();
        results.killed.push(Killed { command, kills: 200, passed: true, took: Duration::from_secs(4) });
        results
            .faults
            .insert(Fault::CutKill, Kind { count: 2, first_ack: Duration::from_millis(2_345), ..Kind::default() });
        results.failed.push("cargo xtask chaos --seed 8".to_owned());
        let text = write("cargo xtask soak", &Machine { facts: vec![("Rust".into(), "rustc 1".into())] }, &results);
        for part in [
            "**Something is wrong.** 7 commits with 0 events were acknowledged, of which 2 were lost",
            "1 of 1 controls were caught",
            "| Rust | rustc 1 |\n| stores | MongoDB 6 |",
            "|  | cluster, seed 7 |\n| --- | ---: |\n| acknowledged commits | 7 |",
            "| ruling | **WRONG** |",
            "| CutKill | 2 | 0 | 2.3 | 0.0 |",
            "| `cargo test` | 200 | 4.0 | passed |",
            "- `cargo xtask chaos --seed 8`\n",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
}
