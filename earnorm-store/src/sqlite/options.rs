//! The builder: which file, how long to wait for others, how much it may hold.

use std::path::{Path, PathBuf};
use std::time::Duration;

use earnorm_core::backend::redact;
use earnorm_core::limits::Limits;
use earnorm_core::{Error, Result};

use super::SqliteStore;

/// How a [`SqliteStore`] is set up.
#[derive(Debug, Clone)]
#[must_use]
pub struct SqliteStoreBuilder {
    pub(super) path: PathBuf,
    pub(super) prefix: String,
    pub(super) limits: Limits,
    pub(super) busy_timeout: Duration,
    pub(super) readers: u32,
    pub(super) max_pages: Option<u32>,
    pub(super) read_only: bool,
}

impl SqliteStoreBuilder {
    /// A store in the file at `path`, whatever characters it holds.
    pub fn at(path: impl AsRef<Path>) -> Self {
        Self {
            path: path.as_ref().to_owned(),
            prefix: "earnorm_".to_owned(),
            limits: Limits::default(),
            busy_timeout: Duration::from_secs(10),
            readers: 8,
            max_pages: None,
            read_only: false,
        }
    }

    /// Reads `sqlite:app.db?busy_timeout=5s`.
    pub(super) fn parse(uri: &str) -> Result<Self> {
        let refused = |reason: String| Error::Connect { uri: redact(uri), reason, source: None };
        let rest = uri.strip_prefix("sqlite:").ok_or_else(|| refused("it does not begin with `sqlite:`".to_owned()))?;
        let names_user =
            |rest: &str| rest.split('/').next().is_some_and(|host| host.contains(':') && host.contains('@'));
        let rest = match rest.strip_prefix("//") {
            Some(rest) if names_user(rest) => {
                return Err(refused("a file has neither a user nor a password: write `sqlite:app.db`".to_owned()));
            }
            Some(rest) => rest,
            None => rest,
        };
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        if path.is_empty() || path == ":memory:" {
            let reason = "it names no file: write `sqlite:app.db`, or `memory:` for a store without one";
            return Err(refused(reason.to_owned()));
        }
        let mut builder = Self::at(path);
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            builder = builder.option(name, value).map_err(refused)?;
        }
        Ok(builder)
    }

    fn option(self, name: &str, value: &str) -> Result<Self, String> {
        let wrong = |hint: &str| format!("`{value}` is no value of `{name}`: write {hint}");
        Ok(match name {
            "busy_timeout" => self.busy_timeout(duration(value).ok_or_else(|| wrong("`500ms`, `5s` or `1m`"))?),
            "readers" => {
                let readers = value.parse().ok().filter(|readers| *readers > 0);
                self.readers(readers.ok_or_else(|| wrong("a number above 0"))?)
            }
            "max_pages" => self.max_pages(value.parse().map_err(|_| wrong("a number of pages of 4 KiB"))?),
            "prefix" => self.prefix(value),
            "mode" if value == "ro" => self.read_only(),
            "mode" if value == "rwc" => self,
            "mode" => return Err(wrong("`ro` or `rwc`")),
            _ => {
                return Err(format!(
                    "`{name}` is no option: there are `busy_timeout`, `max_pages`, `mode`, `prefix` and `readers`"
                ));
            }
        })
    }

    /// The start of the names of the library's own collections; `earnorm_` unless set.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How much one commit may hold.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How long a write waits while another process writes; 10 s unless set.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How many reads run at a time at most; 8 unless set. Streams of documents do not count.
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// How many pages of 4 KiB the file may have; as many as the disk holds unless set.
    pub fn max_pages(mut self, pages: u32) -> Self {
        self.max_pages = Some(pages);
        self
    }

    /// Reads what is there and refuses every write.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// Opens the file, or makes it where it is not there.
    ///
    /// # Errors
    /// [`Error::Connect`] names the file and why it will not do.
    pub async fn open(self) -> Result<SqliteStore> {
        SqliteStore::open(self).await
    }
}

/// `500ms`, `5s` or `1m`.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "ms" => Duration::from_millis(number),
        "s" => Duration::from_secs(number),
        "m" => Duration::from_secs(number.checked_mul(60)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    //! Addresses as users write them.

    use std::path::Path;
    use std::time::Duration;

    use super::SqliteStoreBuilder;

    #[test]
    fn an_address_names_a_file_and_options() {
        for (uri, path) in [
            ("sqlite:app.db", "app.db"),
            ("sqlite:/var/app.db", "/var/app.db"),
            ("sqlite://data/app.db", "data/app.db"),
            ("sqlite:///var/app.db?", "/var/app.db"),
            ("sqlite://C:/app.db", "C:/app.db"),
            ("sqlite://@home/app.db", "@home/app.db"),
            ("sqlite:a b%20c.db?readers=2&mode=rwc", "a b%20c.db"),
        ] {
            assert_eq!(SqliteStoreBuilder::parse(uri).unwrap().path, Path::new(path), "{uri}");
        }
        let built = SqliteStoreBuilder::parse("sqlite:a.db?busy_timeout=5s&max_pages=100&mode=ro&prefix=x_").unwrap();
        assert_eq!((built.busy_timeout, built.max_pages), (Duration::from_secs(5), Some(100)));
        assert!(built.read_only && built.prefix == "x_");
    }

    #[test]
    fn what_is_no_address_is_refused_with_a_hint() {
        for (uri, hint) in [
            ("sqlite:", "sqlite:app.db"),
            ("sqlite::memory:", "memory:"),
            ("sqlite:a.db?busy_timeout=5", "`5s`"),
            ("sqlite:a.db?busy_timeout=5h", "`5s`"),
            ("sqlite:a.db?max_pages=-1", "pages"),
            ("sqlite:a.db?readers=0", "above 0"),
            ("sqlite:a.db?mode=rw", "`rwc`"),
            ("sqlite:a.db?cache=shared", "busy_timeout"),
        ] {
            let error = SqliteStoreBuilder::parse(uri).unwrap_err().to_string();
            assert!(error.contains(uri) && error.contains(hint), "{error}");
        }
        let error = SqliteStoreBuilder::parse("sqlite://ada:s3cret@host/app.db").unwrap_err().to_string();
        assert!(error.contains("neither a user nor a password") && !error.contains("s3cret"), "{error}");
    }
}
