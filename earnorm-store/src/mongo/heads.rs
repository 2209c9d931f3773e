//! The ends of the streams that a transaction appends to, where no guarded document implies them.

use std::sync::atomic::Ordering;

use bson::{Bson, Document, doc};
use earnorm_core::commit::Append;
use earnorm_core::stream::ExpectedVersion;
use mongodb::ClientSession;

use super::attempt::Attempt;
use super::events::{Head, Heads};
use super::failure::Failure;
use super::inner::Inner;
use super::member::Member;
use super::refusal::Refusal;

/// A stream of a member: the numbers of both, and its name.
struct Wanted {
    member: usize,
    append: usize,
    stream: String,
}

impl Attempt {
    /// Reads the ends of streams, and takes members out whose stream is not at its version. The first statement opens
    /// the transaction on the server, which must come before the reservation: so one that has nothing else looks.
    pub(super) async fn heads(
        &mut self,
        inner: &Inner,
        members: &[Member],
        session: &mut ClientSession,
        opened: bool,
    ) -> Result<Heads, Failure> {
        let mut heads = Heads::new();
        // Where first events may be gone, the unique index does not tell whether a stream is new.
        let cut = inner.upkeep.cut.load(Ordering::Acquire);
        let mut wanted = self.wanted(members, |append| cut && append.expected == ExpectedVersion::NoStream);
        if wanted.is_empty() && !opened {
            wanted = self.wanted(members, |_| true);
            wanted.truncate(1);
        }
        let found = match wanted.as_slice() {
            [] => return Ok(heads),
            [one] => inner.head(session, &one.stream).await.map(|head| vec![(one.stream.clone(), head)])?,
            many => inner.heads(session, many.iter().map(|wanted| wanted.stream.as_str())).await?,
        };
        let found: std::collections::HashMap<_, _> = found.into_iter().collect();
        for Wanted { member, append, stream } in wanted {
            let head = found.get(&stream).copied().unwrap_or(Head::NONE);
            let expected = members.get(member).and_then(|member| member.prepared.commit.appends.get(append));
            if expected.and_then(|append| append.expected.base()).is_some_and(|base| base != head.version) {
                self.refuse(member, Refusal::Stream(append))?;
            }
            heads.insert((member, append), head);
        }
        Ok(heads)
    }

    fn wanted(&self, members: &[Member], also: impl Fn(&Append) -> bool) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (index, member) in members.iter().enumerate().filter(|(index, _)| self.is_live(*index)) {
            for (number, append) in member.prepared.commit.appends.iter().enumerate() {
                if also(append) || member.prepared.heads.contains(&number) {
                    wanted.push(Wanted { member: index, append: number, stream: append.stream.to_string() });
                }
            }
        }
        wanted
    }
}

impl Inner {
    async fn head(&self, session: &mut ClientSession, stream: &str) -> Result<Head, Failure> {
        let command = doc! {
            "find": &self.names.events,
            "filter": { "s": { "$eq": stream } },
            "sort": { "v": -1 },
            "projection": { "_id": 0, "v": 1, "at": 1 },
            "limit": 1,
            "singleBatch": true,
        };
        let found = self.batch(session, command).await?;
        Ok(found.first().map_or(Head::NONE, Head::read))
    }

    /// One look at the end of each stream: in this order of the index the server skips from one to the next.
    async fn heads(
        &self,
        session: &mut ClientSession,
        streams: impl Iterator<Item = &str>,
    ) -> Result<Vec<(String, Head)>, Failure> {
        let streams: Vec<_> = streams.map(Bson::from).collect();
        let size = i32::try_from(streams.len() + 1).unwrap_or(i32::MAX);
        let command = doc! {
            "aggregate": &self.names.events,
            "pipeline": [
                { "$match": { "s": { "$in": streams } } },
                { "$sort": { "s": -1, "v": -1 } },
                { "$group": { "_id": "$s", "v": { "$first": "$v" }, "at": { "$first": "$at" } } },
            ],
            "cursor": { "batchSize": size },
        };
        let found = self.batch(session, command).await?;
        Ok(found.iter().filter_map(|end| Some((end.get_str("_id").ok()?.to_owned(), Head::read(end)))).collect())
    }

    async fn batch(&self, session: &mut ClientSession, command: Document) -> Result<Vec<Document>, Failure> {
        let answer = self.commits_db.run_command(command).session(session).await;
        let mut answer = answer.map_err(|error| Failure::of("read the end of a stream", &error))?;
        let batch = answer.get_document_mut("cursor").and_then(|cursor| cursor.get_array_mut("firstBatch"));
        let batch = batch.map(std::mem::take).unwrap_or_default();
        Ok(batch
            .into_iter()
            .filter_map(|found| if let Bson::Document(found) = found { Some(found) } else { None })
            .collect())
    }
}
