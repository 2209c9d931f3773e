//! What must hold and is written before the events: checks, state documents, checkpoints, each as a guarded statement;
//! and how the statements of many commits become few commands.

use bson::raw::{RawArrayBuf, RawDocumentBuf, cstr};
use bson::{Bson, Document, doc};
use earnorm_core::commit::{Checkpoint, CheckpointWrite, Commit, DocumentOp, DocumentWrite};
use earnorm_core::schema::{CHECKED_BY, VERSION};

use super::codec::int64;
use super::fitness::number;
use super::member::Member;
use super::options::Names;
use super::raw::{
    COMMAND_BYTES_MAX, RawResult, delete_command, delete_statement, insert_command, patch, update_command,
    update_statement, uuid, with_id,
};

/// How many statements the server takes in one command.
const STATEMENTS_MAX: usize = 100_000;

/// A document and what is expected of it.
#[derive(Debug)]
pub(super) struct Item<'a> {
    pub(super) collection: &'a str,
    pub(super) id: &'a Bson,
    /// The version that must hold; `None` for a new document.
    pub(super) expected: Option<u64>,
}

impl<'a> Item<'a> {
    pub(super) fn of(write: &'a DocumentWrite) -> Self {
        let expected = match write.op {
            DocumentOp::Insert { .. } => None,
            DocumentOp::Replace { expected, .. }
            | DocumentOp::Patch { expected, .. }
            | DocumentOp::Delete { expected } => Some(expected),
        };
        Self { collection: &write.collection, id: &write.id, expected }
    }

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

/// Which command writes it: statements of one kind in one collection share a round trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Insert,
    Update,
    Delete,
}

/// Which part of its commit a statement writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Check(usize),
    Document(usize),
    Checkpoint(usize),
}

/// One guarded write.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) kind: Kind,
    pub(super) what: What,
    raw: RawDocumentBuf,
}

impl Statement {
    pub(super) fn size(&self) -> usize {
        self.raw.as_bytes().len()
    }
}

/// All that `commit` writes before its events. Checks come first: they speak of what was there before it.
pub(super) fn statements(commit: &Commit) -> RawResult<Vec<Statement>> {
    let mut statements = Vec::with_capacity(commit.checks.len() + commit.documents.len() + commit.checkpoints.len());
    for (index, check) in commit.checks.iter().enumerate() {
        let mut change = RawDocumentBuf::new();
        change.append(cstr!("$set"), RawDocumentBuf::try_from(&doc! { CHECKED_BY: uuid(commit.id) })?);
        let raw = update_statement(&query(&check.id, check.expected), change)?;
        statements.push(Statement { kind: Kind::Update, what: What::Check(index), raw });
    }
    for (index, write) in commit.documents.iter().enumerate() {
        let (kind, raw) = statement(write)?;
        statements.push(Statement { kind, what: What::Document(index), raw });
    }
    for (index, write) in commit.checkpoints.iter().enumerate() {
        let (kind, raw) = checkpoint(commit, write)?;
        statements.push(Statement { kind, what: What::Checkpoint(index), raw });
    }
    Ok(statements)
}

fn statement(write: &DocumentWrite) -> RawResult<(Kind, RawDocumentBuf)> {
    let id = &write.id;
    Ok(match &write.op {
        DocumentOp::Insert { document } => (Kind::Insert, with_id(id, document)?),
        DocumentOp::Replace { expected, document } => {
            (Kind::Update, update_statement(&query(id, *expected), with_id(id, document)?)?)
        }
        DocumentOp::Patch { expected, set, unset } => {
            (Kind::Update, update_statement(&query(id, *expected), patch(set, unset)?)?)
        }
        DocumentOp::Delete { expected } => (Kind::Delete, delete_statement(&query(id, *expected))?),
    })
}

/// The version of a document, 0 for one that has none. What is no version equals none.
pub(super) fn version_of(document: &Document) -> u64 {
    match document.get(VERSION) {
        None | Some(Bson::Null) => 0,
        Some(_) => number(document, VERSION).and_then(|version| u64::try_from(version).ok()).unwrap_or(u64::MAX),
    }
}

/// The document at its expected version; 0 is that of one without any.
fn query(id: &Bson, expected: u64) -> Document {
    let version = match expected {
        0 => doc! { "$in": [Bson::Null, 0_i64] },
        version => doc! { "$eq": int64(version) },
    };
    doc! { "_id": { "$eq": id.clone() }, VERSION: version }
}

fn checkpoint(commit: &Commit, write: &CheckpointWrite) -> RawResult<(Kind, RawDocumentBuf)> {
    let Checkpoint { position, epoch } = write.next;
    let mut next = doc! { "p": position.get(), "ep": int64(epoch), "c": uuid(commit.id) };
    Ok(match write.expected {
        None => {
            next.insert("_id", write.consumer.as_str());
            (Kind::Insert, RawDocumentBuf::try_from(&next)?)
        }
        Some(expected) => {
            let query =
                doc! { "_id": write.consumer.as_str(), "p": expected.position.get(), "ep": int64(expected.epoch) };
            (Kind::Update, update_statement(&query, RawDocumentBuf::try_from(&doc! { "$set": next })?)?)
        }
    })
}

/// Which statement of which member.
pub(super) type Entry = (usize, usize);

/// Statements that go in one command.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) kind: Kind,
    pub(super) collection: String,
    pub(super) entries: Vec<Entry>,
    bytes: usize,
}

impl Group {
    /// The command, without the statements of members that were put out.
    pub(super) fn command(&self, members: &[Member]) -> RawDocumentBuf {
        let mut statements = RawArrayBuf::new();
        for (member, statement) in &self.entries {
            if let Some(statement) = statement_of(members, (*member, *statement)) {
                statements.push(statement.raw.as_ref());
            }
        }
        match self.kind {
            Kind::Insert => insert_command(&self.collection, statements),
            Kind::Delete => delete_command(&self.collection, statements),
            Kind::Update => update_command(&self.collection, statements),
        }
    }
}

pub(super) fn statement_of(members: &[Member], (member, statement): Entry) -> Option<&Statement> {
    members.get(member)?.prepared.statements.get(statement)
}

/// The statements of all members in few commands. Those of one member keep their order, so that what is unique is
/// checked after each of its documents.
pub(super) fn groups(members: &[Member], names: &Names) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let mut from = 0;
        for (number, statement) in member.prepared.statements.iter().enumerate() {
            let (collection, size) = (member.prepared.collection(statement, names), statement.size());
            let fits = |group: &Group| {
                group.kind == statement.kind
                    && group.bytes + size <= COMMAND_BYTES_MAX
                    && group.entries.len() < STATEMENTS_MAX
                    && group.collection == collection
            };
            let place = groups.iter().skip(from).position(fits).map(|offset| from + offset);
            from = place.unwrap_or_else(|| {
                let collection = collection.to_owned();
                groups.push(Group { kind: statement.kind, collection, entries: Vec::new(), bytes: 0 });
                groups.len() - 1
            });
            if let Some(group) = groups.get_mut(from) {
                group.entries.push((index, number));
                group.bytes += size;
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    //! Which statements share a command.

    use super::super::unconnected::{creating, sent};
    use super::*;

    /// Members that write a document of about so many bytes each.
    fn members(sizes: &[usize]) -> Vec<Member> {
        let sized = |(index, size): (usize, &usize)| {
            let key = index.to_string();
            let mut commit = creating(&key);
            let document = doc! { "_id": key, "x": "x".repeat(*size) };
            commit.documents[0].op = DocumentOp::Insert { document };
            sent(commit, None).0
        };
        sizes.iter().enumerate().map(sized).collect()
    }

    #[test]
    fn statements_share_commands_that_the_server_takes() {
        let names = Names::starting_with("none_");
        let shared = |sizes: &[usize]| {
            let members = members(sizes);
            let groups = groups(&members, &names);
            let told: Vec<Vec<usize>> =
                groups.iter().map(|group| group.entries.iter().map(|(member, _)| *member).collect()).collect();
            for group in groups.iter().filter(|group| group.entries.len() > 1) {
                assert!(group.command(&members).as_bytes().len() < COMMAND_BYTES_MAX + 1_000);
            }
            told
        };
        assert_eq!(shared(&[9_000; 4]), [vec![0, 1, 2, 3]]);
        let third = COMMAND_BYTES_MAX / 3;
        assert_eq!(shared(&[third, third, third, 10]), [vec![0, 1, 3], vec![2]], "what still fits goes with the first");
        assert_eq!(shared(&[COMMAND_BYTES_MAX, 10]), [vec![0], vec![1]]);
    }
}
