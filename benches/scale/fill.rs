//! Fills a store with streams as programs leave them: some hundred streams are written at the same time, so that the
//! events of one lie apart in the log.

use std::collections::BTreeMap;

use bson::{Bson, Document, doc};
use earnorm::commit::{Append, Commit, DocumentOp, DocumentWrite};
use earnorm::event::NewEvent;
use earnorm::prelude::*;
use earnorm::stream::{ExpectedVersion, StreamId};
use futures::StreamExt;

/// Events of a stream.
pub const LENGTH: usize = 20;
/// Events that are appended to a stream at once.
const PART: usize = 4;
/// Streams in a commit.
const STREAMS: usize = 200;
/// Commits of one part of a cohort that are on their way at the same time.
const WRITERS: usize = 4;
/// Commits that a cohort takes for each part: its streams are written in turn.
const COHORT: usize = 20;

#[event(name = "opened")]
#[derive(Debug, Clone)]
struct Opened {
    id: Uuid,
}

#[event(name = "deposited")]
#[derive(Debug, Clone)]
pub struct Deposited {
    pub cents: i64,
    pub note: String,
}

#[model(sourced, collection = "accounts")]
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    #[model(id)]
    pub id: Uuid,
    pub cents: i64,
    pub last: String,
}

#[model]
impl Account {
    #[apply]
    fn opened(event: &Opened) -> Self {
        Self { id: event.id, cents: 0, last: String::new() }
    }

    #[apply]
    fn deposited(&mut self, event: &Deposited) {
        self.cents += event.cents;
        self.last.clone_from(&event.note);
    }
}

impl Deposited {
    /// The same for the same instance and number, and not alike: what databases compress must not be too easy.
    pub fn sample(id: Uuid, number: usize) -> Self {
        let drawn = id.as_u128().wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).rotate_left(number as u32 * 6);
        let note = format!("deposit {drawn:032x}, number {number}, paid in at the counter of a branch in small coins");
        Self { cents: 1, note }
    }
}

/// Writes so many events, and gives the ids of the instances.
pub async fn fill(db: &Database, events: usize) -> Vec<Uuid> {
    // The first instance comes the usual way, so that everything is there and shows what the others must look like.
    let first = Uuid::now_v7();
    let mut account = db.start::<Account>(first, Opened { id: first }).await.unwrap();
    for number in 1..LENGTH {
        account.raise(Deposited::sample(first, number)).unwrap();
    }
    account.save(db).await.unwrap();
    let sample = db.store().get("accounts", &uuid(first)).await.unwrap().unwrap();
    let mut ids: Vec<_> = (0..events / LENGTH).map(|_| Uuid::now_v7()).collect();
    for cohort in ids.chunks(STREAMS * COHORT) {
        for part in 0..LENGTH / PART {
            let commits = cohort.chunks(STREAMS).map(|ids| db.store().commit(commit(ids, part, &sample)));
            let mut commits = futures::stream::iter(commits).buffer_unordered(WRITERS);
            while let Some(committed) = commits.next().await {
                committed.unwrap();
            }
        }
    }
    check(db, ids.last().copied().unwrap_or(first), &sample).await;
    ids.push(first);
    ids
}

/// What was written in bulk must be what saving it one by one makes.
async fn check(db: &Database, id: Uuid, sample: &Document) {
    let stored = db.store().get("accounts", &uuid(id)).await.unwrap().unwrap();
    let keys = |document: &Document| {
        document.iter().map(|(key, value)| (key.clone(), value.element_type())).collect::<BTreeMap<_, _>>()
    };
    assert_eq!(keys(&stored), keys(sample));
    let loaded = Account::load(db, id).await.unwrap();
    assert_eq!(Account::at_version(db, id, LENGTH as u64).await.unwrap().as_ref(), Some(&*loaded), "filled wrongly");
}

fn uuid(id: Uuid) -> Bson {
    bson::Uuid::from_bytes(id.into_bytes()).into()
}

/// One part of some streams; with the last comes the document.
fn commit(ids: &[Uuid], part: usize, sample: &Document) -> Commit {
    let mut commit = Commit::new(Uuid::now_v7());
    let first = part * PART;
    for id in ids {
        commit.appends.push(Append {
            stream: StreamId::new("account", id.to_string()).unwrap(),
            expected: ExpectedVersion::after(first as u64),
            not_before: None,
            events: (first..first + PART).map(|number| event(*id, number)).collect(),
        });
        if first + PART == LENGTH {
            let mut document = sample.clone();
            document.insert("_id", uuid(*id));
            document.insert("last", Deposited::sample(*id, LENGTH - 1).note);
            commit.documents.push(DocumentWrite {
                collection: "accounts".to_owned(),
                id: uuid(*id),
                op: DocumentOp::Insert { document },
            });
        }
    }
    commit
}

fn event(id: Uuid, number: usize) -> NewEvent {
    let sample = Deposited::sample(id, number);
    let (name, data) = match number {
        0 => ("account.opened", doc! { "id": uuid(id) }),
        _ => ("account.deposited", doc! { "cents": sample.cents, "note": sample.note }),
    };
    NewEvent {
        id: Uuid::now_v7(),
        event_type: name.to_owned(),
        schema_version: 1,
        data,
        metadata: Metadata::new(),
        recorded_at: Utc::now(),
    }
}
