//! Writes that are tried again: after a version conflict, or when two callers create the same thing at once.

use std::time::Duration;

use crate::database::Database;
use crate::entity::{Entity, Loaded, stored_id, stream_of};
use crate::error::{Error, Result};
use crate::event::DELETED;
use crate::fold;
use crate::load;
use crate::model::Model;
use crate::predicate::Predicate;
use crate::query::{Field, Filter, Query};
use crate::store::StreamQuery;
use crate::value::Value;

/// Waits before another try: 1 ms doubled each time up to 64 ms, of which a random part, so that rivals part ways
/// (full jitter, Brooker 2015).
pub(crate) async fn back_off(db: &Database, attempt: u32) {
    // The last bytes of a fresh id are random, and ids come from a port that tests own.
    let [.., a, b] = *db.next_id().as_bytes();
    tokio::time::sleep(wait(attempt, u16::from_be_bytes([a, b]))).await;
}

fn wait(attempt: u32, random: u16) -> Duration {
    let ceiling = 1_000_u64 << attempt.min(6);
    Duration::from_micros(ceiling * u64::from(random) / u64::from(u16::MAX))
}

pub(crate) async fn retry_on_conflict<M, F>(db: &Database, id: M::Id, mut change: F) -> Result<Entity<M>>
where
    M: Model,
    F: FnMut(&mut Entity<M>) -> Result<()> + Send,
{
    let mut attempt = 0;
    loop {
        let mut entity = M::load(db, id.clone()).await?;
        change(&mut entity)?;
        match entity.save(db).await {
            Ok(_) => return Ok(entity),
            Err(error) if error.is_conflict() && attempt < db.conflict_retries_max() => back_off(db, attempt).await,
            Err(error) => return Err(error),
        }
        attempt += 1;
    }
}

/// The filter for the value that `model` has in a unique field.
fn same_value<M: Model, U>(field: &Field<M, U>, model: &M) -> Result<Filter<M>> {
    let invalid = |reason: &str| Error::InvalidQuery { path: field.path().to_owned(), reason: reason.to_owned() };
    let unique = M::SCHEMA.indexes.iter().any(|index| {
        index.unique && index.keys.len() == 1 && index.keys.first().is_some_and(|key| key.path == field.path())
    });
    if !unique && field.path() != "_id" {
        return Err(invalid("the field is not unique: mark it `#[model(unique)]`"));
    }
    let document = crate::save::encode(model)?;
    match document.get(field.path()) {
        Some(value) if *value != bson::Bson::Null => Ok(Filter::new(Predicate::eq(field.path(), value.clone()))),
        _ => Err(invalid("it is null here, and null is never unique")),
    }
}

pub(crate) async fn find_or_create<M: Model, U: Value>(
    db: &Database,
    field: &Field<M, U>,
    model: M,
) -> Result<(Entity<M>, bool)> {
    let mut filter = same_value(field, &model)?;
    let mut attempt = 0;
    loop {
        if let Some(found) = Query::new(filter.clone()).first(db).await? {
            return Ok((found, false));
        }
        let refused = match model.clone().create(db).await {
            Ok(created) => return Ok((created, true)),
            Err(error @ Error::Unique(_)) => error,
            Err(error) => return Err(error),
        };
        if attempt >= db.conflict_retries_max() {
            return Err(refused);
        }
        // Hooks may normalise the value: a unit that is never committed tells what they make of it.
        let normalised = model.clone().create(&db.unit()).await?;
        filter = same_value(field, &normalised)?;
        back_off(db, attempt).await;
        attempt += 1;
    }
}

pub(crate) async fn upsert<M, U, F>(db: &Database, field: &Field<M, U>, model: M, mut change: F) -> Result<Entity<M>>
where
    M: Model,
    U: Value,
    F: FnMut(&mut Entity<M>, &M) + Send,
{
    let mut attempt = 0;
    loop {
        let (mut entity, created) = find_or_create(db, field, model.clone()).await?;
        if created {
            return Ok(entity);
        }
        change(&mut entity, &model);
        match entity.save(db).await {
            Ok(_) => return Ok(entity),
            Err(error) if error.is_conflict() && attempt < db.conflict_retries_max() => back_off(db, attempt).await,
            Err(error) => return Err(error),
        }
        attempt += 1;
    }
}

/// Restores an instance whose document may be gone: its last state stands in the event that deleted it.
pub(crate) async fn restore<M: Model>(db: &Database, id: &M::Id) -> Result<Entity<M>> {
    let missing = || Error::NotFound { model: M::SCHEMA.name, id: id.to_string(), deleted: false };
    let mut entity = match M::get_with_deleted(db, id.clone()).await? {
        Some(entity) => entity,
        None => {
            let stream = stream_of::<M>(id)?;
            let last = db.read_stream(StreamQuery::last(stream)).await?.pop().ok_or_else(missing)?;
            if last.name() != DELETED {
                return Err(missing());
            }
            let mut document = last.data()?.clone();
            document.remove(crate::save::HARD);
            document.insert("_id", stored_id::<M>(id)?);
            load::upcast::<M>(db, &mut document, last.schema_version, || format!("last state of {}", last.stream))?;
            let model = fold::decode::<M>(&document, || format!("last state of {}", last.stream))?;
            let loaded = Loaded {
                version: last.version,
                document: Some(document.into()),
                recorded_at: Some(last.recorded_at),
                schema_version: last.schema_version,
                stored: false,
                live: false,
            };
            Entity::loaded(model, loaded)
        }
    };
    entity.restore(db).await?;
    Ok(entity)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_any_part_of_them_may_be_taken() {
        let longest: Vec<_> = (0..9).map(|attempt| wait(attempt, u16::MAX).as_millis()).collect();
        assert_eq!(longest, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
        for attempt in [0, 6, u32::MAX] {
            assert_eq!(wait(attempt, 0), Duration::ZERO);
            let half = wait(attempt, u16::MAX / 2).as_micros() * 2;
            assert!(half.abs_diff(wait(attempt, u16::MAX).as_micros()) <= 3, "{half}");
        }
    }
}
