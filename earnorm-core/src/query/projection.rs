//! Some fields instead of whole instances: `.select((User::NAME, User::AGE))`.

use std::marker::PhantomData;

use bson::{Bson, Document};
use futures::StreamExt;

use crate::database::Database;
use crate::error::{DecodeError, Error, Result};
use crate::model::Model;
use crate::query::{Field, Query};
use crate::value::Value;

/// One field, or a tuple of up to four.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a list of fields",
    note = "pass a field, or a tuple of two to four"
)]
pub trait Projection<M>: Send {
    /// The fields' values.
    type Row: Send;

    /// The dotted paths.
    fn paths(&self) -> Vec<String>;

    /// The values out of a document.
    ///
    /// # Errors
    /// Names the field that does not fit.
    fn row(&self, document: &Document) -> Result<Self::Row, DecodeError>;
}

fn value<M, T: Value>(field: &Field<M, T>, document: &Document) -> Result<T, DecodeError> {
    let mut at = document;
    let mut names = field.path().split('.').peekable();
    while let Some(name) = names.next() {
        match (at.get(name), names.peek()) {
            (Some(found), None) => return T::decode(found).map_err(|error| error.at(field.path())),
            (Some(Bson::Document(inner)), Some(_)) => at = inner,
            _ => break,
        }
    }
    T::absent().map_err(|error| error.at(field.path()))
}

impl<M, T: Value + Send> Projection<M> for Field<M, T> {
    type Row = T;

    fn paths(&self) -> Vec<String> {
        vec![self.path().to_owned()]
    }

    fn row(&self, document: &Document) -> Result<T, DecodeError> {
        value(self, document)
    }
}

macro_rules! tuples {
    ($(($($name:ident $index:tt),*)),*) => {
        $(impl<M, $($name: Value + Send),*> Projection<M> for ($(Field<M, $name>,)*) {
            type Row = ($($name,)*);

            fn paths(&self) -> Vec<String> {
                vec![$(self.$index.path().to_owned()),*]
            }

            fn row(&self, document: &Document) -> Result<Self::Row, DecodeError> {
                Ok(($(value(&self.$index, document)?,)*))
            }
        })*
    };
}
tuples!((A 0, B 1), (A 0, B 1, C 2), (A 0, B 1, C 2, D 3));

/// A query for some fields only.
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until it runs"]
pub struct Selected<M, P> {
    query: Query<M>,
    projection: P,
    of: PhantomData<fn() -> M>,
}

impl<M: Model> Query<M> {
    /// Reads these fields only; no hooks run.
    pub fn select<P: Projection<M>>(self, fields: P) -> Selected<M, P> {
        Selected { query: self, projection: fields, of: PhantomData }
    }
}

impl<M: Model, P: Projection<M>> Selected<M, P> {
    /// All rows in memory.
    ///
    /// # Errors
    /// As [`Query::all`].
    pub async fn all(self, db: &Database) -> Result<Vec<P::Row>> {
        db.plan::<M>()?;
        let mut request = self.query.request();
        request.projection = Some(self.projection.paths());
        let mut documents = db.store().find(request).await?;
        let mut rows = Vec::new();
        while let Some(document) = documents.next().await {
            let document = document?;
            let row = self.projection.row(&document).map_err(|source| {
                let id = document.get("_id").map(ToString::to_string).unwrap_or_default();
                let source = M::SCHEMA.veil(source);
                Error::Decode { subject: format!("{} {id}", M::SCHEMA.collection), source }
            })?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// The first row.
    ///
    /// # Errors
    /// As [`Query::all`].
    pub async fn first(mut self, db: &Database) -> Result<Option<P::Row>> {
        self.query = self.query.limit(1);
        Ok(self.all(db).await?.pop())
    }
}
