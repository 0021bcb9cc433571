//! Installs the compilation target of skills, which every build requires.
//!
//! The check looks in the library folder of the compiler in use, so it works with and without
//! rustup. Only rustup adds the target; system packages are never changed.

use std::path::Path;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::repository::Repository;

/// The compilation target of skills.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// Adds the target if the toolchain in use lacks it.
pub(crate) fn run(repository: &Repository) -> Result<(), Failure> {
    let root = &repository.root;
    if has_target(&library_folder(root)?) {
        println!("{WASM_TARGET}: installed");
        return Ok(());
    }
    if Invocation::new("rustup").arg("--version").stdout(root).is_none() {
        return Err(without_rustup(root));
    }
    println!("{WASM_TARGET}: not installed for this toolchain; adding it with rustup");
    let add = Invocation::new("rustup").words("target add").arg(WASM_TARGET);
    add.run(root).map_err(|_| {
        Failure::new(format!("rustup could not add {WASM_TARGET}; its errors are above"))
            .or_next(format!("with network access, run: {add}"))
    })?;
    // The compiler on the search path may belong to another toolchain than rustup's.
    if has_target(&library_folder(root)?) { Ok(()) } else { Err(without_rustup(root)) }
}

/// Returns the library folder of the compiler in use for the target; it may not exist.
fn library_folder(root: &Path) -> Result<String, Failure> {
    let query = Invocation::new("rustc").words("--print target-libdir --target").arg(WASM_TARGET);
    let output = query.output(root)?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    query.succeeded(output.status).map_err(|failure| {
        Failure::new(format!("{}\n{}", failure.message(), stderr.trim_end()))
            .or_next("install the toolchain that rust-toolchain.toml names")
    })?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn has_target(folder: &str) -> bool {
    let Ok(entries) = Path::new(folder).read_dir() else { return false };
    let is_std = |name: &str| name.starts_with("libstd-") && name.ends_with(".rlib");
    entries.flatten().any(|entry| entry.file_name().to_str().is_some_and(is_std))
}

fn without_rustup(root: &Path) -> Failure {
    let sysroot = Invocation::new("rustc").words("--print sysroot").stdout(root);
    let sysroot = sysroot.unwrap_or_else(|| "an unknown path".to_owned());
    let add = format!("rustup target add {WASM_TARGET}");
    Failure::new(format!("the compiler in use, at {sysroot}, has no standard library for {WASM_TARGET}"))
        .or_next(format!("install it from the source of the compiler, or use rustup's compiler and run: {add}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_requires_its_standard_library() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert!(!has_target(&format!("{path}/lib")));
        assert!(!has_target(path), "an empty folder");
        std::fs::write(folder.path().join("libcore-1.rlib"), "").unwrap();
        assert!(!has_target(path));
        std::fs::write(folder.path().join("libstd-1.rlib"), "").unwrap();
        assert!(has_target(path));
    }

    #[test]
    fn library_folder_contains_target_name() {
        let folder = library_folder(Path::new(".")).unwrap();
        assert!(folder.contains(WASM_TARGET), "{folder}");
    }
}
