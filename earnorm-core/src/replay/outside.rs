//! Recording what was changed outside the library.

use bson::Document;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::difference::{Difference, Kind};
use super::verify::Verify;
use crate::commit::{Append, Commit};
use crate::error::Result;
use crate::event::{DELETED, NewEvent, UPDATED};
use crate::metadata::Metadata;
use crate::personal;
use crate::schema::{self, ModelKind};
use crate::stream::{ExpectedVersion, StreamId};
use crate::value::to_millis;

/// The actor of events that record edits made outside.
pub const OUTSIDE: &str = "outside";

impl Verify {
    /// Records a difference as an event; `false` where no event says such a thing.
    pub(super) async fn record_outside(&self, stream: &StreamId, difference: &Difference) -> Result<bool> {
        let info = self.replay.folder.info();
        let Some(id) = difference.id.clone().filter(|_| info.kind == ModelKind::Tracked) else { return Ok(false) };
        let version = difference.version;
        let previous = self.replay.fold(stream).await?.stored_document()?.unwrap_or_default();
        let not_before = previous.get(schema::RECORDED_AT).and_then(crate::value::read_date);
        let now = to_millis(Utc::now()).max(not_before.unwrap_or_default());
        let (name, data, document) = match &difference.kind {
            Kind::Content { changes } if !changes.paths().iter().any(|path| schema::is_internal(path)) => {
                (UPDATED, changes.to_data(), Some(self.replay.stamp(&id, version + 1, now).await?))
            }
            Kind::Missing => {
                let own = previous.iter().filter(|(field, _)| !schema::is_internal(field));
                (DELETED, own.map(|(field, value)| (field.clone(), value.clone())).collect(), None)
            }
            _ => return Ok(false),
        };
        let mut commit = Commit::new(Uuid::now_v7());
        commit.appends.push(Append {
            stream: stream.clone(),
            expected: ExpectedVersion::Exact(version),
            not_before,
            events: vec![self.event(name, data, now)],
        });
        commit.documents.extend(document);
        self.seal(previous, difference, &mut commit).await?;
        match self.replay.reader.commit(commit).await {
            Ok(_) => Ok(true),
            // It moved on: the next comparison sees what is left.
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Personal data that was edited outside is sealed like any other.
    async fn seal(&self, previous: Document, difference: &Difference, commit: &mut Commit) -> Result<()> {
        let (reader, info) = (&self.replay.reader, self.replay.folder.info());
        let Kind::Content { changes } = &difference.kind else {
            return personal::seal_commit(reader, info, commit, None).await;
        };
        if info.personal.is_empty() {
            return Ok(());
        }
        let mut after = previous.clone();
        changes.apply_to(&mut after);
        personal::seal_commit(reader, info, commit, Some((&previous, &after))).await
    }

    fn event(&self, name: &str, mut data: Document, recorded_at: DateTime<Utc>) -> NewEvent {
        let info = self.replay.folder.info();
        if name == DELETED && info.soft_delete {
            data.insert(crate::save::HARD, true);
        }
        NewEvent {
            id: Uuid::now_v7(),
            event_type: format!("{}.{name}", info.name),
            schema_version: info.version,
            data,
            metadata: Metadata::new().actor(OUTSIDE),
            recorded_at,
        }
    }
}
