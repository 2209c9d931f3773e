//! `BENCHMARKS.md`, made of what the benches handed over and of nothing else.

use std::fmt::Write as _;

use super::record::{Report, Row};
use crate::machine::Machine;

/// What a run came to.
pub(super) struct Run<'a> {
    pub(super) reports: &'a [Report],
    pub(super) machine: &'a Machine,
    /// The plot, by its path from the workspace root.
    pub(super) plot: Option<&'a str>,
    /// What people wrote about costs.
    pub(super) costs: &'a str,
}

const INTRODUCTION: &str = "\
# Benchmarks

Written by `cargo xtask bench`; edit `benches/costs.md` for the last section, and nothing else by hand.

Every line compares ours with the plain way (the driver, bare SQLite, or what the line names) doing the same work, as
durably, in the same run and in turn. The machine is shared and noisy: absolute figures mean little, ratios are medians of
rounds, with the lowest and the highest round beside them. A verdict is computed from the median. Where more time is worse,
the ratio is one of costs and marked with ×.
";

/// The whole file.
pub(super) fn write(run: &Run<'_>) -> String {
    let mut out = INTRODUCTION.to_owned();
    machine(&mut out, run);
    promises(&mut out, run.reports);
    savers(&mut out, run);
    details(&mut out, run.reports);
    let _ = write!(out, "\n{}", run.costs);
    out
}

fn machine(out: &mut String, run: &Run<'_>) {
    out.push_str("\n## Machine and versions\n\n| what | which |\n|---|---|\n");
    out.push_str(&run.machine.rows());
    let load = |report: Option<&Report>, of: fn(&Report) -> &str| report.map_or("unknown", of).to_owned();
    let before = load(run.reports.first(), |report| &report.load_before);
    let after = load(run.reports.last(), |report| &report.load_after);
    let _ = writeln!(out, "| load before and after | {before}; {after} |");
}

fn promises(out: &mut String, reports: &[Report]) {
    let promised = || reports.iter().filter(|report| !is_control(report)).flat_map(|report| &report.rows);
    let promised = || promised().filter(|row| row.is_promised());
    let kept = promised().filter(|row| row.is_kept()).count();
    let _ = writeln!(out, "\n## Promises\n\n{kept} of {} promises are kept.\n", promised().count());
    out.push_str("| bench | measured | plain | ours | ratio | rounds from–to | promise | verdict |\n");
    out.push_str("|---|---|---:|---:|---:|---:|---|---|\n");
    for report in reports.iter().filter(|report| !is_control(report)) {
        for row in report.rows.iter().filter(|row| row.is_promised()) {
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} | {} | {} | {} | {} |",
                report.bench,
                cell(&row.case),
                plain(row),
                with_unit(row.ours, &row.unit),
                ratio(row),
                span(row),
                row.promise,
                verdict(row),
            );
        }
    }
}

fn savers(out: &mut String, run: &Run<'_>) {
    let points = || run.reports.iter().flat_map(|report| &report.rows).filter(|row| row.point.is_some());
    if points().next().is_none() {
        return;
    }
    out.push_str("\n## Saves at the same time\n\n");
    if let Some(report) = run.reports.iter().find(|report| report.rows.iter().any(|row| row.point.is_some())) {
        let _ = writeln!(out, "{}\n", report.setting.replace('\n', ".\n"));
    }
    if let Some(plot) = run.plot {
        let _ = writeln!(out, "![Saves per second and their 99th percentile against 1 to 256 savers]({plot})\n");
    }
    out.push_str(
        "| store | savers | ours /s | plain /s | ratio | ours p50 / p95 / p99, ms | plain p50 / p95 / p99, ms |\n",
    );
    out.push_str("|---|---:|---:|---:|---:|---:|---:|\n");
    for row in points() {
        let Some(point) = &row.point else { continue };
        let (ours, plain) = latency(row);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {ours} | {plain} |",
            point.curve,
            point.at,
            with_unit(row.ours, ""),
            with_unit(row.plain, ""),
            ratio(row),
        );
    }
}

fn details(out: &mut String, reports: &[Report]) {
    out.push_str("\n## Each bench\n");
    for report in reports {
        let rows: Vec<_> = report.rows.iter().filter(|row| row.point.is_none()).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n### `{}`: {}\n", report.bench, report.title);
        for line in report.setting.lines().filter(|line| !line.trim().is_empty()) {
            let _ = writeln!(out, "- {line}");
        }
        let _ = writeln!(out, "- load before {}, after {}\n", report.load_before, report.load_after);
        out.push_str("| measured | plain | ours | ratio | rounds from–to | rounds | promise: verdict |\n");
        out.push_str("|---|---:|---:|---:|---:|---:|---|\n");
        for row in &rows {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} | {} | {}: {} |",
                cell(&row.case),
                plain(row),
                with_unit(row.ours, &row.unit),
                ratio(row),
                span(row),
                row.rounds,
                cell(&row.promise),
                verdict(row),
            );
        }
        for row in &rows {
            notes(out, row);
        }
    }
}

/// Percentiles, and how well each side kept what it wrote.
fn notes(out: &mut String, row: &Row) {
    if row.latency.is_some() {
        let (ours, plain) = latency(row);
        let _ = writeln!(out, "\n{}: p50 / p95 / p99 in ms: ours {ours}, plain {plain}", row.case);
    }
    if let Some(kept) = &row.kept_as {
        let plain = kept.plain.as_deref().unwrap_or("unknown");
        let _ = writeln!(
            out,
            "\n{}: what commits waited for, by the server's log: ours {}, plain {plain}",
            row.case, kept.ours
        );
    }
}

/// Whether the report is of the control, whose first lines are wrong on purpose.
pub(super) fn is_control(report: &Report) -> bool {
    report.bench == "control"
}

pub(super) fn verdict(row: &Row) -> String {
    if row.is_kept() || !row.is_promised() { row.verdict.clone() } else { format!("**{}**", row.verdict) }
}

fn plain(row: &Row) -> String {
    with_unit(row.plain, &row.unit)
}

fn ratio(row: &Row) -> String {
    match (row.plain, row.figure) {
        (Some(_), Some(figure)) if row.is_cost || row.unit != "/s" => format!("{figure:.2} ×"),
        (Some(_), Some(figure)) => format!("{figure:.2}"),
        _ => "–".to_owned(),
    }
}

fn span(row: &Row) -> String {
    match (row.lowest, row.highest) {
        (Some(lowest), Some(highest)) if row.rounds > 1 && row.plain.is_some() => format!("{lowest:.2}–{highest:.2}"),
        _ => "–".to_owned(),
    }
}

fn latency(row: &Row) -> (String, String) {
    let shown = |three: [f64; 3]| three.map(|value| format!("{value:.2}")).join(" / ");
    let Some(latency) = &row.latency else { return ("–".to_owned(), "–".to_owned()) };
    (shown(latency.ours), latency.plain.map_or_else(|| "–".to_owned(), shown))
}

/// A figure as people read it.
fn with_unit(value: Option<f64>, unit: &str) -> String {
    let Some(value) = value else { return "–".to_owned() };
    let digits = if value.abs() >= 100.0 { 0 } else { 2 };
    let unit = unit.trim_start_matches('/');
    let text = thousands(&format!("{value:.digits$}"));
    match unit {
        "" => text,
        "s" => format!("{text}/s"),
        unit => format!("{text} {unit}"),
    }
}

/// `12345` as `12,345`.
pub(super) fn thousands(number: &str) -> String {
    let (whole, rest) = number.split_once('.').map_or((number, None), |(whole, rest)| (whole, Some(rest)));
    let mut out = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at) % 3 == 0 && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    rest.map_or_else(|| out.clone(), |rest| format!("{out}.{rest}"))
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(bench: &str, verdict: &str) -> Report {
        let line = format!(
            r#"{{"bench":"{bench}","title":"T","setting":"S","load_before":"1","load_after":"2","rows":[{{"case":"a | b",
            "unit":"/s","is_cost":false,"ours":12345.6,"plain":24691.2,"figure":0.5,"lowest":0.4,"highest":0.6,"rounds":3,
            "promise":"at least 0.75","verdict":"{verdict}","latency":null,"kept_as":null,"point":null}}]}}"#
        );
        serde_json::from_str(&line).expect("a report")
    }

    fn written(reports: &[Report]) -> String {
        let machine = Machine { facts: vec![("processor".to_owned(), "one".to_owned())] };
        write(&Run { reports, machine: &machine, plot: None, costs: "## What costs most\n\nNothing.\n" })
    }

    #[test]
    fn a_promise_that_was_not_kept_stands_out_and_is_counted() {
        let text = written(&[report("saves", "NOT kept"), report("find", "kept"), report("control", "REFUSED")]);
        assert!(text.contains("1 of 2 promises are kept."), "{text}");
        assert!(
            text.contains(
                "| `saves` | a \\| b | 24,691/s | 12,346/s | 0.50 | 0.40–0.60 | at least 0.75 | **NOT kept** |"
            )
        );
        assert!(text.contains("at least 0.75: **REFUSED**"), "{text}");
    }

    #[test]
    fn what_people_wrote_about_costs_is_kept() {
        assert!(written(&[]).ends_with("## What costs most\n\nNothing.\n"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(
            ["1", "123", "1234", "1234567", "1234.50"].map(thousands),
            ["1", "123", "1,234", "1,234,567", "1,234.50"]
        );
    }
}
