//! What a reviewer should look at, and how much it matters.

use std::fmt;
use std::str::FromStr;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Untidy; harmless by itself.
    Low,
    /// Needs a reason.
    Medium,
    /// Needs a decision, or is refused by the host.
    High,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Low, Self::Medium, Self::High];

    /// The severity's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is not a severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a severity is one of 'info', 'low', 'medium', 'high'")]
pub struct SeverityError;

impl FromStr for Severity {
    type Err = SeverityError;

    fn from_str(text: &str) -> Result<Self, SeverityError> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or(SeverityError)
    }
}

/// Something that a reviewer should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which kind of thing.
    pub id: FindingId,
    /// What it is about: a secret, an import, or where a text is. Author's text: escape it wherever it is shown.
    pub subject: String,
    /// What there is to see, in words. May quote the author: escape it too.
    pub message: String,
}

impl Finding {
    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.id.severity()
    }
}

/// Defines the ids from the one table of them.
macro_rules! finding_ids {
    ($($(#[$meta:meta])* $id:ident: $text:literal, $severity:ident;)*) => {
        /// The kinds of findings. Ids are stable: policies name them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum FindingId {
            $($(#[$meta])* $id,)*
        }

        impl FindingId {
            /// Every id, with its text and its severity: the table that documents and tests go by.
            pub const TABLE: &[(Self, &'static str, Severity)] = &[$((Self::$id, $text, Severity::$severity)),*];

            /// The id as policies and reports have it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$id => $text,)*
                }
            }

            /// How much findings of this kind matter.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$id => Severity::$severity,)*
                }
            }
        }
    };
}

finding_ids! {
    /// It can see a secret's bytes and send requests: only its code decides what it sends.
    RevealWithEgress: "reveal-with-egress", High;
    /// It imports `reveal` without declaring it for any secret; a host refuses it before it runs.
    RevealUndeclared: "reveal-undeclared", High;
    /// It imports what this version of the host has not; refused at load.
    UnknownImport: "unknown-import", High;
    /// It has no `run` from bytes to bytes or an error; refused at load.
    NoRunExport: "no-run-export", High;
    /// It imports interfaces of secrets and declares nothing, so that it gets no secret.
    NoDeclaration: "no-declaration", High;
    /// It declares that it takes a secret's bytes.
    Reveal: "reveal", Medium;
    /// A secret may be sent to any host below a domain.
    WildcardHost: "wildcard-host", Medium;
    /// It declares an operation whose interface it does not import: more than it can use.
    MissingImport: "missing-import", Medium;
    /// The author's text has characters that a terminal, or a reader, acts on instead of seeing them.
    HostileText: "hostile-text", Medium;
    /// It imports an interface that no declared operation needs.
    UnusedImport: "unused-import", Low;
    /// It imports files, which are inert; a host with strict WASI refuses it.
    WasiFiles: "wasi-files", Low;
    /// It imports sockets, which are inert; a host with strict WASI refuses it.
    WasiSockets: "wasi-sockets", Low;
    /// A secret has no reason.
    NoReason: "no-reason", Low;
    /// A text is longer than anybody reads.
    LongText: "long-text", Low;
    /// It exports more than `run`, which no host calls.
    ExtraExport: "extra-export", Info;
    /// It imports requests over HTTP.
    OutgoingHttp: "outgoing-http", Info;
    /// A secret may be sent to every path of a host.
    AnyPath: "any-path", Info;
    /// A secret may be sent with every method.
    AnyMethod: "any-method", Info;
    /// It can do without a secret, so that a grant may leave it out.
    OptionalSecret: "optional-secret", Info;
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text is not the id of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no finding has this id")]
pub struct FindingIdError;

impl FromStr for FindingId {
    type Err = FindingIdError;

    fn from_str(text: &str) -> Result<Self, FindingIdError> {
        let row = Self::TABLE.iter().find(|(_, name, _)| *name == text);
        row.map(|(id, ..)| *id).ok_or(FindingIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_severities_are_named_as_they_are_parsed() {
        for &(id, text, severity) in FindingId::TABLE {
            assert_eq!((id.as_str(), id.severity(), text.parse()), (text, severity, Ok(id)));
        }
        for severity in Severity::ALL {
            assert_eq!(severity.as_str().parse(), Ok(severity));
        }
        assert_eq!("Reveal".parse::<FindingId>(), Err(FindingIdError));
        assert_eq!("critical".parse::<Severity>(), Err(SeverityError));
    }

    #[test]
    fn the_table_is_sorted_by_severity() {
        assert!(FindingId::TABLE.is_sorted_by(|one, other| one.2 >= other.2));
    }
}
