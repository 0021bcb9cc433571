//! Builds the guests and the example skills, and generates constants with their paths.

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "wasm32-wasip2";
const SKILLS: [&str; 10] = [
    "aws_presign",
    "deploy_status",
    "git_clone",
    "git_push",
    "github_issue",
    "github_pull_request",
    "github_webhook",
    "registry",
    "slack",
    "snoop",
];

/// A folder of guests that are already built. `cargo xtask mutants` sets it for its copy of the
/// source.
const GUESTS_VARIABLE: &str = "FAR_TESTS_GUESTS";
/// Variables of cargo that apply to the host's target only.
const HOST_ONLY_VARIABLES: [&str; 5] =
    ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"];

#[expect(clippy::disallowed_methods, reason = "cargo passes everything to a build script by its environment")]
fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let root = here.parent().ok_or("the package lies in the repository")?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed={GUESTS_VARIABLE}");
    let target = if let Some(built) = env::var_os(GUESTS_VARIABLE) {
        built.into()
    } else {
        // OUT_DIR is TARGET/PROFILE/build/PACKAGE/out. Guests have one folder for all profiles.
        let target = out.ancestors().nth(4).ok_or("the output folder lies in a target folder")?.join("guests");
        build(&root.join("tests/guests"), &target, &["--examples"])?;
        build(&root.join("skills-examples"), &target, &[])?;
        target
    };
    for watched in ["wit", "guest-sdk", "host/capability", "skills-examples", "tests/guests"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }

    let built = target.join(TARGET).join("debug");
    let mut code = String::new();
    let mut names = stems(&here.join("guests/examples"))?;
    for name in &names {
        constant(&mut code, name, &built.join("examples").join(format!("{name}.wasm")))?;
    }
    for name in SKILLS {
        constant(&mut code, name, &built.join(format!("{name}.wasm")))?;
    }
    names.extend(SKILLS.map(str::to_owned));
    fs::write(out.join("guests.rs"), code)?;
    let folders = [
        "tests/tests/end_to_end",
        "tests/tests/isolated",
        "tests/src",
        "tests/src/attacks",
        "host/cli/tests/far/run",
        "host/cli/tests/far/run/examples",
    ];
    require_tests(&names, &folders.map(|folder| root.join(folder)))
}

fn build(workspace: &Path, target: &Path, args: &[&str]) -> Result<(), Box<dyn Error>> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(workspace).args(["build", "--locked", "--target", TARGET]).args(args);
    cargo.env("CARGO_TARGET_DIR", target);
    for name in HOST_ONLY_VARIABLES {
        cargo.env_remove(name);
    }
    if cargo.status()?.success() {
        return Ok(());
    }
    let hint = format!("if the target is missing, run 'cargo xtask test' or 'rustup target add {TARGET}'");
    Err(format!("the components in {} could not be built; {hint}", workspace.display()).into())
}

/// Fails if no test runs one of the guests.
fn require_tests(names: &[String], folders: &[PathBuf]) -> Result<(), Box<dyn Error>> {
    let mut tests = String::new();
    for folder in folders {
        println!("cargo::rerun-if-changed={}", folder.display());
        for name in stems(folder)? {
            tests.push_str(&fs::read_to_string(folder.join(name).with_extension("rs"))?);
        }
    }
    let tested = |name: &&String| tests.contains(&format!("guests::{}", name.to_uppercase()));
    match names.iter().find(|name| !tested(name)) {
        Some(name) => Err(format!("no test runs the guest '{name}'").into()),
        None => Ok(()),
    }
}

/// Returns the names of a folder's Rust files as identifiers.
fn stems(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.file_stem().and_then(|name| name.to_str()).ok_or("a guest's name is valid UTF-8")?;
            names.push(name.replace('-', "_"));
        }
    }
    names.sort();
    Ok(names)
}

fn constant(code: &mut String, name: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    if !path.is_file() {
        return Err(format!("{} was not built", path.display()).into());
    }
    writeln!(code, "/// The component `{name}`.")?;
    writeln!(code, "pub const {}: &str = {:?};", name.to_uppercase(), path.display().to_string())?;
    Ok(())
}
