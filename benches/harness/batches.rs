//! What the store measured about its transactions.
#![allow(dead_code, reason = "each bench uses a part")]

use earnorm_core::telemetry;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// Starts to record what this process measures.
pub fn record() -> Snapshotter {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    recorder.install().unwrap();
    snapshotter
}

/// Sizes of batches and waiting times since the last time, in one line.
pub fn summary(snapshotter: &Snapshotter, of: &str) -> String {
    let (mut sizes, mut waits, mut times, mut retries) = (Vec::<f64>::new(), Vec::<f64>::new(), Vec::<f64>::new(), 0);
    let plain = |values: Vec<_>| values.into_iter().map(f64::from);
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        match (key.key().name(), value) {
            (telemetry::BATCH_SIZE, DebugValue::Histogram(values)) => sizes.extend(plain(values)),
            (telemetry::COMMIT_WAIT, DebugValue::Histogram(values)) => waits.extend(plain(values)),
            (telemetry::BATCH_DURATION, DebugValue::Histogram(values)) => times.extend(plain(values)),
            (telemetry::COMMIT_RETRIES, DebugValue::Counter(count)) => retries = count,
            _ => {}
        }
    }
    let at = |values: &mut Vec<f64>, part: f64, unit: f64| {
        values.sort_by(f64::total_cmp);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "few")]
        let place = (part * values.len().saturating_sub(1) as f64) as usize;
        values.get(place).map_or(f64::NAN, |value| value * unit)
    };
    format!(
        "{of}: {} transactions of {:.0} / {:.0} / {:.0} commits (p10, p50, p99), {:.1} ms each (p50); waiting {:.1} / \
         {:.1} ms (p50, p99); {retries} retries",
        sizes.len(),
        at(&mut sizes, 0.1, 1.0),
        at(&mut sizes, 0.5, 1.0),
        at(&mut sizes, 0.99, 1.0),
        at(&mut times, 0.5, 1e3),
        at(&mut waits, 0.5, 1e3),
        at(&mut waits, 0.99, 1e3),
    )
}
