//! What must be there before anything is built: the compilation target of skills.
//!
//! It is looked for where the compiler in use looks for it, so that this holds with rustup and without; that costs
//! milliseconds when it is there. Only rustup's own command adds it, and nothing of the system's is changed.

use std::path::Path;

use crate::failure::Failure;
use crate::invocation::Invocation;
use crate::repository::Repository;

/// What skills are compiled for.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// Adds the target if the toolchain in use lacks it.
pub(crate) fn run(repository: &Repository) -> Result<(), Failure> {
    let root = &repository.root;
    if has_target(&library_folder(root)?) {
        println!("{WASM_TARGET}: installed");
        return Ok(());
    }
    if Invocation::new("rustup").arg("--version").answer(root).is_none() {
        return Err(without_rustup(root));
    }
    println!("{WASM_TARGET}: not installed for this toolchain; adding it with rustup");
    let add = Invocation::new("rustup").words("target add").arg(WASM_TARGET);
    add.run(root).map_err(|_| {
        Failure::new(format!("rustup could not add {WASM_TARGET}; what it says is above"))
            .or_next(format!("with a connection to the network, run: {add}"))
    })?;
    // The compiler on the search path need not be the one that rustup adds to.
    if has_target(&library_folder(root)?) { Ok(()) } else { Err(without_rustup(root)) }
}

/// Where the compiler in use has a target's libraries, if it has them.
fn library_folder(root: &Path) -> Result<String, Failure> {
    let ask = Invocation::new("rustc").words("--print target-libdir --target").arg(WASM_TARGET);
    let output = ask.output(root)?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ask.succeeded(output.status).map_err(|failure| {
        Failure::new(format!("{}\n{}", failure.what(), complaint.trim_end()))
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
    let sysroot = Invocation::new("rustc").words("--print sysroot").answer(root);
    let sysroot = sysroot.unwrap_or_else(|| "an unknown place".to_owned());
    let add = format!("rustup target add {WASM_TARGET}");
    Failure::new(format!("the compiler in use, at {sysroot}, has no standard library for {WASM_TARGET}"))
        .or_next(format!("install it from where the compiler came from, or use rustup's compiler and: {add}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_there_when_its_standard_library_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_str().unwrap();
        assert!(!has_target(&format!("{path}/lib")));
        assert!(!has_target(path), "a folder alone is none");
        std::fs::write(folder.path().join("libcore-1.rlib"), "").unwrap();
        assert!(!has_target(path));
        std::fs::write(folder.path().join("libstd-1.rlib"), "").unwrap();
        assert!(has_target(path));
    }

    #[test]
    fn the_compiler_says_where_it_looks() {
        let folder = library_folder(Path::new(".")).unwrap();
        assert!(folder.contains(WASM_TARGET), "{folder}");
    }
}
