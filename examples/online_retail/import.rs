//! From rows to units of work.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use chrono::NaiveDateTime;
use earnorm::prelude::*;
use tokio::task::JoinSet;

use crate::model::{Customer, Invoice, Line, Purchased, Refunded, Registered};

/// How many rows are booked at the same time.
const WORKERS: usize = 16;

/// How often a row is booked again because another queue was first with its customer.
const RETRIES_MAX: u32 = 100;

/// One row of the file.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) invoice: String,
    pub(crate) issued: DateTime<Utc>,
    /// `None` where the file says `(blank)`: such a row counts for its country only.
    pub(crate) customer: Option<i64>,
    pub(crate) country: String,
    pub(crate) line: Line,
}

/// Reads the whole file. An error names the line.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<Row>> {
    let mut reader = csv::Reader::from_path(path).with_context(|| format!("cannot open {}", path.display()))?;
    let records = reader.records().enumerate();
    records
        .map(|(index, record)| {
            let record = record?;
            row(&record).with_context(|| format!("{} line {}", path.display(), index + 2))
        })
        .collect()
}

fn row(record: &csv::StringRecord) -> anyhow::Result<Row> {
    let field = |index: usize, name: &str| record.get(index).with_context(|| format!("{name} is missing"));
    let customer = match field(2, "CustomerID")? {
        "(blank)" => None,
        number => Some(number.parse().context("CustomerID is not a number")?),
    };
    let issued = NaiveDateTime::parse_from_str(field(1, "InvoiceDate")?, "%m/%d/%Y %H:%M").context("InvoiceDate")?;
    Ok(Row {
        invoice: field(0, "InvoiceNo")?.to_owned(),
        issued: issued.and_utc(),
        customer,
        country: field(3, "Country")?.to_owned(),
        line: Line {
            quantity: field(4, "Quantity")?.parse().context("Quantity is not a whole number")?,
            unit_price: field(5, "UnitPrice")?.parse().context("UnitPrice is not a decimal")?,
        },
    })
}

/// Books every row, each in one unit of work. Rows of one invoice keep their order.
pub(crate) async fn book(
    db: &Database,
    rows: Vec<Row>,
    booked: impl Fn() + Send + Sync + 'static,
) -> anyhow::Result<()> {
    let booked = Arc::new(booked);
    let mut workers = JoinSet::new();
    for queue in queues(rows) {
        let (db, booked) = (db.clone(), Arc::clone(&booked));
        workers.spawn(async move {
            for row in queue {
                book_row(&db, &row).await.with_context(|| format!("invoice {}", row.invoice))?;
                booked();
            }
            anyhow::Ok(())
        });
    }
    while let Some(worker) = workers.join_next().await {
        worker??;
    }
    Ok(())
}

/// Rows of one customer stand in one queue, so that nobody waits for a conflict; so do, above all, rows of one invoice.
/// Only an invoice with two customers brings one of them into a second queue.
fn queues(rows: Vec<Row>) -> impl Iterator<Item = Vec<Row>> {
    let mut queues: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    let mut of_invoice: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let queue = *of_invoice.entry(row.invoice.clone()).or_insert_with(|| queue(&row));
        queues.entry(queue).or_default().push(row);
    }
    queues.into_values()
}

fn queue(row: &Row) -> usize {
    let digits = |text: &str| text.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let key = row.customer.and_then(|customer| usize::try_from(customer).ok());
    key.unwrap_or_else(|| digits(&row.invoice)) % WORKERS
}

/// Books a row; all of it again when another queue was first, for then nothing was written.
async fn book_row(db: &Database, row: &Row) -> Result<()> {
    let mut retries = 0;
    loop {
        match book_once(db, row).await {
            Err(error) if was_late(&error) && retries < RETRIES_MAX => retries += 1,
            outcome => return outcome,
        }
    }
}

fn was_late(error: &Error) -> bool {
    error.is_conflict() || matches!(error, Error::AlreadyExists { deleted: false, .. })
}

/// One row, one unit of work: the invoice and its customer become durable together.
async fn book_once(db: &Database, row: &Row) -> Result<()> {
    let amount = row.line.amount();
    let unit = db.unit();
    match unit.get::<Invoice>(row.invoice.clone()).await? {
        Some(mut invoice) => {
            invoice.lines.push(row.line.clone());
            invoice.save(&unit).await?;
        }
        None => {
            let number = row.invoice.clone();
            let (issued, customer, country) = (row.issued, row.customer, row.country.clone());
            unit.create(Invoice { number, issued, customer, country, lines: vec![row.line.clone()], amount }).await?;
        }
    }
    if let Some(id) = row.customer {
        let mut customer = match unit.get::<Customer>(id).await? {
            Some(customer) => customer,
            None => unit.start::<Customer>(id, Registered { id, country: row.country.clone() }).await?,
        };
        if amount < Decimal::ZERO {
            customer.raise(Refunded { invoice: row.invoice.clone(), amount: -amount })?;
        } else {
            customer.raise(Purchased { invoice: row.invoice.clone(), amount })?;
        }
        customer.save(&unit).await?;
    }
    unit.commit().await?;
    Ok(())
}
