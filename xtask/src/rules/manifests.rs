//! The rule that dependencies are declared once, in the manifest of the workspace.

use toml::de::{DeTable, DeValue};

use super::Violation;
use super::crates::{Crates, Member};
use crate::failure::{Failure, OrFailure};
use crate::line::line_at;

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Checks that members inherit every dependency from the workspace.
pub(super) fn declared_once(crates: &Crates) -> Result<Vec<Violation>, Failure> {
    let mut violations = Vec::new();
    for member in &crates.members {
        violations.extend(own_declarations(member)?);
    }
    Ok(violations)
}

fn own_declarations(member: &Member) -> Result<Vec<Violation>, Failure> {
    let text = &member.manifest_text;
    let manifest = DeTable::parse(text).or_failure(format!("read {}", member.manifest))?;
    let manifest = manifest.get_ref();
    let mut violations = Vec::new();
    for table in sections(manifest) {
        for (name, value) in table {
            let from_workspace = match value.get_ref() {
                DeValue::Table(table) => table.get("workspace").is_some_and(|w| w.get_ref().as_bool() == Some(true)),
                _ => false,
            };
            if !from_workspace {
                let message = format!("{} is not inherited from [workspace.dependencies]", name.get_ref());
                let line = line_at(text, name.span().start);
                violations.push(Violation { file: member.manifest.clone(), line, message });
            }
        }
    }
    Ok(violations)
}

/// Returns all tables of dependencies, also those of single platforms.
fn sections<'a, 'i>(manifest: &'a DeTable<'i>) -> Vec<&'a DeTable<'i>> {
    let table = |parent: &'a DeTable<'i>, name: &str| parent.get(name).and_then(|value| value.get_ref().as_table());
    let platforms = table(manifest, "target").into_iter().flat_map(|target| target.values());
    let parents = platforms.filter_map(|platform| platform.get_ref().as_table()).chain([manifest]);
    parents.flat_map(|parent| SECTIONS.into_iter().filter_map(move |name| table(parent, name))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::crates::tests::member;
    use super::*;

    fn violations(manifest: &str) -> Vec<String> {
        own_declarations(&member("far-core", manifest)).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn inherited_dependency_is_accepted() {
        let manifest = "[package]\nversion = \"1\"\n[dependencies]\na.workspace = true\n\
                        b = { workspace = true, features = [\"x\"] }\n[dev-dependencies.c]\nworkspace = true\n";
        assert!(violations(manifest).is_empty());
    }

    #[test]
    fn own_declaration_is_reported() {
        for (manifest, line, name) in [
            ("[dependencies]\nhex = \"0.4\"\n", 2, "hex"),
            ("[dependencies]\na.workspace = true\nhex = { version = \"0.4\" }\n", 3, "hex"),
            ("[dev-dependencies]\nb = { path = \"../b\" }\n", 2, "b"),
            ("[build-dependencies.cc]\nversion = \"1\"\n", 1, "cc"),
            ("[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n", 2, "libc"),
        ] {
            let expected = format!("far-core/Cargo.toml:{line}: {name} is not inherited from [workspace.dependencies]");
            assert_eq!(violations(manifest), [expected]);
        }
    }

    #[test]
    fn invalid_manifest_is_a_failure() {
        assert!(own_declarations(&member("far-core", "[dependencies")).is_err());
    }
}
