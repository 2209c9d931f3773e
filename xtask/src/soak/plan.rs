//! What a soak runs, and for how long.

use std::time::Duration;

use crate::chaos::{self, Control};

/// The tests that kill processes: how often, which is 200 times in all, test target, and name. Handlers that are taken over
/// take longer.
const KILLED: [(u64, &str, &str); 3] = [
    (100, "sqlite", "crashes::a_writer_that_is_killed_loses_nothing_and_leaves_nothing_by_halves"),
    (60, "it", "handlers::crashes::a_worker_process_that_is_killed_loses_and_doubles_nothing_on_sqlite"),
    (40, "it", "handlers::crashes::a_worker_process_that_is_killed_loses_and_doubles_nothing_on_mongodb"),
];

/// All of it.
pub(super) struct Plan {
    pub(super) cluster: Vec<Cluster>,
    pub(super) stress: Vec<Stress>,
    pub(super) kills: Vec<Kills>,
}

/// A run of `cargo xtask chaos`.
pub(super) struct Cluster {
    pub(super) name: String,
    pub(super) options: chaos::Options,
}

/// A run of the stress program.
pub(super) struct Stress {
    pub(super) name: String,
    pub(super) args: Vec<String>,
    pub(super) time: Duration,
    pub(super) is_control: bool,
}

/// A test that kills.
pub(super) struct Kills {
    pub(super) target: &'static str,
    pub(super) name: &'static str,
    pub(super) kills: u64,
}

impl Plan {
    /// What fits into about that time.
    pub(super) fn new(seed: u64, time: Duration, full: bool) -> Self {
        let share = |parts: u32| (time / parts).max(Duration::from_secs(12));
        // A run takes longer than its programs write: it begins, handles what is left, and compares.
        let (seeds, long) = if full { (5, share(13)) } else { (2, share(10)) };
        let mut cluster: Vec<_> = (0..seeds).map(|number| Cluster::new(seed + number, long, None)).collect();
        cluster.push(Cluster::new(seed, Duration::from_secs(15), Some(Control::W1)));
        cluster.push(Cluster::new(seed, Duration::from_secs(20), Some(Control::LooseHandlers)));
        let bank = ["--kill-writers", "--bankers", "2", "--handlers", "2"];
        let loose = [&bank[..], &["--loose-handlers"]].concat();
        let short = Duration::from_secs(10);
        let stress = vec![
            Stress::new("MongoDB", seed, "mongo", share(10), &bank),
            Stress::new("SQLite", seed, "sqlite", share(10), &bank),
            Stress::new("a reader past the high-water mark", seed, "mongo", short, &["--control", "naive"]),
            Stress::new("a reader that gives holes up", seed, "mongo", short, &["--control", "gap-timeout"]),
            Stress::new("handlers without a transaction, on SQLite", seed, "sqlite", 2 * short, &loose),
        ];
        let times = if full { 5 } else { 1 };
        let kills = KILLED.into_iter().map(|(kills, target, name)| Kills { target, name, kills: times * kills });
        Self { cluster, stress, kills: kills.collect() }
    }
}

impl Cluster {
    fn new(seed: u64, time: Duration, control: Option<Control>) -> Self {
        let name = match control {
            None => format!("cluster, seed {seed}"),
            Some(Control::W1) => "a writer with `w: 1`".to_owned(),
            Some(Control::LooseHandlers) => "handlers without a transaction, on the cluster".to_owned(),
        };
        let options = chaos::Options { time, seed: Some(seed), control, workload: Vec::new() };
        Self { name, options }
    }
}

impl Stress {
    fn new(name: &str, seed: u64, store: &str, time: Duration, more: &[&str]) -> Self {
        let (seed, seconds) = (seed.to_string(), format!("{}s", time.as_secs()));
        let args = ["--store", store, "--time", &seconds, "--seed", &seed].into_iter().chain(more.iter().copied());
        let is_control = more.contains(&"--control") || more.contains(&"--loose-handlers");
        Self { name: name.to_owned(), args: args.map(str::to_owned).collect(), time, is_control }
    }

    /// The command that runs this again, on the server that runs at the usual place.
    pub(super) fn command(&self) -> String {
        let program = "cargo run -p earnorm-store --example stress --features mongo,sqlite,conformance";
        format!("{program} -- {}", self.args.join(" "))
    }
}

impl Kills {
    /// The command that runs this again.
    pub(super) fn command(&self) -> String {
        format!("EARNORM_TEST_KILLS={} cargo xtask test --test {} {}", self.kills, self.target, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_store_has_a_run_and_each_bench_a_control() {
        let plan = Plan::new(7, Duration::from_secs(600), false);
        let times: Vec<_> = plan.cluster.iter().map(|run| (run.options.time.as_secs(), run.options.control)).collect();
        assert_eq!(
            times,
            [(60, None), (60, None), (15, Some(Control::W1)), (20, Some(Control::LooseHandlers))],
            "two whole runs"
        );
        assert_eq!(plan.kills.iter().map(|run| run.kills).sum::<u64>(), 200);
        let controls = |store: &str| {
            plan.stress.iter().filter(|run| run.args.contains(&store.to_owned())).map(|run| run.is_control).collect()
        };
        let (mongo, sqlite): (Vec<_>, Vec<_>) = (controls("mongo"), controls("sqlite"));
        assert_eq!((mongo, sqlite), (vec![false, true, true], vec![false, true]));
        assert!(
            plan.stress[0]
                .command()
                .ends_with("-- --store mongo --time 60s --seed 7 --kill-writers --bankers 2 --handlers 2")
        );
    }
}
