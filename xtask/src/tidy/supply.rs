//! What comes from others: the part of `deny.toml` that can be tested without cargo-deny.
//!
//! Sources are read from `Cargo.lock`, for all systems; licences and duplicates from what cargo knows of the packages for
//! this system, which are there when anything was built. Advisories need cargo-deny and its database.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use serde_json::Value as Json;
use spdx::{Expression, ParseMode};
use toml::{Table, Value};

use super::{Finding, Rule};
use crate::cargo;
use crate::workspace::Workspace;

const LICENCE: Rule = Rule {
    name: "licence",
    reason: "who builds a program with this library owes what the licences of all its dependencies ask for",
    fix: "take another crate; or, after reading the licence, add it to `licenses.allow` in deny.toml",
};

const SOURCE: Rule = Rule {
    name: "source",
    reason: "a crate from elsewhere can change or go away, and cannot be published upon",
    fix: "depend on a version from crates.io",
};

const DUPLICATE: Rule = Rule {
    name: "duplicate-version",
    reason: "two versions of one crate take time to build and their types do not fit each other",
    fix: "ask for the version that is there already; or explain it in `bans.skip` in deny.toml, and remove what is stale",
};

const WILDCARD: Rule = Rule {
    name: "wildcard-version",
    reason: "a dependency without a version takes whatever comes next",
    fix: "write the version that was tested",
};

/// Checks the lock file, the manifests and the licences by `deny.toml`.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let policy: Table = workspace.read("deny.toml")?.parse().context("deny.toml is not valid TOML")?;
    let lock: Table = workspace.read("Cargo.lock")?.parse().context("Cargo.lock is not valid TOML")?;
    let metadata = metadata(workspace)?;
    let mut findings = check_sources(&policy, &lock);
    findings.extend(check_duplicates(&policy, &lock, &built(workspace)?));
    findings.extend(check_licences(&policy, &metadata)?);
    findings.extend(check_wildcards(&metadata));
    Ok(findings)
}

/// What cargo knows of the packages that are built on this system.
fn metadata(workspace: &Workspace) -> Result<Json> {
    let mut command = cargo::command(workspace);
    let args = ["metadata", "--format-version", "1", "--locked", "--all-features", "--filter-platform"];
    let output = command.args(args).arg(host(workspace)?).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`cargo metadata` failed: its reason stands above");
    serde_json::from_slice(&output.stdout).context("`cargo metadata` did not answer JSON")
}

/// The packages that are built on this system with all features, tests included: `name v1.2.3` and more, a line each.
fn built(workspace: &Workspace) -> Result<String> {
    let mut command = cargo::command(workspace);
    let args = ["tree", "--workspace", "--all-features", "--locked", "--prefix", "none", "--format", "{p}"];
    let output = command.args(args).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`cargo tree` failed: its reason stands above");
    Ok(String::from_utf8(output.stdout)?)
}

/// The name of this system, as cargo says it.
fn host(workspace: &Workspace) -> Result<String> {
    let output = cargo::command(workspace).arg("-vV").output()?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`cargo -vV` names no host")?.to_owned())
}

fn check_sources(policy: &Table, lock: &Table) -> Vec<Finding> {
    let allowed = texts(policy, "sources", "allow-registry");
    let registry = |source: &str| allowed.iter().any(|allowed| source == format!("registry+{allowed}"));
    let foreign = packages(lock).filter_map(|package| Some((package, package.get("source")?.as_str()?)));
    foreign
        .filter(|(_, source)| !registry(source))
        .map(|(package, source)| Finding::new(&SOURCE, "Cargo.lock", format!("{} comes from {source}", name(package))))
        .collect()
}

/// All but the newest version of a crate need an explanation, and no explanation outlives what it explains.
fn check_duplicates(policy: &Table, lock: &Table, built: &str) -> Vec<Finding> {
    let explained = skipped(policy);
    let mut findings = Vec::new();
    for (crate_name, version) in outdated(built) {
        if !explained.iter().any(|skip| skip.covers(crate_name, version)) {
            let what = format!("{crate_name} {version} is there beside a newer version");
            findings.push(Finding::new(&DUPLICATE, "Cargo.lock", what));
        }
    }
    for skip in explained {
        let locked = packages(lock).any(|package| skip.covers(text(package, "name"), text(package, "version")));
        let wrong = match skip.reason {
            "" => "has no reason",
            _ if !locked => "explains what is not there any more",
            _ => continue,
        };
        findings.push(Finding::new(&DUPLICATE, "deny.toml", format!("`{}` {wrong}", skip.spec)));
    }
    findings
}

/// The crates, with their versions, of which there is a newer version too.
fn outdated(built: &str) -> Vec<(&str, &str)> {
    let mut versions: BTreeMap<&str, BTreeSet<(Vec<u64>, &str)>> = BTreeMap::new();
    for line in built.lines() {
        let mut words = line.split_whitespace();
        if let (Some(name), Some(version)) = (words.next(), words.next().and_then(|word| word.strip_prefix('v'))) {
            versions.entry(name).or_default().insert((numbers(version), version));
        }
    }
    let older = |(name, mut versions): (_, BTreeSet<(Vec<u64>, _)>)| {
        versions.pop_last();
        versions.into_iter().map(move |(_, version)| (name, version))
    };
    versions.into_iter().flat_map(older).collect()
}

fn check_licences(policy: &Table, metadata: &Json) -> Result<Vec<Finding>> {
    let allowed = texts(policy, "licenses", "allow");
    let mut findings = Vec::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let (name, version) = (json(package, "name"), json(package, "version"));
        let refused = match package["license"].as_str() {
            None => Some("names no licence".to_owned()),
            Some(licence) => {
                let stated = Expression::parse_mode(licence, ParseMode::LAX);
                let stated = stated.with_context(|| format!("the licence of {name} is no SPDX expression"))?;
                let fits = stated.evaluate(|wanted| {
                    wanted.addition.is_none() && allowed.contains(&wanted.license.to_string().as_str())
                });
                (!fits).then(|| format!("is under {licence}, which is not allowed"))
            }
        };
        findings.extend(refused.map(|what| Finding::new(&LICENCE, "Cargo.lock", format!("{name} {version} {what}"))));
    }
    Ok(findings)
}

/// A path alone will do for what is not published, and in tests.
fn check_wildcards(metadata: &Json) -> Vec<Finding> {
    let ours = metadata["packages"].as_array().into_iter().flatten().filter(|package| package["source"].is_null());
    let mut findings = Vec::new();
    for package in ours {
        let private = package["publish"].as_array().is_some_and(Vec::is_empty);
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let by_path = dependency["path"].is_string() && (private || dependency["kind"] == "dev");
            if dependency["req"] == "*" && !by_path {
                let what = format!("{} takes any version of {}", json(package, "name"), json(dependency, "name"));
                findings.push(Finding::new(&WILDCARD, "Cargo.toml", what));
            }
        }
    }
    findings
}

/// An older version that is explained.
struct Skip<'a> {
    /// `name@version`, of which parts at the end may be left out.
    spec: &'a str,
    reason: &'a str,
}

impl Skip<'_> {
    fn covers(&self, name: &str, version: &str) -> bool {
        let (skipped, from) = self.spec.split_once('@').unwrap_or((self.spec, ""));
        let rest = version.strip_prefix(from);
        skipped == name && rest.is_some_and(|rest| rest.is_empty() || from.is_empty() || rest.starts_with('.'))
    }
}

fn skipped(policy: &Table) -> Vec<Skip<'_>> {
    let skips = policy.get("bans").and_then(|bans| bans.get("skip")).and_then(Value::as_array);
    skips
        .into_iter()
        .flatten()
        .filter_map(Value::as_table)
        .map(|skip| Skip { spec: text(skip, "crate"), reason: text(skip, "reason") })
        .collect()
}

fn packages(lock: &Table) -> impl Iterator<Item = &Table> {
    lock.get("package").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table)
}

fn name(package: &Table) -> String {
    format!("{} {}", text(package, "name"), text(package, "version"))
}

fn text<'a>(table: &'a Table, key: &str) -> &'a str {
    table.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn texts<'a>(table: &'a Table, section: &str, key: &str) -> Vec<&'a str> {
    let list = table.get(section).and_then(|section| section.get(key)).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

fn json<'a>(value: &'a Json, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// What versions are ordered by.
fn numbers(version: &str) -> Vec<u64> {
    version.split(['.', '-', '+']).map(|part| part.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        text.parse().expect("valid")
    }

    fn whats(findings: Vec<Finding>) -> Vec<String> {
        findings.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn only_the_registry_is_a_source() {
        let policy = table("sources.allow-registry = ['https://index']");
        let lock = |source: &str| table(&format!("[[package]]\nname = 'a'\nversion = '1.0.0'\n{source}"));
        assert!(check_sources(&policy, &lock("")).is_empty());
        assert!(check_sources(&policy, &lock("source = 'registry+https://index'")).is_empty());
        let found = whats(check_sources(&policy, &lock("source = 'git+https://host/a#1'")));
        assert_eq!(found, ["a 1.0.0 comes from git+https://host/a#1"]);
    }

    #[test]
    fn an_older_version_is_explained_as_long_as_it_is_there() {
        let versions = ["0.9.1", "0.10.0", "0.8.5"];
        let lock = table(&versions.map(|version| format!("[[package]]\nname = 'a'\nversion = '{version}'\n")).concat());
        let built = format!("{}\nb v1.0.0 (/b)\nb v1.0.0 (/b) (*)\n", versions.map(|v| format!("a v{v}")).join("\n"));
        let found = |skip: &str| whats(check_duplicates(&table(&format!("bans.skip = [{skip}]")), &lock, &built));
        let (old, middle) = ("{ crate = 'a@0.8', reason = 'b' }", "{ crate = 'a@0.9.1', reason = 'c' }");
        assert!(found(&format!("{old}, {middle}")).is_empty());
        assert_eq!(found(old), ["a 0.9.1 is there beside a newer version"]);
        let stale = "{ crate = 'a@0.1', reason = 'd' }";
        assert_eq!(found(&format!("{old}, {middle}, {stale}")), ["`a@0.1` explains what is not there any more"]);
        assert_eq!(found(&format!("{middle}, {{ crate = 'a@0.8' }}")), ["`a@0.8` has no reason"]);
    }

    #[test]
    fn a_licence_is_one_of_those_that_are_allowed() {
        let policy = table("licenses.allow = ['MIT', 'Unicode-3.0']");
        let found = |licence: &str| {
            let package = serde_json::json!({ "name": "a", "version": "1.0.0", "license": licence });
            whats(check_licences(&policy, &serde_json::json!({ "packages": [package] })).expect("read"))
        };
        for fits in ["MIT", "Apache-2.0 OR MIT", "Apache-2.0/MIT", "(GPL-3.0 OR MIT) AND Unicode-3.0"] {
            assert!(found(fits).is_empty(), "{fits}");
        }
        for refused in ["GPL-3.0", "MIT AND Apache-2.0", "MIT WITH LLVM-exception"] {
            assert_eq!(found(refused), [format!("a 1.0.0 is under {refused}, which is not allowed")]);
        }
        let none = serde_json::json!({ "packages": [{ "name": "a", "version": "1.0.0", "license": null }] });
        assert_eq!(whats(check_licences(&policy, &none).expect("read")), ["a 1.0.0 names no licence"]);
    }

    #[test]
    fn a_dependency_has_a_version() {
        let found = |publish: Json, dependency: Json| {
            let package =
                serde_json::json!({ "name": "a", "source": null, "publish": publish, "dependencies": [dependency] });
            whats(check_wildcards(&serde_json::json!({ "packages": [package] })))
        };
        let (all, none) = (Json::Null, serde_json::json!([]));
        let any = serde_json::json!({ "name": "b", "req": "*", "kind": null });
        assert_eq!(found(all.clone(), any.clone()), ["a takes any version of b"]);
        assert_eq!(found(none.clone(), any), ["a takes any version of b"]);
        let path = serde_json::json!({ "name": "b", "req": "*", "kind": null, "path": "/b" });
        assert_eq!(found(all.clone(), path.clone()), ["a takes any version of b"]);
        assert!(found(none, path).is_empty());
        assert!(found(all, serde_json::json!({ "name": "b", "req": "*", "kind": "dev", "path": "/b" })).is_empty());
    }
}
