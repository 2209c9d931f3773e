//! Sums, means, extremes and groups, computed by the store.

use bson::Bson;

use crate::database::Database;
use crate::error::{DecodeError, Error, Result};
use crate::model::Model;
use crate::query::{Field, Query};
use crate::store::{AggregateRow, Aggregation, Measure};
use crate::value::{Ordered, Summable, Value};

/// A query in groups: one row for each value of a field, sorted by it.
#[derive(Debug, Clone)]
#[must_use = "a query does nothing until it runs"]
pub struct Grouped<M, G> {
    query: Query<M>,
    by: Field<M, G>,
}

impl<M: Model> Query<M> {
    /// Groups by a field.
    pub fn group_by<G: Value>(self, by: Field<M, G>) -> Grouped<M, G> {
        Grouped { query: self, by }
    }

    /// The different values of a field, sorted.
    ///
    /// # Errors
    /// As [`Query::all`]; sort, skip and limit are refused.
    pub async fn distinct<T: Ordered>(self, db: &Database, field: Field<M, T>) -> Result<Vec<T>> {
        db.plan::<M>()?;
        self.refuse_cut("distinct")?;
        let values = db.store().distinct(M::SCHEMA.collection, &self.predicate(), field.path()).await?;
        values.iter().map(|value| decode::<M, T>(value, field.path())).collect()
    }

    /// The sum of a number field; zero over nothing.
    ///
    /// # Errors
    /// [`Error::InvalidQuery`] when it overflows; as [`Query::all`]; sort, skip and limit are refused.
    pub async fn sum<T: Summable>(self, db: &Database, field: Field<M, T>) -> Result<T::Sum> {
        let value = self.measure(db, Measure::Sum(field.path().to_owned())).await?;
        sum::<M, T>(&value, field.path())
    }

    /// The mean of a number field; `None` over nothing.
    ///
    /// # Errors
    /// As [`Query::sum`].
    pub async fn avg<T: Summable>(self, db: &Database, field: Field<M, T>) -> Result<Option<T::Mean>> {
        let value = self.measure(db, Measure::Avg(field.path().to_owned())).await?;
        decode::<M, Option<T::Mean>>(&value, field.path())
    }

    /// The lowest value of a field; `None` over nothing.
    ///
    /// # Errors
    /// As [`Query::sum`].
    pub async fn min<T: Ordered>(self, db: &Database, field: Field<M, T>) -> Result<Option<T::Scalar>> {
        let value = self.measure(db, Measure::Min(field.path().to_owned())).await?;
        decode::<M, Option<T::Scalar>>(&value, field.path())
    }

    /// The highest value of a field; `None` over nothing.
    ///
    /// # Errors
    /// As [`Query::sum`].
    pub async fn max<T: Ordered>(self, db: &Database, field: Field<M, T>) -> Result<Option<T::Scalar>> {
        let value = self.measure(db, Measure::Max(field.path().to_owned())).await?;
        decode::<M, Option<T::Scalar>>(&value, field.path())
    }

    async fn measure(self, db: &Database, measure: Measure) -> Result<Bson> {
        let mut rows = self.rows(db, None, measure).await?;
        Ok(rows.pop().and_then(|mut row| row.values.pop()).unwrap_or(Bson::Null))
    }

    async fn rows(self, db: &Database, group_by: Option<String>, measure: Measure) -> Result<Vec<AggregateRow>> {
        db.plan::<M>()?;
        self.refuse_cut("an aggregate")?;
        let predicate = self.predicate();
        let collection = M::SCHEMA.collection.to_owned();
        db.store().aggregate(Aggregation { collection, predicate, group_by, measures: vec![measure] }).await
    }
}

impl<M: Model, G: Value> Grouped<M, G> {
    /// How many instances each group has.
    ///
    /// # Errors
    /// As [`Query::sum`].
    pub async fn count(self, db: &Database) -> Result<Vec<(G, u64)>> {
        self.rows(db, Measure::Count, decode::<M, u64>, "count").await
    }

    /// The sum of a number field in each group.
    ///
    /// # Errors
    /// As [`Query::sum`].
    pub async fn sum<T: Summable>(self, db: &Database, field: Field<M, T>) -> Result<Vec<(G, T::Sum)>> {
        let path = field.path().to_owned();
        self.rows(db, Measure::Sum(path.clone()), sum::<M, T>, &path).await
    }

    /// The mean of a number field in each group; `None` where it has no numbers.
    ///
    /// # Errors
    /// As [`Query::sum`].
    pub async fn avg<T: Summable>(self, db: &Database, field: Field<M, T>) -> Result<Vec<(G, Option<T::Mean>)>> {
        let path = field.path().to_owned();
        self.rows(db, Measure::Avg(path.clone()), decode::<M, Option<T::Mean>>, &path).await
    }

    /// The lowest value of a field in each group.
    ///
    /// # Errors
    /// As [`Query::sum`].
    pub async fn min<T: Ordered>(self, db: &Database, field: Field<M, T>) -> Result<Vec<(G, Option<T::Scalar>)>> {
        let path = field.path().to_owned();
        self.rows(db, Measure::Min(path.clone()), decode::<M, Option<T::Scalar>>, &path).await
    }

    /// The highest value of a field in each group.
    ///
    /// # Errors
    /// As [`Query::sum`].
    pub async fn max<T: Ordered>(self, db: &Database, field: Field<M, T>) -> Result<Vec<(G, Option<T::Scalar>)>> {
        let path = field.path().to_owned();
        self.rows(db, Measure::Max(path.clone()), decode::<M, Option<T::Scalar>>, &path).await
    }

    async fn rows<V>(
        self,
        db: &Database,
        measure: Measure,
        read: impl Fn(&Bson, &str) -> Result<V>,
        path: &str,
    ) -> Result<Vec<(G, V)>> {
        let by = self.by.path().to_owned();
        let rows = self.query.rows(db, Some(by.clone()), measure).await?;
        rows.iter()
            .map(|row| {
                let key = if row.key == Bson::Null {
                    G::absent().or_else(|_| G::decode(&row.key))
                } else {
                    G::decode(&row.key)
                };
                let key = key.map_err(|source| unreadable::<M>(source, &by))?;
                Ok((key, read(row.values.first().unwrap_or(&Bson::Null), path)?))
            })
            .collect()
    }
}

/// A sum over nothing is an integer zero, whatever the field's type.
fn sum<M: Model, T: Summable>(value: &Bson, path: &str) -> Result<T::Sum> {
    match value {
        Bson::Int64(0) | Bson::Int32(0) | Bson::Null => Ok(T::Sum::default()),
        value => decode::<M, T::Sum>(value, path),
    }
}

fn decode<M: Model, T: Value>(value: &Bson, path: &str) -> Result<T> {
    T::decode(value).map_err(|source| unreadable::<M>(source, path))
}

fn unreadable<M: Model>(source: DecodeError, path: &str) -> Error {
    let source = M::SCHEMA.veil(source.at(path));
    Error::Decode { subject: format!("aggregate over {}", M::SCHEMA.collection), source }
}
