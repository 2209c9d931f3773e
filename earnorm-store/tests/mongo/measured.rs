//! A store on one thread, with a recorder that only that thread's measurements reach.

use std::cell::RefCell;
use std::future::Future;

use earnorm_core::store::Store;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use uuid::Uuid;

use crate::support::open;

/// What the store measured since the last reading.
#[derive(Default)]
struct Reading {
    counters: Vec<(String, Vec<String>, u64)>,
    histograms: Vec<(String, f64)>,
}

/// Reads what was measured.
pub(crate) struct Measured {
    snapshotter: Snapshotter,
    reading: RefCell<Reading>,
}

impl Measured {
    /// Takes everything that was measured since the last time.
    pub(crate) fn read(&self) {
        let mut reading = Reading::default();
        for (key, _, _, value) in self.snapshotter.snapshot().into_vec() {
            let name = key.key().name().to_owned();
            let labels = key.key().labels().map(|label| label.value().to_owned()).collect();
            match value {
                DebugValue::Counter(count) => reading.counters.push((name, labels, count)),
                DebugValue::Histogram(values) => {
                    reading.histograms.extend(values.into_iter().map(|value| (name.clone(), value.into_inner())));
                }
                DebugValue::Gauge(_) => {}
            }
        }
        *self.reading.borrow_mut() = reading;
    }

    /// The sum of a counter over all labels.
    pub(crate) fn counter(&self, name: &str) -> u64 {
        self.reading.borrow().counters.iter().filter(|counter| counter.0 == name).map(|counter| counter.2).sum()
    }

    /// A counter with a label of this value.
    pub(crate) fn labelled(&self, name: &str, label: &str) -> u64 {
        let reading = self.reading.borrow();
        let counters = reading.counters.iter().filter(|counter| counter.0 == name);
        counters.filter(|counter| counter.1.iter().any(|found| found == label)).map(|counter| counter.2).sum()
    }

    /// All values of a histogram.
    pub(crate) fn histogram(&self, name: &str) -> Vec<f64> {
        self.reading.borrow().histograms.iter().filter(|value| value.0 == name).map(|value| value.1).collect()
    }
}

/// Runs `test` on a fresh database and drops that afterwards.
pub(crate) fn with_measured_store<F: Future<Output = ()>>(
    test: impl FnOnce(earnorm_store::mongo::MongoStore, Measured) -> F,
) {
    let recorder = DebuggingRecorder::new();
    let measured = Measured { snapshotter: recorder.snapshotter(), reading: RefCell::default() };
    let _recorded = metrics::set_default_local_recorder(&recorder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let store = open(&format!("t_{}", Uuid::now_v7().simple())).await;
        test(store.clone(), measured).await;
        store.raw_database().drop().await.expect("the database is dropped");
        store.close().await.expect("the store closes");
    });
}
