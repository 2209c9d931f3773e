//! One promise, what was measured for it, and what that comes to.
#![allow(dead_code, reason = "each bench uses a part")]

use serde_json::{Value, json};

use super::promise::{Promise, Verdict};

/// What the figures of a row are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Operations a second; the ratio is of speeds.
    Speed,
    /// Operations a second; the ratio is of costs (lower is better).
    Cost,
    /// Amounts, the smaller the better: milliseconds, KiB.
    Amount(&'static str),
    /// An amount that nothing stands beside.
    Alone(&'static str),
}

/// 50th, 95th and 99th percentile, in milliseconds.
pub type Percentiles = [f64; 3];

/// One promise and what was measured.
pub struct Measured {
    pub name: String,
    pub promise: Promise,
    kind: Kind,
    /// Ours in each round, and the plain way.
    pub rounds: Vec<(f64, f64)>,
    /// How long one operation took: ours, and the plain way where it was measured.
    pub latency: Option<(Percentiles, Option<Percentiles>)>,
    /// How well ours and the plain way kept what they wrote.
    kept_as: Option<(String, String)>,
    /// The curve that this is a point of, and where it is on it: a store, at so many savers or events.
    pub point: Option<(&'static str, usize)>,
}

impl Measured {
    /// Operations a second, ours and plain.
    pub fn new(name: &str, promise: Promise) -> Self {
        let name = name.to_owned();
        Self { name, promise, kind: Kind::Speed, rounds: Vec::new(), latency: None, kept_as: None, point: None }
    }

    /// Ratios of costs: how many times what the plain way takes.
    pub fn cost(mut self) -> Self {
        self.kind = Kind::Cost;
        self
    }

    /// The figures are amounts of `unit`, the smaller the better.
    pub fn amount(mut self, unit: &'static str) -> Self {
        self.kind = Kind::Amount(unit);
        self
    }

    /// There is no plain way: the promise is about the figure itself.
    pub fn alone(mut self, unit: &'static str) -> Self {
        self.kind = Kind::Alone(unit);
        self
    }

    /// Says how well each way keeps what it writes, as it was seen. Ways that differ in that are not compared.
    pub fn kept_as(mut self, ours_and_plain: &(String, String)) -> Self {
        self.kept_as = Some(ours_and_plain.clone());
        self
    }

    /// A figure for a row that has no rounds of two ways.
    pub fn push_alone(&mut self, figure: f64) {
        self.rounds.push((figure, f64::NAN));
    }

    pub fn unit(&self) -> &'static str {
        match self.kind {
            Kind::Speed | Kind::Cost => "/s",
            Kind::Amount(unit) | Kind::Alone(unit) => unit,
        }
    }

    /// Sorted ratios of the rounds, or sorted figures where there is no plain way.
    pub fn figures(&self) -> Vec<f64> {
        let figure = |(ours, plain): &(f64, f64)| match self.kind {
            Kind::Speed | Kind::Amount(_) => ours / plain,
            Kind::Cost => plain / ours,
            Kind::Alone(_) => *ours,
        };
        sorted(self.rounds.iter().map(figure))
    }

    pub fn verdict(&self) -> Verdict {
        match &self.kept_as {
            Some((ours, plain)) if ours != plain => Verdict::Refused,
            _ => self.promise.verdict(median(&self.figures())),
        }
    }

    /// Median of ours, and of the plain way where there is one.
    pub fn medians(&self) -> (f64, Option<f64>) {
        let plain = median(&sorted(self.rounds.iter().map(|round| round.1)));
        (median(&sorted(self.rounds.iter().map(|round| round.0))), Some(plain).filter(|plain| !plain.is_nan()))
    }

    /// As it is handed to who writes `BENCHMARKS.md`.
    pub fn to_json(&self) -> Value {
        let (figures, (ours, plain)) = (self.figures(), self.medians());
        json!({
            "case": self.name, "unit": self.unit(), "is_cost": self.kind == Kind::Cost, "ours": ours, "plain": plain,
            "figure": median(&figures), "lowest": figures.first(), "highest": figures.last(), "rounds": figures.len(),
            "promise": self.promise.to_string(), "verdict": self.verdict().to_string(),
            "latency": self.latency.map(|(ours, plain)| json!({ "ours": ours, "plain": plain })),
            "kept_as": self.kept_as.as_ref().map(|(ours, plain)| json!({ "ours": ours, "plain": plain })),
            "point": self.point.map(|(curve, at)| json!({ "curve": curve, "at": at })),
        })
    }
}

/// Values in their order.
pub fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<_> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The middle one of sorted values.
pub fn median(sorted: &[f64]) -> f64 {
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Three percentiles of values in any order.
pub fn percentiles(values: impl Iterator<Item = f64>) -> Percentiles {
    let sorted = sorted(values);
    [0.5, 0.95, 0.99].map(|part| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "few")]
        let index = (sorted.len() as f64 * part) as usize;
        sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
    })
}
