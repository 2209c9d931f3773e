//! What the fuzzer runs, on inputs that are made here and on those that `fuzz/seeds` holds: some that reach far, and those
//! that once failed.

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "a crate of its own elsewhere")]
pub(crate) mod targets;

/// Runs a target on its seeds and on made bytes.
fn replay(name: &str, target: fn(&[u8])) {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(name);
    let mut files: Vec<_> = std::fs::read_dir(&seeds).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} holds seeds", seeds.display());
    for file in files {
        eprintln!("{}", file.display());
        target(&std::fs::read(&file).unwrap());
    }
    let config =
        ProptestConfig { cases: 200, failure_persistence: None, max_shrink_iters: 500, ..ProptestConfig::default() };
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        prop::collection::vec(any::<u8>(), 0..2_000),
        any::<String>().prop_map(String::into_bytes),
    ];
    let outcome = TestRunner::new(config).run(&bytes.prop_map(Input), |input| {
        target(&input.0);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// Bytes that are shown in one line when they fail.
struct Input(Vec<u8>);

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("\"")?;
        self.0.iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        f.write_str("\"")
    }
}

#[test]
fn filters() {
    replay("filter", targets::filter);
}

#[test]
fn events_are_decoded() {
    replay("event_decode", targets::event_decode);
}

#[test]
fn upcasts() {
    replay("upcast", targets::upcast);
}

#[test]
fn imports() {
    replay("import", targets::import);
}

#[test]
fn extended_json() {
    replay("extjson", targets::extjson);
}

#[test]
fn patterns() {
    replay("pattern", targets::pattern);
}

#[test]
fn cron_patterns() {
    replay("cron", targets::cron);
}
