//! The rule that the catalog of mutations agrees with the source and the attacks.

use std::collections::{HashMap, HashSet};

use super::Violation;
use crate::failure::Failure;
use crate::line::line_at;
use crate::mutants::catalog::{CATALOG, Catalog, Edit};
use crate::repository::Repository;

/// The folder of the attacks.
const ATTACKS: &str = "tests/src/attacks/";

/// Checks that each guard has a unique name, edits that apply, and attacks that exist.
pub(super) fn current(repository: &Repository, files: &[String]) -> Result<Vec<Violation>, Failure> {
    let catalog = repository.read(CATALOG)?;
    let edits = Catalog::parse(&catalog)?.mutations.into_iter().flat_map(|mutation| mutation.edits);
    let edited: HashSet<_> = edits.map(|edit| edit.file).collect();
    let mut texts = HashMap::new();
    for file in files.iter().filter(|file| file.starts_with(ATTACKS) || edited.contains(*file)) {
        texts.insert(file.clone(), repository.read(file)?);
    }
    violations(&catalog, &texts)
}

fn violations(catalog: &str, texts: &HashMap<String, String>) -> Result<Vec<Violation>, Failure> {
    let mut found = Vec::new();
    let mut names = HashSet::new();
    for mutation in &Catalog::parse(catalog)?.mutations {
        let name = format!("guard = \"{}\"", mutation.guard);
        let line = line_at(catalog, catalog.find(&name).unwrap_or_default());
        let mut report = |message: String| {
            let message = format!("{}: {message}", mutation.guard);
            found.push(Violation { file: CATALOG.to_owned(), line, message });
        };
        if !names.insert(&mutation.guard) {
            report("duplicate guard".to_owned());
        }
        if mutation.rule.is_empty() || mutation.attacks.is_empty() || mutation.edits.is_empty() {
            report("a guard requires a rule, an attack and an edit".to_owned());
        }
        for Edit { file, .. } in mutation.edits.iter().filter(|edit| !is_product(&edit.file)) {
            report(format!("{file} is not a source file of the host"));
        }
        for file in mutation.files() {
            if !texts.contains_key(file) {
                report(format!("there is no file {file}"));
            }
        }
        if let Err(failure) = mutation.applied(|file| Ok(texts.get(file).cloned().unwrap_or_default())) {
            report(failure.message().to_owned());
        }
        for attack in &mutation.attacks {
            let id = format!("\"{attack}\"");
            let of_attacks = texts.iter().filter(|(file, _)| file.starts_with(ATTACKS));
            if of_attacks.map(|(_, text)| text.matches(&id).count()).sum::<usize>() != 1 {
                report(format!("there is no attack '{attack}' in {ATTACKS}"));
            }
        }
    }
    Ok(found)
}

fn is_product(file: &str) -> bool {
    file.starts_with("host/") && file.contains("/src/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "[[mutation]]\nguard = \"g\"\nrule = 'r'\nattacks = ['01-a']\n\
                         [[mutation.edit]]\nfile = 'host/x/src/a.rs'\ntext = 'if no {'\nreplacement = 'if false {'\n";

    fn found(catalog: &str, source: &str) -> Vec<String> {
        let texts = [("host/x/src/a.rs", source), ("tests/src/attacks/a.rs", "id: \"01-a\",")];
        let texts = texts.map(|(file, text)| (file.to_owned(), text.to_owned())).into();
        violations(catalog, &texts).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn repository_catalog_is_current() {
        let repository = Repository::find().unwrap();
        let violations = current(&repository, &repository.files().unwrap()).unwrap();
        assert!(violations.is_empty(), "{}", violations.iter().map(|one| format!("{one}\n")).collect::<String>());
    }

    #[test]
    fn text_must_occur_exactly_once() {
        assert!(found(ENTRY, "if no {}").is_empty());
        for source in ["", "if yes {}", "if no {} if no {}"] {
            let found = found(ENTRY, source);
            assert!(matches!(&found[..], [one] if one.starts_with("tests/mutations.toml:2: g: ")), "{found:?}");
        }
    }

    #[test]
    fn edits_and_attacks_must_exist() {
        for (from, to) in [
            ("['01-a']", "['01-b']"),
            ("['01-a']", "[]"),
            ("'r'", "''"),
            ("'host/x/src/a.rs'", "'tests/src/attacks/a.rs'"),
            ("'host/x/src/a.rs'", "'host/x/src/b.rs'"),
        ] {
            assert!(!found(&ENTRY.replace(from, to), "if no {}").is_empty(), "{to}");
        }
        assert_eq!(found(&format!("{ENTRY}{ENTRY}"), "if no {}").len(), 1);
    }
}
