//! References: a repository's names for commits.

use std::fmt;

use crate::ObjectId;

/// The name of a reference: `HEAD`, or one that begins with `refs/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// Returns `HEAD`, the server's default.
    pub fn head() -> Self {
        Self("HEAD".to_owned())
    }

    /// Parses the name of a branch.
    ///
    /// # Errors
    ///
    /// The errors of [`parse`](Self::parse).
    pub fn branch(text: &str) -> Result<Self, far_skill::Error> {
        Self::parse(&format!("refs/heads/{text}"))
    }

    /// Parses a reference name by git's rules (`git check-ref-format`).
    ///
    /// # Errors
    ///
    /// An error if the name is not valid. The input caused it.
    pub fn parse(text: &str) -> Result<Self, far_skill::Error> {
        let is_odd = |character: char| character.is_ascii_control() || " ~^:?*[\\".contains(character);
        let is_part =
            |part: &str| !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !part.ends_with(".lock");
        let parts = text.strip_prefix("refs/").filter(|_| !text.contains(is_odd) && !text.contains(".."));
        let is_name = parts.is_some_and(|parts| !parts.contains("@{") && parts.split('/').all(is_part));
        if is_name || text == "HEAD" {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("{text:?} is not a valid reference name").into())
    }

    /// Returns the name as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A reference of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The name, or the target's name for a symbolic reference.
    pub name: String,
    /// The commit, or a tag that leads to it.
    pub id: ObjectId,
}

impl Reference {
    /// Parses a line of the server, and returns the reference if it has this name.
    pub(crate) fn parse(line: &[u8], name: &Name) -> Result<Option<Self>, far_skill::Error> {
        let line = str::from_utf8(line).map_err(|_| "a reference is not UTF-8")?;
        let mut words = line.split(' ');
        let (Some(id), Some(found)) = (words.next(), words.next()) else {
            return Err("a reference has no name".into());
        };
        if found != name.as_str() {
            return Ok(None);
        }
        let id = ObjectId::from_hex(id.as_bytes()).ok_or("a reference is not a SHA-1")?;
        let target = words.find_map(|word| word.strip_prefix("symref-target:"));
        Ok(Some(Self { name: target.unwrap_or(found).to_owned(), id }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_git_rules() {
        for name in
            ["HEAD", "refs/heads/main", "refs/heads/team/a.b-c_d+e", "refs/tags/v1", "refs/heads/\u{e9}", "refs/@"]
        {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
        let invalid = [
            "",
            "main",
            "refs",
            "refs/",
            "refs//a",
            "/refs/a",
            "refs/a/",
            "refs/.a",
            "refs/a..b",
            "refs/a b",
            "refs/a\nb",
            "refs/a.lock",
            "refs/a~1",
            "refs/a^",
            "refs/a:b",
            "refs/a*",
            "refs/a\\b",
            "refs/a@{1}",
            "refs/a.",
            "head",
        ];
        for name in invalid {
            assert!(Name::parse(name).is_err(), "{name:?}");
        }
        assert_eq!(Name::branch("main").unwrap().to_string(), "refs/heads/main");
        assert!(Name::branch("../tags/v1").is_err());
    }

    #[test]
    fn line_of_other_reference_is_ignored() {
        let id = "6dcb09b5b57875f334f61aebed695e2e4193db5e";
        let parse = |line: &str| Reference::parse(line.as_bytes(), &Name::branch("main").unwrap());
        let named =
            |name: &str| Some(Reference { name: name.to_owned(), id: ObjectId::from_hex(id.as_bytes()).unwrap() });
        assert_eq!(parse(&format!("{id} refs/heads/main")), Ok(named("refs/heads/main")));
        assert_eq!(
            parse(&format!("{id} refs/heads/main peeled:x symref-target:refs/heads/a")),
            Ok(named("refs/heads/a"))
        );
        assert_eq!(parse(&format!("{id} refs/heads/main2")), Ok(None));
        for line in [id, "", "0 refs/heads/main", &format!("{id}0 refs/heads/main")] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
