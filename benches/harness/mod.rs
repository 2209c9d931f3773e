//! What the benches share: rounds in turn, ratios, verdicts, and a table that says under which load they were measured.
//!
//! A figure alone means little on a shared machine, so every bench runs ours and the plain way in turn, in the same
//! process and on the same server, and what counts is the median of the ratios of the rounds.
//!
//! As a control (`cargo xtask bench --control`), ours is held up in every bench: then no promise may be kept.
#![allow(dead_code, unused_imports, reason = "each bench uses a part")]

mod measured;
mod promise;

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::time::{Duration, Instant};

pub use measured::{Measured, Percentiles, median, percentiles, sorted};
pub use promise::{Promise, Verdict};

/// Names the file that every report is added to, one JSON object a line.
const RECORD: &str = "EARNORM_BENCH_RECORD";
/// Set for a run whose promises must not be kept.
const CONTROL: &str = "EARNORM_BENCH_CONTROL";
/// How many times its own time a held-up side takes more.
const HELD_UP: u32 = 40;

/// Whether this is a run of the tests, which only checks that benches build.
pub fn only_tested() -> bool {
    let mut arguments = std::env::args().skip(1);
    !arguments.any(|argument| argument == "--bench" || argument.starts_with("--child"))
}

/// Whether ours is held up, so that no promise may be kept.
pub fn is_control() -> bool {
    std::env::var_os(CONTROL).is_some()
}

/// So many, or only one as a control.
pub fn rounds(count: usize) -> usize {
    if is_control() { 1 } else { count }
}

/// As a control: lets time pass as if what began at `started` were much slower.
pub fn hold_up(started: Instant) {
    if is_control() {
        std::thread::sleep(started.elapsed() * HELD_UP);
    }
}

/// Runs both ways in turn for so many rounds, each of so many operations. A first round warms connections and caches and
/// does not count.
pub async fn in_turn(
    measured: &mut Measured,
    count: usize,
    operations: usize,
    mut ours: impl AsyncFnMut(usize),
    mut plain: impl AsyncFnMut(usize),
) {
    for round in 0..=rounds(count) {
        let mut pair = (0.0, 0.0);
        for turn in [round % 2, 1 - round % 2] {
            let started = Instant::now();
            if turn == 0 {
                ours(round).await;
                if round > 0 {
                    hold_up(started);
                }
                pair.0 = speed(operations, started.elapsed());
            } else {
                plain(round).await;
                pair.1 = speed(operations, started.elapsed());
            }
        }
        if round > 0 {
            measured.rounds.push(pair);
        }
    }
}

/// Operations a second.
pub fn speed(operations: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of operations are small")]
    let operations = operations as f64;
    operations / took.as_secs_f64()
}

/// Milliseconds.
pub fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// The machine's load, where the system tells it.
pub fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// Prints the table, and adds it to the record where one is wanted. `setting` is what the figures depend on: server,
/// sizes.
pub fn report(title: &str, setting: &str, load_before: &str, measured: &[Measured]) {
    let after = load();
    print!("{}", table(title, setting, load_before, &after, measured));
    if let Some(path) = std::env::var_os(RECORD) {
        let program = std::env::current_exe().unwrap();
        let name = program.file_stem().unwrap().to_string_lossy();
        let line = serde_json::json!({
            "bench": name.rsplit_once('-').map_or(&*name, |(name, _)| name), "title": title, "setting": setting,
            "load_before": load_before, "load_after": after,
            "rows": measured.iter().map(Measured::to_json).collect::<Vec<_>>(),
        });
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        writeln!(file, "{line}").unwrap();
    }
}

fn table(title: &str, setting: &str, before: &str, after: &str, measured: &[Measured]) -> String {
    let mut out = format!("\n{title}\n{setting}\nload before: {before}\nload after:  {after}\n\n");
    let header = ["measured", "ours", "plain", "unit", "ratio", "lowest", "highest", "rounds"];
    let _ = writeln!(
        out,
        "{:<44} {:>10} {:>10} {:>6} {:>7} {:>7} {:>7} {:>6}  promise",
        header[0], header[1], header[2], header[3], header[4], header[5], header[6], header[7]
    );
    for one in measured {
        let (figures, (ours, plain)) = (one.figures(), one.medians());
        let (ours, plain) = (shown(ours), plain.map_or_else(|| "-".to_owned(), shown));
        let (low, high) = (figures.first().copied().unwrap_or(f64::NAN), figures.last().copied().unwrap_or(f64::NAN));
        let _ = writeln!(
            out,
            "{:<44} {ours:>10} {plain:>10} {:>6} {:>7.2} {low:>7.2} {high:>7.2} {:>6}  {}: {}",
            one.name,
            one.unit(),
            median(&figures),
            figures.len(),
            one.promise,
            one.verdict(),
        );
        let three = |three: &Percentiles| three.map(|value| format!("{value:.2}")).join(" / ");
        if let Some((ours, plain)) = &one.latency {
            let plain = plain.as_ref().map_or_else(String::new, |plain| format!(", plain {}", three(plain)));
            let _ = writeln!(out, "    ms (p50 / p95 / p99): ours {}{plain}", three(ours));
        }
    }
    out.push('\n');
    out
}

fn shown(value: f64) -> String {
    if value < 100.0 { format!("{value:.3}") } else { format!("{value:.0}") }
}

/// The server to measure on.
pub fn uri() -> String {
    std::env::var("EARNORM_TEST_MONGODB_URI").unwrap_or_else(|_| {
        eprintln!("EARNORM_TEST_MONGODB_URI is not set: run the benches with `cargo xtask bench`");
        std::process::exit(2);
    })
}
