//! The token, outcome and exit code of each failure.

use far_component::EmbedError;
use far_runtime::LoadError;

use super::failure::Failure;
use crate::exit;

impl Failure {
    /// Returns a stable token.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Arguments { .. } => "arguments",
            Self::Config(_) => "config",
            Self::NoSkill(_) => "no-skill",
            Self::Read { .. } => "unreadable",
            Self::Write { .. } => "unwritable",
            Self::EmbedFailed { source, .. } => embed_kind(source.as_ref()),
            Self::NotAFile(_) | Self::Irregular { .. } => "not-a-file",
            Self::AlreadyExists(_) => "exists",
            Self::NoPage(_) | Self::SdkPath(_) => "arguments",
            Self::Input(_) => "input",
            Self::InputTooLarge { .. } => "input-too-large",
            Self::DotEnv(_) => "env-file",
            Self::Vault(_) => "vault",
            Self::Exchange(_) => "exchange",
            Self::Catalog(_) => "ambiguous-grant",
            Self::ProviderUnreachable { .. } => "unreached",
            Self::SecretNotFound { .. } => "absent",
            Self::UnknownSecret { .. } => "unlisted",
            Self::BackendDenied { .. } => "denied",
            Self::AuditUnavailable(_) => "audit-unavailable",
            Self::Control(_) | Self::ProcessesFailed { .. } => "process-unavailable",
            Self::Authorities { .. } | Self::NamedAuthorities { .. } => "ca-file",
            Self::Pal { .. } | Self::Audit(_) => "audit-unavailable",
            Self::Load(error) | Self::InvalidSkill { source: error, .. } => error.kind(),
            Self::PolicyViolations { .. } => "policy-exceeded",
            Self::WidenedCapabilities { .. } => "widened",
            Self::Hardening(_) | Self::NoLockedMemory(_) | Self::SelfTest(_) => "unprotected",
            Self::Swap(_) => "swap",
            Self::Broker(_)
            | Self::NoAddressSpace(_)
            | Self::Runtime(_)
            | Self::MissingResource { .. }
            | Self::Host { .. } => "host",
            Self::Interrupted(_) => "cancelled",
            Self::Stdout(_) => "stdout",
        }
    }

    /// Returns the outcome for reports.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            _ if self.is_host_error() => "host-error",
            Self::ProviderUnreachable { .. } => "backend-unavailable",
            Self::Pal { .. } | Self::Audit(_) | Self::AuditUnavailable(_) => "audit-unavailable",
            Self::Control(_) | Self::ProcessesFailed { .. } => "process-unavailable",
            Self::Load(LoadError::Timeout(_) | LoadError::Memory(_)) => "limit-exceeded",
            Self::Load(_)
            | Self::InvalidSkill { .. }
            | Self::PolicyViolations { .. }
            | Self::WidenedCapabilities { .. }
            | Self::BackendDenied { .. } => "refused",
            Self::Interrupted(_) => "cancelled",
            Self::Hardening(_) | Self::Swap(_) => "host-error",
            _ => "usage",
        }
    }

    /// Returns the exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Pal { .. }
            | Self::Audit(_)
            | Self::ProviderUnreachable { .. }
            | Self::AuditUnavailable(_)
            | Self::Control(_)
            | Self::ProcessesFailed { .. } => exit::UNAVAILABLE,
            Self::Load(LoadError::Timeout(_) | LoadError::Memory(_)) => exit::LIMIT,
            _ if self.is_host_error() => exit::UNAVAILABLE,
            Self::Load(_)
            | Self::InvalidSkill { .. }
            | Self::PolicyViolations { .. }
            | Self::WidenedCapabilities { .. }
            | Self::BackendDenied { .. } => exit::REFUSED,
            Self::Interrupted(signal) => signal.exit_code(),
            Self::Hardening(_) | Self::Swap(_) => 1,
            _ => exit::USAGE,
        }
    }

    /// Returns true if the machine lacks a resource, or limits keep it from the process.
    fn is_host_error(&self) -> bool {
        matches!(
            self,
            Self::SelfTest(_)
                | Self::NoLockedMemory(_)
                | Self::Broker(_)
                | Self::NoAddressSpace(_)
                | Self::Runtime(_)
                | Self::MissingResource { .. }
                | Self::Host { .. }
                | Self::Load(LoadError::Host(_))
                | Self::InvalidSkill { source: LoadError::Host(_), .. }
        )
    }
}

fn embed_kind(error: Option<&EmbedError>) -> &'static str {
    match error {
        None => "component-too-large",
        Some(EmbedError::Declaration(_)) => "invalid-declaration",
        Some(EmbedError::AlreadyDeclared { .. } | EmbedError::NestedDeclaration) => "declared",
        Some(_) => "invalid-component",
    }
}
