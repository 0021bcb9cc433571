//! The catalog of mutations: the edits that remove each guard, and the attacks that then succeed.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::failure::{Failure, OrFailure};
use crate::repository::Repository;

/// The file that lists the mutations.
pub(crate) const CATALOG: &str = "tests/mutations.toml";

/// All mutations, in the order of the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Catalog {
    #[serde(rename = "mutation")]
    pub(crate) mutations: Vec<Mutation>,
}

/// A guard, and the edits that remove it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutation {
    pub(crate) guard: String,
    /// The rule that the guard enforces.
    pub(crate) rule: String,
    /// The attacks that succeed without the guard.
    pub(crate) attacks: Vec<String>,
    #[serde(rename = "edit")]
    pub(crate) edits: Vec<Edit>,
}

/// A piece of a file, and its replacement.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    /// Relative to the root.
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) replacement: String,
}

impl Catalog {
    /// Reads the repository's catalog.
    pub(crate) fn load(repository: &Repository) -> Result<Self, Failure> {
        Self::parse(&repository.read(CATALOG)?)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        toml::from_str(text).or_failure(format!("parse {CATALOG}"))
    }

    pub(crate) fn find(&self, guard: &str) -> Option<&Mutation> {
        self.mutations.iter().find(|mutation| mutation.guard == guard)
    }
}

impl Mutation {
    /// Returns the edited files, each once.
    pub(crate) fn files(&self) -> Vec<&str> {
        let mut files: Vec<_> = self.edits.iter().map(|edit| edit.file.as_str()).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// Returns the edited text of each file.
    pub(crate) fn applied(
        &self,
        read: impl Fn(&str) -> Result<String, Failure>,
    ) -> Result<BTreeMap<&str, String>, Failure> {
        let mut texts = BTreeMap::new();
        for file in self.files() {
            texts.insert(file, read(file)?);
        }
        for edit in &self.edits {
            let Some(text) = texts.get_mut(edit.file.as_str()) else { continue };
            *text = edit.applied(text).map_err(Failure::new)?;
        }
        Ok(texts)
    }
}

impl Edit {
    /// Returns the edited text.
    ///
    /// # Errors
    ///
    /// Returns the reason if the edit does not apply.
    pub(crate) fn applied(&self, text: &str) -> Result<String, String> {
        if self.text.is_empty() || self.text == self.replacement {
            return Err(format!("an edit of {} changes nothing", self.file));
        }
        let Self { file, text: piece, replacement } = self;
        match text.matches(piece).count() {
            1 => Ok(text.replacen(piece, replacement, 1)),
            times => Err(format!("the text of an edit occurs {times} times in {file}, not once: {piece:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str, replacement: &str) -> Edit {
        Edit { file: "a.rs".into(), text: text.into(), replacement: replacement.into() }
    }

    #[test]
    fn text_found_once_is_replaced() {
        assert_eq!(edit("if no {", "if false {").applied("if no { if yes {").unwrap(), "if false { if yes {");
        assert_eq!(edit("b", "").applied("abc").unwrap(), "ac");
    }

    #[test]
    fn text_not_found_once_is_rejected() {
        for text in ["", "if no", "if no { if no {"] {
            assert!(edit("if no {", "if false {").applied(text).is_err(), "{text}");
        }
        assert!(edit("a", "a").applied("a").is_err());
        assert!(edit("", "a").applied("").is_err());
    }

    #[test]
    fn all_edits_of_a_mutation_are_applied() {
        let edits = vec![edit("one", "1"), edit("two", "2"), Edit { file: "b.rs".into(), ..edit("one", "3") }];
        let mutation = Mutation { guard: "g".into(), rule: String::new(), attacks: Vec::new(), edits };
        let texts = mutation.applied(|file| Ok(format!("{file} one two"))).unwrap();
        assert_eq!(texts.into_iter().collect::<Vec<_>>(), [("a.rs", "a.rs 1 2".into()), ("b.rs", "b.rs 3 two".into())]);
        assert!(mutation.applied(|_| Ok("one".to_owned())).is_err());
    }

    #[test]
    fn unknown_keys_are_rejected() {
        let text = "[[mutation]]\nguard = 'g'\nrule = 'r'\nattacks = []\n\
                    [[mutation.edit]]\nfile = 'f'\ntext = 'a'\nreplacement = 'b'\n";
        assert_eq!(Catalog::parse(text).unwrap().find("g").unwrap().files(), ["f"]);
        assert!(Catalog::parse(&format!("{text}more = 1\n")).is_err());
    }
}
