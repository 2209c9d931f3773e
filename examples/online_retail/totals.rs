//! What the books say: from the state documents, and from the log alone.

use std::collections::BTreeMap;

use earnorm::prelude::*;
use earnorm::query::Query;

use crate::model::{Customer, Invoice};

/// How many of the best customers are shown.
const BEST: usize = 10;

/// The figures that are compared.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Totals {
    pub(crate) by_country: Vec<(String, Decimal)>,
    pub(crate) best: Vec<Customer>,
    pub(crate) invoices: u64,
    pub(crate) customers: u64,
    pub(crate) events: usize,
}

impl Totals {
    /// From the state documents, computed by the store.
    pub(crate) async fn live(db: &Database) -> Result<Self> {
        let by_country = Invoice::all().group_by(Invoice::COUNTRY).sum(db, Invoice::AMOUNT).await?;
        let best: Query<Customer> = Customer::all().sort(Customer::SPENT.desc()).sort(Customer::ID.asc());
        let best = best.limit(BEST as u64).all(db).await?.into_iter().map(Entity::into_inner).collect();
        let invoices = Invoice::all().count(db).await?;
        let customers = Customer::all().count(db).await?;
        Ok(Self { by_country, best, invoices, customers, events: events(db).await? })
    }

    /// From the log alone: every stream is folded again.
    pub(crate) async fn folded(db: &Database) -> Result<Self> {
        let invoices: Vec<_> = Invoice::fold_all(db).await?.into_values().flatten().collect();
        let mut best: Vec<_> = Customer::fold_all(db).await?.into_values().flatten().collect();
        let mut by_country: BTreeMap<String, Decimal> = BTreeMap::new();
        for invoice in &invoices {
            *by_country.entry(invoice.country.clone()).or_default() += invoice.amount;
        }
        let customers = best.len() as u64;
        best.sort_by(|left, right| right.spent.cmp(&left.spent).then(left.id.cmp(&right.id)));
        best.truncate(BEST);
        let (by_country, invoices) = (by_country.into_iter().collect(), invoices.len() as u64);
        Ok(Self { by_country, best, invoices, customers, events: events(db).await? })
    }
}

async fn events(db: &Database) -> Result<usize> {
    use futures::StreamExt;
    let mut log = db.events().stream();
    let mut count = 0;
    while let Some(event) = log.next().await {
        event?;
        count += 1;
    }
    Ok(count)
}
