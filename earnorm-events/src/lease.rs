//! Who runs a handler. The epoch in the handler's checkpoint is the fence: a take-over raises it, and every commit of the
//! handler changes that document, so a commit of an older epoch conflicts. A lease only says whom to leave alone.

use bson::{Bson, Document, doc};
use earnorm_core::commit::{Checkpoint, CheckpointWrite, Commit, DocumentOp, DocumentWrite};
use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::schema::VERSION;
use earnorm_core::store::{LogQuery, Own};
use earnorm_core::{Error, Result};

use crate::handler::{Handler, Start};

/// A lease as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The version of the record.
    record: u64,
    /// Who runs the handler; `None` when it was given back.
    pub(crate) node: Option<String>,
    /// Where the log ended at the handler's first start, or how far it was when it was replayed.
    live_from: Option<Position>,
    /// Behind which position the handler began: what is older was never its to handle.
    pub(crate) began: Position,
}

/// A handler that this process runs: its checkpoint as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) checkpoint: Checkpoint,
    record: u64,
    /// Where the log ended at the handler's first start, or how far it was when it was replayed: what is behind is live.
    pub(crate) live_from: Position,
    began: Position,
}

pub(crate) async fn find(db: &Database, handler: &str) -> Result<Option<Lease>> {
    let found = db.store().get(&db.store().admin().own(Own::Leases), &handler.into()).await?;
    Ok(found.as_ref().map(read))
}

fn read(stored: &Document) -> Lease {
    let record = stored.get_i64(VERSION).ok().and_then(|record| u64::try_from(record).ok()).unwrap_or(0);
    let live_from = stored.get_i64("live_from").ok().map(Position::new);
    let began = Position::new(stored.get_i64("began").unwrap_or_default());
    Lease { record, node: stored.get_str("node").ok().map(ToOwned::to_owned), live_from, began }
}

/// Where a handler came into the log.
#[derive(Clone, Copy)]
struct Entry {
    live_from: Position,
    began: Position,
}

fn document(handler: &str, record: u64, node: Option<&str>, entry: Entry) -> Document {
    let Entry { live_from, began } = entry;
    doc! {
        "_id": handler,
        VERSION: i64::try_from(record).unwrap_or(i64::MAX),
        "node": node.map_or(Bson::Null, Bson::from),
        "live_from": live_from.get(),
        "began": began.get(),
    }
}

impl Lease {
    /// The write that notes that a handler was moved back to `after` from where it had come: it may begin earlier than it
    /// did, and what it had come past is not live any more.
    pub(crate) fn moved_back(&self, db: &Database, handler: &str, after: Position, from: Position) -> DocumentWrite {
        let live_from = self.live_from.unwrap_or(self.began).max(from);
        let entry = Entry { live_from, began: self.began.min(after) };
        let document = document(handler, self.record + 1, self.node.as_deref(), entry);
        write(db, handler, DocumentOp::Replace { expected: self.record, document })
    }
}

fn write(db: &Database, handler: &str, op: DocumentOp) -> DocumentWrite {
    DocumentWrite { collection: db.store().admin().own(Own::Leases), id: handler.into(), op }
}

/// Takes a handler over, whoever had it. `None` when someone else was quicker, or it moved meanwhile.
pub(crate) async fn claim(
    db: &Database,
    handler: &Handler,
    node: &str,
    lease: Option<&Lease>,
) -> Result<Option<Claim>> {
    let store = db.store();
    let id = &*handler.id;
    let expected = store.checkpoint(id).await?;
    let position = match expected {
        Some(checkpoint) => checkpoint.position,
        None => first_position(db, handler.start).await?,
    };
    let next = Checkpoint { position, epoch: expected.map_or(1, |checkpoint| checkpoint.epoch + 1) };
    let record = lease.map_or(1, |lease| lease.record + 1);
    let mut commit = Commit::new(db.next_id());
    commit.checkpoints.push(CheckpointWrite { consumer: id.to_owned(), expected, next });
    let live_from = match (lease.and_then(|lease| lease.live_from), expected) {
        (Some(position), _) => position,
        (None, Some(checkpoint)) => checkpoint.position,
        (None, None) if handler.start == Start::End => position,
        (None, None) => store.high_water().await?,
    };
    let began = lease.map_or(position, |lease| lease.began);
    let stored = document(id, record, Some(node), Entry { live_from, began });
    let op = match lease {
        None => DocumentOp::Insert { document: stored },
        Some(lease) => DocumentOp::Replace { expected: lease.record, document: stored },
    };
    commit.documents.push(write(db, id, op));
    match store.commit(commit).await {
        Ok(_) => Ok(Some(Claim { checkpoint: next, record, live_from, began })),
        Err(Error::Conflict(_) | Error::CheckpointConflict { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives a handler back, so that another process takes it at once. One that was taken over already stays so.
pub(crate) async fn release(db: &Database, handler: &str, claim: Claim) -> Result<()> {
    let mut commit = Commit::new(db.next_id());
    let next = Checkpoint { epoch: claim.checkpoint.epoch + 1, ..claim.checkpoint };
    let expected = Some(claim.checkpoint);
    commit.checkpoints.push(CheckpointWrite { consumer: handler.to_owned(), expected, next });
    let entry = Entry { live_from: claim.live_from, began: claim.began };
    let document = document(handler, claim.record + 1, None, entry);
    let op = DocumentOp::Replace { expected: claim.record, document };
    commit.documents.push(write(db, handler, op));
    match db.store().commit(commit).await {
        Ok(_) | Err(Error::Conflict(_) | Error::CheckpointConflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Where a handler begins that has never run.
async fn first_position(db: &Database, start: Start) -> Result<Position> {
    match start {
        Start::Beginning => Ok(Position::START),
        Start::After(position) => Ok(position),
        Start::End => db.store().high_water().await,
        Start::Since(moment) => {
            let query = LogQuery { since: Some(moment), limit: 1, ..LogQuery::default() };
            let page = db.store().read_log(query).await?;
            let first = page.events.first().map(|event| Position::new(event.position.get() - 1));
            Ok(first.unwrap_or(page.high_water))
        }
    }
}
