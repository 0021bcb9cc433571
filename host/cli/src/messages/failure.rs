//! The failures of commands before there is a task to report on: each message, and below it the
//! next step.
//!
//! Messages quote names of files and of authors: escape them.

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

use super::config::ConfigError;
use super::control::ControlError;
use super::resource::Lacking;
use crate::signals::Signal;

/// A failure of the command, with what to do about it.
#[derive(Debug, thiserror::Error, Diagnostic)]
pub(crate) enum Failure {
    // Every command: its arguments, and the files that they name.
    /// The arguments; clap's words.
    #[error("{message}")]
    #[diagnostic(help("{}", tip.as_deref().unwrap_or("see 'far run --help'")))]
    Arguments { message: String, tip: Option<String> },
    /// The configuration, the task file or the policy.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Config(#[from] ConfigError),
    /// A file cannot be read.
    #[error("cannot read {what} {path}", path = .path.display())]
    #[diagnostic(help("check that the file is there and that you may read it"))]
    Read { what: &'static str, path: PathBuf, source: io::Error },
    /// Something that is no regular file, where one is read.
    #[error("{what} {path} is {is}, not a regular file", path = .path.display())]
    #[diagnostic(help("write it to a file, and name that"))]
    Irregular { what: &'static str, path: PathBuf, is: &'static str },
    /// Something cannot be written.
    #[error("cannot write {what} {path}", path = .path.display())]
    #[diagnostic(help("check that the folder is there and that you may write to it"))]
    Write { what: &'static str, path: PathBuf, source: io::Error },
    /// Something that is not to be replaced by a file.
    #[error("{path} is no regular file", path = .0.display())]
    #[diagnostic(help("name a file, not a folder, a link, a pipe or a device"))]
    NotAFile(PathBuf),
    /// Nobody takes the output.
    #[error("cannot write the output")]
    Stdout(#[source] io::Error),

    // `far run`.
    /// The task file names no skill.
    #[error("{path} names no skill", path = .0.display())]
    #[diagnostic(help("add a line such as: skill = \"my_skill.wasm\""))]
    NoSkill(PathBuf),
    /// The input is no JSON.
    #[error("the input is not valid JSON")]
    #[diagnostic(help("give JSON such as '{{\"name\": \"value\"}}', or @FILE, or @- for stdin"))]
    Input(#[source] serde_json::Error),
    /// The input is larger than any task may have.
    #[error("the input has more than {limit} bytes")]
    #[diagnostic(help("raise 'input' under [limits] in a task file, or give less"))]
    InputTooLarge { limit: usize },
    /// The grants make no catalog.
    #[error(transparent)]
    #[diagnostic(help("grant each secret once, with all its operations: NAME:OPERATION,OPERATION"))]
    Catalog(#[from] CatalogError),
    /// The component.
    #[error("the skill is refused: {0}")]
    #[diagnostic(help("{}", load_help(.0)))]
    Load(#[source] LoadError),
    /// A signal came before there was a task.
    #[error("the run was cancelled before there was a task")]
    Interrupted(Signal),

    // `far run`, `far check` and `far secrets`: backends, and what requests are sent with.
    /// The `.env`.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.help()))]
    DotEnv(#[from] DotEnvError),
    /// What a Vault server is reached with.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.help()))]
    Vault(#[from] VaultError),
    /// What keys are exchanged with.
    #[error("keys cannot be exchanged for tokens")]
    #[diagnostic(help(
        "check the 'ca-file' of the secret, which has certificates in PEM, and that the platform has authorities"
    ))]
    Exchange(#[from] ExchangeError),
    /// There is no broker.
    #[error("the host cannot ask backends")]
    Broker(#[from] BrokerError),
    /// A backend gave no answer.
    #[error("the provider '{provider}' cannot be reached")]
    #[diagnostic(help("{}", unreached_help(source)))]
    Unreached { provider: ProviderId, source: ProviderError },
    /// A permitted secret that is not there.
    #[error("the provider '{provider}' has no '{reference}'")]
    #[diagnostic(help("put it there, or name it with 'path' as the provider has it, or permit it no longer"))]
    Absent { provider: ProviderId, reference: String },
    /// The authorities that servers' certificates are to be of.
    #[error("no certificates can be taken from {path}", path = .path.display())]
    #[diagnostic(help("name a file with certificates in PEM, each from '-----BEGIN CERTIFICATE-----'"))]
    Authorities { path: PathBuf, source: EgressSetupError },
    /// The authorities that a variable of the environment names.
    #[error("cannot use the authorities that {variable} names")]
    #[diagnostic(help("{}", named_authorities_help(variable, source)))]
    NamedAuthorities { variable: &'static str, source: ConfigError },

    // `far secrets`.
    /// A name that is not in the catalog.
    #[error("no secret '{name}' is permitted")]
    #[diagnostic(help("{}", unlisted_help(near.as_deref())))]
    Unlisted { name: String, near: Option<String> },
    /// A backend that knows who asks, and refuses.
    #[error("the provider '{provider}' denies it")]
    #[diagnostic(help("let its policy permit that to the credentials that it is reached with"))]
    Denied { provider: ProviderId },
    /// What was to be done could not be recorded.
    #[error("it could not be recorded: {0}")]
    #[diagnostic(help("nothing is done without its event; check the file that --audit or --pal names"))]
    Unrecorded(#[from] AuditUnavailable),
    /// Processes that run cannot be reached.
    #[error("processes that run cannot be asked")]
    #[diagnostic(help("{}", help_of(.0)))]
    Control(#[from] ControlError),
    /// Processes that run did not do it.
    #[error("{processes} {who} that {run} did not do it", who = processes_of(*processes), run = runs(*processes))]
    #[diagnostic(help("ask again, or end it: what it keeps goes with it"))]
    Undone { processes: usize },

    // `far run` and `far secrets`: events.
    /// The PAL's file.
    #[error("cannot open the event file {path}", path = .path.display())]
    #[diagnostic(help("{}", pal_help(source)))]
    Pal { path: PathBuf, source: io::Error },
    /// The audit file.
    #[error(transparent)]
    #[diagnostic(help("{}", .0.help()))]
    Audit(#[from] FileError),

    // `far inspect` and `far diff`.
    /// A file to be reviewed that no host would load.
    #[error("{path} is refused: {source}", path = .path.display())]
    #[diagnostic(help("{}", load_help(source)))]
    NoSkillFile { path: PathBuf, source: LoadError },
    /// A component that is more than a policy lets it be.
    #[error("the component is more than {policy} lets it be, in {count} {ways}", policy = .policy.display(), ways = ways(*count))]
    #[diagnostic(help("change the component, or let it be so: a finding by 'accept', the rest by its own rule"))]
    Exceeded { policy: PathBuf, count: usize },
    /// A new version that could do more.
    #[error("{skill} could do what the old version could not, in {count} {ways}", skill = .skill.display(), ways = ways(*count))]
    #[diagnostic(help("look at what is marked 'widening' before it takes the old one's place"))]
    Wider { skill: PathBuf, count: usize },

    // `far embed`.
    /// A component was given no declaration. The source is none if it has more bytes than any host
    /// takes.
    #[error("cannot give {skill} a declaration", skill = .skill.display())]
    #[diagnostic(help("{}", embed_help(source.as_ref())))]
    Embed { skill: PathBuf, source: Option<EmbedError> },

    // `far new` and `far man`.
    /// What is to be made is there already.
    #[error("{path} is there already", path = .0.display())]
    #[diagnostic(help("take another name, or move away what is there: nothing is overwritten"))]
    Exists(PathBuf),
    /// A path that no manifest can name.
    #[error("{path} cannot be named in a Cargo.toml", path = .0.display())]
    #[diagnostic(help("move the checkout to a path without quotes, backslashes and control characters"))]
    SdkPath(PathBuf),
    /// The manual has no such page.
    #[error("far has no command '{0}'")]
    #[diagnostic(help("see 'far --help' for those that there are"))]
    NoPage(String),

    // The machine.
    /// The process is open to others.
    #[error("the host cannot keep secrets to itself here")]
    #[diagnostic(help("look at what filters the process's system calls: 'prctl' and 'setrlimit' are needed"))]
    Unhardened(#[from] Unhardened),
    /// Memory may be written to a disk.
    #[error("values could be written to swap here: {0} is in use")]
    #[diagnostic(help(
        "turn it off ('swapoff -a'), or allow it: --allow-swap, or [agent] swap = \"allowed\" in far.toml"
    ))]
    Swap(String),
    /// Values could not be locked in memory.
    #[error("the host cannot keep secrets in its memory here")]
    #[diagnostic(help("allow the process to lock memory: 'ulimit -l' is 64 or more"))]
    NoLockedMemory(#[source] SelfTestError),
    /// Memory is not what values need.
    #[error("the host cannot keep secrets in its memory here")]
    SelfTest(#[source] SelfTestError),
    /// The runtime could not reserve its address space.
    #[error("the host cannot run skills here")]
    #[diagnostic(help("lift the limit on address space: 'ulimit -v unlimited'"))]
    NoAddressSpace(#[source] RuntimeError),
    /// The runtime.
    #[error("the host cannot run skills here")]
    Runtime(#[source] RuntimeError),
    /// The machine lacks a resource.
    #[error("the machine lacks {}", what.name())]
    #[diagnostic(help("{}", what.help()))]
    Lacking { what: Lacking, source: io::Error },
    /// Something of the operating system's.
    #[error("the host cannot {what}")]
    Host { what: &'static str, source: io::Error },
}

impl Failure {
    /// Something about the arguments.
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

fn processes_of(count: usize) -> &'static str {
    if count == 1 { "process" } else { "processes" }
}

fn runs(count: usize) -> &'static str {
    if count == 1 { "runs" } else { "run" }
}

fn ways(count: usize) -> &'static str {
    if count == 1 { "way" } else { "ways" }
}

fn help_of(error: &impl Diagnostic) -> String {
    error.help().map(|help| help.to_string()).unwrap_or_default()
}

fn named_authorities_help(variable: &str, error: &ConfigError) -> String {
    let or = format!("or unset {variable}, for the platform's authorities");
    error.help().map_or_else(|| or.clone(), |help| format!("{help}, {or}"))
}

fn unreached_help(error: &ProviderError) -> &'static str {
    match error {
        ProviderError::Unauthenticated => {
            "renew its credentials; if they were in a wrapping, somebody else may have opened it: find out who"
        }
        _ => "check that it runs, and that its address and credentials are right",
    }
}

fn unlisted_help(near: Option<&str>) -> String {
    match near {
        Some(near) => format!("did you mean '{near}'?"),
        None => "'far secrets list' has those that are, with the same --config".to_owned(),
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
