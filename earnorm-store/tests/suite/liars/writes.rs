//! Lies about what is written.

use bson::{Bson, Document};
use earnorm_core::commit::{Append, Commit, Committed, DocumentOp, DocumentWrite};
use earnorm_core::error::UniqueViolation;
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::position::Position;
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::Store;
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::{Error, Result};

use super::Lie;
use super::liar::Liar;

pub(crate) fn spec(lie: Lie, mut spec: CollectionSpec) -> CollectionSpec {
    for index in &mut spec.indexes {
        match lie {
            Lie::IgnoresUniqueIndexes => index.unique = false,
            Lie::ForgetsThatOnlyPresentValuesAreUnique => index.present.clear(),
            Lie::ForgetsThatOnlyLiveDocumentsAreUnique => index.live_only = false,
            _ => {}
        }
    }
    spec
}

pub(crate) async fn commit(liar: &Liar, honest: Commit) -> Result<Committed> {
    let id = honest.id;
    if liar.lie == Lie::RemembersRefusedCommits && liar.memory().refused.contains(&id) {
        return Err(Error::InvalidCommit { reason: "it was refused before".to_owned() });
    }
    for event in honest.appends.iter().flat_map(|append| &append.events) {
        liar.memory().sent.insert(event.id, event.recorded_at);
    }
    let twisted = twist(liar, honest.clone()).await;
    let answer = liar.inner.commit(twisted).await;
    if answer.is_err() {
        liar.memory().refused.insert(id);
    }
    match answer {
        Ok(receipt) => Ok(self::receipt(liar.lie, receipt)),
        Err(error) => refused(liar, honest, error).await,
    }
}

async fn twist(liar: &Liar, mut commit: Commit) -> Commit {
    match liar.lie {
        Lie::LosesTheLastDocument if commit.documents.len() > 1 => drop(commit.documents.pop()),
        Lie::AdoptsNothing => {
            commit.documents.retain(|write| !matches!(write.op, DocumentOp::Patch { expected: 0, .. }))
        }
        Lie::WritesDocumentsBackwards => commit.documents.reverse(),
        Lie::ChecksUniquenessAtTheEnd => commit = settle_unique(commit),
        Lie::IgnoresNotBefore => commit.appends.iter_mut().for_each(|append| append.not_before = None),
        Lie::IgnoresChecks => commit.checks.clear(),
        Lie::LosesCheckpoints if commit.events() > 0 => commit.checkpoints.clear(),
        Lie::IgnoresCheckpoints | Lie::IgnoresEpochs => commit = believe_checkpoints(liar, commit).await,
        Lie::BumpsCheckedDocuments => commit = bump_checked(commit),
        Lie::AppliesACommitTwice => commit = as_another(commit),
        Lie::LosesExtraMetadata => each_event(&mut commit, |event| event.metadata.extra = Document::new()),
        _ => {}
    }
    commit
}

fn each_event(commit: &mut Commit, change: impl FnMut(&mut earnorm_core::event::NewEvent)) {
    commit.appends.iter_mut().flat_map(|append| &mut append.events).for_each(change);
}

/// The end of a swap is in order, though no step of it is: the liar clears the field first.
fn settle_unique(mut commit: Commit) -> Commit {
    let patches = commit.documents.iter().filter(|write| matches!(write.op, DocumentOp::Patch { .. })).count();
    if patches < 2 || patches < commit.documents.len() {
        return commit;
    }
    let mut cleared = Vec::new();
    for write in &mut commit.documents {
        let DocumentOp::Patch { expected, set, unset } = &mut write.op else { continue };
        let paths: Vec<_> = set.iter().map(|(path, _)| path.clone()).filter(|path| path != "_v").collect();
        let away = paths.iter().map(|path| (path.clone(), Bson::from(RandomIds.next().to_string()))).collect();
        let op = DocumentOp::Patch { expected: *expected, set: away, unset: unset.clone() };
        cleared.push(DocumentWrite { op, ..write.clone() });
    }
    cleared.append(&mut commit.documents);
    commit.documents = cleared;
    commit
}

async fn believe_checkpoints(liar: &Liar, mut commit: Commit) -> Commit {
    for write in &mut commit.checkpoints {
        let found = liar.inner.checkpoint(&write.consumer).await.unwrap_or_default();
        if liar.lie == Lie::IgnoresCheckpoints {
            write.expected = found;
        } else if let (Some(expected), Some(found)) = (&mut write.expected, found) {
            expected.epoch = found.epoch;
        }
    }
    commit
}

fn bump_checked(mut commit: Commit) -> Commit {
    for check in &commit.checks {
        let set = vec![("_v".to_owned(), Bson::from(check.expected.cast_signed() + 1))];
        let op = DocumentOp::Patch { expected: check.expected, set, unset: Vec::new() };
        commit.documents.push(DocumentWrite { collection: check.collection.clone(), id: check.id.clone(), op });
    }
    commit.checks.clear();
    commit
}

/// The same content under other ids.
fn as_another(mut commit: Commit) -> Commit {
    commit.id = RandomIds.next();
    each_event(&mut commit, |event| event.id = RandomIds.next());
    commit
}

fn receipt(lie: Lie, mut receipt: Committed) -> Committed {
    match lie {
        Lie::ListsTheReceiptBackwards => receipt.events.reverse(),
        Lie::SwapsPositions => receipt.events.iter_mut().for_each(|event| {
            event.position = Position::new(1_000_000 - event.position.get());
        }),
        _ => {}
    }
    receipt
}

async fn refused(liar: &Liar, honest: Commit, error: Error) -> Result<Committed> {
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
        (Lie::AcceptsStaleStreams, Error::Conflict(_)) => {
            let appends = honest.appends.into_iter();
            let appends = appends.map(|append| Append { expected: ExpectedVersion::Any, ..append }).collect();
            liar.inner.commit(Commit { appends, ..Commit::new(honest.id) }).await
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
        (Lie::SettlesContradictions, Error::InvalidCommit { .. }) => liar.inner.commit(last_writes(honest)).await,
        (_, error) => Err(error),
    }
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
