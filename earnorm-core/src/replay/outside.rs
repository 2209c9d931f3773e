//! Recording what was changed outside the library.

use bson::{Bson, Document};
use chrono::Utc;
use uuid::Uuid;

use super::difference::{Difference, Kind};
use super::verify::Verify;
use crate::commit::{Append, Commit, DocumentOp, DocumentWrite};
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
        let (name, data, document) = match &difference.kind {
            Kind::Content { changes } if !changes.paths().iter().any(|path| schema::is_internal(path)) => {
                let write = DocumentWrite {
                    collection: info.collection.clone(),
                    id,
                    op: DocumentOp::Patch { expected: version, set: self.stamps(version + 1), unset: Vec::new() },
                };
                (UPDATED, changes.to_data(), Some(write))
            }
            Kind::Missing => {
                let last = self.replay.fold(stream).await?.document()?.unwrap_or_default();
                (DELETED, last, None)
            }
            _ => return Ok(false),
        };
        let mut commit = Commit::new(Uuid::now_v7());
        commit.appends.push(Append {
            stream: stream.clone(),
            expected: ExpectedVersion::Exact(version),
            not_before: None,
            events: vec![self.event(name, data)],
        });
        commit.documents.extend(document);
        self.seal(stream, difference, &mut commit).await?;
        match self.replay.reader.commit(commit).await {
            Ok(_) => Ok(true),
            // It moved on: the next comparison sees what is left.
            Err(error) if error.is_conflict() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Personal data that was edited outside is sealed like any other.
    async fn seal(&self, stream: &StreamId, difference: &Difference, commit: &mut Commit) -> Result<()> {
        let (reader, info) = (&self.replay.reader, self.replay.folder.info());
        let Kind::Content { changes } = &difference.kind else {
            return personal::seal_commit(reader, info, commit, None).await;
        };
        if info.personal.is_empty() {
            return Ok(());
        }
        let previous = self.replay.fold(stream).await?.stored_document()?.unwrap_or_default();
        let mut after = previous.clone();
        changes.apply_to(&mut after);
        personal::seal_commit(reader, info, commit, Some((&previous, &after))).await
    }

    fn stamps(&self, version: u64) -> Vec<(String, Bson)> {
        let number = Bson::Int64(i64::try_from(version).unwrap_or(i64::MAX));
        let now = bson::DateTime::from_millis(Utc::now().timestamp_millis());
        vec![(schema::VERSION.to_owned(), number), (schema::RECORDED_AT.to_owned(), now.into())]
    }

    fn event(&self, name: &str, mut data: Document) -> NewEvent {
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
            recorded_at: to_millis(Utc::now()),
        }
    }
}
