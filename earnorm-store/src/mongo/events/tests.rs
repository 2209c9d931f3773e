//! Events that are encoded once and placed often, and the commands that insert them.

use bson::doc;
use chrono::DateTime;
use earnorm_core::commit::{Append, Commit};
use earnorm_core::event::NewEvent;
use earnorm_core::metadata::Metadata;
use earnorm_core::stream::{ExpectedVersion, StreamId};
use uuid::Uuid;

use super::super::raw::{Reply, WriteFault};
use super::super::unconnected::{creating, sent};
use super::{COMMAND_BYTES_MAX, Head, Heads, Place, Plan, Stored, Taken, encode};
use crate::mongo::member::Member;

#[test]
fn an_event_is_encoded_once_and_placed_often() {
    let mut commit = Commit::new(Uuid::now_v7());
    for (key, event_type) in [("a", "user.created"), ("long-key-ü", "x.y")] {
        let event = |actor: &str| NewEvent {
            id: Uuid::now_v7(),
            event_type: event_type.to_owned(),
            schema_version: 3,
            data: doc! { "x": 1 },
            metadata: Metadata::new().actor(actor),
            recorded_at: DateTime::from_timestamp_millis(5).expect("a time"),
        };
        let stream = StreamId::new("user", key).expect("a stream");
        let events = vec![event("one"), event("other")];
        commit.appends.push(Append { stream, expected: ExpectedVersion::Any, not_before: None, events });
    }
    let at = DateTime::from_timestamp_millis(1_700_000_000_123).expect("a time");
    let stored = Stored::of(&commit).expect("it is encoded");
    let all = commit.appends.iter().flat_map(|append| append.events.iter().map(move |event| (append, event)));
    for (index, ((append, event), stored)) in all.zip(&stored).enumerate() {
        let named = (index == 0).then_some((commit.id, 4));
        let place = Place { stream: &append.stream, version: 7, position: 1 << 40, at, commit: named };
        let anew = encode(event, place).expect("it is encoded");
        assert_eq!(stored.at(1 << 40, 7, at).expect("it is placed"), anew);
    }
    assert_eq!(stored.len(), 4);
}

/// Members with an event of about so many bytes each.
fn members(sizes: &[usize]) -> Vec<Member> {
    let sized = |(index, size): (usize, &usize)| {
        let mut commit = creating(&index.to_string());
        commit.appends[0].events[0].data = doc! { "x": "x".repeat(*size) };
        sent(commit, None).0
    };
    sizes.iter().enumerate().map(sized).collect()
}

fn fault(index: i32, key: &str) -> WriteFault {
    let mut pattern = doc! {};
    pattern.insert(key, 1);
    let fault = doc! { "index": index, "code": 11_000, "errmsg": "duplicate", "keyPattern": pattern };
    Reply::read(&doc! { "n": 0, "writeErrors": [fault] }).fault.expect("a fault")
}

#[test]
fn events_go_in_commands_that_the_server_takes_and_each_keeps_its_owner() {
    let size = COMMAND_BYTES_MAX / 3;
    let members = members(&[size, size, size, 10, 2 * size, 2 * size]);
    let plan = Plan::new(&members, &[0, 1, 2, 3, 4, 5], &Heads::new(), 7, "events").expect("it is encoded");
    let offsets: Vec<_> = plan.commands.iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [0, 2, 4, 5], "two go in the first command, a third would be too much");
    for (offset, command) in &plan.commands {
        assert!(command.as_bytes().len() < COMMAND_BYTES_MAX + 1_000, "command at {offset}");
    }
    assert_eq!([0, 1].map(|index| plan.owner(2, &fault(index, "c"))), [Some((2, 0)), Some((3, 0))]);
    assert_eq!(plan.owner(5, &fault(0, "c")), Some((5, 0)));
    assert_eq!(plan.owner(5, &fault(1, "c")), None);
    let positions: Vec<_> = plan.receipts.iter().map(|(_, receipt)| receipt.events[0].position.get()).collect();
    assert_eq!(positions, [7, 8, 9, 10, 11, 12]);
    assert!(matches!(plan.taken(2, &fault(1, "_id")), Taken::Position));
    assert!(matches!(plan.taken(2, &fault(1, "c")), Taken::CommitId(3)));
    assert!(matches!(plan.taken(2, &fault(1, "s")), Taken::Stream { member: 3, append: 0 }));
    assert!(matches!(plan.taken(2, &fault(1, "email")), Taken::Other(Some(3))));
}

#[test]
fn only_those_that_are_live_are_placed_behind_their_streams_ends() {
    let members = members(&[1, 1, 1]);
    let at = DateTime::from_timestamp_millis(99);
    let heads = Heads::from([((2, 0), Head { version: 4, at })]);
    let plan = Plan::new(&members, &[0, 2], &heads, 1, "events").expect("it is encoded");
    let placed = plan.receipts.iter().map(|(member, receipt)| {
        let event = &receipt.events[0];
        (*member, event.version, event.position.get(), event.recorded_at.timestamp_millis())
    });
    assert_eq!(placed.collect::<Vec<_>>(), [(0, 1, 1, 0), (2, 5, 2, 99)], "and time never falls");
    assert!(Plan::new(&members, &[], &heads, 1, "events").expect("nothing").commands.is_empty());
}

#[test]
fn a_commit_weighs_what_its_events_and_documents_weigh() {
    let light = members(&[0]).remove(0).prepared.bytes;
    assert_eq!(members(&[5_000]).remove(0).prepared.bytes, light + 5_000);
}
