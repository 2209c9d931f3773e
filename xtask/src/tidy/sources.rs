//! The rules about what stands in a Rust file.

use super::scan::{self, Line, occurrences};
use super::{Finding, Rule};

const HEADER: Rule = Rule {
    name: "file-header",
    reason: "a reader decides by the first line whether this is the file to read",
    fix: "begin the file with a `//!` line that says what it is for",
};

const IGNORED: Rule = Rule {
    name: "no-ignored-tests",
    reason: "a test that does not run proves nothing, and looks as if it did",
    fix: "make the test pass, or delete it",
};

const UNFINISHED: Rule = Rule {
    name: "no-unfinished-code",
    reason: "what compiles is taken for done, and a user's program would panic there",
    fix: "write it, or return an error that says what is not supported",
};

const MARKER: Rule = Rule {
    name: "no-markers",
    reason: "a note to oneself is not found by those who could act on it",
    fix: "do it now, or write it down where the project plans its work",
};

const SLEEP: Rule = Rule {
    name: "no-sleep-in-tests",
    reason: "a test that waits for time is slow on a good day and fails on a bad one",
    fix: "wait for the event itself, or use tokio's paused clock",
};

const DRIVER: Rule = Rule {
    name: "driver-in-one-place",
    reason: "stores are interchangeable only while nothing else knows the MongoDB driver",
    fix: "put it under earnorm-store/src/mongo/ behind the store's interface",
};

/// Checks one file, named by its path from the workspace root.
pub(super) fn check(path: &str, source: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !has_header(path, source) {
        findings.push(Finding::new(&HEADER, path, "does not begin with a `//!` line"));
    }
    for (number, line) in (1..).zip(scan::lines(source)) {
        for (rule, what) in check_line(path, &line) {
            findings.push(Finding::new(rule, format!("{path}:{number}"), what));
        }
    }
    findings
}

/// Cases of compile tests may have a plain comment: a documented crate would change their output.
fn has_header(path: &str, source: &str) -> bool {
    let first = source.lines().next().unwrap_or_default();
    let text = match first.strip_prefix("//!") {
        Some(text) => Some(text),
        None if in_folders(path, "tests/ui") => first.strip_prefix("//"),
        None => None,
    };
    text.is_some_and(|text| !text.trim().is_empty())
}

fn check_line(path: &str, line: &Line) -> Vec<(&'static Rule, &'static str)> {
    let mut found = Vec::new();
    if ignores_test(&line.code) {
        found.push((&IGNORED, "an ignored test"));
    }
    if ["todo", "unimplemented"].iter().any(|name| calls_macro(&line.code, name)) {
        found.push((&UNFINISHED, "unfinished code"));
    }
    let marked = |word| !occurrences(&line.comment, word).is_empty();
    if marked("FIXME") || marked("XXX") {
        found.push((&MARKER, "a note to oneself"));
    }
    if in_folders(path, "tests") && sleeps(&line.code) {
        found.push((&SLEEP, "a sleep"));
    }
    if !may_name_driver(path) && names_driver(&line.code) {
        found.push((&DRIVER, "the MongoDB driver is named"));
    }
    found
}

fn ignores_test(code: &str) -> bool {
    occurrences(code, "ignore").iter().any(|(before, _)| {
        let before = before.trim_end();
        before.ends_with("#[") || (before.contains("#[cfg_attr(") && before.ends_with(','))
    })
}

fn calls_macro(code: &str, name: &str) -> bool {
    occurrences(code, name)
        .iter()
        .any(|(_, after)| after.trim_start().starts_with('!') && !after.trim_start().starts_with("!="))
}

fn sleeps(code: &str) -> bool {
    ["sleep", "sleep_ms", "sleep_until"].iter().any(|name| {
        occurrences(code, name).iter().any(|(before, after)| {
            let named = before.ends_with("thread::") || before.ends_with("time::");
            let called = after.starts_with('(') && !before.ends_with('.') && !before.ends_with("fn ");
            named || called
        })
    })
}

fn names_driver(code: &str) -> bool {
    occurrences(code, "mongodb")
        .iter()
        .any(|(before, after)| after.starts_with("::") || before.ends_with("use ") || before.ends_with("extern crate "))
}

fn may_name_driver(path: &str) -> bool {
    path.starts_with("earnorm-store/src/mongo/")
        || path.starts_with("xtask/")
        || in_folders(path, "tests")
        || in_folders(path, "benches")
}

/// Whether the file lies in these folders, wherever they are.
fn in_folders(path: &str, folders: &str) -> bool {
    format!("/{path}").contains(&format!("/{folders}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, code: &str) -> Vec<&'static str> {
        let source = format!("//! Says what it is for.\n{code}\n");
        check(path, &source).iter().map(|finding| finding.rule.name).collect()
    }

    fn is_headed(path: &str, source: &str) -> bool {
        check(path, source).is_empty()
    }

    #[test]
    fn a_file_begins_with_what_it_is_for() {
        assert!(is_headed("src/a.rs", "//! Does a.\n"));
        assert!(!is_headed("src/a.rs", "//!\n"));
        assert!(!is_headed("src/a.rs", "// Does a.\n"));
        assert!(!is_headed("src/a.rs", "\n//! Does a.\n"));
        assert!(!is_headed("src/a.rs", ""));
    }

    #[test]
    fn a_compile_test_may_begin_with_a_plain_comment() {
        assert!(is_headed("earnorm-macros/tests/ui/a.rs", "// A model without an id.\n"));
        assert!(is_headed("tests/ui/a.rs", "// A model without an id.\n"));
        assert!(!is_headed("tests/ui/a.rs", "fn main() {}\n"));
        assert!(!is_headed("tests/guide/a.rs", "// A model without an id.\n"));
    }

    #[test]
    fn tests_are_not_ignored() {
        for code in ["#[ignore]", "#[ignore = \"slow\"]", "#[cfg_attr(windows, ignore)]"] {
            assert_eq!(found("tests/a.rs", code), ["no-ignored-tests"], "{code}");
        }
        for code in ["fn ignore() {}", "// #[ignore] is forbidden", "\"#[ignore]\""] {
            assert!(found("tests/a.rs", code).is_empty(), "{code}");
        }
    }

    #[test]
    fn code_is_finished() {
        for code in ["todo!()", "unimplemented!(\"later\")", "todo !{}"] {
            assert_eq!(found("src/a.rs", code), ["no-unfinished-code"], "{code}");
        }
        for code in ["// todo!()", "if todo != 3 {}", "my_todo!()"] {
            assert!(found("src/a.rs", code).is_empty(), "{code}");
        }
    }

    #[test]
    fn comments_hold_no_markers() {
        for code in ["// FIXME: later", "/* XXX */", "/// FIXME"] {
            assert_eq!(found("src/a.rs", code), ["no-markers"], "{code}");
        }
        assert!(found("src/a.rs", "let s = \"XXX\"; // XXXL").is_empty());
    }

    #[test]
    fn tests_do_not_sleep() {
        let sleeps = ["thread::sleep(d)", "tokio::time::sleep(d).await", "use std::thread::sleep;"];
        for code in sleeps {
            assert_eq!(found("earnorm-store/tests/a.rs", code), ["no-sleep-in-tests"], "{code}");
            assert!(found("earnorm-store/src/a.rs", code).is_empty(), "{code}");
        }
        assert_eq!(found("tests/a.rs", "sleep(d).await"), ["no-sleep-in-tests"]);
        for code in ["clock.sleep(d)", "fn sleep(d: Duration) {}", "// thread::sleep(d)"] {
            assert!(found("tests/a.rs", code).is_empty(), "{code}");
        }
    }

    #[test]
    fn the_driver_is_named_in_one_place() {
        for code in ["use mongodb::Client;", "let c: ::mongodb::Client;", "use mongodb as m;"] {
            assert_eq!(found("src/a.rs", code), ["driver-in-one-place"], "{code}");
            assert_eq!(found("earnorm-store/src/memory/a.rs", code), ["driver-in-one-place"]);
            for path in ["earnorm-store/src/mongo/a.rs", "benches/a.rs", "tests/a.rs"] {
                assert!(found(path, code).is_empty(), "{path}: {code}");
            }
        }
        for code in ["open(\"mongodb://h\")", "/// use mongodb::Client;", "let mongodb = 3;"] {
            assert!(found("src/a.rs", code).is_empty(), "{code}");
        }
    }
}
