//! Lies about what became of a commit.

use bson::Bson;
use earnorm_core::commit::{Append, Commit, Committed, DocumentOp};
use earnorm_core::error::{StoreError, UniqueViolation};
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::position::Position;
use earnorm_core::store::{PutRule, Store, StoreAdmin};
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::{Error, Result};

use super::Lie;
use super::liar::Liar;

pub(crate) fn receipt(lie: Lie, mut receipt: Committed) -> Committed {
    match lie {
        Lie::ListsTheReceiptBackwards => receipt.events.reverse(),
        Lie::SwapsPositions => receipt.events.iter_mut().for_each(|event| {
            event.position = Position::new(1_000_000 - event.position.get());
        }),
        _ => {}
    }
    receipt
}

pub(crate) async fn refused(liar: &Liar, honest: Commit, error: Error) -> Result<Committed> {
    match (liar.lie, error) {
        (Lie::NamesNoFieldsInViolations, Error::Unique(violation)) => {
            Err(UniqueViolation::new(violation.collection, violation.id, Vec::new()).into())
        }
        (Lie::ReportsAWrongActualVersion, Error::Conflict(mut conflict)) => {
            conflict.actual += 1;
            Err(Error::Conflict(conflict))
        }
        (Lie::KeepsEventsOfAConflict, error @ Error::Conflict(_)) => {
            let events = Commit { appends: honest.appends, ..Commit::new(RandomIds.next()) };
            if events.events() > 0 {
                let _ = liar.inner.commit(events).await;
            }
            Err(error)
        }
        (Lie::AcceptsStaleStreams, Error::Conflict(_)) => liar.inner.commit(at_any_version(honest)).await,
        (Lie::AppendsWhatItRefuses, error @ Error::Conflict(_)) => {
            let _ = liar.inner.commit(at_any_version(honest)).await;
            Err(error)
        }
        (Lie::AdoptsWhatHasAVersion, Error::Conflict(_)) => Ok(Committed { id: honest.id, events: Vec::new() }),
        (Lie::AcceptsStaleDocuments, Error::Conflict(conflict)) if conflict.actual > 0 => {
            let mut commit = honest;
            for write in &mut commit.documents {
                let (DocumentOp::Replace { expected, .. }
                | DocumentOp::Patch { expected, .. }
                | DocumentOp::Delete { expected }) = &mut write.op
                else {
                    continue;
                };
                *expected = conflict.actual;
            }
            liar.inner.commit(commit).await
        }
        (Lie::PassesOverBadPlaces, Error::InvalidCommit { .. }) => {
            liar.inner.commit(Commit { appends: honest.appends, ..Commit::new(honest.id) }).await
        }
        (Lie::InsertsOverWhatIsThere, Error::Conflict(_)) if inserts(&honest) => Ok(believed(&honest)),
        (Lie::BelievesAnySize, Error::CommitTooLarge { .. } | Error::TooLarge { .. })
        | (Lie::BelievesAnyName, Error::TooDeep { .. } | Error::InvalidField { .. })
        | (Lie::BelievesAnyCommit, Error::InvalidCommit { .. }) => Ok(believed(&honest)),
        (Lie::ViolationsMayPass, Error::Unique(violation)) => {
            Err(StoreError::new("liar", violation.to_string()).retryable().into())
        }
        (Lie::SettlesContradictions, Error::InvalidCommit { .. }) => liar.inner.commit(last_writes(honest)).await,
        (_, error) => Err(error),
    }
}

/// Takes elements away where they should have become null.
pub(crate) async fn close_gaps(liar: &Liar, commit: &Commit) -> Result<()> {
    for write in &commit.documents {
        let DocumentOp::Patch { unset, .. } = &write.op else { continue };
        let Some(mut document) = liar.inner.get(&write.collection, &write.id).await? else { continue };
        for path in unset {
            if let Some((name, place)) = path.split_once('.')
                && place.parse::<usize>().is_ok()
                && let Some(Bson::Array(items)) = document.get_mut(name)
            {
                items.retain(|item| *item != Bson::Null);
            }
        }
        liar.inner.put(&write.collection, vec![document], PutRule::Always).await?;
    }
    Ok(())
}

/// The last write of each document, whatever it asks for.
fn last_writes(mut commit: Commit) -> Commit {
    commit.checks.clear();
    for write in std::mem::take(&mut commit.documents) {
        commit.documents.retain(|earlier| (&earlier.collection, &earlier.id) != (&write.collection, &write.id));
        commit.documents.push(write);
    }
    commit
}

fn inserts(commit: &Commit) -> bool {
    commit.documents.iter().any(|write| matches!(write.op, DocumentOp::Insert { .. }))
}

/// The answer to a commit that was never made.
fn believed(commit: &Commit) -> Committed {
    Committed { id: commit.id, events: Vec::new() }
}

/// The events alone, wherever their streams stand.
fn at_any_version(commit: Commit) -> Commit {
    let appends = commit.appends.into_iter();
    let appends = appends.map(|append| Append { expected: ExpectedVersion::Any, ..append }).collect();
    Commit { appends, ..Commit::new(commit.id) }
}
