//! The whole store, compared with the reference: documents, histories, the log and its positions.

use earnorm::position::Position;
use earnorm::prelude::*;
use earnorm::store::{EntryQuery, LogEntry};

use super::models::{Facts, Kind, Plain, Soft, Till};
use super::ops::{ALL, IDS, Of};
use super::player::{Bench, Done, ensure, refusal};
use super::reference::Refusal;

/// The instances of this run.
pub(super) fn within<K: Kind>(bench: &Bench) -> Filter<K> {
    K::ID.gt(bench.base) & K::ID.lte(bench.id(IDS))
}

fn said(error: Error) -> String {
    error.to_string()
}

fn name(of: Of) -> &'static str {
    match of {
        Of::Soft => Soft::SCHEMA.name,
        Of::Plain => Plain::SCHEMA.name,
        Of::Till => Till::SCHEMA.name,
    }
}

/// Everything that is there is as it should be.
pub(super) async fn everything(bench: &Bench, start: Position) -> Done {
    kind::<Soft>(bench, Of::Soft).await?;
    kind::<Plain>(bench, Of::Plain).await?;
    kind::<Till>(bench, Of::Till).await?;
    log(bench, start).await
}

async fn kind<K: Kind>(bench: &Bench, of: Of) -> Done {
    let query = K::find(within::<K>(bench));
    let found = query.clone().with_deleted().sort(K::ID.asc()).all(&bench.db).await.map_err(said)?;
    let found: Vec<_> = found
        .iter()
        .map(|entity| (*entity.id() - bench.base, entity.version(), !entity.is_deleted(), entity.facts()))
        .collect();
    let streams = bench.reference.streams.iter().filter(|((kind, _), _)| *kind == of);
    let stored = streams.filter_map(|((_, id), stream)| Some((*id, stream.document.clone()?)));
    let expected: Vec<_> = stored.map(|(id, stored)| (id, stored.version, stored.live, stored.facts)).collect();
    ensure!(found == expected, "documents of {of:?} are {found:?}, expected {expected:?}");
    let (live, count) =
        (expected.iter().filter(|stored| stored.2).count(), query.count(&bench.db).await.map_err(said)?);
    ensure!(live as u64 == count, "{count} of {of:?} are counted, expected {live}");
    for id in 1..=IDS {
        history::<K>(bench, of, id).await?;
    }
    Ok(())
}

async fn history<K: Kind>(bench: &Bench, of: Of, id: i64) -> Done {
    let found = K::history(&bench.db, bench.id(id)).await.map_err(said)?;
    let expected = bench.reference.stream(of, id).events;
    for (index, revision) in found.iter().enumerate() {
        let event = &revision.event;
        let state = revision.state.as_ref().map(K::facts);
        let seen = (event.version, event.name(), event.recorded_at, state);
        let wanted = expected.get(index).map(|event| (index as u64 + 1, event.name, event.at, event.state.clone()));
        ensure!(Some(&seen) == wanted.as_ref(), "event {index} of {of:?} {id} is {seen:?}, expected {wanted:?}");
    }
    ensure!(found.len() == expected.len(), "{of:?} {id} has {} events, expected {}", found.len(), expected.len());
    past::<K>(bench, of, id, expected.len() as u64).await
}

/// An instance at a version, and at the time of that version, a moment before included.
pub(super) async fn past<K: Kind>(bench: &Bench, of: Of, id: i64, version: u64) -> Done {
    let events = bench.reference.stream(of, id).events;
    let state = |version: u64| version.checked_sub(1).map(|index| events[index as usize].state.clone());
    let found = K::at_version(&bench.db, bench.id(id), version).await;
    if version > events.len() as u64 {
        let refused = found.as_ref().err().and_then(refusal) == Some(Refusal::Invalid);
        ensure!(refused, "{of:?} {id} at version {version} is {found:?}, which does not exist");
        return Ok(());
    }
    let facts = |found: Result<Option<K>>| found.map(|found| found.map(|model| model.facts())).map_err(said);
    let (found, expected) = (facts(found)?, state(version).flatten());
    ensure!(found == expected, "{of:?} {id} at version {version} is {found:?}, expected {expected:?}");
    let Some(event) = version.checked_sub(1).map(|index| &events[index as usize]) else { return Ok(()) };
    for moment in [event.at, event.at - chrono::TimeDelta::milliseconds(1)] {
        let upto = events.iter().take_while(|event| event.at <= moment).count() as u64;
        let (found, expected) = (facts(K::as_of(&bench.db, bench.id(id), moment).await)?, state(upto).flatten());
        ensure!(found == expected, "{of:?} {id} as of {moment} is {found:?}, expected {expected:?}");
    }
    Ok(())
}

/// The log holds the events of this run in the order of their commits, and no position is left out.
async fn log(bench: &Bench, start: Position) -> Done {
    let store = bench.db.store();
    let upto = store.high_water().await.map_err(said)?;
    let query = EntryQuery { after: start, upto, limit: 100_000 };
    let (mut next, mut found) = (start.get(), Vec::new());
    for entry in store.admin().entries(query).await.map_err(said)? {
        let position = match &entry {
            LogEntry::Event { event, .. } => event.position,
            LogEntry::Tombstone(position) => *position,
        };
        next += 1;
        ensure!(position.get() == next, "position {} follows {}", position.get(), next - 1);
        if let LogEntry::Event { event, .. } = entry {
            found.push((event.stream.to_string(), event.version, event.event_type.clone()));
        }
    }
    ensure!(next == upto.get(), "the log ends at {next}, its mark is {}", upto.get());
    let expected = bench.reference.log.iter().map(|(of, id, version)| {
        let event = &bench.reference.streams[&(*of, *id)].events[*version as usize - 1];
        (format!("{}-{}", name(*of), bench.id(*id)), *version, format!("{}.{}", name(*of), event.name))
    });
    let expected: Vec<_> = expected.collect();
    ensure!(found == expected, "the log is {found:?}, expected {expected:?}");
    Ok(())
}

/// Where nobody else writes: every instance folded from the log alone, and the library's own comparison.
pub(super) async fn folds(bench: &Bench) -> Done {
    fold_all::<Soft>(bench, Of::Soft).await?;
    fold_all::<Plain>(bench, Of::Plain).await?;
    fold_all::<Till>(bench, Of::Till).await?;
    verified(&bench.db).await
}

async fn fold_all<K: Kind>(bench: &Bench, of: Of) -> Done {
    let found = K::fold_all(&bench.db).await.map_err(said)?;
    let found: Vec<(String, Option<Facts>)> =
        found.into_iter().map(|(key, model)| (key, model.map(|model| model.facts()))).collect();
    let streams = bench.reference.streams.iter().filter(|((kind, _), _)| *kind == of);
    let last = streams.map(|((_, id), stream)| {
        let state = stream.document.clone().filter(|stored| stored.live).map(|stored| stored.facts);
        (bench.id(*id).to_string(), state)
    });
    let mut expected: Vec<_> = last.collect();
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    ensure!(found == expected, "the folds of {of:?} are {found:?}, expected {expected:?}");
    Ok(())
}

/// What the library says when it compares documents and log itself.
pub(super) async fn verified(db: &Database) -> Done {
    for of in ALL {
        let verified = db.replay(name(of)).map_err(said)?.verify().run().await.map_err(said)?;
        ensure!(verified.is_whole(), "{of:?} differs: {:?}", verified.differences);
    }
    Ok(())
}

pub(super) async fn rebuild(db: &Database, of: Of) -> Done {
    db.replay(name(of)).map_err(said)?.rebuild().run().await.map(drop).map_err(said)
}
