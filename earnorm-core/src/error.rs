//! Errors: what happened to what, and what to do next.

mod cause;
mod refusal;

pub use cause::{DecodeError, EncodeError, StoreError};
pub use refusal::{UniqueViolation, VersionConflict, Veto};

use crate::stream::StreamId;
use crate::validation::ValidationErrors;

/// The result of everything in this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of someone else's, kept as a source.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Whether a failed commit is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is durable.
    Yes,
    /// Nothing of it was written.
    No,
    /// The store could not say; the same commit id may be sent again safely.
    Unknown,
}

/// Everything that can go wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Someone else changed the instance first.
    #[error(transparent)]
    Conflict(Box<VersionConflict>),
    /// A value that must be unique is taken.
    #[error(transparent)]
    Unique(Box<UniqueViolation>),
    /// A consumer's checkpoint or lease epoch is not what the commit expected.
    #[error("checkpoint of `{consumer}` moved on: it was taken over or advanced elsewhere; load it again")]
    CheckpointConflict {
        /// Whose checkpoint.
        consumer: String,
    },
    /// An instance with this id exists, or existed and was deleted.
    #[error("{} `{id}` {}", .model, if *.deleted { "was deleted before: bring it back with `restore`, or take a new id" } else { "exists already: load and save it, or take a new id" })]
    AlreadyExists {
        /// The model.
        model: &'static str,
        /// The id.
        id: String,
        /// Whether it was deleted.
        deleted: bool,
    },
    /// There is no such instance.
    #[error("{model} `{id}` does not exist{}", if *.deleted { ": it was deleted; `restore` brings it back" } else { "" })]
    NotFound {
        /// The model.
        model: &'static str,
        /// The id.
        id: String,
        /// Whether it was deleted.
        deleted: bool,
    },
    /// The instance breaks its own rules. All of them are listed.
    #[error("{model} is not valid: {errors}")]
    Validation {
        /// The model.
        model: &'static str,
        /// Every broken rule with its path.
        errors: ValidationErrors,
    },
    /// A pre hook refused the write, or panicked.
    #[error(transparent)]
    Veto(Box<Veto>),
    /// A hook wrote the instance whose write it belongs to.
    #[error("a hook of {stream} wrote {stream} again: change the instance through `&mut self` instead")]
    Reentrant {
        /// The instance's stream.
        stream: StreamId,
    },
    /// Hooks called hooks too deep.
    #[error("hooks nest deeper than {limit}: {chain}")]
    HookDepth {
        /// The limit.
        limit: usize,
        /// The writes in progress, outermost first.
        chain: String,
    },
    /// A hook on loading failed.
    #[error("{hook} failed on {model} `{id}`")]
    PostLoad {
        /// The hook's name.
        hook: String,
        /// The model.
        model: &'static str,
        /// The id.
        id: String,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A commit is over its limits.
    #[error(
        "commit too large: {actual} {unit} where the limit is {limit}; split it, or raise the limit on the builder"
    )]
    CommitTooLarge {
        /// `writes` or `bytes`.
        unit: &'static str,
        /// What it has.
        actual: usize,
        /// What it may have.
        limit: usize,
    },
    /// A document or event is larger than the store can hold.
    #[error(
        "{subject} too large: {actual} bytes where the limit is {limit}; keep large values elsewhere and store a reference"
    )]
    TooLarge {
        /// What is too large.
        subject: String,
        /// What it has.
        actual: usize,
        /// What it may have.
        limit: usize,
    },
    /// A document is nested deeper than is safe to decode.
    #[error("{subject} is nested deeper than {limit} levels; flatten it")]
    TooDeep {
        /// What is too deep.
        subject: String,
        /// The limit.
        limit: usize,
    },
    /// A field name that databases read as an operator or a path.
    #[error("field name `{}` in {subject} is not allowed ({reason}); rename the field or the map key", .name.escape_debug())]
    InvalidField {
        /// Where it stands.
        subject: String,
        /// The name.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A name that is not one of ours.
    #[error("{what} `{}` is not valid: {hint}", .name.escape_debug())]
    InvalidName {
        /// What kind of name.
        what: &'static str,
        /// The name.
        name: String,
        /// What to write instead.
        hint: &'static str,
    },
    /// A filter or query that has no single meaning on every store.
    #[error("query on `{path}` is not valid: {reason}")]
    InvalidQuery {
        /// The field.
        path: String,
        /// Why, and what to write instead.
        reason: String,
    },
    /// A commit that makes no sense, such as one without events and checkpoints.
    #[error("commit is not valid: {reason}")]
    InvalidCommit {
        /// Why.
        reason: String,
    },
    /// A value has no stored form.
    #[error("{subject} cannot be stored: {source}")]
    Encode {
        /// What was to be stored.
        subject: String,
        /// The field and the reason.
        source: EncodeError,
    },
    /// A stored document does not fit its Rust type.
    #[error("{subject} cannot be read: {source}; add a default, an upcaster, or mend the document")]
    Decode {
        /// Collection and id, or stream and version.
        subject: String,
        /// The field and the reason.
        source: DecodeError,
    },
    /// A stored document or event was written by a newer version of the program.
    #[error("{subject} has schema version {found}, this program knows {known}: deploy the newer program first")]
    SchemaAhead {
        /// What was read.
        subject: String,
        /// Its schema version.
        found: u32,
        /// The highest one known here.
        known: u32,
    },
    /// A stored event cannot be folded.
    #[error("{stream} at version {version} cannot be folded: {reason}")]
    Fold {
        /// The stream.
        stream: StreamId,
        /// The event's version.
        version: u64,
        /// Why, and what to do.
        reason: String,
    },
    /// An event is read as another one than it is.
    #[error("{subject} is no `{expected}`: look at its `event_type` first, or read only events of one type")]
    WrongEvent {
        /// The event.
        subject: String,
        /// The name of the event that it was to be.
        expected: &'static str,
    },
    /// Stored data cannot be brought to the shape that this program knows.
    #[error("{subject} cannot be upcast from schema version {from}: {reason}")]
    Upcast {
        /// What was read.
        subject: String,
        /// The schema version that the failing step reads.
        from: u32,
        /// Why, and what to do.
        reason: String,
    },
    /// Only the program that defines the model can fold this.
    #[error(
        "{subject} can only be folded by code of `{model}`: use a program that links the model and calls `earnorm::cli::run()`"
    )]
    NeedsCode {
        /// What was to be folded.
        subject: String,
        /// The model.
        model: String,
    },
    /// Fields of a sourced model changed without an event.
    #[error("{model} is sourced, but {} changed without an event: change it in an `#[apply]` method and `raise` the event", .fields.join(", "))]
    Unexplained {
        /// The model.
        model: &'static str,
        /// The paths that differ.
        fields: Vec<String>,
    },
    /// A model that the database does not know.
    #[error(
        "model `{model}` is not registered with this database: name its crate (`use models as _;`), or add it with `Database::builder().model::<{model}>()`"
    )]
    Unregistered {
        /// The Rust type.
        model: &'static str,
    },
    /// The models and hooks do not fit together.
    #[error("the registry is not valid: {0}")]
    Registry(String),
    /// The unit of work was committed or rolled back already.
    #[error("this unit of work is closed: start another with `db.unit()`")]
    UnitClosed,
    /// The database handle was closed.
    #[error("this database handle is closed: connect again")]
    Closed,
    /// The store could not be reached or is not fit.
    #[error("cannot connect to {uri}: {reason}")]
    Connect {
        /// What was tried, passwords hidden.
        uri: String,
        /// Why, and what to do.
        reason: String,
        /// The driver's error.
        #[source]
        source: Option<BoxError>,
    },
    /// The store cannot do this.
    #[error("the {store} store cannot do this: {what}")]
    Unsupported {
        /// The store.
        store: &'static str,
        /// What was asked, and what to do instead.
        what: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// The same long work was done, or begun again, by someone else.
    #[error("{what} was overtaken by another run: nothing is lost, let that one finish, or run it again afterwards")]
    Superseded {
        /// The work.
        what: String,
    },
    /// A projection has no rows to read.
    #[error("projection `{projection}` cannot be read: {reason}")]
    Unbuilt {
        /// Its name.
        projection: String,
        /// Why, and what to do.
        reason: String,
    },
    /// An operation that makes no sense as things are.
    #[error("{what} was refused: {reason}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Why it cannot be done, and what to do first.
        reason: String,
    },
    /// Something did not happen in time.
    #[error("waited {after:?} for {what}: look whether it is stuck, or wait longer")]
    TimedOut {
        /// What was waited for.
        what: String,
        /// How long.
        after: std::time::Duration,
    },
    /// A stored event or document is not what this library writes.
    #[error("{subject} is corrupt: {reason}")]
    Corrupt {
        /// Position, stream or collection and id.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An error of the caller's own, passed through a closure or hook.
    #[error(transparent)]
    Other(BoxError),
}

impl Error {
    /// Whether the same call may succeed if it is made again: after a reload for a conflict, at once for a store that
    /// was out of reach, also when it was connected to.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Conflict(_) | Self::CheckpointConflict { .. } | Self::TimedOut { .. } => true,
            Self::Store(error) => error.retryable,
            Self::Connect { source, .. } => source.as_deref().is_some_and(is_retryable),
            Self::Veto(veto) => veto.source.as_deref().is_some_and(is_retryable),
            _ => false,
        }
    }

    /// Whether what the failed call was to write is in the store.
    #[must_use]
    pub fn was_applied(&self) -> Applied {
        match self {
            Self::Store(error) => error.applied,
            _ => Applied::No,
        }
    }

    /// Whether this is a version conflict.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    #[doc(hidden)]
    #[must_use]
    pub fn invalid_name(what: &'static str, name: &str, hint: &'static str) -> Self {
        Self::InvalidName { what, name: name.to_owned(), hint }
    }

    /// An error of the caller's own.
    pub fn other(error: impl Into<BoxError>) -> Self {
        Self::Other(error.into())
    }
}

fn is_retryable(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error.downcast_ref::<Error>().is_some_and(Error::is_retryable)
}

#[cfg(test)]
mod tests;
