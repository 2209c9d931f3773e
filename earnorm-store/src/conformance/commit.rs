//! A commit is all or nothing.

use bson::doc;
use earnorm_core::commit::Commit;
use earnorm_core::predicate::Predicate;
use earnorm_core::schema::IndexSpec;
use earnorm_core::store::LogQuery;
use earnorm_core::stream::{ExpectedVersion, StreamId};
use futures::FutureExt;

use super::Subject;
use super::draft::{Draft, OTHERS, THINGS, commit, mark, stream, thing, write};
use super::subject::{checkpoint_conflict, conflict, violation};

pub(super) async fn a_commit_applies_all_of_its_parts(s: Subject) {
    let (first, second) = ready(&s).await;
    let receipt = s.commits(everything(&first, &second)).await;
    assert_eq!((s.version(&first).await, s.version(&second).await), (3, 1));
    assert_eq!(s.document("new").await, Some(thing("new", doc! { "code": "n" })));
    assert_eq!(s.document("patched").await.unwrap().get_str("code").ok(), Some("q"));
    assert_eq!(s.document("deleted").await, None);
    assert_eq!(s.document_in(OTHERS, "read").await, Some(thing("read", doc! {})), "a check changes nothing");
    assert_eq!(s.checkpoint("mailer").await.unwrap(), Some(mark(1, 1)));
    let streams: Vec<_> = receipt.events.iter().map(|event| event.stream.clone()).collect();
    assert_eq!(streams, [first.clone(), first, second], "in the order of the appends");
}

pub(super) async fn a_stale_stream_leaves_nothing_of_the_rest(s: Subject) {
    let (first, second) = ready(&s).await;
    let third = stream("order");
    let failing = everything(&first, &second).append(&third, ExpectedVersion::Exact(7), 1);
    assert_eq!(conflict(s.commit(failing).await).actual, 0);
    nothing_changed(&s, &first, &second).await;
}

pub(super) async fn a_stale_document_leaves_nothing_of_the_rest(s: Subject) {
    let (first, second) = ready(&s).await;
    let failing = everything(&first, &second).patch(THINGS, "kept", 9, doc! { "code": "x" }, &[]);
    assert_eq!(conflict(s.commit(failing).await).actual, 1);
    nothing_changed(&s, &first, &second).await;
}

pub(super) async fn a_taken_unique_value_leaves_nothing_of_the_rest(s: Subject) {
    let (first, second) = ready(&s).await;
    let failing = everything(&first, &second).insert(THINGS, thing("late", doc! { "code": "k" }));
    assert_eq!(violation(s.commit(failing).await).fields, ["code"]);
    nothing_changed(&s, &first, &second).await;
    assert_eq!(s.document("late").await, None);
}

pub(super) async fn a_stale_checkpoint_leaves_nothing_of_the_rest(s: Subject) {
    let (first, second) = ready(&s).await;
    let failing = everything(&first, &second).advance("other", Some(mark(3, 1)), mark(4, 1));
    assert_eq!(checkpoint_conflict(s.commit(failing).await), "other");
    nothing_changed(&s, &first, &second).await;
    assert_eq!(s.checkpoint("other").await.unwrap(), None);
}

pub(super) async fn a_stale_check_leaves_nothing_of_the_rest(s: Subject) {
    let (first, second) = ready(&s).await;
    let failing = everything(&first, &second).check(THINGS, "kept", 2);
    assert_eq!(conflict(s.commit(failing).await).actual, 1);
    nothing_changed(&s, &first, &second).await;
}

pub(super) async fn a_refused_commit_does_not_block_the_next(s: Subject) {
    let (first, second) = ready(&s).await;
    for _ in 0..5 {
        let failing = everything(&first, &second).check(THINGS, "kept", 2);
        conflict(s.commit(failing).await);
    }
    let receipt = s.commits(everything(&first, &second)).await;
    let log = s.log_to(receipt.events[2].position).await;
    assert_eq!(log.len(), 5, "the events of three commits and none of the refused");
}

pub(super) async fn a_dropped_commit_is_wholly_there_or_not_at_all(s: Subject) {
    for round in 0..8_i32 {
        let (left, right) = (stream("left"), stream("right"));
        let sent = commit()
            .append(&left, ExpectedVersion::NoStream, 1)
            .append(&right, ExpectedVersion::NoStream, 1)
            .insert(THINGS, thing(round, doc! {}));
        let mut future = s.commit(sent.clone());
        for _ in 0..round {
            if (&mut future).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(future);
        // The same id again settles what became of it, whichever it was.
        s.commits(sent).await;
        assert_eq!((s.version(&left).await, s.version(&right).await), (1, 1));
    }
    assert_eq!(s.count(THINGS, &Predicate::always()).await.unwrap(), 8);
}

pub(super) async fn a_commit_is_read_back_at_once(s: Subject) {
    for number in 0..10_i32 {
        let one = stream("user");
        s.commits(commit().append(&one, ExpectedVersion::NoStream, 1).insert(THINGS, thing(number, doc! {}))).await;
        assert_eq!(s.version(&one).await, 1);
        assert!(s.document(number).await.is_some());
        s.expect(Predicate::eq("_id", number), &[number]).await;
    }
}

/// A store with documents, and two streams of which the first has one event.
async fn ready(s: &Subject) -> (StreamId, StreamId) {
    let unique = IndexSpec {
        keys: vec![("code".to_owned(), false)],
        unique: true,
        present: vec![("code".to_owned(), "".into())],
        live_only: false,
    };
    s.prepare_indexes(vec![unique]).await;
    let (first, second) = (stream("user"), stream("order"));
    let initial = write()
        .insert(THINGS, thing("patched", doc! { "code": "p" }))
        .insert(THINGS, thing("deleted", doc! { "code": "d" }))
        .insert(THINGS, thing("kept", doc! { "code": "k" }))
        .insert(OTHERS, thing("read", doc! {}));
    s.commits(initial).await;
    let begun = s.commits(commit().append(&first, ExpectedVersion::NoStream, 1)).await;
    s.settle(begun.events[0].position).await;
    (first, second)
}

/// A commit with every kind of part.
fn everything(first: &StreamId, second: &StreamId) -> Commit {
    commit()
        .append(first, ExpectedVersion::Exact(1), 2)
        .append(second, ExpectedVersion::NoStream, 1)
        .insert(THINGS, thing("new", doc! { "code": "n" }))
        .patch(THINGS, "patched", 1, doc! { "code": "q" }, &[])
        .delete(THINGS, "deleted", 1)
        .advance("mailer", None, mark(1, 1))
        .check(OTHERS, "read", 1)
}

async fn nothing_changed(s: &Subject, first: &StreamId, second: &StreamId) {
    assert_eq!((s.version(first).await, s.version(second).await), (1, 0), "no event is left");
    let page = s.read_log(LogQuery::default()).await.unwrap();
    assert_eq!(page.events.len(), 2, "no event is left in the log");
    assert_eq!(s.document("new").await, None, "no insert is left");
    assert_eq!(s.document("patched").await, Some(thing("patched", doc! { "code": "p" })), "no patch is left");
    assert!(s.document("deleted").await.is_some(), "no delete is left");
    assert_eq!(s.document("kept").await, Some(thing("kept", doc! { "code": "k" })));
    assert_eq!(s.checkpoint("mailer").await.unwrap(), None, "no checkpoint is left");
}
