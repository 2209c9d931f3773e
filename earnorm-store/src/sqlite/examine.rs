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

fn space(tx: &Tx<'_>, file: &File) -> Done<Finding> {
    let read = |pragma| tx.conn.pragma_query_value(None, pragma, |row| row.get(0));
    let pages = Pages {
        all: read("page_count")?,
        free: read("freelist_count")?,
        size: read("page_size")?,
        most: file.max_pages.map(i64::from),
    };
    Ok(pages.judge(&file.path.display().to_string()))
}

/// How large the file is, and how near to what it may be.
#[derive(Debug, Clone, Copy)]
struct Pages {
    all: i64,
    free: i64,
    size: i64,
    most: Option<i64>,
}

impl Pages {
    fn judge(self, file: &str) -> Finding {
        let Self { all, free, size, most } = self;
        let (bytes, used) = (all.saturating_mul(size), all - free);
        let message = format!("`{file}` has {bytes} bytes, {} of them free", free.saturating_mul(size));
        let finding = match most {
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
        finding.value(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_nearly_all_of_its_pages_is_told_of_before_it_is_full() {
        use Severity::{Fine, Problem, Warning};
        for (all, free, most, severity) in [
            (1_000, 0, None, Fine),
            (179, 0, Some(200), Fine),
            (180, 0, Some(200), Warning),
            (180, 1, Some(200), Fine),
            (199, 0, Some(200), Warning),
            (200, 0, Some(200), Problem),
            // Free pages are written again.
            (200, 1, Some(200), Warning),
            (201, 0, Some(200), Problem),
        ] {
            let found = Pages { all, free, size: 4_096, most }.judge("app.db");
            assert_eq!(found.severity, severity, "{}", found.message);
            let told = format!("`app.db` has {} bytes, {} of them free", all * 4_096, free * 4_096);
            assert!(found.message.starts_with(&told), "{}", found.message);
            assert_eq!(found.value, Some((all * 4_096).into()));
        }
    }
}
