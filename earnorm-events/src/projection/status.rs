//! Where projections stand.

use chrono::{DateTime, Utc};
use earnorm_core::Result;
use earnorm_core::database::Database;
use earnorm_core::position::Position;
use uuid::Uuid;

use super::record::Record;

/// A version of a projection, as it stands.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProjectionStatus {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// The name of its checkpoint.
    pub consumer: String,
    /// What it is doing.
    pub state: ProjectionState,
    /// Everything up to here is in its rows, or in those that are being built.
    pub position: Position,
    /// The event that it stands at, if one fails.
    pub failing: Option<ProjectionFailure>,
    /// The events that a person told it to pass over.
    pub skipped: Vec<SkippedEvent>,
}

/// What a projection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectionState {
    /// It is built for the first time, and cannot be read.
    Building,
    /// It has caught up, and follows the log.
    Live,
    /// It is built again; its old rows are read meanwhile.
    Rebuilding,
    /// It was ended, and has no rows.
    Retired,
}

/// The event that a projection stands at.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ProjectionFailure {
    /// Its id.
    pub event: Uuid,
    /// Its type.
    pub event_type: String,
    /// Its stream.
    pub stream: String,
    /// Its position: what [`super::ManageProjection::skip`] takes.
    pub position: Position,
    /// How often it was tried.
    pub attempts: u32,
    /// The last error, with its causes.
    pub error: String,
    /// When it failed first.
    pub first_failed_at: DateTime<Utc>,
    /// When it is tried again.
    pub next_try_at: DateTime<Utc>,
}

/// An event that is not in the rows because a person said so.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SkippedEvent {
    /// Its id.
    pub event: Uuid,
    /// Its type.
    pub event_type: String,
    /// Its stream.
    pub stream: String,
    /// Its position.
    pub position: Position,
    /// The error for which it was skipped.
    pub error: String,
    /// When.
    pub skipped_at: DateTime<Utc>,
}

/// Every version of every projection.
pub(super) async fn all(db: &Database) -> Result<Vec<ProjectionStatus>> {
    let mut statuses = Vec::new();
    for record in Record::all(db, None).await? {
        statuses.push(of(db, record).await?);
    }
    Ok(statuses)
}

pub(super) async fn of(db: &Database, record: Record) -> Result<ProjectionStatus> {
    let checkpoint = db.store().checkpoint(&record.id()).await?;
    let state = match (record.retired, record.live) {
        (true, _) => ProjectionState::Retired,
        (false, 0) => ProjectionState::Building,
        (false, _) if record.is_live() => ProjectionState::Live,
        (false, _) => ProjectionState::Rebuilding,
    };
    Ok(ProjectionStatus {
        consumer: record.id(),
        state,
        position: checkpoint.map_or(Position::START, |checkpoint| checkpoint.position),
        failing: record.failing.map(|failing| ProjectionFailure {
            event: failing.event.id,
            event_type: failing.event.event_type,
            stream: failing.event.stream.to_string(),
            position: failing.event.position,
            attempts: failing.failure.attempts,
            error: failing.failure.error,
            first_failed_at: failing.failure.first_failed_at,
            next_try_at: failing.next_try_at,
        }),
        skipped: record.skipped.into_iter().map(skipped).collect(),
        name: record.name,
        version: record.version,
    })
}

fn skipped(skipped: super::record::Skipped) -> SkippedEvent {
    SkippedEvent {
        event: skipped.event.id,
        event_type: skipped.event.event_type,
        stream: skipped.event.stream.to_string(),
        position: skipped.event.position,
        error: skipped.error,
        skipped_at: skipped.at,
    }
}
