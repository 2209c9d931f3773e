//! A store that is named by the path of its file.

use std::path::Path;

use super::exit::{Exit, Outcome, Stop};

/// What stands before the path in the address of a file.
const SCHEME: &str = "sqlite:";
/// The ends of names that are those of database files, there or not.
const EXTENSIONS: [&str; 3] = ["db", "sqlite", "sqlite3"];

/// The address of the store that is named so: an address, or a file's path. A file that is not there is refused unless
/// the command makes one: a slip of the pen would leave an empty store, which has nothing to say.
pub(super) fn uri(named: &str, makes: bool) -> Outcome<String> {
    let uri = if is_path(named) { format!("{SCHEME}{named}") } else { named.to_owned() };
    if let Some(file) = uri.strip_prefix(SCHEME)
        && !makes
    {
        let file = file.strip_prefix("//").unwrap_or(file);
        let path = file.split_once('?').map_or(file, |(path, _)| path);
        if !path.is_empty() && !Path::new(path).exists() {
            let stop = Stop::new(Exit::Unreachable, format!("there is no file `{path}`"));
            return Err(
                stop.hint(format!("a program that connects to `{SCHEME}{path}` makes it, and so does `import`"))
            );
        }
    }
    Ok(uri)
}

fn is_path(named: &str) -> bool {
    if has_scheme(named) {
        return false;
    }
    let path = Path::new(named);
    path.is_file() || path.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end.eq_ignore_ascii_case(known)))
}

/// Whether a word and a colon stand at the start. One letter is the drive of a path.
fn has_scheme(named: &str) -> bool {
    named.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

#[cfg(test)]
mod tests {
    //! Paths and addresses.

    use super::{is_path, uri};

    #[test]
    fn paths_are_told_from_addresses() {
        for path in [
            "app.db",
            "./app.SQLITE",
            "/var/lib/a b.sqlite3",
            "C:\\app.db",
            concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE-MIT"),
        ] {
            assert!(is_path(path), "{path}");
            assert_eq!(uri(path, true).unwrap(), format!("sqlite:{path}"));
        }
        for other in ["memory:", "mongodb://host/app.db", "sqlite:app.db", "mongodb+srv://host", "app", "", "no/such"] {
            assert!(!is_path(other), "{other}");
            assert_eq!(uri(other, true).unwrap(), other);
        }
    }

    #[test]
    fn only_what_makes_a_file_is_content_without_one() {
        for named in ["no/such.db", "sqlite:no/such.db", "sqlite://no/such.db?busy_timeout=1s"] {
            assert!(uri(named, true).is_ok());
            let stop = uri(named, false).unwrap_err();
            assert!(format!("{stop:?}").contains("there is no file `no/such.db`"), "{stop:?}");
        }
    }
}
