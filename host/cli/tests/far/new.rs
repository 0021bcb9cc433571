//! `far new`. `cargo xtask docs` verifies that the project builds, passes its tests and runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::fixture::{Far, usage};

const NEXT: &str = "\
cd hello
rustup target add wasm32-wasip2
cargo test
cargo build --release --target wasm32-wasip2
far run target/wasm32-wasip2/release/hello.wasm --grant hello-key:sign --input '{ \"name\": \"Ada\" }'
";

/// Returns the relative path of every file below a folder.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        match path.is_dir() {
            true => found.extend(files(&path).into_iter().map(|below| format!("{name}/{below}"))),
            false => found.push(name),
        }
    }
    found.sort();
    found
}

#[test]
fn project_vendors_sdk() {
    let output = Far::new().words("new hello");
    let ran = output.stdout(NEXT).stderr("hello: created a skill of * files; to test, build and run it:\n").code(0);
    let project = ran.folder.path().join("hello");
    let (own, sdk): (Vec<_>, Vec<_>) = files(&project).into_iter().partition(|path| !path.starts_with("vendor/far/"));
    assert_eq!(own, [".env", ".gitignore", "Cargo.toml", "skill.json", "src/lib.rs"]);
    for path in ["Cargo.toml", "LICENSE", "guest-sdk/Cargo.toml", "guest-sdk/src/lib.rs", "wit/secrets.wit"] {
        assert!(sdk.contains(&format!("vendor/far/{path}")), "{path}");
    }
    assert_eq!(fs::metadata(project.join(".env")).unwrap().permissions().mode() & 0o777, 0o600);
    // No temporary files are left.
    assert_eq!(files(ran.folder.path()).iter().filter(|path| !path.starts_with("hello/")).count(), 1);
    for path in own {
        let text = fs::read_to_string(project.join(&path)).unwrap();
        let left =
            ["{name}", "{key}", "{sdk}", "{variable}"].into_iter().find(|placeholder| text.contains(placeholder));
        assert_eq!(left, None, "{path}");
    }
}

#[test]
fn project_references_sdk_checkout() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let far = Far::new().args(["new", "hello", "--sdk"]).args([root.display()]);
    let ran = far.stdout(NEXT).stderr("hello: created a skill of * files; to test, build and run it:\n").code(0);
    let manifest = fs::read_to_string(ran.folder.path().join("hello/Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("far-skill = {{ path = \"{}/guest-sdk\" }}", root.display())), "{manifest}");
    assert!(!ran.folder.path().join("hello/vendor").exists());
}

#[test]
fn existing_path_is_not_overwritten() {
    let there = "error: 'hello' already exists\n  help: choose another name, or move the existing file: nothing is overwritten\n";
    let ran = Far::new().words("new hello").file("hello", "mine").stderr(there).code(2);
    assert_eq!(ran.written("hello"), "mine");
    Far::new().words("new hello").link("hello", "absent").stderr(there).code(2);
    Far::new().words("new src").folder("src").stderr(there.replace("hello", "src")).code(2);
}

#[test]
fn unwritable_folder_stays_empty() {
    let far = Far::new().words("new hello").folder("locked");
    fs::set_permissions(far.path("locked"), fs::Permissions::from_mode(0o555)).unwrap();
    if rustix::process::geteuid().is_root() {
        return;
    }
    let output = far.command().current_dir(far.path("locked")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(files(&far.path("locked")).is_empty());
}

#[test]
fn invalid_names_are_refused() {
    let character =
        "a skill's name consists of a-z, 0-9 and '-', starts with a letter, and ends with a letter or a digit";
    let taken = "this name is reserved by Rust or cargo: choose another name";
    let long = "a".repeat(65);
    let cases = [
        ("Hello", character),
        ("../hello", character),
        ("hello_world", character),
        ("1st", character),
        ("a--b", "a skill's name cannot contain '--'"),
        (&long, "a skill's name has 1 to 64 characters"),
        ("test", taken),
        ("self", taken),
        ("far-skill", taken),
    ];
    for (name, problem) in cases {
        let stderr = usage(&format!("invalid value '{name}' for '<NAME>': {problem}"), "", "");
        Far::new().words("new").args([name]).stderr(stderr).code(2);
    }
    let escaped = usage(&format!("invalid value 'a\\u{{202e}}b' for '<NAME>': {character}"), "", "");
    Far::new().words("new").args(["a\u{202e}b"]).stderr(escaped).code(2);
}

#[test]
fn invalid_arguments_are_usage_errors() {
    let cases = [
        ("new", "the following required arguments were not provided:\n  <NAME>", "", "new <NAME>"),
        ("new hello world", "unexpected argument 'world' found", "", "new [OPTIONS] <NAME>"),
        (
            "new hello --python",
            "unexpected argument '--python' found",
            "to pass '--python' as a value, use '-- --python'",
            "new <NAME>",
        ),
        ("new hello --sdk", "a value is required for '--sdk <DIR>' but none was supplied", "", ""),
    ];
    for (words, problem, tip, form) in cases {
        Far::new().words(words).stderr(usage(problem, tip, form)).code(2);
    }
    let stderr = "error: cannot read the SDK's manifest 'absent/guest-sdk/Cargo.toml'\n  cause: No such file or directory (os \
                  error 2)\n  help: check that the file exists and is readable\n";
    Far::new().words("new hello --sdk absent").stderr(stderr).code(2);
}
