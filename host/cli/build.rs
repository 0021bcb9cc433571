//! Embeds the SDK's sources in the command, so that `far new` needs neither a checkout nor a
//! published crate.
//!
//! The embedded files form a separate workspace: the SDK packages and the WIT package at their
//! paths in this repository, and a manifest with the inherited keys.

#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

/// Packages that skills depend on.
const PACKAGES: [&str; 3] = ["guest-sdk", "guest-sdk/macros", "host/capability"];
/// Other files of these packages.
const FILES: [&str; 3] = ["LICENSE", "guest-sdk/skill.json", "wit"];

#[expect(clippy::disallowed_methods, reason = "cargo passes the input of a build script in its environment")]
fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.ancestors().nth(2).ok_or("the package is in the repository")?.to_owned();
    let out = PathBuf::from(env::var("OUT_DIR")?);

    let mut files = Vec::new();
    let mut inherited = BTreeSet::new();
    for package in PACKAGES {
        let manifest = manifest(&root.join(package).join("Cargo.toml"), &mut inherited)?;
        files.push((format!("{package}/Cargo.toml"), manifest));
        collect(&root, &format!("{package}/src"), &mut files)?;
    }
    for path in FILES {
        collect(&root, path, &mut files)?;
    }
    files.push(("Cargo.toml".to_owned(), workspace(&root, &inherited)?));
    files.sort();

    let mut code = String::from(
        "/// Path and text of every file, sorted by path.\npub(super) const FILES: &[(&str, &str)] = &[\n",
    );
    for (path, text) in files {
        writeln!(code, "    ({path:?}, {text:?}),")?;
    }
    code.push_str("];\n");
    fs::write(out.join("sdk.rs"), code)?;
    Ok(())
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", path.display());
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

/// Adds a file, or every file of a folder, by its path relative to the root.
fn collect(root: &Path, path: &str, files: &mut Vec<(String, String)>) -> Result<(), Box<dyn Error>> {
    let there = root.join(path);
    if there.is_file() {
        files.push((path.to_owned(), read(&there)?));
        return Ok(());
    }
    // The folder itself is tracked for new files.
    println!("cargo::rerun-if-changed={}", there.display());
    for entry in fs::read_dir(&there).map_err(|error| format!("{}: {error}", there.display()))? {
        let name = entry?.file_name().into_string().map_err(|_| "a source file's name is UTF-8")?;
        collect(root, &format!("{path}/{name}"), files)?;
    }
    Ok(())
}

/// Returns a package's manifest without dev-dependencies, and collects the inherited dependencies.
fn manifest(path: &Path, inherited: &mut BTreeSet<String>) -> Result<String, Box<dyn Error>> {
    let mut manifest: Table = read(path)?.parse()?;
    manifest.remove("dev-dependencies");
    let targets = manifest.get("target").and_then(Value::as_table);
    let of_targets = targets.into_iter().flat_map(Table::values).filter_map(|target| target.get("dependencies"));
    for dependencies in manifest.get("dependencies").into_iter().chain(of_targets).filter_map(Value::as_table) {
        inherited.extend(dependencies.keys().cloned());
    }
    Ok(toml::to_string(&manifest)?)
}

/// Returns the manifest of the embedded workspace.
fn workspace(root: &Path, inherited: &BTreeSet<String>) -> Result<String, Box<dyn Error>> {
    let repository: Table = read(&root.join("Cargo.toml"))?.parse()?;
    let whole = repository.get("workspace").and_then(Value::as_table).ok_or("the repository is a workspace")?;
    let mut workspace = Table::new();
    workspace.insert("resolver".to_owned(), "3".into());
    workspace.insert("members".to_owned(), PACKAGES.to_vec().into());
    for key in ["package", "lints"] {
        workspace.insert(key.to_owned(), whole.get(key).ok_or("the workspace has shared keys")?.clone());
    }
    let dependencies = whole.get("dependencies").and_then(Value::as_table).ok_or("the workspace has dependencies")?;
    let mut taken = Table::new();
    for name in inherited {
        let dependency = dependencies.get(name).ok_or_else(|| format!("the workspace does not declare '{name}'"))?;
        taken.insert(name.clone(), dependency.clone());
    }
    workspace.insert("dependencies".to_owned(), taken.into());
    Ok(toml::to_string(&Table::from_iter([("workspace".to_owned(), Value::from(workspace))]))?)
}
