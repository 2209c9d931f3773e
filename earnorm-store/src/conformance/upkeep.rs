//! What the upkeep side tells: streams, categories, checkpoints, the library's own collections, findings.

use std::collections::BTreeSet;

use bson::doc;
use earnorm_core::event::RecordedEvent;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{Own, PutRule, StreamHead};
use earnorm_core::stream::ExpectedVersion::Any;

use super::Subject;
use super::draft::{Draft, commit, mark, named};

pub(super) async fn streams_come_in_the_order_of_their_keys(s: Subject) {
    // Bytes, not letters or lengths: `-` and `.` are below digits, digits below letters, umlauts above all.
    let keys = ["", "-1", "-x", ".", "1", "10", "2", "A", "Z", "a", "a-b", "a.b", "ab", "ä"];
    for (events, key) in keys.iter().enumerate().skip(1).rev() {
        s.commits(commit().append(&named("user", key), Any, events)).await;
    }
    for other in ["use", "user.a", "user_", "user0", "users", "a", "z"] {
        s.commits(commit().append(&named(other, "1"), Any, 1)).await;
    }
    let expected: Vec<_> = keys.iter().enumerate().skip(1).map(|(events, key)| head("user", key, events)).collect();
    assert_eq!(s.admin().streams("user", None, 100).await.unwrap(), expected);
    for limit in [1, 2, 5, 13] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = s.admin().streams("user", after.as_deref(), limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(last.stream.key().to_owned());
            found.extend(page);
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    assert_eq!(s.admin().streams("user.a", None, 9).await.unwrap(), [head("user.a", "1", 1)]);
    assert_eq!(s.admin().streams("nobody", None, 9).await.unwrap(), []);
    assert_eq!(s.admin().streams("user", Some("zz"), 9).await.unwrap(), [head("user", "ä", 13)]);
}

pub(super) async fn long_streams_are_one_line_each(s: Subject) {
    for (key, events) in [("a", 150), ("b", 1), ("c", 400), ("d", 2)] {
        s.commits(commit().append(&named("user", key), Any, events)).await;
    }
    let heads = s.admin().streams("user", None, 3).await.unwrap();
    assert_eq!(heads, [head("user", "a", 150), head("user", "b", 1), head("user", "c", 400)]);
    assert_eq!(s.admin().streams("user", Some("b"), 1).await.unwrap(), [head("user", "c", 400)]);
}

pub(super) async fn a_scan_goes_stream_by_stream(s: Subject) {
    let expected = interleaved(&s).await;
    assert_eq!(s.admin().scan("user", None, 100).await.unwrap(), expected);
    assert_eq!(s.admin().scan("nobody", None, 100).await.unwrap(), []);
    let other = s.admin().scan("user.a", None, 100).await.unwrap();
    assert!(other.len() == 3 && other.iter().all(|event| event.stream.category() == "user.a"));
}

pub(super) async fn a_scan_goes_on_within_a_stream(s: Subject) {
    let expected = interleaved(&s).await;
    for limit in [1, 2, 5, 11, 12] {
        let (mut found, mut after) = (Vec::<RecordedEvent>::new(), None::<(String, u64)>);
        while found.len() <= expected.len() {
            let after_this = after.as_ref().map(|(key, version)| (key.as_str(), *version));
            let page = s.admin().scan("user", after_this, limit).await.unwrap();
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some((last.stream.key().to_owned(), last.version));
            found.extend(page);
        }
        assert_eq!(found, expected, "pages of {limit}");
    }
    let between = s.admin().scan("user", Some(("9", 1)), 1).await.unwrap();
    assert_eq!(between[0].stream.key(), "a", "the key need not be there");
}

/// Streams that grow in turn; the events of `user` in the order of a scan.
async fn interleaved(s: &Subject) -> Vec<RecordedEvent> {
    let keys = ["-1", "1", "a", "ä"];
    for _ in 0..3 {
        for key in keys.iter().rev() {
            s.commits(commit().append(&named("user", key), Any, 1)).await;
        }
        s.commits(commit().append(&named("user.a", "1"), Any, 1).append(&named("use", "1"), Any, 1)).await;
    }
    let mut events = Vec::new();
    for key in keys {
        events.extend(s.events(&named("user", key)).await);
    }
    assert_eq!(events.len(), 12);
    events
}

pub(super) async fn categories_are_listed_once_and_in_order(s: Subject) {
    for category in ["user", "order", "user.mail", "user_x", "a", "user"] {
        for key in ["1", "zz"] {
            s.commits(commit().append(&named(category, key), Any, 2)).await;
        }
    }
    assert_eq!(s.admin().categories().await.unwrap(), ["a", "order", "user", "user.mail", "user_x"]);
}

pub(super) async fn checkpoints_are_listed_by_name(s: Subject) {
    for (consumer, position) in [("mailer", 3), ("audit", 7), ("mailer.x", 0)] {
        s.commits(commit().advance(consumer, None, mark(position, 2))).await;
    }
    let expected = [("audit", 7), ("mailer", 3), ("mailer.x", 0)];
    let expected = expected.map(|(consumer, position)| (consumer.to_owned(), mark(position, 2)));
    assert_eq!(s.admin().checkpoints().await.unwrap(), expected);
}

pub(super) async fn own_collections_are_read_and_written_like_others(s: Subject) {
    let all = [
        Own::Models,
        Own::Snapshots,
        Own::Jobs,
        Own::Keys,
        Own::DeadLetters,
        Own::Parked,
        Own::Leases,
        Own::Handlers,
        Own::Nodes,
        Own::Schedules,
        Own::Projections,
    ];
    let names: BTreeSet<String> = all.iter().map(|own| s.admin().own(*own)).collect();
    assert_eq!(names.len(), all.len(), "each has a name of its own");
    for (own, name) in all.iter().map(|own| (own, s.admin().own(*own))) {
        assert!(name.ends_with(own.suffix()), "{name}");
        assert_eq!(s.admin().put(&name, vec![doc! { "_id": "x", "n": 1 }], PutRule::Always).await.unwrap(), 1);
        assert_eq!(s.get(&name, &"x".into()).await.unwrap(), Some(doc! { "_id": "x", "n": 1 }));
        assert_eq!(s.admin().remove(&name, &Predicate::always()).await.unwrap(), 1);
    }
}

pub(super) async fn an_examination_finds_something_to_say(s: Subject) {
    s.commits(commit().append(&named("user", "a"), Any, 3)).await;
    let findings = s.admin().examine().await.unwrap();
    assert!(!findings.is_empty());
    let subjects: BTreeSet<_> = findings.iter().map(|finding| &finding.subject).collect();
    assert_eq!(subjects.len(), findings.len(), "each subject is told once: {findings:?}");
    for finding in &findings {
        assert!(!finding.subject.is_empty() && !finding.message.is_empty());
        assert!(finding.severity < earnorm_core::store::Severity::Problem, "a fresh store has no problem: {finding:?}");
    }
}

fn head(category: &str, key: &str, last: usize) -> StreamHead {
    StreamHead { stream: named(category, key), first: 1, last: last as u64 }
}
