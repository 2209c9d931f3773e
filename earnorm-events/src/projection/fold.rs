//! A projection without the type of its rows, as the runner calls it.

use std::sync::Arc;

use earnorm_core::Result;
use earnorm_core::commit::DocumentWrite;
use earnorm_core::database::Database;
use earnorm_core::event::RecordedEvent;
use earnorm_core::hook::BoxFuture;
use earnorm_core::pattern::EventPattern;
use earnorm_core::schema::{CollectionSpec, IndexSpec};

use super::RowData;
use super::view::View;
use crate::failure::Handled;
use crate::handler::unreadable;
use crate::recorded::FromEvent;

/// What a projection is.
pub(super) struct Definition<T> {
    pub(super) name: String,
    pub(super) version: u32,
    pub(super) arms: Vec<Arm<T>>,
    pub(super) indexes: Vec<String>,
    pub(super) batch: usize,
}

type Run<T> = dyn for<'a> Fn(Arc<RecordedEvent>, &'a mut View<T>) -> BoxFuture<'a, Handled> + Send + Sync;

/// What it makes of some types of events.
pub(super) struct Arm<T> {
    patterns: Vec<EventPattern>,
    run: Arc<Run<T>>,
}

impl<T> Clone for Arm<T> {
    fn clone(&self) -> Self {
        Self { patterns: self.patterns.clone(), run: Arc::clone(&self.run) }
    }
}

impl<T: RowData> Arm<T> {
    /// Patterns that are none are reported where the handler is made.
    pub(super) fn new<E, F>(patterns: &[String], fold: F) -> Self
    where
        E: FromEvent,
        F: for<'a> Fn(E, &'a mut View<T>) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        let patterns = patterns.iter().filter_map(|pattern| EventPattern::new(pattern).ok()).collect();
        let fold = Arc::new(fold);
        // Written in place, so that the closure is general over the view's lifetime.
        let run: Arc<Run<T>> = Arc::new(move |event, view| {
            let fold = Arc::clone(&fold);
            Box::pin(async move {
                let taken = E::from_event(&event, view.database()).await.map_err(unreadable)?;
                fold(taken, view).await
            })
        });
        Self { patterns, run }
    }
}

/// A projection that is not at work.
pub(crate) trait Folds: Send + Sync {
    fn name(&self) -> &str;

    fn version(&self) -> u32;

    /// How many events go into one commit at most.
    fn batch(&self) -> usize;

    /// The collection that a build of it has.
    fn collection(&self, name: String) -> CollectionSpec;

    /// Begins to fold into a collection.
    fn begin(&self, db: &Database, collection: String) -> Box<dyn Folding>;
}

/// A projection at work: rows that were read or changed and are not written.
pub(crate) trait Folding: Send + Sync {
    /// Says whether what is folded now happens now.
    fn live(&mut self, live: bool);

    /// Folds one event. What it did is kept or undone afterwards.
    fn fold<'a>(&'a mut self, event: &'a Arc<RecordedEvent>) -> BoxFuture<'a, Handled>;

    /// The event succeeded.
    fn keep(&mut self);

    /// The event failed: rows are as they were before it.
    fn undo(&mut self);

    /// How many rows are to be written.
    fn changed(&self) -> usize;

    /// The writes of everything that was kept.
    fn writes(&self) -> Result<Vec<DocumentWrite>>;

    /// They are durable.
    fn written(&mut self);

    /// Forgets every row: they are read again.
    fn forget(&mut self);
}

impl<T> Definition<T> {
    /// What is wrong with it.
    pub(super) fn problem(&self) -> Option<String> {
        let letter = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter);
        if self.name.is_empty() || self.name.len() > 64 || !self.name.chars().all(letter) {
            let rule = "1 to 64 lower-case letters, digits, `_` and `-`";
            return Some(format!("a projection's name has {rule}: `{}` is none", self.name.escape_debug()));
        }
        (self.version == 0).then(|| "a projection's version is 1 or more".to_owned())
    }
}

impl<T: RowData> Folds for Definition<T> {
    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> u32 {
        self.version
    }

    fn batch(&self) -> usize {
        self.batch
    }

    fn collection(&self, name: String) -> CollectionSpec {
        let index = |path: &String| IndexSpec {
            keys: vec![(path.clone(), false), ("_id".to_owned(), false)],
            unique: false,
            present: Vec::new(),
            live_only: false,
        };
        CollectionSpec { name, indexes: self.indexes.iter().map(index).collect() }
    }

    fn begin(&self, db: &Database, collection: String) -> Box<dyn Folding> {
        Box::new(Typed { arms: self.arms.clone(), view: View::new(db.clone(), collection) })
    }
}

struct Typed<T> {
    arms: Vec<Arm<T>>,
    view: View<T>,
}

impl<T: RowData> Folding for Typed<T> {
    fn live(&mut self, live: bool) {
        self.view.set_live(live);
    }

    fn fold<'a>(&'a mut self, event: &'a Arc<RecordedEvent>) -> BoxFuture<'a, Handled> {
        Box::pin(async move {
            for arm in &self.arms {
                if arm.patterns.iter().any(|pattern| pattern.matches(&event.event_type)) {
                    (arm.run)(Arc::clone(event), &mut self.view).await?;
                }
            }
            Ok(())
        })
    }

    fn keep(&mut self) {
        self.view.keep();
    }

    fn undo(&mut self) {
        self.view.undo();
    }

    fn changed(&self) -> usize {
        self.view.changed()
    }

    fn writes(&self) -> Result<Vec<DocumentWrite>> {
        self.view.writes()
    }

    fn written(&mut self) {
        self.view.written();
    }

    fn forget(&mut self) {
        self.view.forget();
    }
}
