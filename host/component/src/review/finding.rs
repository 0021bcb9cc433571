//! Findings and their severities.

use std::fmt;
use std::str::FromStr;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Untidy, but harmless by itself.
    Low,
    /// Needs a reason.
    Medium,
    /// Needs a decision, or the host refuses it.
    High,
}

impl Severity {
    /// Every severity, from low to high.
    pub const ALL: [Self; 4] = [Self::Info, Self::Low, Self::Medium, Self::High];

    /// Returns the stable token.
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

/// The string is not a severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a severity is one of 'info', 'low', 'medium', 'high'")]
pub struct SeverityError;

impl FromStr for Severity {
    type Err = SeverityError;

    fn from_str(text: &str) -> Result<Self, SeverityError> {
        Self::ALL.into_iter().find(|severity| severity.as_str() == text).ok_or(SeverityError)
    }
}

/// A property of a component that a reviewer should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The kind of finding.
    pub id: FindingId,
    /// The subject: a secret, an import or a field of the declaration. Untrusted: escape it for
    /// display.
    pub subject: String,
    /// The description. Can quote untrusted text: escape it for display.
    pub message: String,
}

impl Finding {
    /// Returns the severity.
    pub fn severity(&self) -> Severity {
        self.id.severity()
    }
}

/// Defines [`FindingId`] from a table.
macro_rules! finding_ids {
    ($($(#[$meta:meta])* $id:ident: $text:literal, $severity:ident;)*) => {
        /// The kinds of findings. Ids are stable: policies name them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum FindingId {
            $($(#[$meta])* $id,)*
        }

        impl FindingId {
            /// Every id, with its token and its severity.
            pub const TABLE: &[(Self, &'static str, Severity)] = &[$((Self::$id, $text, Severity::$severity)),*];

            /// Returns the stable token.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$id => $text,)*
                }
            }

            /// Returns the severity of such findings.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$id => Severity::$severity,)*
                }
            }
        }
    };
}

finding_ids! {
    /// The skill can see the bytes of a secret and send requests. Only its code decides about their
    /// content.
    RevealWithEgress: "reveal-with-egress", High;
    /// The skill imports `reveal` without declaring it for any secret. The host refuses it.
    RevealUndeclared: "reveal-undeclared", High;
    /// The skill imports an interface that this version of the host does not implement.
    UnknownImport: "unknown-import", High;
    /// The skill has no `run` from bytes to bytes or an error. The host refuses to load it.
    NoRunExport: "no-run-export", High;
    /// The skill imports interfaces for secrets, but declares none, and so gets none.
    NoDeclaration: "no-declaration", High;
    /// The skill declares that it reads the bytes of a secret.
    Reveal: "reveal", Medium;
    /// A secret may be sent to any host below a domain.
    WildcardHost: "wildcard-host", Medium;
    /// The skill declares an operation without importing its interface: more than it can use.
    MissingImport: "missing-import", Medium;
    /// The author's text has characters that a terminal or a reader interprets instead of showing.
    HostileText: "hostile-text", Medium;
    /// The skill imports an interface that no declared operation needs.
    UnusedImport: "unused-import", Low;
    /// The skill imports files, which are inert. A host with strict WASI refuses it.
    WasiFiles: "wasi-files", Low;
    /// The skill imports sockets, which are inert. A host with strict WASI refuses it.
    WasiSockets: "wasi-sockets", Low;
    /// A secret has no reason.
    NoReason: "no-reason", Low;
    /// A text is too long to be read by a person.
    LongText: "long-text", Low;
    /// The skill exports more than `run`. No host calls the other exports.
    ExtraExport: "extra-export", Info;
    /// The skill imports requests over HTTP.
    OutgoingHttp: "outgoing-http", Info;
    /// A secret may be sent to every path of a host.
    AnyPath: "any-path", Info;
    /// A secret may be sent with every method.
    AnyMethod: "any-method", Info;
    /// A secret is optional, so that a grant may omit it.
    OptionalSecret: "optional-secret", Info;
}

impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The string is not the id of a finding.
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
    fn ids_and_severities_round_trip() {
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
    fn table_is_sorted_by_severity() {
        assert!(FindingId::TABLE.is_sorted_by(|one, other| one.2 >= other.2));
    }
}
