//! What the books say: from the state documents, and from the log alone.

use std::collections::BTreeMap;

use earnorm::prelude::*;
use earnorm::query::Query;

use crate::model::{Customer, Invoice};

/// How many of the best customers are shown.
const BEST: usize = 10;

/// The figures that are shown, and every instance behind them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Totals {
    pub(crate) by_country: Vec<(String, Decimal)>,
    pub(crate) best: Vec<Customer>,
    pub(crate) customers: BTreeMap<i64, Customer>,
    pub(crate) invoices: BTreeMap<String, Invoice>,
}

impl Totals {
    /// From the state documents; sums and order are computed by the store.
    pub(crate) async fn live(db: &Database) -> Result<Self> {
        let by_country = Invoice::all().group_by(Invoice::COUNTRY).sum(db, Invoice::AMOUNT).await?;
        let best: Query<Customer> = Customer::all().sort(Customer::SPENT.desc()).sort(Customer::ID.asc());
        let best = best.limit(BEST as u64).all(db).await?.into_iter().map(Entity::into_inner).collect();
        let customers = Customer::all().all(db).await?.into_iter().map(|found| (found.id, found.into_inner()));
        let invoices =
            Invoice::all().all(db).await?.into_iter().map(|found| (found.number.clone(), found.into_inner()));
        Ok(Self { by_country, best, customers: customers.collect(), invoices: invoices.collect() })
    }

    /// From the log alone: every stream is folded again.
    pub(crate) async fn folded(db: &Database) -> Result<Self> {
        let invoices: BTreeMap<_, _> = keyed(Invoice::fold_all(db).await?, |invoice| invoice.number.clone());
        let customers = keyed(Customer::fold_all(db).await?, |customer| customer.id);
        let mut by_country: BTreeMap<String, Decimal> = BTreeMap::new();
        for invoice in invoices.values() {
            *by_country.entry(invoice.country.clone()).or_default() += invoice.amount;
        }
        let mut best: Vec<_> = customers.values().cloned().collect();
        best.sort_by(|left, right| right.spent.cmp(&left.spent).then(left.id.cmp(&right.id)));
        best.truncate(BEST);
        Ok(Self { by_country: by_country.into_iter().collect(), best, customers, invoices })
    }
}

/// The instances that were not deleted, by their id.
fn keyed<M, K: Ord>(folded: BTreeMap<String, Option<M>>, id: fn(&M) -> K) -> BTreeMap<K, M> {
    folded.into_values().flatten().map(|model| (id(&model), model)).collect()
}
