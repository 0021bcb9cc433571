//! Failures of commands before the start of a task, each with its help.
//!
//! Messages quote file names and author-supplied names: escape them.

use std::io;
use std::path::PathBuf;

use far_audit::FileError;
use far_component::EmbedError;
use far_core::ProviderId;
use far_core::broker::BrokerError;
use far_core::capability::CatalogError;
use far_core::memory::{HardeningError, SelfTestError};
use far_core::pal::AuditUnavailable;
use far_core::provider::ProviderError;
use far_providers::dotenv::DotEnvError;
use far_providers::exchange::ExchangeError;
use far_providers::vault::VaultError;
use far_runtime::{EgressSetupError, LoadError, RuntimeError};
use miette::Diagnostic;
use rustix::io::Errno;

use super::config::ConfigError;
use super::control::ControlError;
use super::resource::MissingResource;
use crate::signals::Signal;

/// A failure of a command.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum Failure {
    // Every command: arguments and files.
    /// The arguments are invalid; the message is clap's.
    #[error("{message}")]
    #[diagnostic(help("{}", tip.as_deref().unwrap_or("see 'far run --help'")))]
    Arguments { message: String, tip: Option<String> },
    /// The configuration, the task file or the policy is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    /// A file cannot be read.
    #[error("cannot read {what} '{path}'", path = .path.display())]
    #[diagnostic(help("check that the file exists and is readable"))]
    Read { what: &'static str, path: PathBuf, source: io::Error },
    /// An input is not a regular file.
    #[error("{what} '{path}' is {is}, not a regular file", path = .path.display())]
    #[diagnostic(help("write the content to a file, and pass that file"))]
    Irregular { what: &'static str, path: PathBuf, is: &'static str },
    /// An output file cannot be written.
    #[error("cannot write {what} '{path}'", path = .path.display())]
    #[diagnostic(help("check that the folder exists and is writable"))]
    Write { what: &'static str, path: PathBuf, source: io::Error },
    /// An output path is not a regular file.
    #[error("'{path}' is not a regular file", path = .0.display())]
    #[diagnostic(help("pass a regular file, not a folder, link, pipe or device"))]
    NotAFile(PathBuf),
    /// The output cannot be written to stdout.
    #[error("cannot write to stdout")]
    Stdout(#[source] io::Error),

    // `far run`.
    /// The task file names no skill.
    #[error("'{path}' does not name a skill", path = .0.display())]
    #[diagnostic(help("add a line such as: skill = \"my_skill.wasm\""))]
    NoSkill(PathBuf),
    /// The input is not valid JSON.
    #[error("the input is not valid JSON")]
    #[diagnostic(help("pass JSON such as '{{\"name\": \"value\"}}', @FILE, or @- for stdin"))]
    Input(#[source] serde_json::Error),
    /// The input exceeds its limit.
    #[error("the input is larger than {limit} bytes")]
    #[diagnostic(help("raise 'input' under [limits] in a task file, or reduce the input"))]
    InputTooLarge { limit: usize },
    /// The grants are ambiguous.
    #[error(transparent)]
    #[diagnostic(help("grant each secret once, with all its operations: NAME:OPERATION,OPERATION"))]
    Catalog(#[from] CatalogError),
    /// The component cannot be loaded.
    #[error("cannot load the skill: {0}")]
    #[diagnostic(help("{}", .0.load_error_kind().next_step()))]
    Load(#[source] LoadError),
    /// A signal arrived before the task started.
    #[error("the run was canceled before the task started")]
    Interrupted(Signal),

    // `far run`, `far check` and `far secrets`: backends and egress.
    /// The `.env` file is invalid.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.help()))]
    DotEnv(#[from] DotEnvError),
    /// The Vault client cannot be set up.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.help()))]
    Vault(#[from] VaultError),
    /// The client for key exchange cannot be set up.
    #[error("cannot set up the key exchange")]
    #[diagnostic(help(
        "check that 'ca-file' of the secret has PEM certificates, and that the platform has certificate authorities"
    ))]
    Exchange(#[from] ExchangeError),
    /// The broker cannot be started.
    #[error("cannot start the broker")]
    Broker(#[from] BrokerError),
    /// A backend is unreachable.
    #[error("cannot reach provider '{provider}'")]
    #[diagnostic(help("{}", unreached_help(source)))]
    ProviderUnreachable { provider: ProviderId, source: ProviderError },
    /// The backend does not have a permitted secret.
    #[error("provider '{provider}' has no secret '{reference}'")]
    #[diagnostic(help(
        "create the secret, set 'path' to its name in the provider, or remove it from the configuration"
    ))]
    SecretNotFound { provider: ProviderId, reference: String },
    /// The certificate authorities cannot be used.
    #[error("cannot use the certificates in '{path}'", path = .path.display())]
    #[diagnostic(help("pass a file of PEM certificates, each beginning with '-----BEGIN CERTIFICATE-----'"))]
    Authorities { path: PathBuf, source: EgressSetupError },
    /// The certificate authorities of an environment variable cannot be used.
    #[error("cannot use the certificate authorities named by {variable}")]
    #[diagnostic(help("{}", named_authorities_help(variable, source)))]
    NamedAuthorities { variable: &'static str, source: ConfigError },

    // `far secrets`.
    /// The catalog has no secret of this name.
    #[error("secret '{name}' is not in the configuration")]
    #[diagnostic(help("{}", unknown_secret_help(near.as_deref())))]
    UnknownSecret { name: String, near: Option<String> },
    /// The backend denied the request.
    #[error("provider '{provider}' denied the request")]
    #[diagnostic(help("permit the operation in the provider's policy for the credentials of far"))]
    BackendDenied { provider: ProviderId },
    /// An event could not be recorded.
    #[error("cannot record the event: {0}")]
    #[diagnostic(help("no operation runs without a recorded event; check the file given to --audit or --pal"))]
    AuditUnavailable(#[from] AuditUnavailable),
    /// Running processes cannot be contacted.
    #[error("cannot contact running far processes")]
    #[diagnostic(help("{}", help_of(.0)))]
    Control(#[from] ControlError),
    /// Running processes did not complete the request.
    #[error("{} did not complete the request", super::count(*processes, "running process", "running processes"))]
    #[diagnostic(help("run the command again, or stop the process, which discards its cached secrets"))]
    ProcessesFailed { processes: usize },

    // `far run` and `far secrets`: events.
    /// The PAL's file cannot be opened.
    #[error("cannot open the event file '{path}'", path = .path.display())]
    #[diagnostic(help("{}", pal_help(source)))]
    Pal { path: PathBuf, source: io::Error },
    /// The audit file cannot be opened.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.help()))]
    Audit(#[from] FileError),

    // `far inspect` and `far diff`.
    /// No host would load the reviewed component.
    #[error("cannot load '{path}': {source}", path = .path.display())]
    #[diagnostic(help("{}", source.load_error_kind().next_step()))]
    InvalidSkill { path: PathBuf, source: LoadError },
    /// The component violates the policy.
    #[error("the component violates '{policy}' ({})", super::count(*.count, "violation", "violations"), policy = .policy.display())]
    #[diagnostic(help("change the component or the policy: add findings to 'accept', or extend the rule"))]
    PolicyViolations { policy: PathBuf, count: usize },
    /// The new version has more capabilities.
    #[error("'{skill}' has capabilities that the old version lacks ({})", super::count(*.count, "widening change", "widening changes"), skill = .skill.display())]
    #[diagnostic(help("review the changes marked 'widening' before you replace the old version"))]
    WidenedCapabilities { skill: PathBuf, count: usize },

    // `far embed`.
    /// The declaration cannot be embedded. The source is `None` if the component exceeds the size
    /// limit.
    #[error("cannot embed the declaration in '{skill}'", skill = .skill.display())]
    #[diagnostic(help("{}", embed_help(source.as_ref())))]
    EmbedFailed { skill: PathBuf, source: Option<EmbedError> },

    // `far new`, `far man` and `far explain`.
    /// The output path exists.
    #[error("'{path}' already exists", path = .0.display())]
    #[diagnostic(help("choose another name, or move the existing file: nothing is overwritten"))]
    AlreadyExists(PathBuf),
    /// The path is not valid in a manifest.
    #[error("'{path}' cannot be written as a path in Cargo.toml", path = .0.display())]
    #[diagnostic(help("move the checkout to a path without quotes, backslashes or control characters"))]
    SdkPath(PathBuf),
    /// The manual has no page for the command.
    #[error("unknown command '{0}'")]
    #[diagnostic(help("run 'far --help' for the list of commands"))]
    NoPage(String),
    /// No reason has the name.
    #[error("unknown reason '{reason}'")]
    #[diagnostic(help("{}", unknown_reason_help(near.as_deref())))]
    UnknownReason { reason: String, near: Option<String> },

    // The machine.
    /// The process cannot be hardened.
    #[error("cannot harden the process")]
    #[diagnostic(help("check the seccomp filter of the process: 'prctl' and 'setrlimit' must be allowed"))]
    Hardening(#[from] HardeningError),
    /// Swap is enabled, so memory may be written to a disk.
    #[error("swap is enabled: values could be written to '{0}'")]
    #[diagnostic(help(
        "use a machine without swap, or allow it with --allow-swap or [agent] swap = \"allowed\" in far.toml"
    ))]
    Swap(String),
    /// Memory cannot be locked.
    #[error("cannot lock memory for secrets")]
    #[diagnostic(help("raise the limit on locked memory ('ulimit -l') to 64 KiB or more"))]
    NoLockedMemory(#[source] SelfTestError),
    /// The self-test of memory protection failed.
    #[error("the self-test of memory protection failed")]
    SelfTest(#[source] SelfTestError),
    /// The runtime cannot reserve its address space.
    #[error("cannot reserve address space for skills")]
    #[diagnostic(help("remove the limit on address space: 'ulimit -v unlimited'"))]
    NoAddressSpace(#[source] RuntimeError),
    /// The runtime cannot be started.
    #[error("cannot start the WebAssembly runtime")]
    Runtime(#[source] RuntimeError),
    /// A resource of the machine is exhausted or limited.
    #[error("insufficient resources: {}", what.name())]
    #[diagnostic(help("{}", what.help()))]
    MissingResource { what: MissingResource, source: io::Error },
    /// A call to the operating system failed.
    #[error("cannot {what}")]
    Host { what: &'static str, source: io::Error },
}

impl Failure {
    /// Returns a failure about the arguments.
    pub(crate) fn arguments(message: impl Into<String>) -> Self {
        Self::Arguments { message: message.into(), tip: None }
    }
}

impl From<SelfTestError> for Failure {
    fn from(error: SelfTestError) -> Self {
        match error {
            SelfTestError::Memory(_) => Self::NoLockedMemory(error),
            _ => Self::SelfTest(error),
        }
    }
}

impl From<RuntimeError> for Failure {
    fn from(error: RuntimeError) -> Self {
        match error {
            RuntimeError::Engine(_) => Self::NoAddressSpace(error),
            _ => Self::Runtime(error),
        }
    }
}

fn help_of(error: &impl Diagnostic) -> String {
    error.help().map(|help| help.to_string()).unwrap_or_default()
}

fn named_authorities_help(variable: &str, error: &ConfigError) -> String {
    let or = format!("or unset {variable} to use the platform's authorities");
    error.help().map_or_else(|| or.clone(), |help| format!("{help}, {or}"))
}

fn unreached_help(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::Unauthenticated => {
            "renew the credentials; if the secret ID was wrapped, check whether another party unwrapped it"
        }
        _ => "check that the provider is running, and check its address and credentials",
    }
}

fn unknown_secret_help(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => "run 'far secrets list' with the same --config to see the configured secrets".to_owned(),
    }
}

fn unknown_reason_help(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => "run 'far explain' for the list of reasons".to_owned(),
    }
}

fn embed_help(error: Option<&EmbedError>) -> &'static str {
    match error {
        None => "the limit is 64 MiB: build the component in release mode",
        Some(EmbedError::Declaration(_)) => {
            "a declaration is one JSON object with 'name', 'version', 'description' and 'secrets'"
        }
        Some(EmbedError::AlreadyDeclared { .. }) => "pass --replace to replace the existing declaration",
        Some(EmbedError::NestedDeclaration) => {
            "remove the declaration from the inner component; skills built with the Rust SDK have their own"
        }
        Some(_) => "pass a component, built for wasm32-wasip2 or by a componentizer",
    }
}

fn pal_help(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::LOOP) => "events are not written through symbolic links: pass the target of the link",
        Some(Errno::NXIO) => "start the reader of the pipe first",
        _ => "no skill runs without its events: pass a writable file",
    }
}
