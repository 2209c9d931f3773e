//! What must hold and is written before the events: checks, state documents, checkpoints, each as guarded commands.

use bson::raw::{RawArrayBuf, RawDocumentBuf, cstr};
use bson::{Bson, Document, doc};
use earnorm_core::commit::{Checkpoint, CheckpointWrite, Commit, DocumentOp, DocumentWrite};
use earnorm_core::schema::{CHECKED_BY, VERSION};

use super::attempt::Failure;
use super::codec::int64;
use super::error::DUPLICATE_KEY;
use super::events::of_code;
use super::inner::Inner;
use super::raw::{
    COMMAND_BYTES_MAX, RawResult, Reply, delete_command, delete_statement, insert_command, patch, update_command,
    update_statement, uuid, with_id,
};
use super::settle::Refusal;

/// What is written by one statement.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) collection: &'a str,
    pub(super) id: &'a Bson,
    /// The version that must hold; `None` for a new document.
    pub(super) expected: Option<u64>,
}

impl Item<'_> {
    /// The id as stream keys write it; empty for types that no model's id has.
    pub(super) fn key(&self) -> String {
        match self.id {
            Bson::String(text) => text.clone(),
            Bson::ObjectId(id) => id.to_hex(),
            Bson::Int64(number) => number.to_string(),
            id => super::codec::read_uuid(id).map_or_else(String::new, |id| id.to_string()),
        }
    }
}

/// Which command writes it: neighbours of one kind in one collection share a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Insert,
    Update,
    Delete,
}

/// One command and what it writes.
pub(super) struct Group<'a> {
    pub(super) command: RawDocumentBuf,
    pub(super) items: Vec<Item<'a>>,
    /// Whose checkpoint it moves.
    pub(super) checkpoint: Option<&'a CheckpointWrite>,
}

impl Group<'_> {
    /// Whether the server did all of it; if not, what does not hold.
    pub(super) fn judge(&self, index: usize, reply: &Reply, inner: &Inner) -> Result<(), Box<Failure>> {
        let Some(fault) = &reply.fault else {
            let whole = reply.n == self.items.len().max(1);
            return if whole { Ok(()) } else { Err(Box::new(Failure::Refused(self.stale(index)))) };
        };
        if fault.code != DUPLICATE_KEY {
            return Err(Box::new(of_code(fault)));
        }
        if self.checkpoint.is_some() {
            return Err(Box::new(Failure::Refused(self.stale(index))));
        }
        let fields = fault.fields(|name| inner.known_fields(name));
        let item = fault.index;
        let refusal = if fields == ["_id"] {
            Refusal::Taken { group: index, item }
        } else {
            Refusal::Unique { group: index, item, fields }
        };
        Err(Box::new(Failure::Refused(refusal)))
    }

    fn stale(&self, index: usize) -> Refusal {
        if self.checkpoint.is_some() { Refusal::Checkpoint(index) } else { Refusal::Stale(index) }
    }
}

/// Statements of one kind, until they become a command.
struct Open<'a> {
    kind: Kind,
    collection: &'a str,
    statements: RawArrayBuf,
    bytes: usize,
    items: Vec<Item<'a>>,
}

impl<'a> Open<'a> {
    fn close(self) -> Group<'a> {
        let command = match self.kind {
            Kind::Insert => insert_command(self.collection, self.statements),
            Kind::Delete => delete_command(self.collection, self.statements),
            Kind::Update => update_command(self.collection, self.statements),
        };
        Group { command, items: self.items, checkpoint: None }
    }
}

/// All that `commit` writes before its events. Checks come first: they speak of what was there before it.
pub(super) fn groups<'a>(commit: &'a Commit, checkpoints: &'a str) -> RawResult<Vec<Group<'a>>> {
    let mut groups = Vec::new();
    let mut open: Option<Open<'a>> = None;
    for check in &commit.checks {
        let item = Item { collection: &check.collection, id: &check.id, expected: Some(check.expected) };
        let mut change = RawDocumentBuf::new();
        change.append(cstr!("$set"), RawDocumentBuf::try_from(&doc! { CHECKED_BY: uuid(commit.id) })?);
        let statement = update_statement(&query(&item), change)?;
        join(&mut groups, &mut open, Kind::Update, item, statement);
    }
    for write in &commit.documents {
        let (kind, item, statement) = statement(write)?;
        join(&mut groups, &mut open, kind, item, statement);
    }
    groups.extend(open.map(Open::close));
    for write in &commit.checkpoints {
        groups.push(checkpoint(commit, write, checkpoints)?);
    }
    Ok(groups)
}

fn join<'a>(
    groups: &mut Vec<Group<'a>>,
    open: &mut Option<Open<'a>>,
    kind: Kind,
    item: Item<'a>,
    statement: RawDocumentBuf,
) {
    let bytes = statement.as_bytes().len();
    let fits = open.as_ref().is_some_and(|open| {
        open.kind == kind && open.collection == item.collection && open.bytes + bytes <= COMMAND_BYTES_MAX
    });
    if !fits {
        groups.extend(open.take().map(Open::close));
    }
    let open = open.get_or_insert_with(|| Open {
        kind,
        collection: item.collection,
        statements: RawArrayBuf::new(),
        bytes: 0,
        items: Vec::new(),
    });
    open.statements.push(statement);
    open.bytes += bytes;
    open.items.push(item);
}

fn statement(write: &DocumentWrite) -> RawResult<(Kind, Item<'_>, RawDocumentBuf)> {
    let item = |expected| Item { collection: &write.collection, id: &write.id, expected };
    Ok(match &write.op {
        DocumentOp::Insert { document } => (Kind::Insert, item(None), with_id(&write.id, document)?),
        DocumentOp::Replace { expected, document } => {
            let item = item(Some(*expected));
            let statement = update_statement(&query(&item), with_id(&write.id, document)?)?;
            (Kind::Update, item, statement)
        }
        DocumentOp::Patch { expected, set, unset } => {
            let item = item(Some(*expected));
            let statement = update_statement(&query(&item), patch(set, unset)?)?;
            (Kind::Update, item, statement)
        }
        DocumentOp::Delete { expected } => {
            let item = item(Some(*expected));
            let statement = delete_statement(&query(&item))?;
            (Kind::Delete, item, statement)
        }
    })
}

/// The document at its expected version.
fn query(item: &Item<'_>) -> Document {
    doc! { "_id": { "$eq": item.id.clone() }, VERSION: { "$eq": int64(item.expected.unwrap_or(0)) } }
}

fn checkpoint<'a>(commit: &Commit, write: &'a CheckpointWrite, collection: &str) -> RawResult<Group<'a>> {
    let Checkpoint { position, epoch } = write.next;
    let mut next = doc! { "p": position.get(), "ep": int64(epoch), "c": uuid(commit.id) };
    let mut statements = RawArrayBuf::new();
    let command = match write.expected {
        None => {
            next.insert("_id", write.consumer.as_str());
            statements.push(RawDocumentBuf::try_from(&next)?);
            insert_command(collection, statements)
        }
        Some(expected) => {
            let query =
                doc! { "_id": write.consumer.as_str(), "p": expected.position.get(), "ep": int64(expected.epoch) };
            statements.push(update_statement(&query, RawDocumentBuf::try_from(&doc! { "$set": next })?)?);
            update_command(collection, statements)
        }
    };
    Ok(Group { command, items: Vec::new(), checkpoint: Some(write) })
}
