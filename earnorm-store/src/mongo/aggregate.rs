//! Measures over documents, with the port's meaning where the server's differs: integers stay int64, nothing sums to 0,
//! and an overflow is an error.

use bson::{Bson, Document, doc};
use earnorm_core::Result;
use earnorm_core::store::{AggregateRow, Aggregation, Measure};

use super::filter::{checked, compile, invalid};
use super::inner::Inner;

impl Inner {
    pub(super) async fn aggregate(&self, aggregation: &Aggregation) -> Result<Vec<AggregateRow>> {
        let mut pipeline = vec![doc! { "$match": compile(&aggregation.predicate)? }];
        let key = match &aggregation.group_by {
            Some(path) => Bson::from(doc! { "$ifNull": [format!("${}", checked(path)?), Bson::Null] }),
            None => Bson::Null,
        };
        let mut group = doc! { "_id": key };
        for (index, measure) in aggregation.measures.iter().enumerate() {
            accumulate(&mut group, index, measure)?;
        }
        pipeline.push(doc! { "$group": group });
        pipeline.push(doc! { "$sort": { "_id": 1 } });
        let mut rows = self.pipeline(&aggregation.collection, pipeline).await?;
        if rows.is_empty() && aggregation.group_by.is_none() {
            rows.push(Document::new());
        }
        rows.into_iter().map(|row| read(row, &aggregation.measures)).collect()
    }
}

fn accumulate(group: &mut Document, index: usize, measure: &Measure) -> Result<()> {
    let value = |path: &str| checked(path).map(|path| format!("${path}"));
    let accumulator = match measure {
        Measure::Count => doc! { "$sum": 1_i64 },
        Measure::Sum(path) => {
            // The server turns integers that overflow into a double: whether one was asked for must be known.
            let fractional = doc! { "$in": [{ "$type": value(path)? }, ["double", "decimal"]] };
            group.insert(format!("f{index}"), doc! { "$max": fractional });
            doc! { "$sum": value(path)? }
        }
        Measure::Avg(path) => doc! { "$avg": value(path)? },
        Measure::Min(path) => doc! { "$min": value(path)? },
        Measure::Max(path) => doc! { "$max": value(path)? },
    };
    group.insert(format!("m{index}"), accumulator);
    Ok(())
}

fn read(mut row: Document, measures: &[Measure]) -> Result<AggregateRow> {
    let mut values = Vec::with_capacity(measures.len());
    for (index, measure) in measures.iter().enumerate() {
        let fractional = row.get_bool(format!("f{index}")).unwrap_or(false);
        let value = row.remove(format!("m{index}")).unwrap_or(Bson::Null);
        values.push(match (measure, value) {
            (Measure::Count | Measure::Sum(_), Bson::Null) => Bson::Int64(0),
            (Measure::Count | Measure::Sum(_), Bson::Int32(number)) => Bson::Int64(i64::from(number)),
            (Measure::Sum(path), Bson::Double(_)) if !fractional => {
                return Err(invalid(path, "the sum of its integers is beyond int64; store doubles or decimals"));
            }
            (_, value) => value,
        });
    }
    Ok(AggregateRow { key: row.remove("_id").unwrap_or(Bson::Null), values })
}
