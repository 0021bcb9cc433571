//! Compares the reviewer's list of interfaces with the linker.

use far_component::review::{ComponentSummary, Import, is_served, served_interfaces};

use super::*;

/// The WIT packages of WASI, and of skills.
const PACKAGES: [(&str, &str); 8] = [
    ("wasi:cli", include_str!("../../../../../wit/deps/cli.wit")),
    ("wasi:clocks", include_str!("../../../../../wit/deps/clocks.wit")),
    ("wasi:filesystem", include_str!("../../../../../wit/deps/filesystem.wit")),
    ("wasi:http", include_str!("../../../../../wit/deps/http.wit")),
    ("wasi:io", include_str!("../../../../../wit/deps/io.wit")),
    ("wasi:random", include_str!("../../../../../wit/deps/random.wit")),
    ("wasi:sockets", include_str!("../../../../../wit/deps/sockets.wit")),
    ("tinkerbell:skill", SKILL),
];
const SKILL: &str = concat!(
    "package tinkerbell:skill@0.1.0;\n",
    include_str!("../../../../../wit/secrets.wit"),
    include_str!("../../../../../wit/signing.wit"),
    include_str!("../../../../../wit/sealed.wit"),
    include_str!("../../../../../wit/reveal.wit"),
    include_str!("../../../../../wit/task.wit"),
);

fn new_runtime() -> Arc<Runtime> {
    Runtime::builder("agent".parse().unwrap(), Pal::builder().build()).build().unwrap()
}

/// Returns the full name of each interface in a package, with the name of its first function or
/// resource.
fn interfaces(package: &str, text: &str) -> Vec<(String, String)> {
    let version = text.lines().find_map(|line| line.strip_prefix(&format!("package {package}@"))).unwrap();
    let version = version.trim_end_matches(';');
    let blocks = text.split("\ninterface ").skip(1);
    let interface = |block: &str| {
        let (name, body) = block.split_once(" {").unwrap();
        let item = body.lines().map_while(|line| (line != "}").then(|| line.trim())).find_map(|line| {
            let function = line.split_once(": func(").map(|(name, _)| name);
            function.or_else(|| line.strip_prefix("resource ")?.split([' ', ';']).next())
        });
        (format!("{package}/{name}@{version}"), item.unwrap().to_owned())
    };
    blocks.map(interface).collect()
}

/// Returns true if the linker already has this item: a linker rejects duplicates.
fn links(runtime: &mut Arc<Runtime>, interface: &str, item: &str) -> bool {
    let linker = &mut Arc::get_mut(runtime).unwrap().linker;
    linker.instance(interface).unwrap().func_wrap(item, |_, (): ()| Ok(())).is_err()
}

#[tokio::test]
async fn reviewed_and_linked_interfaces_agree() {
    let mut runtime = new_runtime();
    let all: Vec<_> = PACKAGES.iter().flat_map(|(package, text)| interfaces(package, text)).collect();
    assert!(all.len() > served_interfaces().count(), "{all:?}");
    for (interface, item) in &all {
        assert_eq!(links(&mut runtime, interface, item), is_served(interface), "{interface} {item}");
    }
    for name in served_interfaces() {
        assert!(all.iter().any(|(interface, _)| *interface == name), "{name}");
    }
}

/// Loads a component with an empty import of this name. Returns the kind of the refusal.
async fn load_error(runtime: &Arc<Runtime>, name: &str, kind: &str) -> &'static str {
    let component = wat::parse_str(format!("(component (import {name:?} ({kind})))")).unwrap();
    runtime.load(component).await.unwrap_err().kind()
}

#[tokio::test]
async fn served_interface_loads() {
    let runtime = new_runtime();
    for name in served_interfaces() {
        // Only the export 'run' is missing.
        assert_eq!(load_error(&runtime, &name, "instance").await, "wrong-world", "{name}");
        if let Some(interface) = name.strip_suffix(".12") {
            let first = format!("{interface}.0");
            assert!(is_served(&first), "{first}");
            assert_eq!(load_error(&runtime, &first, "instance").await, "wrong-world", "{first}");
        }
    }
}

#[tokio::test]
async fn unserved_interface_is_refused() {
    let runtime = new_runtime();
    for name in [
        "wasi:cli/run@0.2.0",
        "wasi:cli/environment-x@0.2.0",
        "wasi:http/types-x@0.2.0",
        "wasi:http/proxy@0.2.0",
        "wasi:http/incoming-handler@0.2.12",
        "wasi:random/insecure-x@0.2.0",
        "wasi:clocks/timezone@0.2.12",
        "wasi:cli/environment",
        "wasi:cli/environment@0.2.13",
        "wasi:cli/environment@0.2.99",
        "wasi:cli/environment@0.2.0-rc",
        "wasi:cli/environment@0.2.0-rc-2023-11-10",
        "wasi:cli/environment@0.2.0+build",
        "wasi:cli/environment@0.20.0",
        "wasi:cli/environment@0.3.0",
        "wasi:cli/ENVIRONMENT@0.2.0",
        "wasi:environment/cli@0.2.0",
        "other:cli/environment@0.2.0",
        "wasi-cli:environment/a@0.2.0",
        "tinkerbell:skill/secrets@0.1.1",
        "tinkerbell:skill/secrets",
        "environment",
    ] {
        assert!(!Import::new(name).is_served(), "{name}");
        assert_eq!(load_error(&runtime, name, "instance").await, "unknown-import", "{name}");
    }
}

#[tokio::test]
async fn malformed_version_is_refused() {
    let runtime = new_runtime();
    for version in ["", "0.2", "0.2.", "0.2.x", "0.2.00", "0.2.0.0", " 0.2.0"] {
        let name = format!("wasi:cli/environment@{version}");
        let component = wat::parse_str(format!("(component (import {name:?} (instance)))")).unwrap();
        let kind = runtime.load(component.clone()).await.unwrap_err().kind();
        match ComponentSummary::read(&component) {
            Ok(summary) => {
                assert!(!summary.imports.iter().any(Import::is_served), "{name}");
                assert_eq!(kind, "unknown-import", "{name}");
            }
            Err(_) => assert_eq!(kind, "invalid-component", "{name}"),
        }
    }
}

#[tokio::test]
async fn function_import_of_interface_is_refused() {
    let runtime = new_runtime();
    let name = "wasi:cli/environment@0.2.0";
    let component = wat::parse_str(format!("(component (import {name:?} (func)))")).unwrap();
    assert_eq!(runtime.load(component.clone()).await.unwrap_err().kind(), "import-type");
    let summary = ComponentSummary::read(&component).unwrap();
    assert!(!summary.imports.iter().any(Import::is_served));
}
