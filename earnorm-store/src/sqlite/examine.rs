//! What is worth knowing about a file.

use earnorm_core::store::{Finding, Severity};

use super::error::Done;
use super::file::File;
use super::tx::Tx;

pub(super) fn examine(tx: &Tx<'_>, file: &File) -> Done<Vec<Finding>> {
    let (events, tombstones) = tx.census()?;
    let end = tx.head.end;
    Ok(vec![
        durability(tx)?,
        space(tx, file)?,
        Finding::new("log", Severity::Fine, format!("{events} events up to position {end}")).value(events),
        Finding::new("holes", Severity::Fine, format!("no hole, {tombstones} tombstones")).value(tombstones),
    ])
}

fn durability(tx: &Tx<'_>) -> Done<Finding> {
    let mode: String = tx.conn.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok(if mode == "wal" {
        Finding::new("durability", Severity::Fine, "what is acknowledged is on the disk: write-ahead log, full sync")
    } else {
        let message = format!("the file is in mode `{mode}` and not `wal`: readers and writers wait for each other");
        Finding::new("durability", Severity::Warning, message)
    })
}

/// How large the file is, and how near to what it may be.
fn space(tx: &Tx<'_>, file: &File) -> Done<Finding> {
    let pages: i64 = tx.conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let size: i64 = tx.conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let free: i64 = tx.conn.pragma_query_value(None, "freelist_count", |row| row.get(0))?;
    let (name, bytes, used) = (file.path.display(), pages.saturating_mul(size), pages - free);
    let message = format!("`{name}` has {bytes} bytes, {} of them free", free.saturating_mul(size));
    let finding = match file.max_pages.map(i64::from) {
        Some(most) if used >= most => {
            let message =
                format!("{message}, and all of the {most} pages it may have: commits fail; raise `max_pages`");
            Finding::new("space", Severity::Problem, message)
        }
        Some(most) if used >= most / 10 * 9 => {
            let message = format!("{message}, and nearly all of the {most} pages it may have: raise `max_pages`");
            Finding::new("space", Severity::Warning, message)
        }
        _ => Finding::new("space", Severity::Fine, message),
    };
    Ok(finding.value(bytes))
}
