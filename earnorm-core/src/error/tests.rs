//! What errors say of themselves, also through those that carry them.

use super::*;

fn lost() -> StoreError {
    StoreError::new("memory", "the answer was lost").retryable().applied(Applied::Unknown)
}

fn vetoed(source: impl Into<BoxError>) -> Error {
    Error::Veto(Box::new(Veto { source: Some(source.into()), ..Veto::new("hook".into(), "user", "no".into()) }))
}

fn out_of_reach(source: Option<BoxError>) -> Error {
    Error::Connect { uri: "mongodb://a".into(), reason: "out of reach".into(), source }
}

fn conflict() -> Error {
    VersionConflict::new("user-1", crate::stream::ExpectedVersion::Exact(1), 2).into()
}

#[test]
fn what_may_pass_is_said_through_hooks_and_connections() {
    for retryable in [
        Error::from(lost()),
        conflict(),
        Error::CheckpointConflict { consumer: "mailer".into() },
        Error::TimedOut { what: "it".into(), after: std::time::Duration::ZERO },
        vetoed(Error::from(lost())),
        vetoed(vetoed(conflict())),
        out_of_reach(Some(Error::from(lost()).into())),
    ] {
        assert!(retryable.is_retryable(), "{retryable:?}");
    }
    for lasting in [
        Error::from(StoreError::new("memory", "the disk is full")),
        Error::Closed,
        vetoed("no"),
        vetoed(Error::Closed),
        out_of_reach(None),
        out_of_reach(Some("refused".into())),
        Error::other(Error::from(lost())),
    ] {
        assert!(!lasting.is_retryable(), "{lasting:?}");
    }
}

#[test]
fn only_a_store_knows_of_a_write_that_may_be_there() {
    assert_eq!(Error::from(lost()).was_applied(), Applied::Unknown);
    assert_eq!(Error::from(StoreError::new("memory", "late").applied(Applied::Yes)).was_applied(), Applied::Yes);
    assert_eq!(Error::from(StoreError::new("memory", "full")).was_applied(), Applied::No);
    assert_eq!(conflict().was_applied(), Applied::No);
    assert!(conflict().is_conflict() && !Error::from(lost()).is_conflict());
}

#[test]
fn a_conflict_says_what_was_expected_and_what_stands() {
    let told = conflict().to_string();
    assert!(told.contains("user-1") && told.contains("stands at version 2"), "{told}");
    let missing = Error::from(VersionConflict::new("user-1", crate::stream::ExpectedVersion::Exact(1), 0)).to_string();
    assert!(missing.contains("does not exist"), "{missing}");
}

#[test]
fn what_a_personal_value_was_is_not_told_but_what_kind_it_is() {
    let veiled = |error: DecodeError| error.at("inner").veiled().at("name").to_string();
    let found = bson::Bson::String("Ada".into());
    assert_eq!(veiled(DecodeError::mismatch("i32", &found)), "field `name` holds String where i32 is expected");
    assert_eq!(veiled(DecodeError::missing()), "field `name` is missing");
    let told = "field `name` holds what its type cannot hold, and is not shown since it is personal";
    assert_eq!(veiled(DecodeError::new("is `Ada`, which is no number")), told);
}
