//! What a process shows to others and sees of them: its beat, theirs, and what was asked of the handlers.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use bson::Bson;
use chrono::TimeDelta;
use earnorm_core::Result;
use earnorm_core::predicate::Predicate;
use earnorm_core::store::{Own, PutRule};
use tokio::time::Instant;

use super::supervisor::Supervisor;
use crate::consumer::Control;
use crate::note;
use crate::operations::{NodeInfo, nodes};

/// A process whose beat has not moved for so many lease times is forgotten.
const FORGET_AFTER: u32 = 20;

/// Another process, as it was seen.
pub(super) struct Node {
    beat: i64,
    moved: Instant,
    handlers: Vec<String>,
}

impl Supervisor {
    pub(super) async fn sign_on(&mut self) -> Result<()> {
        self.beat += 1;
        let db = &self.shared.db;
        let read = self.running.iter().map(|(id, running)| (id.to_string(), running.seen.borrow().read));
        let note = NodeInfo {
            id: self.node.clone(),
            beat: self.beat,
            pid: i64::from(std::process::id()),
            at: db.now(),
            lease: TimeDelta::from_std(self.lease).unwrap_or(TimeDelta::MAX),
            handlers: self.handlers.iter().map(|handler| handler.id.to_string()).collect(),
            read: read.collect(),
        };
        let admin = db.store().admin();
        admin.put(&admin.own(Own::Nodes), vec![note.to_document()], PutRule::Always).await.map(|_| ())
    }

    pub(super) async fn sign_off(&self) -> Result<()> {
        let admin = self.shared.db.store().admin();
        admin.remove(&admin.own(Own::Nodes), &Predicate::eq("_id", self.node.as_str())).await.map(|_| ())
    }

    pub(super) async fn see_nodes(&mut self) -> Result<()> {
        let now = Instant::now();
        let mut seen = BTreeMap::new();
        let mut gone = Vec::new();
        for note in nodes(&self.shared.db).await? {
            let before = self.nodes.get(&note.id);
            let moved = before.filter(|node| node.beat == note.beat).map_or(now, |node| node.moved);
            if now.duration_since(moved) > self.lease * FORGET_AFTER {
                gone.push(Bson::from(note.id.as_str()));
            }
            seen.insert(note.id, Node { beat: note.beat, moved, handlers: note.handlers });
        }
        self.nodes = seen;
        if !gone.is_empty() {
            let admin = self.shared.db.store().admin();
            admin.remove(&admin.own(Own::Nodes), &Predicate::In { path: "_id".into(), values: gone }).await?;
        }
        Ok(())
    }

    pub(super) async fn see_controls(&mut self) -> Result<()> {
        self.controls.clear();
        for note in note::all(&self.shared.db).await? {
            let control = Control { paused: note.paused.is_some(), touched: note.touched };
            if let Some(running) = self.running.get(note.id.as_str()) {
                running.control.send_if_modified(|known| {
                    let changed = *known != control;
                    known.clone_from(&control);
                    changed
                });
            }
            self.controls.insert(note.id, control);
        }
        Ok(())
    }

    pub(super) fn is_alive(&self, node: &str) -> bool {
        node == self.node || self.nodes.get(node).is_some_and(|seen| seen.moved.elapsed() < self.lease)
    }

    /// The process that should run a handler.
    pub(super) fn owner(&self, handler: &str) -> &str {
        let weight = |node: &str| {
            let mut hasher = DefaultHasher::new();
            (node, handler).hash(&mut hasher);
            hasher.finish()
        };
        let knows = |node: &Node| node.handlers.iter().any(|known| known == handler);
        let others = self.nodes.iter().filter(|(id, node)| knows(node) && self.is_alive(id)).map(|(id, _)| id.as_str());
        others.chain([self.node.as_str()]).max_by_key(|node| weight(node)).unwrap_or(&self.node)
    }
}
