//! What should be: the same instances as plain values, and what each step should make of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::models::{Change, Facts};
use super::ops::Of;

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// Someone else was first.
    Conflict,
    /// The id is taken, by a deleted instance too.
    Exists,
    /// The code is taken.
    Unique,
    /// It is not there, or deleted.
    Missing,
    /// There is no such version, or no value to look for.
    Invalid,
    /// Sourced models cannot do it.
    Unsupported,
}

/// Where an entity stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Seen {
    pub(super) version: u64,
    pub(super) live: bool,
    pub(super) stored: bool,
    pub(super) facts: Facts,
    pub(super) at: Option<DateTime<Utc>>,
}

/// An entity that is held.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) id: i64,
    pub(super) seen: Seen,
    /// What a unit will make of it, and how many raised events that takes.
    pub(super) staged: Option<(Seen, usize)>,
    pub(super) now: Facts,
    /// What was raised and not saved: an event's name and what it changes.
    pub(super) raised: Vec<Raised>,
}

/// An event that was raised.
#[derive(Debug, Clone)]
pub(super) struct Raised {
    pub(super) name: &'static str,
    pub(super) effect: Effect,
}

#[derive(Debug, Clone)]
pub(super) enum Effect {
    Begin(Facts),
    Change(Change),
}

/// One event, and what the instance is after it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) at: DateTime<Utc>,
    pub(super) state: Option<Facts>,
}

/// A state document.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) version: u64,
    pub(super) live: bool,
    pub(super) facts: Facts,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    pub(super) events: Vec<Event>,
    pub(super) document: Option<Stored>,
    /// What it was last, also where it is gone.
    last: Facts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Document {
    Insert,
    Patch,
    Remove,
}

/// A write of one instance, ready to be committed.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    of: Of,
    id: i64,
    base: u64,
    pub(super) events: Vec<Event>,
    document: Document,
    pub(super) after: Seen,
}

impl Planned {
    pub(super) fn is_for(&self, of: Of, id: i64) -> bool {
        (self.of, self.id) == (of, id)
    }
}

pub(super) fn is_soft(of: Of) -> bool {
    of != Of::Plain
}

pub(super) fn is_sourced(of: Of) -> bool {
    of == Of::Till
}

impl Held {
    /// One that is new.
    pub(super) fn new(of: Of, id: i64, facts: &Facts) -> Self {
        let begin = Raised { name: "opened", effect: Effect::Begin(facts.clone()) };
        let raised = if is_sourced(of) { vec![begin] } else { Vec::new() };
        Self { id, seen: Seen::default(), staged: None, now: facts.clone(), raised }
    }

    pub(super) fn of(id: i64, seen: Seen) -> Self {
        Self { id, now: seen.facts.clone(), seen, staged: None, raised: Vec::new() }
    }

    /// An independent copy, of which nothing is staged.
    pub(super) fn copy(&self) -> Self {
        Self { staged: None, ..self.clone() }
    }

    pub(super) fn change(&mut self, of: Of, change: Change) {
        change.apply(&mut self.now);
        if is_sourced(of) || change == Change::Note {
            self.raised.push(Raised { name: change.event(), effect: Effect::Change(change) });
        }
    }

    /// Where it stands for a write of the unit.
    fn base(&self) -> (&Seen, &[Raised]) {
        match &self.staged {
            Some((seen, taken)) => (seen, &self.raised[*taken..]),
            None => (&self.seen, &self.raised),
        }
    }

    pub(super) fn stage(&mut self, after: &Seen) {
        self.staged = Some((after.clone(), self.raised.len()));
    }

    /// The unit was committed, or forgotten.
    pub(super) fn end(&mut self, committed: bool) {
        if let Some((seen, taken)) = self.staged.take().filter(|_| committed) {
            self.seen = seen;
            self.raised.drain(..taken);
        }
    }

    /// Whether it was never saved, and not staged either.
    pub(super) fn is_new(&self) -> bool {
        self.base().0.version == 0
    }

    /// What a save writes; `None` when nothing changed.
    pub(super) fn save(&self, of: Of, clock: DateTime<Utc>) -> Result<Option<Planned>, Refusal> {
        let (seen, raised) = self.base();
        if seen.version > 0 && !seen.live {
            return Err(Refusal::Missing);
        }
        let name = match seen.version {
            0 => Some("created"),
            _ => (seen.facts != self.now).then_some("updated"),
        };
        if name.is_none() && raised.is_empty() {
            return Ok(None);
        }
        let document = if seen.version == 0 { Document::Insert } else { Document::Patch };
        let first = name.filter(|_| !is_sourced(of)).map(|name| (name, self.now.clone()));
        Ok(Some(self.plan(of, clock, (first, None), document, true)))
    }

    pub(super) fn delete(&self, of: Of, hard: bool, clock: DateTime<Utc>) -> Result<Planned, Refusal> {
        let (seen, _) = self.base();
        if seen.version == 0 || !seen.stored || !(seen.live || hard) {
            return Err(Refusal::Missing);
        }
        let document = if is_soft(of) && !hard { Document::Patch } else { Document::Remove };
        Ok(self.plan(of, clock, (None, Some("deleted")), document, false))
    }

    pub(super) fn restore(&self, of: Of, clock: DateTime<Utc>) -> Result<Planned, Refusal> {
        let (seen, _) = self.base();
        match (seen.version, seen.live) {
            (0, _) => return Err(Refusal::Missing),
            (_, true) => return Err(Refusal::Exists),
            _ => {}
        }
        let document = if seen.stored { Document::Patch } else { Document::Insert };
        let with = if is_sourced(of) { seen.facts.clone() } else { self.now.clone() };
        Ok(self.plan(of, clock, (Some(("restored", with)), None), document, true))
    }

    /// A write: what comes before the raised events and what comes after them.
    fn plan(
        &self,
        of: Of,
        clock: DateTime<Utc>,
        (first, last): (Option<(&'static str, Facts)>, Option<&'static str>),
        document: Document,
        live: bool,
    ) -> Planned {
        let (seen, raised) = self.base();
        let at = seen.at.map_or(clock, |at| at.max(clock));
        // Who is deleted has no state that events could change.
        let mut state = seen.live.then(|| seen.facts.clone());
        let mut kept = seen.facts.clone();
        let mut events = Vec::new();
        let mut add = |name, state: &Option<Facts>| events.push(Event { name, at, state: state.clone() });
        if let Some((name, after)) = first {
            kept.clone_from(&after);
            state = Some(after);
            add(name, &state);
        }
        for raised in raised {
            match &raised.effect {
                Effect::Begin(facts) => {
                    kept.clone_from(facts);
                    state = Some(facts.clone());
                }
                Effect::Change(change) if is_sourced(of) => {
                    change.apply(&mut kept);
                    state.iter_mut().for_each(|state| state.clone_from(&kept));
                }
                Effect::Change(_) => {}
            }
            add(raised.name, &state);
        }
        if let Some(name) = last {
            add(name, &None);
        }
        let version = seen.version + events.len() as u64;
        let stored = document != Document::Remove;
        let after = Seen { version, live, stored, facts: kept, at: Some(at) };
        Planned { of, id: self.id, base: seen.version, events, document, after }
    }
}

/// Everything that should be in the store.
#[derive(Debug, Clone, Default)]
pub(super) struct Reference {
    pub(super) streams: BTreeMap<(Of, i64), Stream>,
    /// Every event in the order of the log.
    pub(super) log: Vec<(Of, i64, u64)>,
}

impl Reference {
    pub(super) fn stream(&self, of: Of, id: i64) -> Stream {
        self.streams.get(&(of, id)).cloned().unwrap_or_default()
    }

    /// The instance as a load finds it.
    pub(super) fn find(&self, of: Of, id: i64, deleted_too: bool) -> Option<Seen> {
        let stream = self.streams.get(&(of, id))?;
        let stored = stream.document.clone().filter(|stored| stored.live || deleted_too)?;
        let Stored { version, live, facts } = stored;
        Some(Seen { version, live, stored: true, facts, at: stream.events.last().map(|event| event.at) })
    }

    /// The live instance that has a code.
    pub(super) fn with_code(&self, of: Of, code: char) -> Option<i64> {
        let has = |stored: &Stored| stored.live && stored.facts.code == Some(code);
        let found =
            self.streams.iter().find(|((kind, _), stream)| *kind == of && stream.document.as_ref().is_some_and(has));
        found.map(|((_, id), _)| *id)
    }

    /// The live instances whose number is at least `n`, by id.
    pub(super) fn at_least(&self, of: Of, n: i64) -> Vec<i64> {
        let fits = |stored: &Stored| stored.live && stored.facts.n >= n;
        let all = self.streams.iter().filter(|((kind, _), _)| *kind == of);
        all.filter(|(_, stream)| stream.document.as_ref().is_some_and(fits)).map(|((_, id), _)| *id).collect()
    }

    /// An instance whose document is gone, as a restore by its id finds it.
    pub(super) fn buried(&self, of: Of, id: i64) -> Option<Seen> {
        let stream = self.streams.get(&(of, id)).filter(|stream| stream.document.is_none())?;
        let last = stream.events.last().filter(|event| event.name == "deleted")?;
        let (version, facts) = (stream.events.len() as u64, stream.last.clone());
        Some(Seen { version, live: false, stored: false, facts, at: Some(last.at) })
    }

    /// Commits writes, all of them or none. What can be in their way is answered: a store may name any of it.
    pub(super) fn commit(&mut self, writes: &[Planned]) -> Result<(), BTreeSet<Refusal>> {
        let mut next = self.clone();
        let mut refusals = BTreeSet::new();
        let mut begun: Vec<(Of, i64)> = Vec::new();
        for write in writes {
            if !begun.contains(&(write.of, write.id)) {
                begun.push((write.of, write.id));
                refusals.extend(next.refuse_stream(write));
            }
            refusals.extend(next.refuse_document(write));
            next.write(write);
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        // A stream gets all its events of a commit in one row.
        for (of, id) in begun {
            let known = self.stream(of, id).events.len();
            next.log.extend((known..next.stream(of, id).events.len()).map(|index| (of, id, index as u64 + 1)));
        }
        *self = next;
        Ok(())
    }

    fn refuse_stream(&self, write: &Planned) -> Option<Refusal> {
        let version = self.stream(write.of, write.id).events.len() as u64;
        (version != write.base).then_some(if write.base == 0 { Refusal::Exists } else { Refusal::Conflict })
    }

    fn refuse_document(&self, write: &Planned) -> BTreeSet<Refusal> {
        let mut refusals = BTreeSet::new();
        let stored = self.stream(write.of, write.id).document;
        let expected = if write.document == Document::Insert { None } else { Some(write.base) };
        if stored.as_ref().map(|stored| stored.version) != expected {
            refusals.insert(if write.base == 0 { Refusal::Exists } else { Refusal::Conflict });
        }
        let code = write.after.facts.code.filter(|_| write.after.live);
        if code.and_then(|code| self.with_code(write.of, code)).is_some_and(|holder| holder != write.id) {
            refusals.insert(Refusal::Unique);
        }
        refusals
    }

    fn write(&mut self, write: &Planned) {
        let stream = self.streams.entry((write.of, write.id)).or_default();
        stream.events.extend(write.events.iter().cloned());
        let Seen { version, live, facts, .. } = write.after.clone();
        stream.last.clone_from(&facts);
        stream.document = (write.document != Document::Remove).then_some(Stored { version, live, facts });
    }
}
