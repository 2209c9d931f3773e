//! The rules about crates: what they may depend on, and that none has unsafe code.

use anyhow::{Context, Result};
use toml::{Table, Value};

use super::{Finding, Rule, scan};
use crate::workspace::Workspace;

const DIRECTION: Rule = Rule {
    name: "dependency-direction",
    reason: "core knows no store and stores know no events, so that each can be replaced alone",
    fix: "move the shared part down to earnorm-core, or the user of it up to the façade",
};

const UNSAFE: Rule = Rule {
    name: "no-unsafe-code",
    reason: "users of this library must not have to audit it for memory safety",
    fix: "put `#![forbid(unsafe_code)]` into the crate root and `[lints] workspace = true` into \
          its Cargo.toml; the workspace lint says `unsafe_code = \"forbid\"`",
};

/// The crates of this workspace that a crate may depend on; others may depend on all.
const ALLOWED: &[(&str, &[&str])] = &[
    ("earnorm-core", &[]),
    ("earnorm-macros", &[]),
    ("earnorm-store", &["earnorm-core"]),
    ("earnorm-events", &["earnorm-core"]),
];

/// Checks the manifest and the roots of each crate.
pub(super) fn check(workspace: &Workspace) -> Result<Vec<Finding>> {
    let root = parse("Cargo.toml", &workspace.read("Cargo.toml")?)?;
    let mut findings = Vec::new();
    if text(&root, &["workspace", "lints", "rust", "unsafe_code"]) != Some("forbid") {
        findings.push(Finding::new(&UNSAFE, "Cargo.toml", "the workspace lint is not there"));
    }
    for folder in folders(&root) {
        let path = format!("{folder}Cargo.toml");
        findings.extend(check_manifest(&path, &parse(&path, &workspace.read(&path)?)?));
        for root in ["src/lib.rs", "src/main.rs"].map(|file| format!("{folder}{file}")) {
            if workspace.root.join(&root).is_file() && !forbids_unsafe(&workspace.read(&root)?) {
                findings.push(Finding::new(&UNSAFE, root, "`#![forbid(unsafe_code)]` is missing"));
            }
        }
    }
    Ok(findings)
}

fn parse(path: &str, text: &str) -> Result<Table> {
    text.parse().with_context(|| format!("{path} is not valid TOML"))
}

/// The folders of the workspace's crates, the root's being empty.
fn folders(root: &Table) -> Vec<String> {
    let members = value(root, &["workspace", "members"]).and_then(Value::as_array);
    let named = members.into_iter().flatten().filter_map(Value::as_str);
    std::iter::once(String::new()).chain(named.map(|name| format!("{name}/"))).collect()
}

fn check_manifest(path: &str, manifest: &Table) -> Vec<Finding> {
    let mut findings = Vec::new();
    if value(manifest, &["lints", "workspace"]).and_then(Value::as_bool) != Some(true) {
        findings.push(Finding::new(&UNSAFE, path, "the workspace lints are not in force"));
    }
    let name = text(manifest, &["package", "name"]).unwrap_or_default();
    let Some((_, allowed)) = ALLOWED.iter().find(|(crate_name, _)| *crate_name == name) else {
        return findings;
    };
    for dependency in dependencies(manifest) {
        if dependency.starts_with("earnorm") && !allowed.contains(&dependency.as_str()) {
            let what = format!("{name} must not depend on {dependency}");
            findings.push(Finding::new(&DIRECTION, path, what));
        }
    }
    findings
}

/// The packages a crate needs to be built; those of its tests do not count.
fn dependencies(manifest: &Table) -> Vec<String> {
    let targets = value(manifest, &["target"]).and_then(Value::as_table);
    let of_targets = targets.into_iter().flat_map(Table::values).filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(of_targets)
        .flat_map(|table| ["dependencies", "build-dependencies"].map(|kind| table.get(kind)))
        .filter_map(|dependencies| dependencies?.as_table())
        .flatten()
        .map(|(key, entry)| package(key, entry))
        .collect()
}

/// The package behind a dependency, which may go by another name.
fn package(key: &str, entry: &Value) -> String {
    entry.get("package").and_then(Value::as_str).unwrap_or(key).to_owned()
}

fn forbids_unsafe(source: &str) -> bool {
    scan::lines(source).iter().any(|line| line.code.trim() == "#![forbid(unsafe_code)]")
}

fn text<'a>(table: &'a Table, path: &[&str]) -> Option<&'a str> {
    value(table, path)?.as_str()
}

fn value<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let mut value = table.get(*first)?;
    for key in rest {
        value = value.get(key)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, rest: &str) -> Vec<String> {
        let text = format!("package.name = \"{name}\"\nlints.workspace = true\n{rest}");
        let manifest = parse("Cargo.toml", &text).expect("valid");
        check_manifest("Cargo.toml", &manifest).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_crate_depends_only_downwards() {
        let core = "dependencies.earnorm-core.workspace = true";
        assert!(found("earnorm-store", core).is_empty());
        assert!(found("earnorm-events", core).is_empty());
        assert!(found("earnorm", "dependencies.earnorm-store = \"0.1\"").is_empty());
        let wrong = found("earnorm-macros", core);
        assert_eq!(wrong, ["earnorm-macros must not depend on earnorm-core"]);
    }

    #[test]
    fn a_dependency_is_found_under_any_name_and_target() {
        for dependency in [
            "dependencies.other = { package = \"earnorm-store\", version = \"0.1\" }",
            "build-dependencies.earnorm-store = \"0.1\"",
            "target.'cfg(unix)'.dependencies.earnorm-store.workspace = true",
        ] {
            assert_eq!(found("earnorm-events", dependency).len(), 1, "{dependency}");
        }
    }

    #[test]
    fn tests_may_depend_on_any_crate() {
        assert!(found("earnorm-core", "dev-dependencies.earnorm-store = \"0.1\"").is_empty());
    }

    #[test]
    fn the_workspace_lints_are_in_force() {
        let manifest = parse("Cargo.toml", "package.name = \"earnorm\"").expect("valid");
        assert_eq!(check_manifest("Cargo.toml", &manifest).len(), 1);
    }

    #[test]
    fn a_crate_root_forbids_unsafe_code() {
        assert!(forbids_unsafe("//! A crate.\n#![forbid(unsafe_code)]\n"));
        assert!(!forbids_unsafe("//! A crate with #![forbid(unsafe_code)]\n"));
    }
}
