//! Sourced models: folded by their `#[apply]` methods.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use bson::{Bson, Document};

use super::{Rules, broken, subject};
use crate::error::{DecodeError, Error, Result};
use crate::event::RecordedEvent;
use crate::hook::{Applier, ApplyFn};
use crate::model::Model;
use crate::registry::Plan;
use crate::schema::ModelInfo;
use crate::upcast::{Span, Upcasters};

/// The rules of a sourced model.
pub(crate) struct SourcedRules<M: Model> {
    info: ModelInfo,
    plan: Arc<Plan<M>>,
    upcasters: Arc<Upcasters>,
}

impl<M: Model> SourcedRules<M> {
    pub(crate) fn new(plan: Arc<Plan<M>>, upcasters: Arc<Upcasters>) -> Self {
        Self { info: ModelInfo::of(M::SCHEMA), plan, upcasters }
    }

    /// An event's data in the shape that its `#[apply]` method reads.
    fn data<'e>(&self, event: &'e RecordedEvent, applier: &Applier<M>) -> Result<Cow<'e, Document>> {
        let (found, known) = (event.schema_version, applier.version);
        match found.cmp(&known) {
            Ordering::Equal => event.data().map(Cow::Borrowed),
            Ordering::Greater => Err(Error::SchemaAhead { subject: subject(event), found, known }),
            Ordering::Less => {
                let mut data = event.data()?.clone();
                let span = Span { from: found, to: known };
                self.upcasters.event(&event.event_type, &mut data, span, &subject(event))?;
                Ok(Cow::Owned(data))
            }
        }
    }
}

impl<M: Model> Rules for SourcedRules<M> {
    type State = M;

    fn info(&self) -> &ModelInfo {
        &self.info
    }

    fn whole(&self, document: &Document, schema_version: u32, subject: &str) -> Result<M> {
        let mut document = document.clone();
        document.remove(crate::save::HARD);
        let document = self.shape(document, schema_version, subject)?;
        super::decode(&document, || subject.to_owned())
    }

    fn step(&self, event: &RecordedEvent, state: Option<M>) -> Result<Option<M>> {
        let Some(applier) = self.plan.applier(event.name()) else {
            return Err(broken(
                event,
                format!(
                    "`{}` has no `#[apply]` method for `{}`: add one, also for events that are not raised any more",
                    M::SCHEMA.rust_path,
                    event.event_type
                ),
            ));
        };
        let data = self.data(event, applier)?;
        let unreadable = |source: DecodeError| Error::Decode { subject: subject(event), source };
        match (&applier.run, state) {
            (ApplyFn::Start(start), None) => start(&data).map(Some).map_err(unreadable),
            (ApplyFn::Start(_), Some(_)) => {
                Err(broken(event, "it starts an instance that is there already".to_owned()))
            }
            (ApplyFn::Step(step), Some(mut model)) => {
                step(&mut model, &data).map_err(unreadable)?;
                Ok(Some(model))
            }
            (ApplyFn::Step(_), None) => Err(broken(event, "it changes an instance that is not there".to_owned())),
        }
    }

    fn shape(&self, mut document: Document, schema_version: u32, subject: &str) -> Result<Document> {
        let span = Span { from: schema_version, to: self.info.version };
        self.upcasters.model(&self.info.name, &mut document, span, subject)?;
        Ok(document)
    }

    fn check(&self, document: &Document, subject: &str) -> Result<()> {
        super::decode::<M>(document, || subject.to_owned()).map(|_| ())
    }

    fn erase(&self, event: &RecordedEvent, state: M) -> Result<M> {
        let mut document = crate::save::encode(&state)?;
        if event.schema_version == self.info.version {
            super::erase_fields(event, &mut document)?;
        } else {
            // The state has today's shape already, in which the fields may have other names.
            for field in &self.info.personal {
                document.insert(field, Bson::Null);
            }
        }
        super::decode(&document, || subject(event))
    }

    fn document(&self, state: &M, _: &str) -> Result<Document> {
        crate::save::encode(state)
    }

    fn as_it_is(&self, state: &M) -> Result<(Document, u32)> {
        Ok((crate::save::encode(state)?, self.info.version))
    }

    fn id(&self, state: &M) -> Option<Bson> {
        crate::entity::stored_id::<M>(state.id()).ok()
    }
}
