//! The token, outcome and exit code of each failure.

use far_component::EmbedError;
use far_core::capability::tokens;
use far_core::pal::Outcome;
use far_runtime::{LoadError, LoadErrorKind};

use super::failure::Failure;
use crate::exit;

tokens! {
    /// The kind of a [`Failure`] that is not the kind of a load error.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum FailureKind token {
        /// The arguments of the command line are invalid.
        Arguments = "arguments",
        /// `far.toml`, the task file, the policy or a certificate file is invalid.
        Config = "config",
        /// The task file names no skill.
        NoSkill = "no-skill",
        /// A file cannot be read.
        Unreadable = "unreadable",
        /// A file cannot be written.
        Unwritable = "unwritable",
        /// A path is a folder, link, pipe or device, not a regular file.
        NotAFile = "not-a-file",
        /// The output path already exists, and nothing is overwritten.
        Exists = "exists",
        /// The component already has a declaration, or an inner component has one.
        Declared = "declared",
        /// The input is not valid JSON.
        Input = "input",
        /// The input is larger than its limit.
        InputTooLarge = "input-too-large",
        /// The `.env` file is invalid, or other users can access it.
        EnvFile = "env-file",
        /// The client of a Vault server cannot be set up.
        Vault = "vault",
        /// The client for the exchange of keys cannot be set up.
        Exchange = "exchange",
        /// The grants name a secret twice.
        AmbiguousGrant = "ambiguous-grant",
        /// A provider cannot be reached, or rejects the credentials of far.
        Unreached = "unreached",
        /// The provider does not have a secret of the configuration.
        Absent = "absent",
        /// The configuration has no secret of this name.
        Unlisted = "unlisted",
        /// The backend denied the request.
        Denied = "denied",
        /// Events cannot be written, and no value is released without its event.
        AuditUnavailable = "audit-unavailable",
        /// A running process of far could not be contacted, or did not complete the request.
        ProcessUnavailable = "process-unavailable",
        /// A file of certificate authorities cannot be used.
        CaFile = "ca-file",
        /// The component violates the policy of the review.
        PolicyExceeded = "policy-exceeded",
        /// The new version of the component has capabilities that the old version lacks.
        Widened = "widened",
        /// The process cannot be hardened, or memory cannot be locked.
        Unprotected = "unprotected",
        /// Swap is enabled, and values could be written to a disk.
        Swap = "swap",
        /// The machine lacks a resource, or limits keep it from the process.
        Host = "host",
        /// A signal arrived before the task started.
        Cancelled = "cancelled",
        /// The output cannot be written to stdout.
        Stdout = "stdout",
    }
}

tokens! {
    /// An outcome of a command that is not the outcome of a task.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum UsageOutcome token {
        /// The arguments, a file or the configuration is invalid.
        Usage = "usage",
        /// A running process of far could not be contacted, or did not complete the request.
        ProcessUnavailable = "process-unavailable",
    }
}

impl FailureKind {
    /// Returns the person or the system whose change removes the failure.
    pub(crate) fn caused_by(self) -> &'static str {
        match self {
            Self::Arguments
            | Self::NotAFile
            | Self::Exists
            | Self::Declared
            | Self::Input
            | Self::InputTooLarge
            | Self::Unlisted => "the caller",
            Self::Config => "the author of the file",
            Self::NoSkill | Self::AmbiguousGrant => "the scheduler",
            Self::Unreadable => "the caller, or the permissions of the file",
            Self::Unwritable => "the caller, or the permissions of the folder",
            Self::EnvFile | Self::Vault | Self::Absent | Self::Denied | Self::CaFile => "the operator",
            Self::Exchange => "the operator, or the machine",
            Self::Unreached => "the backend or the operator",
            Self::AuditUnavailable => "the machine, or the file of --audit or --pal",
            Self::ProcessUnavailable | Self::Unprotected | Self::Swap | Self::Host => "the machine",
            Self::PolicyExceeded | Self::Widened => "the author of the skill",
            Self::Cancelled => "the person or program that sent the signal",
            Self::Stdout => "the program that reads stdout",
        }
    }

    /// Returns the next step, if a person can take one.
    pub(crate) fn next_step(self) -> Option<&'static str> {
        Some(match self {
            Self::Arguments => "see the help of the command",
            Self::Config => "correct the named line; far explain --page far-toml, task-file or policy lists the keys",
            Self::NoSkill => "add a line such as: skill = \"my_skill.wasm\"",
            Self::Unreadable => "check that the file exists and is readable",
            Self::Unwritable => "check that the folder exists and is writable",
            Self::NotAFile => "pass a regular file",
            Self::Exists => "choose another name, or move the existing file",
            Self::Declared => "pass --replace, or remove the declaration from the inner component",
            Self::Input => "pass JSON such as '{\"name\": \"value\"}', @FILE, or @- for stdin",
            Self::InputTooLarge => "raise 'input' under [limits] in a task file, or reduce the input",
            Self::EnvFile => "correct the named line or the permissions; far explain --page dotenv has the format",
            Self::Vault => "check the table [providers.NAME] and the files that it names",
            Self::Exchange => "check that 'ca-file' of the secret has PEM certificates",
            Self::AmbiguousGrant => "grant each secret once, with all its operations",
            Self::Unreached => "check that the provider is running, and check its address and credentials",
            Self::Absent => "create the secret, or set 'path' to its name in the provider",
            Self::Unlisted => "run 'far secrets list' with the same --config to see the configured secrets",
            Self::Denied => "permit the operation in the provider's policy for the credentials of far",
            Self::AuditUnavailable => "check the file given to --audit or --pal, and the space on its disk",
            Self::ProcessUnavailable => "run the command again, or stop the process, which discards its cached secrets",
            Self::CaFile => "pass a file of PEM certificates, each beginning with '-----BEGIN CERTIFICATE-----'",
            Self::PolicyExceeded => "change the component or the policy: add findings to 'accept', or extend the rule",
            Self::Widened => "review the changes marked 'widening' before you replace the old version",
            Self::Unprotected => {
                "raise the limit on locked memory ('ulimit -l'), and check the seccomp filter of the process"
            }
            Self::Swap => {
                "use a machine without swap, or allow it with --allow-swap or [agent] swap = \"allowed\" in far.toml"
            }
            Self::Host => "raise the limit that the message names, such as 'ulimit -n'",
            Self::Cancelled => return None,
            Self::Stdout => "check the pipe, or the space on the disk of the file",
        })
    }
}

impl Failure {
    /// Returns a stable token.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Arguments { .. } => FailureKind::Arguments.token(),
            Self::Config(_) => FailureKind::Config.token(),
            Self::NoSkill(_) => FailureKind::NoSkill.token(),
            Self::Read { .. } => FailureKind::Unreadable.token(),
            Self::Write { .. } => FailureKind::Unwritable.token(),
            Self::EmbedFailed { source, .. } => embed_kind(source.as_ref()),
            Self::NotAFile(_) | Self::Irregular { .. } => FailureKind::NotAFile.token(),
            Self::AlreadyExists(_) => FailureKind::Exists.token(),
            Self::NoPage(_) | Self::UnknownReason { .. } | Self::SdkPath(_) => FailureKind::Arguments.token(),
            Self::Input(_) => FailureKind::Input.token(),
            Self::InputTooLarge { .. } => FailureKind::InputTooLarge.token(),
            Self::DotEnv(_) => FailureKind::EnvFile.token(),
            Self::Vault(_) => FailureKind::Vault.token(),
            Self::Exchange(_) => FailureKind::Exchange.token(),
            Self::Catalog(_) => FailureKind::AmbiguousGrant.token(),
            Self::ProviderUnreachable { .. } => FailureKind::Unreached.token(),
            Self::SecretNotFound { .. } => FailureKind::Absent.token(),
            Self::UnknownSecret { .. } => FailureKind::Unlisted.token(),
            Self::BackendDenied { .. } => FailureKind::Denied.token(),
            Self::AuditUnavailable(_) => FailureKind::AuditUnavailable.token(),
            Self::Control(_) | Self::ProcessesFailed { .. } => FailureKind::ProcessUnavailable.token(),
            Self::Authorities { .. } | Self::NamedAuthorities { .. } => FailureKind::CaFile.token(),
            Self::Pal { .. } | Self::Audit(_) => FailureKind::AuditUnavailable.token(),
            Self::Load(error) | Self::InvalidSkill { source: error, .. } => error.kind(),
            Self::PolicyViolations { .. } => FailureKind::PolicyExceeded.token(),
            Self::WidenedCapabilities { .. } => FailureKind::Widened.token(),
            Self::Hardening(_) | Self::NoLockedMemory(_) | Self::SelfTest(_) => FailureKind::Unprotected.token(),
            Self::Swap(_) => FailureKind::Swap.token(),
            Self::Broker(_)
            | Self::NoAddressSpace(_)
            | Self::Runtime(_)
            | Self::MissingResource { .. }
            | Self::Host { .. } => FailureKind::Host.token(),
            Self::Interrupted(_) => FailureKind::Cancelled.token(),
            Self::Stdout(_) => FailureKind::Stdout.token(),
        }
    }

    /// Returns the outcome for reports.
    pub(crate) fn outcome(&self) -> &'static str {
        match self {
            _ if self.is_host_error() => Outcome::HostError.as_str(),
            Self::ProviderUnreachable { .. } => Outcome::BackendUnavailable.as_str(),
            Self::Pal { .. } | Self::Audit(_) | Self::AuditUnavailable(_) => Outcome::AuditUnavailable.as_str(),
            Self::Control(_) | Self::ProcessesFailed { .. } => UsageOutcome::ProcessUnavailable.token(),
            Self::Load(LoadError::Timeout(_) | LoadError::Memory(_)) => Outcome::LimitExceeded.as_str(),
            Self::Load(_)
            | Self::InvalidSkill { .. }
            | Self::PolicyViolations { .. }
            | Self::WidenedCapabilities { .. }
            | Self::BackendDenied { .. } => Outcome::Refused.as_str(),
            Self::Interrupted(_) => Outcome::Cancelled.as_str(),
            Self::Hardening(_) | Self::Swap(_) => Outcome::HostError.as_str(),
            _ => UsageOutcome::Usage.token(),
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

    /// Returns true for a refused component or backend, whose token `far explain` explains further.
    pub(super) fn is_explained(&self) -> bool {
        matches!(
            self,
            Self::Load(_) | Self::InvalidSkill { .. } | Self::ProviderUnreachable { .. } | Self::BackendDenied { .. }
        )
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
        None => LoadErrorKind::TooLarge.token(),
        Some(EmbedError::Declaration(_)) => LoadErrorKind::Declaration.token(),
        Some(EmbedError::AlreadyDeclared { .. } | EmbedError::NestedDeclaration) => FailureKind::Declared.token(),
        Some(_) => LoadErrorKind::Invalid.token(),
    }
}
