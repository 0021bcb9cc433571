//! What goes wrong before there is a task to report on.

use std::io;
use std::path::PathBuf;

use far_audit::FileError;
use far_component::EmbedError;
use far_core::ProviderId;
use far_core::broker::BrokerError;
use far_core::capability::CatalogError;
use far_core::memory::{SelfTestError, Unhardened};
use far_core::pal::AuditUnavailable;
use far_core::provider::ProviderError;
use far_providers::dotenv::DotEnvError;
use far_providers::exchange::ExchangeError;
use far_providers::vault::VaultError;
use far_runtime::{EgressSetupError, LoadError, RuntimeError};
use miette::Diagnostic;
use rustix::io::Errno;

use crate::config::ConfigError;
use crate::control::ControlError;
use crate::executor::Lacking;
use crate::exit;
use crate::signals::Signal;

/// A failure of the command, with what to do about it. Messages quote names of files and of authors: escape them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The arguments; clap's words.
    #[error("{message}")]
    Arguments { message: String, tip: Option<String> },
    /// The configuration or the task file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The task file names no skill.
    #[error("{path} names no skill", path = .0.display())]
    NoSkill(PathBuf),
    /// A file cannot be read.
    #[error("cannot read {what} {path}", path = .path.display())]
    Read { what: &'static str, path: PathBuf, source: io::Error },
    /// Something that is no regular file, where one is read.
    #[error("{what} {path} is {is}, not a regular file", path = .path.display())]
    Irregular { what: &'static str, path: PathBuf, is: &'static str },
    /// Something cannot be written.
    #[error("cannot write {what} {path}", path = .path.display())]
    Write { what: &'static str, path: PathBuf, source: io::Error },
    /// A component was given no declaration.
    #[error("cannot give {skill} a declaration", skill = .skill.display())]
    Embed {
        skill: PathBuf,
        /// None if it has more bytes than any host takes.
        source: Option<EmbedError>,
    },
    /// Something that is not to be replaced by a file.
    #[error("{path} is no regular file", path = .0.display())]
    NotAFile(PathBuf),
    /// What is to be made is there already.
    #[error("{path} is there already", path = .0.display())]
    Exists(PathBuf),
    /// A path that no manifest can name.
    #[error("{path} cannot be named in a Cargo.toml", path = .0.display())]
    SdkPath(PathBuf),
    /// The manual has no such page.
    #[error("far has no command '{0}'")]
    NoPage(String),
    /// The input is no JSON.
    #[error("the input is not valid JSON")]
    Input(#[source] serde_json::Error),
    /// The input is larger than any task may have.
    #[error("the input has more than {limit} bytes")]
    InputTooLarge { limit: usize },
    /// The `.env`.
    #[error(transparent)]
    DotEnv(#[from] DotEnvError),
    /// What a Vault server is reached with.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// What keys are exchanged with.
    #[error("keys cannot be exchanged for tokens")]
    Exchange(#[from] ExchangeError),
    /// The grants make no catalog.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// A backend gave no answer.
    #[error("the provider '{provider}' cannot be reached")]
    Unreached { provider: ProviderId, source: ProviderError },
    /// A permitted secret that is not there.
    #[error("the provider '{provider}' has no '{reference}'")]
    Absent { provider: ProviderId, reference: String },
    /// A name that is not in the catalog.
    #[error("no secret '{name}' is permitted")]
    Unlisted { name: String, near: Option<String> },
    /// A backend that knows who asks, and refuses.
    #[error("the provider '{provider}' denies it")]
    Denied { provider: ProviderId },
    /// What was to be done could not be recorded.
    #[error("it could not be recorded: {0}")]
    Unrecorded(#[from] AuditUnavailable),
    /// Processes that run cannot be reached.
    #[error("processes that run cannot be asked")]
    Control(#[from] ControlError),
    /// Processes that run did not do it.
    #[error("{processes} {who} that {run} did not do it", who = processes_of(*processes), run = runs(*processes))]
    Undone { processes: usize },
    /// There is no broker.
    #[error("the host cannot ask backends")]
    Broker(#[from] BrokerError),
    /// The authorities that servers' certificates are to be of.
    #[error("no certificates can be taken from {path}", path = .path.display())]
    Authorities { path: PathBuf, source: EgressSetupError },
    /// The authorities that a variable of the environment names.
    #[error("cannot use the authorities that {variable} names")]
    NamedAuthorities { variable: &'static str, source: ConfigError },
    /// The PAL's file.
    #[error("cannot open the event file {path}", path = .path.display())]
    Pal { path: PathBuf, source: io::Error },
    /// The audit file.
    #[error(transparent)]
    Audit(#[from] FileError),
    /// The component.
    #[error("the skill is refused: {0}")]
    Load(#[source] LoadError),
    /// A file to be reviewed that no host would load.
    #[error("{path} is refused: {source}", path = .path.display())]
    NoSkillFile { path: PathBuf, source: LoadError },
    /// A component that is more than a policy lets it be.
    #[error("the component is more than {policy} lets it be, in {count} {ways}", policy = .policy.display(), ways = ways(*count))]
    Exceeded { policy: PathBuf, count: usize },
    /// A new version that could do more.
    #[error("{skill} could do what the old version could not, in {count} {ways}", skill = .skill.display(), ways = ways(*count))]
    Wider { skill: PathBuf, count: usize },
    /// The runtime.
    #[error("the host cannot run skills here")]
    Runtime(#[from] RuntimeError),
    /// The process is open to others.
    #[error("the host cannot keep secrets to itself here")]
    Unhardened(#[from] Unhardened),
    /// Memory may be written to a disk.
    #[error("values could be written to swap here: {0} is in use")]
    Swap(String),
    /// Memory is not what values need.
    #[error("the host cannot keep secrets in its memory here")]
    SelfTest(#[from] SelfTestError),
    /// The machine lacks a resource.
    #[error("the machine lacks {}", what.name())]
    Lacking { what: Lacking, source: io::Error },
    /// Something of the operating system's.
    #[error("the host cannot {what}")]
    Host { what: &'static str, source: io::Error },
    /// A signal came before there was a task.
    #[error("the run was cancelled before there was a task")]
    Interrupted(Signal),
    /// Nobody takes the output.
    #[error("cannot write the output")]
    Stdout(#[source] io::Error),
}

impl Failure {
    /// Something about the arguments.
    pub(crate) fn arguments(message: impl Into<String>) -> Self {
        Self::Arguments { message: message.into(), tip: None }
    }

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
            Self::Unhardened(_) | Self::SelfTest(_) => "unprotected",
            Self::Swap(_) => "swap",
            Self::Broker(_) | Self::Runtime(_) | Self::Lacking { .. } | Self::Host { .. } => "host",
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
            Self::Interrupted(signal) => exit::signalled(*signal),
            Self::Unhardened(_) | Self::Swap(_) => 1,
            _ => exit::USAGE,
        }
    }

    /// Whether the machine lacks a resource, or its limits keep one from the process.
    fn is_the_machines(&self) -> bool {
        matches!(
            self,
            Self::SelfTest(_)
                | Self::Broker(_)
                | Self::Runtime(_)
                | Self::Lacking { .. }
                | Self::Host { .. }
                | Self::Load(LoadError::Host(_))
                | Self::NoSkillFile { source: LoadError::Host(_), .. }
        )
    }

    /// The next step.
    pub(crate) fn help(&self) -> Option<String> {
        let help = match self {
            Self::Arguments { tip, .. } => {
                return Some(tip.clone().unwrap_or_else(|| "see 'far run --help'".to_owned()));
            }
            Self::Config(error) => return error.help().map(|help| help.to_string()),
            Self::NamedAuthorities { variable, source } => {
                let or = format!("or unset {variable}, for the platform's authorities");
                return Some(source.help().map_or_else(|| or.clone(), |help| format!("{help}, {or}")));
            }
            Self::NoSkill(_) => "add a line such as: skill = \"my_skill.wasm\"",
            Self::Embed { source, .. } => embed_help(source.as_ref()),
            Self::Irregular { .. } => "write it to a file, and name that",
            Self::NotAFile(_) => "name a file, not a folder, a link, a pipe or a device",
            Self::Exists(_) => "take another name, or move away what is there: nothing is overwritten",
            Self::SdkPath(_) => "move the checkout to a path without quotes, backslashes and control characters",
            Self::NoPage(_) => "see 'far --help' for those that there are",
            Self::Write { .. } => "check that the folder is there and that you may write to it",
            Self::Read { .. } => "check that the file is there and that you may read it",
            Self::Input(_) => "give JSON such as '{\"name\": \"value\"}', or @FILE, or @- for stdin",
            Self::InputTooLarge { .. } => "raise 'input' under [limits] in a task file, or give less",
            Self::DotEnv(error) => error.help(),
            Self::Vault(error) => error.help(),
            Self::Exchange(_) => {
                "check the 'ca-file' of the secret, which has certificates in PEM, and that the platform has authorities"
            }
            Self::Audit(error) => return Some(error.help()),
            Self::Catalog(_) => "grant each secret once, with all its operations: NAME:OPERATION,OPERATION",
            Self::Unreached { source: ProviderError::Unauthenticated, .. } => {
                "renew its credentials; if they were in a wrapping, somebody else may have opened it: find out who"
            }
            Self::Unreached { .. } => "check that it runs, and that its address and credentials are right",
            Self::Absent { .. } => {
                "put it there, or name it with 'path' as the provider has it, or permit it no longer"
            }
            Self::Unlisted { near: Some(near), .. } => return Some(format!("did you mean '{near}'?")),
            Self::Unlisted { near: None, .. } => "'far secrets list' has those that are, with the same --config",
            Self::Denied { .. } => "let its policy permit that to the credentials that it is reached with",
            Self::Unrecorded(_) => "nothing is done without its event; check the file that --audit or --pal names",
            Self::Control(error) => error.help(),
            Self::Undone { .. } => "ask again, or end it: what it keeps goes with it",
            Self::Authorities { .. } => "name a file with certificates in PEM, each from '-----BEGIN CERTIFICATE-----'",
            Self::Pal { source, .. } => pal_help(source),
            Self::Load(error) | Self::NoSkillFile { source: error, .. } => load_help(error),
            Self::Exceeded { .. } => {
                "change the component, or let it be so: a finding by 'accept', the rest by its own rule"
            }
            Self::Wider { .. } => "look at what is marked 'widening' before it takes the old one's place",
            Self::Unhardened(_) => {
                "look at what filters the process's system calls: 'prctl' and 'setrlimit' are needed"
            }
            Self::Swap(_) => {
                "turn it off ('swapoff -a'), or allow it: --allow-swap, or [agent] swap = \"allowed\" in far.toml"
            }
            Self::SelfTest(SelfTestError::Memory(_)) => "allow the process to lock memory: 'ulimit -l' is 64 or more",
            Self::Lacking { what, .. } => what.help(),
            Self::Runtime(RuntimeError::Engine(_)) => "lift the limit on address space: 'ulimit -v unlimited'",
            Self::SelfTest(_)
            | Self::Broker(_)
            | Self::Runtime(_)
            | Self::Host { .. }
            | Self::Interrupted(_)
            | Self::Stdout(_) => {
                return None;
            }
        };
        Some(help.to_owned())
    }
}

fn processes_of(count: usize) -> &'static str {
    if count == 1 { "process" } else { "processes" }
}

fn runs(count: usize) -> &'static str {
    if count == 1 { "runs" } else { "run" }
}

fn ways(count: usize) -> &'static str {
    if count == 1 { "way" } else { "ways" }
}

fn embed_kind(error: Option<&EmbedError>) -> &'static str {
    match error {
        None => "component-too-large",
        Some(EmbedError::Declaration(_)) => "invalid-declaration",
        Some(EmbedError::Declared { .. } | EmbedError::Nested) => "declared",
        Some(_) => "invalid-component",
    }
}

fn embed_help(error: Option<&EmbedError>) -> &'static str {
    match error {
        None => "no host takes a component of more than 64 MiB: build it for release",
        Some(EmbedError::Declaration(_)) => {
            "a declaration is one JSON object with 'name', 'version', 'description' and 'secrets'"
        }
        Some(EmbedError::Declared { .. }) => "if the new one is meant to stand in its place: --replace",
        Some(EmbedError::Nested) => "take it out where it is made: a skill built with the SDK for Rust has its own",
        Some(_) => "name a component, as a toolchain for wasm32-wasip2 or a componentizer makes it",
    }
}

fn pal_help(error: &io::Error) -> &'static str {
    match Errno::from_io_error(error) {
        Some(Errno::LOOP) => "events are not written through a symbolic link: name the file that it leads to",
        Some(Errno::NXIO) => "start what reads the pipe first",
        _ => "no skill runs without its events: name a file that you may write to",
    }
}

fn load_help(error: &LoadError) -> &'static str {
    match error.kind() {
        "invalid-declaration" => "a component has one declaration: one JSON document, such as the project's skill.json",
        "unknown-import" => "a skill may import tinkerbell:skill, WASI 0.2, and of wasi:http what sends requests",
        "component-too-large" => "check that this is the file you mean; a release build is smaller",
        "interrupted" => "try again",
        "strict-wasi" => "the operator's far.toml says so: [runtime] wasi = \"strict\"",
        "component-limits" => "build it as one module, or of fewer and smaller ones",
        "host" => "check that the machine has memory left for it",
        "load-timeout" => "raise 'load-timeout' under [limits] in a task file, or make the component smaller",
        "load-memory" => "raise 'load-memory' under [limits] in a task file, or make the component smaller",
        "compiler-crash" => "do not trust the component; if its toolchain made it so, report it as a defect of far",
        _ => "build it for wasm32-wasip2 against the world 'skill' or 'skill-revealing'",
    }
}
