//! What differs between two locks, and what to do about each difference.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use super::fields::{DEFAULT, Fields, is_below};
use super::lock::{Entry, Lock};
use super::text::kind_name;
use super::wider::{may_be_missing, reads};
use crate::registry::Registry;
use crate::upcast::{Span, missing_step_of_any, missing_step_of_event, missing_step_of_model};

/// One difference between today's shapes and the committed lock.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// What it means.
    pub kind: ChangeKind,
    /// What changed: ``model `order` ``, ``event `order.paid` ``.
    pub subject: String,
    /// The stored path of the field, where one field changed.
    pub field: Option<String>,
    /// What happened.
    pub what: String,
    /// What to do next.
    pub cure: String,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChangeKind {
    /// What was stored cannot be read, or is read as something else.
    Incompatible,
    /// Everything stored can be read: only the lock is out of date.
    OutOfDate,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { subject, field, what, cure, .. } = self;
        match field {
            Some(field) => write!(f, "{subject}: `{field}` {what}: {cure}"),
            None => write!(f, "{subject} {what}: {cure}"),
        }
    }
}

/// The stored name of a model's id.
const ID: &str = "_id";

/// What brings a lock up to date.
const UPDATE: &str = "the lock is out of date: run `earnorm schema lock`, or the test with EARNORM_UPDATE_LOCK=1";

impl Lock {
    /// What differs from the committed lock. `registry` is the one that this lock was made of: it knows the upcasters.
    ///
    /// Incompatible changes come first. Empty when both locks are the same.
    #[must_use]
    pub fn changes_since(&self, committed: &Self, registry: &Registry) -> Vec<Change> {
        let models = Pair { today: &self.models, locked: &committed.models, registry, models: true };
        let events = Pair { today: &self.events, locked: &committed.events, registry, models: false };
        let mut changes = models.changes();
        changes.extend(events.changes());
        changes.sort_by_key(|change| change.kind);
        changes
    }
}

/// The name of an event that any model may raise: `noted` of `*.noted` and of `*.noted (app::Noted)`.
fn free_event(key: &str) -> Option<&str> {
    let name = key.strip_prefix("*.")?;
    Some(name.split_once(' ').map_or(name, |(name, _)| name))
}

/// Both sides of a comparison.
struct Pair<'a> {
    today: &'a BTreeMap<String, Entry>,
    locked: &'a BTreeMap<String, Entry>,
    registry: &'a Registry,
    models: bool,
}

impl Pair<'_> {
    fn changes(&self) -> Vec<Change> {
        let gone = self.locked.iter().filter(|(name, _)| !self.today.contains_key(*name));
        let gone = gone.filter(|(name, entry)| !self.is_elsewhere(name, entry)).map(|(name, _)| self.gone(name));
        let mut changes: Vec<_> = gone.collect();
        for (name, today) in self.today {
            let subject = Subject { name, models: self.models, registry: self.registry };
            match self.locked.get(name) {
                Some(locked) => changes.extend(subject.changes(locked, today)),
                None => changes.push(subject.change(ChangeKind::OutOfDate, None, "is new", UPDATE)),
            }
        }
        changes
    }

    /// Whether an event that any model may raise only has another key: its struct moved, or a namesake came or went.
    fn is_elsewhere(&self, name: &str, entry: &Entry) -> bool {
        let word = |name: &str| free_event(name).map(str::to_owned);
        let fresh = self.today.iter().filter(|(name, _)| !self.locked.contains_key(*name));
        word(name).is_some() && fresh.into_iter().any(|(other, today)| word(other) == word(name) && today == entry)
    }

    fn gone(&self, name: &str) -> Change {
        let subject = Subject { name, models: self.models, registry: self.registry };
        let (part, keep) = if self.models {
            ("models", "link the crate that has it")
        } else {
            ("events", "keep its struct, and its `#[apply]` method if it had one, also when it is not raised any more")
        };
        let cure = format!(
            "what is stored of it cannot be read any more: {keep}. If nothing is stored of it anywhere, take `{name}` \
             out of `{part}` in the lock file by hand"
        );
        subject.change(ChangeKind::Incompatible, None, "is gone", &cure)
    }
}

/// The model or event type that is compared.
#[derive(Clone, Copy)]
struct Subject<'a> {
    name: &'a str,
    models: bool,
    registry: &'a Registry,
}

impl Subject<'_> {
    fn change(&self, kind: ChangeKind, field: Option<&str>, what: &str, cure: &str) -> Change {
        Change {
            kind,
            subject: format!("{} `{}`", if self.models { "model" } else { "event" }, self.name),
            field: field.map(str::to_owned),
            what: what.to_owned(),
            cure: cure.to_owned(),
        }
    }

    fn changes(&self, locked: &Entry, today: &Entry) -> Vec<Change> {
        let mut changes: Vec<_> = self.unbridgeable(locked, today).into_iter().collect();
        match today.version.cmp(&locked.version) {
            Ordering::Equal => changes.extend(self.fields(&locked.fields, &today.fields, today.version)),
            Ordering::Greater => changes.push(self.risen(locked, today)),
            Ordering::Less => {}
        }
        changes
    }

    /// What no upcaster can mend.
    fn unbridgeable(&self, locked: &Entry, today: &Entry) -> Option<Change> {
        let error = |what: &str, cure: &str| Some(self.change(ChangeKind::Incompatible, None, what, cure));
        if let (Some(was), Some(is)) = (locked.kind, today.kind)
            && was != is
        {
            let what = format!("was {} and is {}", kind_name(was), kind_name(is));
            return error(
                &what,
                "the two record different events, so the streams of one are nothing to the other: give the new model \
                 another `name`, and keep this one for what is stored",
            );
        }
        if today.version < locked.version {
            let what = format!("fell from version {} to {}", locked.version, today.version);
            let cure = "stored data have the higher one, which this program would refuse: versions only rise, also \
                        to go back to an older shape";
            return error(&what, cure);
        }
        match (locked.fields.get(ID), today.fields.get(ID)) {
            (Some(was), Some(is)) if self.models && today.version > locked.version && !reads(is, was) => {
                Some(self.other_id(was, is))
            }
            _ => None,
        }
    }

    fn other_id(&self, was: &str, is: &str) -> Change {
        let cure = "an upcaster never changes an id: give the new model another `name`, and write its instances anew";
        self.change(ChangeKind::Incompatible, Some(ID), &format!("was `{was}` and is `{is}`"), cure)
    }

    /// The version rose: then fields may change, as far as upcasters lead.
    fn risen(&self, locked: &Entry, today: &Entry) -> Change {
        let fields = self.fields(&locked.fields, &today.fields, today.version);
        let fields: Vec<_> = fields.iter().filter_map(|change| Some(format!("`{}`", change.field.as_ref()?))).collect();
        let fields = if fields.is_empty() { String::new() } else { format!(" (changed: {})", fields.join(", ")) };
        let rose = format!("rose from version {} to {}{fields}", locked.version, today.version);
        let span = Span { from: locked.version, to: today.version };
        let upcasters = self.registry.upcasters();
        let missing = match (self.models, free_event(self.name)) {
            (true, _) => missing_step_of_model(upcasters, self.name, span),
            (false, Some(name)) => missing_step_of_any(upcasters, name, span),
            (false, None) => missing_step_of_event(upcasters, self.name, span),
        };
        match missing {
            None => self.change(ChangeKind::OutOfDate, None, &rose, UPDATE),
            Some(from) => {
                let what = format!("{rose}, but there is no upcaster from version {from}");
                let cure = format!("write `#[upcast({}, from = {from})]`", self.key());
                self.change(ChangeKind::Incompatible, None, &what, &cure)
            }
        }
    }

    fn fields(&self, locked: &Fields, today: &Fields, version: u32) -> Vec<Change> {
        let mut changes = Vec::new();
        // What lies below a path that is told says nothing more. Paths are sorted, so the one above comes first.
        let mut told: Vec<&str> = Vec::new();
        let paths: std::collections::BTreeSet<_> = locked.keys().chain(today.keys()).collect();
        for path in paths {
            if told.iter().any(|above| is_below(path, above)) {
                continue;
            }
            let (was, is) = (locked.get(path).map(String::as_str), today.get(path).map(String::as_str));
            let change = match (was, is) {
                (Some(was), Some(is)) if was == is => continue,
                (Some(was), Some(is)) => {
                    if !reads(is, was) {
                        told.push(path);
                    }
                    self.changed(path, was, is, version)
                }
                (Some(was), None) => {
                    told.push(path);
                    self.removed(path, was, (locked, today), version)
                }
                (None, Some(is)) => {
                    told.push(path);
                    self.added(path, is, version)
                }
                (None, None) => continue,
            };
            changes.push(change);
        }
        changes
    }

    fn changed(&self, path: &str, was: &str, is: &str, version: u32) -> Change {
        if reads(is, was) {
            let what = format!("was `{was}` and is `{is}`, which reads the same");
            return self.change(ChangeKind::OutOfDate, Some(path), &what, UPDATE);
        }
        if self.models && path == ID {
            return self.other_id(was, is);
        }
        if is == was.strip_suffix(DEFAULT).unwrap_or(was) {
            let what = format!("(`{is}`) has no default any more, and stored data may lack it");
            let cure = format!("give it its default again, or {}", self.step(version));
            return self.change(ChangeKind::Incompatible, Some(path), &what, &cure);
        }
        let what = format!("was `{was}` and is `{is}`");
        self.change(ChangeKind::Incompatible, Some(path), &what, &self.step(version))
    }

    fn removed(&self, path: &str, was: &str, (locked, today): (&Fields, &Fields), version: u32) -> Change {
        let parent = |path: &str| path.rfind(['.', ':']).map(|at| path.split_at(at).0.to_owned());
        let twins = today
            .iter()
            .filter(|(other, is)| !locked.contains_key(*other) && is.as_str() == was && parent(other) == parent(path));
        let twins: Vec<_> = twins.map(|(other, _)| other).collect();
        let attribute = if self.models || path.contains(['.', ':']) { "model" } else { "event" };
        let keep = match twins.as_slice() {
            [twin] => {
                let name = path.rsplit(['.', ':']).next().unwrap_or(path);
                format!("if it is `{twin}` now, keep its stored name with `#[{attribute}(rename = \"{name}\")]`; or ")
            }
            _ => String::new(),
        };
        let what = format!("(`{was}`) is gone, and stored data have it");
        self.change(ChangeKind::Incompatible, Some(path), &what, &format!("{keep}{}", self.step(version)))
    }

    fn added(&self, path: &str, is: &str, version: u32) -> Change {
        if may_be_missing(is) {
            return self.change(ChangeKind::OutOfDate, Some(path), &format!("(`{is}`) is new"), UPDATE);
        }
        let what = format!("(`{is}`) is new, and stored data lack it");
        let cure = format!("make it an `Option`, give it a `default`, or {}", self.step(version));
        self.change(ChangeKind::Incompatible, Some(path), &what, &cure)
    }

    /// How to go to the next version.
    fn step(&self, version: u32) -> String {
        let next = version.saturating_add(1);
        let attribute = if self.models { "model" } else { "event" };
        format!(
            "raise it to `#[{attribute}(version = {next})]` and write `#[upcast({}, from = {version})]`",
            self.key()
        )
    }

    /// The key of `#[upcast]`.
    fn key(&self) -> String {
        if !self.models {
            let name = free_event(self.name).map_or_else(|| self.name.to_owned(), |name| format!("MODEL.{name}"));
            return format!("event = \"{name}\"");
        }
        let schema = self.registry.models().find(|schema| schema.name == self.name);
        let path = schema.map_or(self.name, |schema| schema.rust_path);
        format!("model = {}", path.rsplit("::").next().unwrap_or(path))
    }
}
