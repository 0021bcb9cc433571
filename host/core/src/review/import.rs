//! What a component asks of its host.

use std::cmp::Ordering;

/// One import of the outermost component: what a host must give it. Author's text: escape it wherever it is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    name: String,
    kind: ImportKind,
}

/// What an import is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ImportKind {
    /// Handles of secrets.
    Secrets,
    /// Signatures by the host.
    Signing,
    /// Stand-ins that the host replaces by a secret on the way out.
    Sealed,
    /// The bytes of secrets.
    Reveal,
    /// The task's id, time and log.
    Task,
    /// Requests over HTTP.
    OutgoingHttp,
    /// Clocks and randomness.
    Working,
    /// Streams, terminals, environment and arguments.
    Inert,
    /// Files.
    Files,
    /// Sockets and name lookup.
    Sockets,
    /// Anything else.
    Unknown,
}

/// The interfaces of the skill's package, at this very version: an engine would link any `0.1.x`, and what a reviewer
/// reads must be what is checked.
const SKILL: [(&str, ImportKind); 5] = [
    ("tinkerbell:skill/secrets@0.1.0", ImportKind::Secrets),
    ("tinkerbell:skill/signing@0.1.0", ImportKind::Signing),
    ("tinkerbell:skill/sealed@0.1.0", ImportKind::Sealed),
    ("tinkerbell:skill/reveal@0.1.0", ImportKind::Reveal),
    ("tinkerbell:skill/task@0.1.0", ImportKind::Task),
];
/// The packages of WASI 0.2 that a host links, and of `wasi:http` the interfaces.
const WASI: [(&str, ImportKind); 8] = [
    ("wasi:cli/", ImportKind::Inert),
    ("wasi:clocks/", ImportKind::Working),
    ("wasi:filesystem/", ImportKind::Files),
    ("wasi:http/outgoing-handler", ImportKind::OutgoingHttp),
    ("wasi:http/types", ImportKind::OutgoingHttp),
    ("wasi:io/", ImportKind::Inert),
    ("wasi:random/", ImportKind::Working),
    ("wasi:sockets/", ImportKind::Sockets),
];

impl Import {
    /// An import of this name.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { kind: ImportKind::of(&name), name }
    }

    /// The name, as the component has it: `package:name/interface@version`, as a rule.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    pub fn kind(&self) -> ImportKind {
        self.kind
    }

    /// Whether this version of the host has it.
    pub fn is_served(&self) -> bool {
        is_served(&self.name)
    }

    /// The name without its version, by which toolchains differ.
    pub fn unversioned(&self) -> &str {
        self.name.split_once('@').map_or(&self.name, |(name, _)| name)
    }
}

/// Whether this version of the host has what a component imports under this name.
pub fn is_served(name: &str) -> bool {
    SKILL.iter().any(|(known, _)| *known == name) || wasi(name).is_some()
}

fn wasi(name: &str) -> Option<ImportKind> {
    let (_, kind) = WASI.iter().find(|(package, _)| name.starts_with(package) && name.contains("@0.2."))?;
    Some(*kind)
}

impl ImportKind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Secrets,
        Self::Signing,
        Self::Sealed,
        Self::Reveal,
        Self::Task,
        Self::OutgoingHttp,
        Self::Working,
        Self::Inert,
        Self::Files,
        Self::Sockets,
        Self::Unknown,
    ];

    /// The kind of the import of this name.
    pub fn of(name: &str) -> Self {
        let skill = SKILL.iter().find(|(known, _)| *known == name);
        match skill {
            Some((_, kind)) => *kind,
            None => wasi(name).unwrap_or(Self::Unknown),
        }
    }

    /// The kind as a stable token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Signing => "signing",
            Self::Sealed => "sealed",
            Self::Reveal => "reveal",
            Self::Task => "task",
            Self::OutgoingHttp => "outgoing-http",
            Self::Working => "working",
            Self::Inert => "inert",
            Self::Files => "files",
            Self::Sockets => "sockets",
            Self::Unknown => "unknown",
        }
    }

    /// What it lets a skill do, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Secrets => "asks for secrets, and holds them without seeing their bytes",
            Self::Signing => "lets the host sign with secrets",
            Self::Sealed => "lets the host put secrets into requests",
            Self::Reveal => "takes the bytes of secrets",
            Self::Task => "reads the task's id and time, and writes to its log",
            Self::OutgoingHttp => "sends requests over HTTP",
            Self::Working => "reads clocks and random bytes",
            Self::Inert => "inert here: no environment, no arguments, no input; output goes to the task's log",
            Self::Files => "inert here: there are no files",
            Self::Sockets => "inert here: there is no network",
            Self::Unknown => "unknown: a host of this version refuses it",
        }
    }

    /// Whether a skill can do something with it that it could not do without.
    pub fn is_ability(self) -> bool {
        !matches!(self, Self::Inert | Self::Files | Self::Sockets)
    }

    /// Whether it is about secrets.
    pub fn is_of_secrets(self) -> bool {
        matches!(self, Self::Secrets | Self::Signing | Self::Sealed | Self::Reveal)
    }
}

/// Sorts imports by kind, then by name.
pub(super) fn by_kind(one: &Import, other: &Import) -> Ordering {
    (one.kind, &one.name).cmp(&(other.kind, &other.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_is_what_its_name_says() {
        for (name, kind, served) in [
            ("tinkerbell:skill/secrets@0.1.0", ImportKind::Secrets, true),
            ("tinkerbell:skill/reveal@0.1.0", ImportKind::Reveal, true),
            ("tinkerbell:skill/reveal@0.1.1", ImportKind::Unknown, false),
            ("tinkerbell:skill/reveal", ImportKind::Unknown, false),
            ("tinkerbell:skill/sealed@0.1.0", ImportKind::Sealed, true),
            ("wasi:http/outgoing-handler@0.2.3", ImportKind::OutgoingHttp, true),
            ("wasi:http/types@0.2.12", ImportKind::OutgoingHttp, true),
            ("wasi:http/incoming-handler@0.2.3", ImportKind::Unknown, false),
            ("wasi:clocks/wall-clock@0.2.6", ImportKind::Working, true),
            ("wasi:filesystem/types@0.2.6", ImportKind::Files, true),
            ("wasi:sockets/tcp@0.2.0", ImportKind::Sockets, true),
            ("wasi:sockets/tcp@0.3.0", ImportKind::Unknown, false),
            ("wasi:keyvalue/store@0.2.0", ImportKind::Unknown, false),
            ("run", ImportKind::Unknown, false),
            ("", ImportKind::Unknown, false),
        ] {
            let import = Import::new(name);
            assert_eq!((import.kind(), import.is_served()), (kind, served), "{name}");
        }
    }

    #[test]
    fn kinds_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = ImportKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), ImportKind::ALL.len());
    }
}
