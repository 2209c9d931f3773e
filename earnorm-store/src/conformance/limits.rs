//! What no commit may hold.

use bson::{Document, doc};
use earnorm_core::Error;
use earnorm_core::commit::Commit;
use earnorm_core::predicate::Predicate;
use earnorm_core::stream::ExpectedVersion::{Any, Exact, NoStream};

use super::Subject;
use super::draft::{Draft, THINGS, commit, event, mark, stream, thing, write};

pub(super) async fn a_commit_may_be_as_large_as_the_limit(s: Subject) {
    let limit = s.fixture.limits().writes;
    let (one, other) = (stream("user"), stream("user"));
    s.commits(commit().append(&one, NoStream, limit)).await;
    assert_eq!(s.version(&one).await, limit as u64);
    let sent = commit().append(&other, NoStream, limit - 2).insert(THINGS, thing(1, doc! {}));
    s.commits(sent.advance("mailer", None, mark(1, 1))).await;
    assert_eq!(s.version(&other).await, limit as u64 - 2);
}

pub(super) async fn a_commit_with_too_many_writes_is_refused(s: Subject) {
    let limit = s.fixture.limits().writes;
    let too_many = [
        commit().append(&stream("user"), NoStream, limit + 1),
        commit().append(&stream("user"), NoStream, limit).insert(THINGS, thing(1, doc! {})),
        commit().append(&stream("user"), NoStream, limit).advance("mailer", None, mark(1, 1)),
        commit().append(&stream("user"), NoStream, limit).check(THINGS, 1, 1),
    ];
    for sent in too_many {
        match refused(&s, sent).await {
            Error::CommitTooLarge { unit, actual, limit: told } => {
                assert_eq!((unit, actual, told), ("writes", limit + 1, limit));
            }
            other => panic!("expected a commit that is too large, not {other}"),
        }
    }
}

pub(super) async fn a_commit_with_too_many_bytes_is_refused(s: Subject) {
    let limit = s.fixture.limits().bytes;
    let half = "x".repeat(limit / 2);
    let mut large = event("user.noted");
    large.data = doc! { "text": &half };
    let sent =
        commit().append_events(&stream("user"), NoStream, vec![large]).insert(THINGS, thing(1, doc! { "text": &half }));
    match refused(&s, sent).await {
        Error::CommitTooLarge { unit, actual, limit: told } => {
            assert_eq!((unit, told), ("bytes", limit));
            assert!(actual > limit);
        }
        other => panic!("expected a commit that is too large, not {other}"),
    }
}

pub(super) async fn a_document_that_no_database_holds_is_refused(s: Subject) {
    let text = "x".repeat(17 * 1024 * 1024);
    let error = refused(&s, write().insert(THINGS, thing(1, doc! { "text": &text }))).await;
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let mut large = event("user.noted");
    large.data = doc! { "text": text };
    let error = refused(&s, commit().append_events(&stream("user"), NoStream, vec![large])).await;
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let mut large = event("user.noted");
    large.metadata.extra = doc! { "text": "x".repeat(64 * 1024) };
    let error = refused(&s, commit().append_events(&stream("user"), NoStream, vec![large])).await;
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

pub(super) async fn sixty_four_levels_are_stored_and_no_more(s: Subject) {
    s.put([thing(1, nested(63))]).await;
    assert_eq!(s.document(1).await, Some(thing(1, nested(63))));
    let mut deep = event("user.noted");
    deep.data = nested(64);
    deep.metadata.extra = nested(64);
    let one = stream("user");
    s.commits(commit().append_events(&one, NoStream, vec![deep])).await;
    let read = s.events(&one).await.remove(0);
    assert_eq!((read.data, read.metadata.extra), (nested(64).into(), nested(64)));
    for sent in everywhere(&nested(65)) {
        let error = refused(&s, sent).await;
        assert!(matches!(error, Error::TooDeep { limit: 64, .. }), "{error}");
    }
}

pub(super) async fn field_names_that_databases_read_otherwise_are_refused(s: Subject) {
    for name in ["$where", "$", "a.b", "", "a\0b", "."] {
        for fields in [doc! { name: 1 }, doc! { "in": { name: 1 } }, doc! { "in": [{ "x": { name: 1 } }] }] {
            for sent in everywhere(&fields) {
                let error = refused(&s, sent).await;
                assert!(matches!(&error, Error::InvalidField { name: told, .. } if told == name), "{name:?}: {error}");
            }
        }
    }
    s.put([thing(1, doc! { "a$b": 1, "ä ö": 2, "0": 3, "-": 4 })]).await;
}

pub(super) async fn patch_paths_that_databases_read_otherwise_are_refused(s: Subject) {
    s.put([thing(1, doc! { "a": [1] })]).await;
    for path in ["$where", "a.$", "a.$[]", "a..b", "", ".a", "a\0"] {
        let error = s.commit(write().patch(THINGS, 1, 1, doc! { path: 1 }, &[])).await.unwrap_err();
        assert!(matches!(error, Error::InvalidField { .. }), "{path:?}: {error}");
    }
    assert_eq!(s.document(1).await, Some(thing(1, doc! { "a": [1] })));
}

pub(super) async fn a_commit_that_leaves_no_trace_is_refused(s: Subject) {
    let one = stream("user");
    invalid(&s, commit()).await;
    invalid(&s, commit().insert(THINGS, thing(1, doc! {}))).await;
    invalid(&s, commit().check(THINGS, 1, 1)).await;
    invalid(&s, commit().append(&one, NoStream, 0)).await;
    invalid(&s, write().append(&one, NoStream, 0)).await;
}

pub(super) async fn a_commit_that_contradicts_itself_is_refused(s: Subject) {
    let one = stream("user");
    invalid(&s, commit().append(&one, NoStream, 1).append(&one, Exact(1), 1)).await;
    invalid(&s, commit().append(&one, Any, 1).append(&one, Any, 1)).await;
    invalid(&s, commit().append(&one, Exact(0), 1)).await;
    invalid(&s, commit().advance("a", None, mark(1, 1)).advance("a", Some(mark(1, 1)), mark(2, 1))).await;
}

pub(super) async fn writes_that_exclude_each_other_are_refused(s: Subject) {
    let new = || write().insert(THINGS, thing(1, doc! {}));
    invalid(&s, new().insert(THINGS, thing(1, doc! { "again": true }))).await;
    invalid(&s, new().replace(THINGS, 1, 2, doc! {})).await;
    invalid(&s, new().check(THINGS, 1, 1)).await;
    invalid(&s, new().delete(THINGS, 1, 1).patch(THINGS, 1, 1, doc! { "n": 1 }, &[])).await;
    s.put([thing(2, doc! {})]).await;
    for sent in [
        write().replace(THINGS, 2, 1, doc! {}).replace(THINGS, 2, 1, doc! {}),
        write().patch(THINGS, 2, 1, doc! { "n": 1 }, &[]).delete(THINGS, 2, 1),
        write().delete(THINGS, 2, 1).delete(THINGS, 2, 1),
        write().check(THINGS, 2, 1).check(THINGS, 2, 2),
        write().check(THINGS, 2, 1).insert(THINGS, thing(2, doc! {})),
    ] {
        let error = refused(&s, sent).await;
        assert!(matches!(error, Error::InvalidCommit { .. }), "{error}");
    }
    assert_eq!(s.document(2).await, Some(thing(2, doc! {})));
    let agreed = write().check(THINGS, 2, 1).check(THINGS, 2, 1).patch(THINGS, 2, 1, doc! { "n": 1 }, &[]);
    s.commits(agreed.replace(THINGS, 2, 2, doc! { "n": 2 }).delete(THINGS, 2, 3).insert(THINGS, thing(2, doc! {})))
        .await;
    assert_eq!(s.document(2).await, Some(thing(2, doc! {})));
}

pub(super) async fn event_types_are_words_joined_by_dots(s: Subject) {
    for wrong in ["", "User.created", "user.", "user..created", "user created", "$user", "user.*"] {
        invalid(&s, commit().append_events(&stream("user"), NoStream, vec![event(wrong)])).await;
    }
    s.commits(commit().append_events(&stream("user"), NoStream, vec![event("user"), event("a1.b_2.c")])).await;
}

async fn refused(s: &Subject, sent: Commit) -> Error {
    let streams: Vec<_> = sent.appends.iter().map(|append| append.stream.clone()).collect();
    let error = s.commit(sent).await.expect_err("this commit is refused");
    assert!(!error.is_retryable(), "{error}");
    for stream in streams {
        assert_eq!(s.version(&stream).await, 0, "no event is left by what was refused");
    }
    error
}

async fn invalid(s: &Subject, sent: Commit) {
    let error = refused(s, sent).await;
    assert!(matches!(error, Error::InvalidCommit { .. }), "{error}");
    s.expect(Predicate::always(), &[]).await;
}

/// A document of so many levels, itself included.
fn nested(levels: usize) -> Document {
    (1..levels).fold(doc! { "end": true }, |inner, _| doc! { "in": inner })
}

/// Commits that hold `fields` in each place where there may be a document.
fn everywhere(fields: &Document) -> Vec<Commit> {
    let mut data = event("user.noted");
    data.data = fields.clone();
    let mut metadata = event("user.noted");
    metadata.metadata.extra = fields.clone();
    let replacement = thing(1, fields.clone());
    vec![
        commit().append_events(&stream("user"), NoStream, vec![data]),
        commit().append_events(&stream("user"), NoStream, vec![metadata]),
        write().insert(THINGS, replacement),
        write().replace(THINGS, 1, 1, fields.clone()),
        write().patch(THINGS, 1, 1, doc! { "set": fields.clone() }, &[]),
    ]
}
