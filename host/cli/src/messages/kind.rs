//! The tokens of a failure, and its exit code.

use far_component::EmbedError;
use far_runtime::LoadError;

use super::failure::Failure;
use crate::exit;

impl Failure {
    /// A stable token.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Arguments { .. } => "arguments",
            Self::Config(_) => "config",
            Self::NoSkill(_) => "no-skill",
            Self::Read { .. } => "unreadable",
            Self::Write { .. } => "unwritable",
            Self::Embed { source, .. } => embed_kind(source.as_ref()),
            Self::NotAFile(_) | Self::Irregular { .. } => "not-a-file",
            Self::Exists(_) => "exists",
            Self::NoPage(_) | Self::SdkPath(_) => "arguments",
            Self::Input(_) => "input",
            Self::InputTooLarge { .. } => "input-too-large",
            Self::DotEnv(_) => "env-file",
            Self::Vault(_) => "vault",
            Self::Exchange(_) => "exchange",
            Self::Catalog(_) => "ambiguous-grant",
            Self::Unreached { .. } => "unreached",
            Self::Absent { .. } => "absent",
            Self::Unlisted { .. } => "unlisted",
            Self::Denied { .. } => "denied",
            Self::Unrecorded(_) => "audit-unavailable",
            Self::Control(_) | Self::Undone { .. } => "process-unavailable",
            Self::Authorities { .. } | Self::NamedAuthorities { .. } => "ca-file",
            Self::Pal { .. } | Self::Audit(_) => "audit-unavailable",
            Self::Load(error) | Self::NoSkillFile { source: error, .. } => error.kind(),
            Self::Exceeded { .. } => "policy-exceeded",
            Self::Wider { .. } => "widened",
            Self::Unhardened(_) | Self::NoLockedMemory(_) | Self::SelfTest(_) => "unprotected",
            Self::Swap(_) => "swap",
            Self::Broker(_) | Self::NoAddressSpace(_) | Self::Runtime(_) | Self::Lacking { .. } | Self::Host { .. } => {
                "host"
            }
            Self::Interrupted(_) => "cancelled",
            Self::Stdout(_) => "stdout",
        }
    }

    /// The outcome that a report gives it.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            _ if self.is_the_machines() => "host-error",
            Self::Unreached { .. } => "backend-unavailable",
            Self::Pal { .. } | Self::Audit(_) | Self::Unrecorded(_) => "audit-unavailable",
            Self::Control(_) | Self::Undone { .. } => "process-unavailable",
            Self::Load(LoadError::Timeout(_) | LoadError::Memory(_)) => "limit-exceeded",
            Self::Load(_)
            | Self::NoSkillFile { .. }
            | Self::Exceeded { .. }
            | Self::Wider { .. }
            | Self::Denied { .. } => "refused",
            Self::Interrupted(_) => "cancelled",
            Self::Unhardened(_) | Self::Swap(_) => "host-error",
            _ => "usage",
        }
    }

    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Pal { .. }
            | Self::Audit(_)
            | Self::Unreached { .. }
            | Self::Unrecorded(_)
            | Self::Control(_)
            | Self::Undone { .. } => exit::UNAVAILABLE,
            Self::Load(LoadError::Timeout(_) | LoadError::Memory(_)) => exit::LIMIT,
            _ if self.is_the_machines() => exit::UNAVAILABLE,
            Self::Load(_)
            | Self::NoSkillFile { .. }
            | Self::Exceeded { .. }
            | Self::Wider { .. }
            | Self::Denied { .. } => exit::REFUSED,
            Self::Interrupted(signal) => signal.exit_code(),
            Self::Unhardened(_) | Self::Swap(_) => 1,
            _ => exit::USAGE,
        }
    }

    /// Whether the machine lacks a resource, or its limits keep one from the process.
    fn is_the_machines(&self) -> bool {
        matches!(
            self,
            Self::SelfTest(_)
                | Self::NoLockedMemory(_)
                | Self::Broker(_)
                | Self::NoAddressSpace(_)
                | Self::Runtime(_)
                | Self::Lacking { .. }
                | Self::Host { .. }
                | Self::Load(LoadError::Host(_))
                | Self::NoSkillFile { source: LoadError::Host(_), .. }
        )
    }
}

fn embed_kind(error: Option<&EmbedError>) -> &'static str {
    match error {
        None => "component-too-large",
        Some(EmbedError::Declaration(_)) => "invalid-declaration",
        Some(EmbedError::Declared { .. } | EmbedError::Nested) => "declared",
        Some(_) => "invalid-component",
    }
}
