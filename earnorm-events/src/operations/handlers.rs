//! `db.handlers()`: what is known of the handlers, and pausing, resuming and replaying them.

use earnorm_core::Result;
use earnorm_core::commit::{Checkpoint, DocumentOp, DocumentWrite};
use earnorm_core::database::Database;
use earnorm_core::position::Position;
use earnorm_core::predicate::{Comparison, Predicate};
use earnorm_core::schema::VERSION;
use earnorm_core::store::{DocumentQuery, Own};
use futures::TryStreamExt;

use super::commit::{Plan, commit};
use super::{nodes, refused, unknown};
use crate::bus::Nudge;
use crate::note::{self, Note, Pause};
use crate::schedule::{self, SCHEDULER};

/// How many records one commit removes.
const BATCH: u64 = 400;

/// Operations on handlers: see [`super::Operate::handlers`].
#[derive(Debug, Clone)]
pub struct Handlers {
    pub(crate) db: Database,
    nudge: Nudge,
}

/// A handler as the store knows it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HandlerInfo {
    /// Its id.
    pub id: String,
    /// Its group.
    pub group: Option<String>,
    /// The types of events that it takes.
    pub patterns: Vec<String>,
    /// Types that it does not take though they match.
    pub except: Vec<String>,
    /// Where it is written, where that is known.
    pub place: Option<String>,
    /// Everything up to here is done, or has a record; `None` while it has never run, and for what does not read the log.
    pub position: Option<Position>,
    /// How many positions the log is ahead of it.
    pub lag: u64,
    /// Why it is paused.
    pub paused: Option<Pause>,
    /// How many of its streams wait for one of their events.
    pub parked: u64,
    /// How many events it has given up.
    pub dead_letters: u64,
    /// Whether a process runs it that has shown a sign of life.
    pub running: bool,
    /// Whether the program of such a process has it: one that no program has waits for its code, or to be forgotten.
    pub registered: bool,
}

impl Handlers {
    pub(crate) fn new(db: Database) -> Self {
        Self { db, nudge: Nudge::default() }
    }

    pub(crate) fn nudging(self, nudge: Nudge) -> Self {
        Self { nudge, ..self }
    }

    /// Every handler that the store knows, by id, those too that no program has any more. What fires schedules is among
    /// them as `earnorm:scheduler` where there are schedules, or where it is paused.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn list(&self) -> Result<Vec<HandlerInfo>> {
        let (db, now) = (&self.db, self.db.now());
        let end = db.store().high_water().await?;
        let nodes = nodes(db).await?;
        let alive: Vec<_> = nodes.iter().filter(|node| node.is_alive(now)).collect();
        let mut infos = Vec::new();
        for note in note::all(db).await? {
            if note.id == SCHEDULER && note.paused.is_none() && !schedule::any(db).await? {
                continue;
            }
            let position = db.store().checkpoint(&note.id).await?.map(|checkpoint| checkpoint.position);
            let position = position.filter(|position| *position != Position::END);
            let lag = position.map_or(0, |position| end.get().saturating_sub(position.get()));
            let holder = crate::lease::find(db, &note.id).await?.and_then(|lease| lease.node);
            infos.push(HandlerInfo {
                position,
                lag: u64::try_from(lag).unwrap_or(0),
                parked: self.count(Own::Parked, &note.id).await?,
                dead_letters: self.count(Own::DeadLetters, &note.id).await?,
                running: holder.is_some_and(|holder| alive.iter().any(|node| node.id == holder)),
                registered: alive.iter().any(|node| node.handlers.contains(&note.id)),
                place: Some(note.place).filter(|place| !place.is_empty()),
                id: note.id,
                group: note.group,
                patterns: note.patterns,
                except: note.except,
                paused: note.paused,
            });
        }
        Ok(infos)
    }

    async fn count(&self, own: Own, handler: &str) -> Result<u64> {
        let store = self.db.store();
        store.count(&store.admin().own(own), &Predicate::eq("handler", handler)).await
    }

    /// Pauses a handler, or every handler of a group, in whichever process it runs: what is on its way ends, nothing new
    /// begins, and events wait in the log. It stays so over restarts. Answers the ids that were not paused before.
    ///
    /// # Errors
    /// [`earnorm_core::Error::InvalidName`] when there is no such handler or group; what the store answers.
    pub async fn pause(&self, handler_or_group: &str, reason: &str) -> Result<Vec<String>> {
        let pause = Pause::new(reason, self.db.now(), false);
        self.change(handler_or_group, |note| note.paused.is_none() && note.paused.insert(pause.clone()) == &pause).await
    }

    /// Lets a handler, or every handler of a group, go on. Answers the ids that were paused.
    ///
    /// # Errors
    /// As [`Handlers::pause`].
    pub async fn resume(&self, handler_or_group: &str) -> Result<Vec<String>> {
        self.change(handler_or_group, |note| note.paused.take().is_some()).await
    }

    async fn change(&self, named: &str, change: impl Fn(&mut Note) -> bool + Send + Sync) -> Result<Vec<String>> {
        let notes = note::all(&self.db).await?;
        let meant = |note: &&Note| note.id == named || note.group.as_deref() == Some(named);
        let ids: Vec<_> = notes.iter().filter(meant).map(|note| note.id.clone()).collect();
        if ids.is_empty() {
            return Err(unknown(named));
        }
        let mut changed = Vec::new();
        for id in ids {
            if note::change(&self.db, &id, &change).await? == Some(true) {
                changed.push(id);
            }
        }
        self.nudge.look().await;
        Ok(changed)
    }

    /// Moves a handler back, so that it handles everything behind `after` once more: [`Position::START`] for the whole
    /// log, or what a truncation left of it. Its effects happen again, on purpose, and
    /// [`crate::EventContext::is_live`] is `false` for what it had come past. It must be paused, or run nowhere, and goes
    /// on when it is resumed.
    ///
    /// Who runs it now is fenced off by the epoch of its checkpoint: what it still does is not recorded, so an event that
    /// is on its way in that moment is run once more than the others, and its two runs may overlap. Wait until a paused
    /// handler is idle where that matters. Whether it runs is judged by the clocks of the processes, which may be wrong;
    /// the fence does not depend on them.
    ///
    /// Records of events behind `after` go, parked streams and dead letters, since these events are handled anew. A
    /// stream that waits for an event at or before `after` goes on waiting.
    ///
    /// # Errors
    /// [`earnorm_core::Error::Refused`] when it runs and is not paused, has never run, or `after` is ahead of it;
    /// [`earnorm_core::Error::InvalidName`] when there is no such handler; what the store answers.
    pub async fn replay(&self, handler: &str, after: Position) -> Result<()> {
        let what = || format!("replay of handler `{handler}`");
        if handler == SCHEDULER {
            return Err(refused(
                what(),
                "it fires schedules and reads nothing of the log: replay what handles their events",
            ));
        }
        let nodes = nodes(&self.db).await?;
        let store = self.db.store();
        if store.get(&store.admin().own(Own::Projections), &handler.into()).await?.is_some() {
            return Err(refused(what(), "it is a projection, whose rows would be folded twice: rebuild it"));
        }
        let truncated = store.admin().truncated().await?;
        if after < truncated && after != Position::START {
            return Err(refused(what(), format!("the log begins behind {truncated}: import the archive elsewhere")));
        }
        let mut moved = false;
        let mut more = true;
        while more {
            more = false;
            commit(&self.db, handler, async |note, stored| {
                let now = self.db.now();
                let lease = crate::lease::find(&self.db, handler).await?;
                let holder = lease.as_ref().and_then(|lease| lease.node.clone());
                let runs =
                    holder.is_some_and(|holder| nodes.iter().any(|node| node.id == holder && node.is_alive(now)));
                if note.paused.is_none() && runs {
                    return Err(refused(what(), "it is running: pause it first, and resume it afterwards"));
                }
                if !moved && after > stored.position {
                    let reason = format!("it is at {} only, before {after}: it comes there by itself", stored.position);
                    return Err(refused(what(), reason));
                }
                let mut documents = self.records_behind(handler, after, Own::Parked).await?;
                documents.extend(self.records_behind(handler, after, Own::DeadLetters).await?);
                more = documents.len() as u64 >= BATCH;
                if !moved {
                    documents.extend(lease.map(|lease| lease.moved_back(&self.db, handler, after, stored.position)));
                }
                let position = if moved { stored.position } else { after };
                let epoch = stored.epoch + u64::from(!moved);
                Ok(Some(Plan { documents, checkpoint: Some(Checkpoint { position, epoch }) }))
            })
            .await?;
            moved = true;
        }
        self.nudge.look().await;
        Ok(())
    }

    /// The writes that remove some records of events behind a position.
    async fn records_behind(&self, handler: &str, after: Position, own: Own) -> Result<Vec<DocumentWrite>> {
        let store = self.db.store();
        let collection = store.admin().own(own);
        let behind = Predicate::Compare { path: "position".into(), op: Comparison::Gt, value: after.get().into() };
        let mut query = DocumentQuery::new(&collection, Predicate::eq("handler", handler).and(behind));
        (query.limit, query.projection) = (Some(BATCH), Some(vec![VERSION.to_owned()]));
        let stored: Vec<_> = store.find(query).await?.try_collect().await?;
        let write = |stored: &bson::Document| {
            let expected = u64::try_from(stored.get_i64(VERSION).ok()?).ok()?;
            let id = stored.get("_id")?.clone();
            Some(DocumentWrite { collection: collection.clone(), id, op: DocumentOp::Delete { expected } })
        };
        Ok(stored.iter().filter_map(write).collect())
    }
}
