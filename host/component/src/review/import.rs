//! Imports of a component.

use std::cmp::Ordering;

/// An import of the outermost component. The name is untrusted: escape it for display.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    name: String,
    kind: ImportKind,
}

/// The kinds of imports, by purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ImportKind {
    /// Handles of secrets.
    Secrets,
    /// Signatures by the host.
    Signing,
    /// Placeholders that the host replaces with a secret in requests.
    Sealed,
    /// The bytes of secrets.
    Reveal,
    /// The task's id, time and log.
    Task,
    /// Requests over HTTP.
    OutgoingHttp,
    /// Clocks and randomness.
    ClocksAndRandom,
    /// Streams, terminals, environment and arguments.
    Inert,
    /// Files.
    Files,
    /// Sockets and name lookup.
    Sockets,
    /// Anything else.
    Unknown,
}

/// The interfaces of the skill's package. The version must match exactly: an engine would link any
/// `0.1.x`, but the review covers only this version.
const SKILL: [(&str, ImportKind); 5] = [
    ("tinkerbell:skill/secrets@0.1.0", ImportKind::Secrets),
    ("tinkerbell:skill/signing@0.1.0", ImportKind::Signing),
    ("tinkerbell:skill/sealed@0.1.0", ImportKind::Sealed),
    ("tinkerbell:skill/reveal@0.1.0", ImportKind::Reveal),
    ("tinkerbell:skill/task@0.1.0", ImportKind::Task),
];
/// The interfaces of WASI that a host links, without their version. A test of the runtime compares
/// this list with the linker.
const WASI: [(&str, ImportKind); 29] = [
    ("wasi:cli/environment", ImportKind::Inert),
    ("wasi:cli/exit", ImportKind::Inert),
    ("wasi:cli/stderr", ImportKind::Inert),
    ("wasi:cli/stdin", ImportKind::Inert),
    ("wasi:cli/stdout", ImportKind::Inert),
    ("wasi:cli/terminal-input", ImportKind::Inert),
    ("wasi:cli/terminal-output", ImportKind::Inert),
    ("wasi:cli/terminal-stderr", ImportKind::Inert),
    ("wasi:cli/terminal-stdin", ImportKind::Inert),
    ("wasi:cli/terminal-stdout", ImportKind::Inert),
    ("wasi:clocks/monotonic-clock", ImportKind::ClocksAndRandom),
    ("wasi:clocks/wall-clock", ImportKind::ClocksAndRandom),
    ("wasi:filesystem/preopens", ImportKind::Files),
    ("wasi:filesystem/types", ImportKind::Files),
    ("wasi:http/outgoing-handler", ImportKind::OutgoingHttp),
    ("wasi:http/types", ImportKind::OutgoingHttp),
    ("wasi:io/error", ImportKind::Inert),
    ("wasi:io/poll", ImportKind::Inert),
    ("wasi:io/streams", ImportKind::Inert),
    ("wasi:random/insecure", ImportKind::ClocksAndRandom),
    ("wasi:random/insecure-seed", ImportKind::ClocksAndRandom),
    ("wasi:random/random", ImportKind::ClocksAndRandom),
    ("wasi:sockets/instance-network", ImportKind::Sockets),
    ("wasi:sockets/ip-name-lookup", ImportKind::Sockets),
    ("wasi:sockets/network", ImportKind::Sockets),
    ("wasi:sockets/tcp", ImportKind::Sockets),
    ("wasi:sockets/tcp-create-socket", ImportKind::Sockets),
    ("wasi:sockets/udp", ImportKind::Sockets),
    ("wasi:sockets/udp-create-socket", ImportKind::Sockets),
];
/// The version of WASI's packages without the patch number.
const WASI_TRACK: &str = "0.2.";
/// The patch number of the newest version of WASI that a host links. A host also links all earlier
/// patch versions. A later one may have functions that the host lacks.
const WASI_NEWEST: u8 = 12;

impl Import {
    /// Returns an import of the interface with this name.
    pub fn new(name: impl Into<String>) -> Self {
        let name = name.into();
        Self { kind: ImportKind::of(&name), name }
    }

    /// Returns an import of an item other than an interface, such as a function. No host implements
    /// such an import under any name.
    pub(super) fn non_interface(name: impl Into<String>) -> Self {
        Self { name: name.into(), kind: ImportKind::Unknown }
    }

    /// Returns the name in the component, usually `package:name/interface@version`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the kind.
    pub fn kind(&self) -> ImportKind {
        self.kind
    }

    /// Returns true if this version of the host implements the import.
    pub fn is_served(&self) -> bool {
        self.kind != ImportKind::Unknown
    }

    /// Returns the name without its version.
    pub fn unversioned(&self) -> &str {
        self.name.split_once('@').map_or(&self.name, |(name, _)| name)
    }
}

/// Returns true if this version of the host implements the interface with this name. The host
/// refuses every other import.
pub fn is_served(name: &str) -> bool {
    SKILL.iter().any(|(known, _)| *known == name) || wasi(name).is_some()
}

/// Lists the interfaces that this version of the host implements, those of WASI in the newest
/// version.
pub fn served_interfaces() -> impl Iterator<Item = String> {
    let skill = SKILL.iter().map(|(name, _)| (*name).to_owned());
    skill.chain(WASI.iter().map(|(interface, _)| format!("{interface}@{WASI_TRACK}{WASI_NEWEST}")))
}

fn wasi(name: &str) -> Option<ImportKind> {
    let (interface, version) = name.split_once('@')?;
    let (_, kind) = WASI.iter().find(|(known, _)| *known == interface)?;
    is_wasi_version(version).then_some(*kind)
}

/// Returns true if the version is `0.2.N`, where N is a decimal number without leading zeros, at
/// most [`WASI_NEWEST`].
fn is_wasi_version(version: &str) -> bool {
    let Some(patch) = version.strip_prefix(WASI_TRACK) else { return false };
    patch.parse::<u8>().is_ok_and(|number| number <= WASI_NEWEST && number.to_string() == patch)
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
        Self::ClocksAndRandom,
        Self::Inert,
        Self::Files,
        Self::Sockets,
        Self::Unknown,
    ];

    /// Returns the kind of an interface by its name.
    pub fn of(name: &str) -> Self {
        let skill = SKILL.iter().find(|(known, _)| *known == name);
        match skill {
            Some((_, kind)) => *kind,
            None => wasi(name).unwrap_or(Self::Unknown),
        }
    }

    /// Returns the stable token.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Signing => "signing",
            Self::Sealed => "sealed",
            Self::Reveal => "reveal",
            Self::Task => "task",
            Self::OutgoingHttp => "outgoing-http",
            Self::ClocksAndRandom => "working",
            Self::Inert => "inert",
            Self::Files => "files",
            Self::Sockets => "sockets",
            Self::Unknown => "unknown",
        }
    }

    /// Describes the capability of such an import.
    pub fn description(self) -> &'static str {
        match self {
            Self::Secrets => "gets handles of secrets, without their bytes",
            Self::Signing => "lets the host sign with secrets",
            Self::Sealed => "lets the host put secrets into requests",
            Self::Reveal => "reads the bytes of secrets",
            Self::Task => "reads the task's id and time, and writes to its log",
            Self::OutgoingHttp => "sends requests over HTTP",
            Self::ClocksAndRandom => "reads clocks and random bytes",
            Self::Inert => "inert here: no environment, no arguments, no input; output goes to the task's log",
            Self::Files => "inert here: there are no files",
            Self::Sockets => "inert here: there is no network",
            Self::Unknown => "unknown: this version of the host refuses it",
        }
    }

    /// Returns true if such an import adds a capability in this host.
    pub fn has_effect(self) -> bool {
        !matches!(self, Self::Inert | Self::Files | Self::Sockets)
    }

    /// Returns true if the interface is for secrets.
    pub fn uses_secrets(self) -> bool {
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
    fn name_determines_kind() {
        for (name, kind, served) in [
            ("tinkerbell:skill/secrets@0.1.0", ImportKind::Secrets, true),
            ("tinkerbell:skill/reveal@0.1.0", ImportKind::Reveal, true),
            ("tinkerbell:skill/reveal@0.1.1", ImportKind::Unknown, false),
            ("tinkerbell:skill/reveal", ImportKind::Unknown, false),
            ("tinkerbell:skill/sealed@0.1.0", ImportKind::Sealed, true),
            ("wasi:http/outgoing-handler@0.2.3", ImportKind::OutgoingHttp, true),
            ("wasi:http/types@0.2.12", ImportKind::OutgoingHttp, true),
            ("wasi:http/incoming-handler@0.2.3", ImportKind::Unknown, false),
            ("wasi:clocks/wall-clock@0.2.6", ImportKind::ClocksAndRandom, true),
            ("wasi:filesystem/types@0.2.6", ImportKind::Files, true),
            ("wasi:sockets/tcp@0.2.0", ImportKind::Sockets, true),
            ("wasi:sockets/tcp@0.3.0", ImportKind::Unknown, false),
            ("wasi:cli/run@0.2.0", ImportKind::Unknown, false),
            ("wasi:http/types-x@0.2.0", ImportKind::Unknown, false),
            ("wasi:http/proxy@0.2.0", ImportKind::Unknown, false),
            ("wasi:random/insecure-x@0.2.0", ImportKind::Unknown, false),
            ("wasi:clocks/timezone@0.2.12", ImportKind::Unknown, false),
            ("wasi:random/insecure-seed@0.2.0", ImportKind::ClocksAndRandom, true),
            ("wasi:keyvalue/store@0.2.0", ImportKind::Unknown, false),
            ("run", ImportKind::Unknown, false),
            ("", ImportKind::Unknown, false),
        ] {
            let import = Import::new(name);
            assert_eq!((import.kind(), import.is_served()), (kind, served), "{name}");
        }
    }

    #[test]
    fn version_outside_grammar_is_unknown() {
        for version in ["0.2.0", "0.2.6", "0.2.12"] {
            assert!(is_served(&format!("wasi:cli/environment@{version}")), "{version}");
        }
        for version in [
            "",
            "0.2",
            "0.2.",
            "0.2.x",
            "0.2.00",
            "0.2.012",
            "0.2.+1",
            "0.2.1+a",
            "0.2.0-rc",
            "0.2.0-rc-2023",
            "0.2.1.0",
            "0.2.13",
            "0.2.99",
            "0.2.256",
            "0.2.99999999999999999999",
            "0.20.0",
            "00.2.0",
            "0.02.0",
            "0.2.\u{661}",
            " 0.2.0",
            "0.2.0 ",
            "0.2.0@0.2.0",
            "1.0.2.0",
            "0.3.0",
        ] {
            assert!(!is_served(&format!("wasi:cli/environment@{version}")), "{version}");
        }
        for name in ["wasi:cli/environment", "WASI:cli/environment@0.2.0", "wasi:cli/Environment@0.2.0"] {
            assert!(!is_served(name), "{name}");
        }
    }

    #[test]
    fn served_interfaces_are_known() {
        assert!(served_interfaces().all(|name| is_served(&name) && Import::new(name).is_served()));
        let names: std::collections::BTreeSet<_> = served_interfaces().collect();
        assert_eq!(names.len(), SKILL.len() + WASI.len());
    }

    #[test]
    fn kinds_have_distinct_tokens() {
        let names: std::collections::BTreeSet<_> = ImportKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), ImportKind::ALL.len());
    }
}
