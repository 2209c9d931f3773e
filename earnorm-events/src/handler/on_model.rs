//! Handlers that are methods of a model: they get the instance whose event it is, and change it.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use earnorm_core::Error;
use earnorm_core::database::Database;
use earnorm_core::event::{DELETED, RecordedEvent};
use earnorm_core::hook::BoxFuture;
use earnorm_core::model::Model;
use earnorm_core::schema::ModelKind;
use earnorm_core::unit::Target;

use super::{Call, Handler, OnDead, Own};
use crate::backoff::Backoff;
use crate::context::{EventContext, TransactionContext};
use crate::failure::{Handled, HandlerError};
use crate::recorded::FromEvent;

/// How often a function runs again at once because someone else saved its instance meanwhile.
const CONFLICT_RETRIES_MAX: usize = 10;
/// The bounds of the waits before that.
const CONFLICT_WAIT: Duration = Duration::from_millis(1);
const CONFLICT_WAIT_MAX: Duration = Duration::from_millis(64);

/// The id of the instance that an event means, if any.
type Key<M, T> = Arc<dyn Fn(&T) -> Option<<M as Model>::Id> + Send + Sync>;

/// A handler that gets an instance of `M` with each event `T`: the one on whose stream the event stands, or the one that
/// a key names.
///
/// A change of the instance is saved after the function returned, with the event as its cause. Where the instance is
/// gone, the function gets its last state, and a change of it is refused.
pub struct OnModel<M: Model, T> {
    key: Option<Key<M, T>>,
    saves: bool,
    event: PhantomData<fn() -> T>,
}

impl<M: Model, T> Clone for OnModel<M, T> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), ..*self }
    }
}

impl<M: Model, T> std::fmt::Debug for OnModel<M, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnModel").field("model", &M::SCHEMA.name).field("keyed", &self.key.is_some()).finish()
    }
}

impl<M: Model, T: FromEvent> Default for OnModel<M, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Model, T: FromEvent> OnModel<M, T> {
    /// The instance on whose stream the event stands. A pattern of one word means an event of the model itself, and a
    /// longer one begins with the model's name.
    #[must_use]
    pub fn new() -> Self {
        Self { key: None, saves: true, event: PhantomData }
    }

    /// The instance that `key` names, for events of other streams. An event of which it names none counts as handled.
    #[must_use]
    pub fn key(mut self, key: impl Fn(&T) -> Option<M::Id> + Send + Sync + 'static) -> Self {
        self.key = Some(Arc::new(key));
        self
    }

    /// The instance is only looked at: nothing is saved.
    #[must_use]
    pub fn read_only(mut self) -> Self {
        self.saves = false;
        self
    }

    /// A handler whose change of the instance and whose other writes are one commit with its progress: see
    /// [`Handler::transactional`].
    pub fn transactional<F>(self, id: impl Into<String>, handle: F) -> Handler
    where
        F: for<'a> Fn(&'a mut M, T, &'a TransactionContext) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        let (keyed, handle) = (self.key.is_some(), Arc::new(handle));
        let call = Call::transactional(move |event: Arc<RecordedEvent>, cx: &TransactionContext| {
            let (this, handle) = (self.clone(), Arc::clone(&handle));
            Box::pin(async move { this.attempt(&event, cx, &*handle).await })
        });
        let handler = Handler::of_model(id.into(), call, Own { name: M::SCHEMA.name, keyed }, T::pattern());
        Handler { concurrency: 1, ..handler }
    }

    /// A handler whose change of the instance is durable apart from its progress: after a crash the event comes again.
    /// Where someone else saved the instance meanwhile, it is loaded and the function run again.
    pub fn at_least_once<F>(self, id: impl Into<String>, handle: F) -> Handler
    where
        F: for<'a> Fn(&'a mut M, T, &'a EventContext) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        let (keyed, handle) = (self.key.is_some(), Arc::new(handle));
        let call = Call::each(move |event: Arc<RecordedEvent>, cx: EventContext| {
            let (this, handle) = (self.clone(), Arc::clone(&handle));
            async move {
                let mut backoff = Backoff::new(CONFLICT_WAIT, CONFLICT_WAIT_MAX);
                for _ in 0..CONFLICT_RETRIES_MAX {
                    match this.attempt(&event, &cx, &*handle).await {
                        Err(error) if is_conflict(&error) => tokio::time::sleep(backoff.wait()).await,
                        answer => return answer,
                    }
                }
                this.attempt(&event, &cx, &*handle).await
            }
        });
        Handler::of_model(id.into(), call, Own { name: M::SCHEMA.name, keyed }, T::pattern())
    }

    async fn attempt<C, F>(&self, event: &Arc<RecordedEvent>, cx: &C, handle: &F) -> Handled
    where
        C: Target,
        F: for<'a> Fn(&'a mut M, T, &'a C) -> BoxFuture<'a, Handled> + Send + Sync,
    {
        let taken = T::from_event(event, cx.database()).await?;
        let id = match &self.key {
            None => event.model_id::<M>()?,
            Some(key) => match key(&taken) {
                Some(id) => id,
                None => return Ok(()),
            },
        };
        if let Some(mut entity) = M::get(cx, id.clone()).await? {
            handle(&mut entity, taken, cx).await?;
            if self.saves && !entity.changes()?.is_empty() {
                entity.save(cx).await?;
            }
            return Ok(());
        }
        let mut model = last_state::<M, C>(event, cx, &id).await?;
        let before = model.encode()?;
        handle(&mut model, taken, cx).await?;
        if self.saves && model.encode()? != before {
            return Err(HandlerError::fatal(format!(
                "{} {id} is deleted, so what the handler changed in its last state cannot be saved: restore it first, or return before the change",
                M::SCHEMA.name
            )));
        }
        Ok(())
    }
}

/// The last state of an instance that is gone.
async fn last_state<M: Model, C: Target>(event: &RecordedEvent, cx: &C, id: &M::Id) -> Result<M, HandlerError> {
    let db = cx.database();
    let whole = event.name() == DELETED && M::SCHEMA.kind == ModelKind::Tracked && event.is_of::<M>();
    if whole && event.model_id::<M>()? == *id {
        return Ok(event.read_model(db)?);
    }
    match M::get_with_deleted(cx, id.clone()).await? {
        Some(entity) => Ok(entity.into_inner()),
        None => folded(db, id).await,
    }
}

/// The last state in the log, where the document is gone too.
async fn folded<M: Model>(db: &Database, id: &M::Id) -> Result<M, HandlerError> {
    let revisions = M::history(db, id.clone()).await?;
    let last = revisions.into_iter().rev().find_map(|revision| revision.state);
    let missing = || Error::NotFound { model: M::SCHEMA.name, id: id.to_string(), deleted: false };
    Ok(last.ok_or_else(missing)?)
}

/// Whether someone else was faster.
fn is_conflict(error: &HandlerError) -> bool {
    match error {
        HandlerError::Retry(error) => error.downcast_ref::<Error>().is_some_and(Error::is_conflict),
        _ => false,
    }
}

impl Handler {
    /// A handler that gets, with each event, the instance on whose stream it stands, and changes it in one commit with
    /// its progress: what `#[on_event]` above a method does. See [`OnModel`] for more.
    pub fn on_model<M, T, F>(id: impl Into<String>, handle: F) -> Self
    where
        M: Model,
        T: FromEvent,
        F: for<'a> Fn(&'a mut M, T, &'a TransactionContext) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        OnModel::<M, T>::new().transactional(id, handle)
    }

    fn of_model(id: String, call: Call, own: Own, pattern: Option<String>) -> Self {
        // An event struct is recorded under the name of each model that raises it.
        let pattern = pattern.map(|pattern| match pattern.strip_prefix("**.") {
            Some(word) if !own.keyed => word.to_owned(),
            _ => pattern,
        });
        let mut handler = Self { on_dead: OnDead::Park, own: Some(own), ..Self::of(id, call, None) };
        if let Some(pattern) = pattern {
            handler = handler.on([pattern]);
        }
        handler
    }
}

/// `User::on("password_changed", …)`: handlers of a model's own events.
pub trait OnEvent: Model {
    /// A handler of this event of the model: see [`Handler::on_model`]. The event is one word, `*`, or a pattern that
    /// begins with the model's name.
    fn on<T, F>(event: &str, id: impl Into<String>, handle: F) -> Handler
    where
        T: FromEvent,
        F: for<'a> Fn(&'a mut Self, T, &'a TransactionContext) -> BoxFuture<'a, Handled> + Send + Sync + 'static,
    {
        Handler::on_model::<Self, T, F>(id, handle).on([event])
    }
}

impl<M: Model> OnEvent for M {}
