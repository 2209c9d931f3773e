//! `doctor`: what is wrong with a store, or will be.

mod checks;

use serde_json::{Value, json};

use super::exit::{Exit, Outcome};
use super::open::Opened;
use super::out::Out;
use super::table::{Grid, Tone};
use super::text;
use crate::store::{Finding, Severity};

/// Looks for problems. Exit code 1 when there is one.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Take warnings for problems.
    #[arg(long)]
    strict: bool,
    /// Without models in the program, compare indexes with what the store knows of the models; like connecting with
    /// them, this creates collections and indexes that are missing.
    #[arg(long)]
    indexes: bool,
    /// Only warnings and problems.
    #[arg(long, short)]
    brief: bool,
}

pub(super) async fn run(args: &Args, opened: &Opened, out: &mut Out<'_>) -> Outcome {
    let mut findings = vec![checks::connection(opened)];
    findings.extend(opened.store().admin().examine().await?);
    findings.extend(checks::models(opened));
    findings.extend(checks::indexes(opened, args.indexes).await?);
    findings.extend(checks::categories(opened).await?);
    findings.extend(checks::checkpoints(opened).await?);
    let worst = findings.iter().map(|finding| finding.severity).max().unwrap_or(Severity::Fine);
    let shown: Vec<_> = findings.iter().filter(|finding| !args.brief || finding.severity > Severity::Fine).collect();
    if out.is_json() {
        let list = shown.iter().map(|finding| json_of(finding)).collect::<Vec<_>>();
        out.document(&json!({ "worst": word(worst), "findings": list }))?;
    } else {
        say(&shown, out)?;
    }
    let found = worst == Severity::Problem || (args.strict && worst == Severity::Warning);
    Ok(if found { Exit::Found } else { Exit::Ok })
}

fn say(findings: &[&Finding], out: &mut Out<'_>) -> Outcome<()> {
    let mut grid = Grid::new(&["state", "subject", "finding"]);
    for finding in findings {
        grid.row([word(finding.severity), &finding.subject, &finding.message]);
        grid.tone(0, tone(finding.severity));
    }
    if !grid.is_empty() {
        out.table(&grid)?;
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count() as u64;
    let (problems, warnings) = (count(Severity::Problem), count(Severity::Warning));
    let summary = format!("{}, {}", text::count(problems, "problem"), text::count(warnings, "warning"));
    let tone = match (problems, warnings) {
        (0, 0) => Tone::Good,
        (0, _) => Tone::Warn,
        _ => Tone::Bad,
    };
    let summary = out.toned(tone, summary);
    out.line(summary)
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Fine => "fine",
        Severity::Warning => "warning",
        Severity::Problem => "problem",
    }
}

fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Fine => Tone::Good,
        Severity::Warning => Tone::Warn,
        Severity::Problem => Tone::Bad,
    }
}

fn json_of(finding: &Finding) -> Value {
    json!({
        "subject": finding.subject,
        "severity": word(finding.severity),
        "message": finding.message,
        "value": finding.value.as_ref().map(text::json_of),
    })
}
