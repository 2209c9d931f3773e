//! Real invoices as a tracked model, customers as a sourced one: each row of a CSV is one unit of work.
//!
//! `cargo run --release --example online_retail [CSV] [--store memory:|mongodb://…]`. Without a file it reads the small
//! one that lies in `examples/data`. Afterwards everything is folded again from the log alone and compared.
//!
//! `cargo run --features cli --example online_retail -- cli --store mongodb://… log tail` is the `earnorm` command with
//! the models of this example.
#![allow(clippy::print_stdout, reason = "a program for people")]

mod import;
mod model;
mod totals;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use comfy_table::{CellAlignment, Table, presets};
use earnorm::prelude::*;
use indicatif::{ProgressBar, ProgressStyle};

use crate::model::Invoice;
use crate::totals::Totals;

/// The database's name on the server.
const DATABASE: &str = "online_retail";

/// Books invoices, then proves that the log holds everything.
///
/// `online_retail cli …` is the `earnorm` command with the models of this example.
#[derive(Debug, Parser)]
struct Arguments {
    /// The invoices: InvoiceNo, InvoiceDate, CustomerID, Country, Quantity, UnitPrice.
    #[arg(default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/online_retail_sample.csv"))]
    csv: PathBuf,
    /// Where to keep them: `memory:`, or a MongoDB URI with its replica set.
    #[arg(long, default_value = "memory:")]
    store: String,
    /// The database's name on the server.
    #[arg(long, default_value = DATABASE)]
    database: String,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    if std::env::args().nth(1).is_some_and(|first| first == "cli") {
        return command().await;
    }
    let arguments = Arguments::parse();
    let rows = import::read(&arguments.csv)?;
    let db = Database::builder().database(&arguments.database).connect(arguments.store).await?;
    if Invoice::all().exists(&db).await? {
        // Booked twice, a row counts twice: a second line on its invoice, a second purchase of its customer.
        anyhow::bail!("`{}` holds invoices already: name another with --database", arguments.database);
    }

    let bar = ProgressBar::new(rows.len() as u64).with_style(style()?);
    let progress = bar.clone();
    import::book(&db, rows, move || progress.inc(1)).await?;
    bar.finish_and_clear();

    let live = Totals::live(&db).await?;
    let folded = Totals::folded(&db).await?;
    println!("Revenue by country\n{}\n", revenue(&live));
    println!("Best customers\n{}\n", customers(&live));
    println!("{} invoices, {} customers", live.invoices.len(), live.customers.len());
    db.close().await?;
    if live == folded {
        println!("Folded again from the log alone: every figure, invoice and customer agrees.");
        Ok(ExitCode::SUCCESS)
    } else {
        println!("Folded again from the log alone: THEY DIFFER.\n{}\n{}", revenue(&folded), customers(&folded));
        Ok(ExitCode::FAILURE)
    }
}

/// The `earnorm` command with the models that are linked here.
#[cfg(feature = "cli")]
async fn command() -> anyhow::Result<ExitCode> {
    let own = ["online_retail cli", "--database", DATABASE].map(Into::into);
    let args = own.into_iter().chain(std::env::args_os().skip(2));
    Ok(earnorm::cli::run_with(args, earnorm::cli::Io::standard()).await.into())
}

#[cfg(not(feature = "cli"))]
async fn command() -> anyhow::Result<ExitCode> {
    anyhow::bail!("this build has no command: build it with `--features cli`")
}

fn style() -> anyhow::Result<ProgressStyle> {
    Ok(ProgressStyle::with_template("{bar:40} {pos}/{len} rows, {per_sec}, {eta} left")?)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header.to_vec());
    table
}

fn right_aligned(mut table: Table, columns: &[usize]) -> Table {
    for index in columns {
        if let Some(column) = table.column_mut(*index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn revenue(totals: &Totals) -> Table {
    let mut table = table(&["country", "revenue"]);
    for (country, amount) in &totals.by_country {
        table.add_row([country.clone(), format!("{amount:.4}")]);
    }
    right_aligned(table, &[1])
}

fn customers(totals: &Totals) -> Table {
    let mut table = table(&["customer", "country", "purchases", "refunds", "spent"]);
    for customer in &totals.best {
        table.add_row([
            customer.id.to_string(),
            customer.country.clone(),
            customer.purchases.to_string(),
            customer.refunds.to_string(),
            format!("{:.4}", customer.spent),
        ]);
    }
    right_aligned(table, &[0, 2, 3, 4])
}
