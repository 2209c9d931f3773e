//! What the benches share: rounds in turn, ratios, and a table that says under which load they were measured.
//!
//! A figure alone means little on a shared machine, so every bench runs ours and the plain way in turn, in the same
//! process and on the same server, and prints the median of the ratios of the rounds.
#![allow(dead_code, reason = "each bench uses a part")]

use std::fmt::Write as _;
use std::time::Duration;

/// One promise and what was measured.
pub struct Measured {
    pub name: String,
    pub promise: String,
    /// Ours in each round, and the plain way: operations a second.
    pub rounds: Vec<(f64, f64)>,
    /// Whether the ratio is of costs (lower is better) and not of speeds.
    pub cost: bool,
}

impl Measured {
    pub fn new(name: &str, promise: &str) -> Self {
        Self { name: name.to_owned(), promise: promise.to_owned(), rounds: Vec::new(), cost: false }
    }

    /// Ratios of costs: how many times what the plain way takes.
    pub fn cost(mut self) -> Self {
        self.cost = true;
        self
    }

    fn ratios(&self) -> Vec<f64> {
        let ratio = |(ours, plain): &(f64, f64)| if self.cost { plain / ours } else { ours / plain };
        let mut ratios: Vec<_> = self.rounds.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    }
}

/// The middle one of sorted values.
pub fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The machine's load, where the system tells it.
pub fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").map_or_else(|_| "unknown".to_owned(), |text| text.trim().to_owned())
}

/// Prints the table. `setting` is what the figures depend on: server, sizes.
pub fn report(title: &str, setting: &str, load_before: &str, measured: &[Measured]) {
    let mut out = format!("\n{title}\n{setting}\nload before: {load_before}\nload after:  {}\n\n", load());
    let header = ["measured", "ours/s", "plain/s", "ratio", "lowest", "highest", "rounds"];
    let _ = writeln!(
        out,
        "{:<44} {:>10} {:>10} {:>7} {:>7} {:>7} {:>6}  promise",
        header[0], header[1], header[2], header[3], header[4], header[5], header[6]
    );
    for one in measured {
        let ratios = one.ratios();
        let speed = |pick: fn(&(f64, f64)) -> f64| {
            let mut speeds: Vec<_> = one.rounds.iter().map(pick).collect();
            speeds.sort_by(f64::total_cmp);
            median(&speeds)
        };
        let (low, high) = (ratios.first().copied().unwrap_or(f64::NAN), ratios.last().copied().unwrap_or(f64::NAN));
        let _ = writeln!(
            out,
            "{:<44} {:>10.0} {:>10.0} {:>7.2} {:>7.2} {:>7.2} {:>6}  {}",
            one.name,
            speed(|round| round.0),
            speed(|round| round.1),
            median(&ratios),
            low,
            high,
            ratios.len(),
            one.promise
        );
    }
    println!("{out}");
}

/// Operations a second.
pub fn speed(operations: usize, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of operations are small")]
    let operations = operations as f64;
    operations / took.as_secs_f64()
}

/// Whether this is a run of the tests, which only checks that benches build.
pub fn only_tested() -> bool {
    std::env::args().any(|argument| argument == "--test" || argument == "--list")
}

/// The server to measure on.
pub fn uri() -> String {
    std::env::var("EARNORM_TEST_MONGODB_URI").unwrap_or_else(|_| {
        eprintln!("EARNORM_TEST_MONGODB_URI is not set: run the benches with `cargo xtask bench`");
        std::process::exit(2);
    })
}
