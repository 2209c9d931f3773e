//! Lies about what is written.

use bson::{Bson, Document};
use earnorm_core::commit::{Commit, Committed, DocumentOp, DocumentWrite};
use earnorm_core::ports::{Ids, RandomIds};
use earnorm_core::schema::CollectionSpec;
use earnorm_core::store::Store;
use earnorm_core::stream::ExpectedVersion;
use earnorm_core::{Error, Result};

use super::liar::Liar;
use super::{Lie, answers, reads};

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
    let (id, content) = (honest.id, content(&honest));
    if liar.lie == Lie::MarkFalls {
        // Time for those who watch the mark.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    if let Some(refusal) = refusal(liar, &honest).await? {
        return Err(refusal);
    }
    if liar.lie == Lie::KnowsCommitsByContent
        && honest.documents.is_empty()
        && let Some(known) = liar.memory().receipts.get(&content)
    {
        return Ok(known.clone());
    }
    for event in honest.appends.iter().flat_map(|append| &append.events) {
        liar.memory().sent.insert(event.id, event.recorded_at);
    }
    let twisted = twist(liar, honest.clone()).await;
    let answer = liar.inner.commit(twisted).await;
    if answer.is_err() {
        liar.memory().refused.insert(id);
    }
    if answer.is_ok() && liar.lie == Lie::ClosesTheGapsOfArrays {
        answers::close_gaps(liar, &honest).await?;
    }
    match answer {
        Ok(receipt) => {
            let receipt = answers::receipt(liar.lie, receipt);
            let written = honest.documents.iter().map(|write| format!("{} {}", write.collection, write.id));
            liar.memory().fresh.extend(written);
            liar.memory().receipts.insert(content, receipt.clone());
            Ok(receipt)
        }
        Err(error) => answers::refused(liar, honest, error).await,
    }
}

/// What a commit holds, without its ids.
fn content(commit: &Commit) -> String {
    let append = |append: &earnorm_core::commit::Append| {
        let data: Vec<_> = append.events.iter().map(|event| (&event.event_type, &event.data)).collect();
        format!("{} {:?} {data:?}", append.stream, append.expected)
    };
    commit.appends.iter().map(append).chain(commit.checkpoints.iter().map(|write| format!("{write:?}"))).collect()
}

/// What is refused against the rules.
async fn refusal(liar: &Liar, commit: &Commit) -> Result<Option<Error>> {
    let invalid = |reason: &str| Some(Error::InvalidCommit { reason: reason.to_owned() });
    let writes = commit.events() + commit.documents.len() + commit.checkpoints.len();
    Ok(match liar.lie {
        Lie::RemembersRefusedCommits if liar.memory().refused.contains(&commit.id) => invalid("it was refused before"),
        Lie::RefusesChecks if !commit.checks.is_empty() => invalid("it has checks"),
        Lie::LimitsAreExclusive if writes >= 1_000 => {
            Some(Error::CommitTooLarge { unit: "writes", actual: writes, limit: 999 })
        }
        Lie::UnsetsOnlyWhatIsThere => {
            for write in &commit.documents {
                let DocumentOp::Patch { unset, .. } = &write.op else { continue };
                let found = liar.inner.get(&write.collection, &write.id).await?.unwrap_or_default();
                if unset.iter().any(|path| !found.contains_key(path.split('.').next().unwrap())) {
                    return Ok(invalid("there is nothing to be unset"));
                }
            }
            None
        }
        Lie::LooksAtCheckpointsFirst => {
            for write in &commit.checkpoints {
                if liar.inner.checkpoint(&write.consumer).await? != write.expected {
                    return Ok(Some(Error::CheckpointConflict { consumer: write.consumer.clone() }));
                }
            }
            None
        }
        _ => None,
    })
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
        Lie::GivesDocumentsTheirIds => {
            for write in &mut commit.documents {
                if let DocumentOp::Insert { document } | DocumentOp::Replace { document, .. } = &mut write.op {
                    document.insert("_id", write.id.clone());
                }
            }
        }
        Lie::BumpsCheckedDocuments => commit = bump_checked(commit),
        Lie::AppliesACommitTwice => commit = as_another(commit),
        Lie::AnyIsNoStream => commit.appends.iter_mut().for_each(|append| {
            if append.expected == ExpectedVersion::Any {
                append.expected = ExpectedVersion::NoStream;
            }
        }),
        Lie::LosesSomeWrites if liar.memory().count() % 5 == 0 => commit.documents.clear(),
        Lie::NeverAdvances => commit.checkpoints.retain(|write| write.expected.is_none()),
        Lie::KeepsTheHighestCheckpoint => commit.checkpoints.iter_mut().for_each(|write| {
            write.next.position = write.expected.map_or(write.next.position, |at| at.position.max(write.next.position));
        }),
        Lie::SharesCheckpoints => commit.checkpoints.iter_mut().for_each(|write| {
            write.consumer = consumer(Lie::SharesCheckpoints, &write.consumer).to_owned();
        }),
        Lie::ForgetsCaseOfStreams => commit.appends.iter_mut().for_each(|append| {
            append.stream = reads::lowered(&append.stream);
        }),
        Lie::TimeNeverFallsAnywhere => each_event(&mut commit, |event| {
            let latest = &mut liar.memory().latest;
            event.recorded_at = latest.map_or(event.recorded_at, |latest| latest.max(event.recorded_at));
            *latest = Some(event.recorded_at);
        }),
        Lie::LosesExtraMetadata => each_event(&mut commit, |event| event.metadata.extra = Document::new()),
        _ => twist_documents(liar, &mut commit).await,
    }
    commit
}

/// Lies about single documents.
async fn twist_documents(liar: &Liar, commit: &mut Commit) {
    match liar.lie {
        Lie::KeepsWhatHasNoVersion => commit.documents.retain(|write| {
            !matches!(write.op, DocumentOp::Replace { expected: 0, .. } | DocumentOp::Delete { expected: 0 })
        }),
        Lie::DeletesNothing => commit.documents.retain(|write| !matches!(write.op, DocumentOp::Delete { .. })),
        _ => {}
    }
    for write in &mut commit.documents {
        let found = liar.inner.get(&write.collection, &write.id).await.unwrap().unwrap_or_default();
        match (liar.lie, &mut write.op) {
            (Lie::ReplacesByMerging, DocumentOp::Replace { expected, document }) => {
                let set = std::mem::take(document).into_iter().filter(|(name, _)| name != "_id").collect();
                write.op = DocumentOp::Patch { expected: *expected, set, unset: Vec::new() };
            }
            (Lie::ForgetsToUnset, DocumentOp::Patch { unset, .. }) => unset.clear(),
            (Lie::DropsDottedPaths, DocumentOp::Patch { set, .. }) => set.retain(|(path, _)| !path.contains('.')),
            (Lie::KeepsDocumentsInside, DocumentOp::Patch { set, .. }) => {
                set.retain(|(path, _)| !matches!(found.get(path), Some(Bson::Document(_))));
            }
            (Lie::ObeysDollars, DocumentOp::Patch { set, .. }) => set.iter_mut().for_each(|(_, value)| {
                if let Some(name) = value.as_str().and_then(|text| text.strip_prefix('$')) {
                    *value = found.get(name).cloned().unwrap_or(Bson::Null);
                }
            }),
            _ => {}
        }
    }
}

/// The consumer under whose name a checkpoint is kept.
pub(crate) fn consumer(lie: Lie, name: &str) -> &str {
    if lie == Lie::SharesCheckpoints { "everybody" } else { name }
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
