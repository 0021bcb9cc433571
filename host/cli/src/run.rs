//! `far run`.

use std::path::{Path, PathBuf};

use clap::Args;
use far_core::AgentId;
use far_core::broker::{BrokerSettings, RepeatRecording};
use far_core::capability::{Catalog, Destination, Grant};
use far_runtime::{ArtifactCache, Compiler, Egress, Limits, LoadLimits, Report, Runtime, Task, Wasi};

use crate::cache;
use crate::config::{EgressConfig, FarToml, LimitsConfig, TaskFile};
use crate::control::{self, ControlDir};
use crate::egress;
use crate::exit;
use crate::input;
use crate::local;
use crate::messages::control::ControlError;
use crate::messages::failure::Failure;
use crate::messages::notice::Notice;
use crate::metrics::MetricsFile;
use crate::output::printer::Printer;
use crate::output::run_result::RunResult;
use crate::pal::Events;
use crate::protection;
use crate::providers::{self, Backends};
use crate::signals::Signals;
use crate::state;

const USAGE: &str = "far run [OPTIONS] <SKILL>\n       far run [OPTIONS] --task <FILE>";

/// Run a skill with the secrets that it is granted.
#[derive(Args, Debug)]
#[command(override_usage = USAGE, after_help = exit::HELP)]
pub(crate) struct RunArgs {
    /// WebAssembly component to run.
    #[arg(value_name = "SKILL", required_unless_present = "task", conflicts_with = "task")]
    skill: Option<PathBuf>,

    /// Secrets granted to the task.
    #[arg(
        help = "Grant a secret: NAME:OPERATION[,OPERATION]...[@DESTINATION]; operations: seal, sign, reveal, refresh",
        long = "grant",
        value_name = "GRANT",
        conflicts_with = "task"
    )]
    grants: Vec<Grant>,

    /// Destinations of requests without a secret.
    #[arg(
        help = "Allow requests without a secret to a destination: [METHODS ]SCHEME://HOST[:PORT][/PATH]",
        long,
        value_name = "DESTINATION",
        conflicts_with = "task"
    )]
    egress: Vec<Destination>,

    /// Read skill, input, grants, egress and limits from a task file (TOML or JSON).
    #[arg(long, value_name = "FILE")]
    task: Option<PathBuf>,

    /// Configuration of the operator. Without it, every granted secret is permitted, and read from
    /// the .env file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// File of secrets without --config, for development only; default: ./.env.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    env_file: Option<PathBuf>,

    /// Input of the skill: JSON, @FILE, or @- for stdin; default: {}.
    #[arg(long, value_name = "JSON|@FILE", conflicts_with = "task")]
    input: Option<String>,

    /// Append every event to this file as a JSON line; no value is released before its event is
    /// written. '-' means stderr.
    #[arg(long, value_name = "FILE")]
    pal: Option<PathBuf>,

    /// Write every event to this audit file, hash-chained and signed, in a separate owner-only
    /// folder; no value is released before its event is written. 'far audit verify' verifies it.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,

    /// Replace this file with the counters of the run when it ends: OpenMetrics, for the textfile
    /// collector. An error is only a warning, and does not change the exit code.
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,

    /// Cache compiled skills in this owner-only folder, created if missing; default: far/artifacts
    /// in the cache directory of the user.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Compile the skill without using the cache.
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,

    /// Run even if swap is enabled: values could be written to it.
    #[arg(long)]
    allow_swap: bool,

    /// Print one JSON object with the result, also on failure; events are JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs a skill, and writes the metrics file, if requested. A run that never started a task also
/// replaces the file, whose counters would otherwise be those of an earlier run.
pub(crate) async fn run(args: &RunArgs, printer: &Printer) -> Result<u8, Failure> {
    let metrics = args.metrics.clone().map(MetricsFile::new);
    let run_result = run_counted(args, metrics.as_ref(), printer).await;
    if let Some(metrics) = metrics {
        metrics.write(printer);
    }
    Ok(printer.run_result(&run_result?))
}

async fn run_counted(args: &RunArgs, metrics: Option<&MetricsFile>, printer: &Printer) -> Result<RunResult, Failure> {
    let job = Job::of(args)?;
    let config = args.config.as_deref().map(FarToml::read).transpose()?;
    // Checked before any value is read.
    protection::refuse_swap(args.allow_swap || config.as_ref().is_some_and(|config| config.swap_allowed))?;
    let operator = Operator::of(config, args, &job, printer)?;
    let component = input::component(&job.skill)?;
    let cache = if args.no_cache { None } else { cache::open(args.cache.as_deref(), printer) };
    // Up to this point nothing needs to be closed, and a signal ends the process by default.
    let signals = Signals::take().map_err(|source| Failure::Host { what: "install signal handlers", source })?;
    let counts = metrics.map(MetricsFile::sink);
    let events = Events::open(args.pal.as_deref(), args.audit.as_deref(), counts, printer)?;
    if let Some(metrics) = metrics {
        metrics.watch(&operator.backends);
    }
    let (vaults, agent_id) = (operator.backends.vaults.clone(), operator.agent_id.clone());
    let recovered = tokio::select! {
        () = state::recover(&vaults, &agent_id, &events.pal, printer) => Ok(()),
        signal = signals.first() => Err(Failure::Interrupted(signal)),
    };
    let reported = match recovered {
        Ok(()) => run_job(job, operator, component, cache, &events, &signals, printer).await,
        Err(interrupted) => Err(interrupted),
    };
    state::close(&vaults).await;
    events.end();
    Ok(RunResult { report: reported?, signal: signals.received() })
}

async fn run_job(
    job: Job,
    operator: Operator,
    component: Vec<u8>,
    cache: Option<ArtifactCache>,
    events: &Events<'_>,
    signals: &Signals,
    printer: &Printer,
) -> Result<Report, Failure> {
    let builder = Runtime::builder(operator.agent_id, events.pal.clone()).max_tasks(1);
    let settings = BrokerSettings { repeats: operator.repeats, ..BrokerSettings::default() };
    let builder = builder.catalog(operator.catalog).wasi(operator.wasi).broker(settings);
    let builder = builder.compiler(Compiler::child("/proc/self/exe")).load_limits(job.load_limits);
    let mut builder = builder.egress(operator.egress);
    for provider in operator.backends.providers {
        builder = builder.provider(provider);
    }
    if let Some(cache) = cache {
        builder = builder.artifacts(cache);
    }
    let runtime = builder.build()?;
    // Listens from before the first value until the end of the run.
    let _control = operator.control.and_then(|dir| match dir.and_then(|dir| control::listen(&dir, &runtime)) {
        Ok(control) => Some(control),
        Err(error) => {
            printer.notice(&Notice::control(&error));
            None
        }
    });
    let skill = tokio::select! {
        loaded = runtime.load(component) => loaded.map_err(Failure::Load)?,
        signal = signals.first() => return Err(Failure::Interrupted(signal)),
    };
    let mut task = Task::new(&skill).with_input(job.input).with_limits(job.limits);
    for destination in job.egress {
        task = task.with_egress(destination);
    }
    for grant in job.grants {
        task = task.with_grant(grant);
    }
    let report = runtime.run_until(task, async { _ = signals.first().await }).await;
    // Shared secrets end with the command.
    runtime.shutdown().await;
    Ok(report)
}

/// The job, from the arguments or a task file.
struct Job {
    skill: PathBuf,
    input: Vec<u8>,
    grants: Vec<Grant>,
    egress: Vec<Destination>,
    limits: Limits,
    load_limits: LoadLimits,
}

impl Job {
    fn of(args: &RunArgs) -> Result<Self, Failure> {
        let limits = Limits::default();
        let ((Some(path), _) | (None, Some(path))) = (&args.task, &args.skill) else {
            return Err(Failure::arguments("no skill: pass SKILL, or --task FILE"));
        };
        if args.task.is_none() {
            let input = input::input(args.input.as_deref(), limits.input)?;
            let (grants, egress) = (args.grants.clone(), args.egress.clone());
            return Ok(Self { skill: path.clone(), input, grants, egress, limits, load_limits: LoadLimits::default() });
        }
        let file = TaskFile::read(path)?;
        Ok(Self {
            skill: file.skill.ok_or_else(|| Failure::NoSkill(path.clone()))?,
            input: file.input.unwrap_or_else(|| b"{}".to_vec()),
            grants: file.grants,
            egress: file.egress,
            limits: with_defaults(&file.limits),
            load_limits: load_limits(&file.limits),
        })
    }
}

fn load_limits(config: &LimitsConfig) -> LoadLimits {
    let default = LoadLimits::default();
    LoadLimits {
        timeout: config.load_timeout.unwrap_or(default.timeout),
        memory: config.load_memory.unwrap_or(default.memory),
    }
}

fn with_defaults(config: &LimitsConfig) -> Limits {
    let default = Limits::default();
    // A size beyond `usize` exceeds every limit of the runtime, which refuses it.
    let size = |size: Option<u64>, default| size.map_or(default, |size| usize::try_from(size).unwrap_or(usize::MAX));
    Limits {
        timeout: config.timeout.unwrap_or(default.timeout),
        memory: size(config.memory, default.memory),
        input: size(config.input, default.input),
        output: size(config.output, default.output),
        log: size(config.log, default.log),
        host_calls: config.host_calls.unwrap_or(default.host_calls),
        records: config.records.unwrap_or(default.records),
        requests: size(config.requests, default.requests),
        request_body: size(config.request_body, default.request_body),
        response_body: size(config.response_body, default.response_body),
    }
}

/// The backends and permissions, from the operator's file or from the grants.
struct Operator {
    agent_id: AgentId,
    backends: Backends,
    catalog: Catalog,
    wasi: Wasi,
    repeats: RepeatRecording,
    egress: Egress,
    /// The folder of the control socket; `None` without a configuration.
    control: Option<Result<ControlDir, ControlError>>,
}

impl Operator {
    fn of(config: Option<FarToml>, args: &RunArgs, job: &Job, printer: &Printer) -> Result<Self, Failure> {
        match config {
            Some(config) => Self::configured(config, printer),
            None => Self::local(args.env_file.as_deref(), &job.grants, &job.egress),
        }
    }

    fn configured(config: FarToml, printer: &Printer) -> Result<Self, Failure> {
        let agent_id = config.agent_id.clone().map_or_else(local::agent_id, Ok)?;
        let backends = providers::open_all(&config, &agent_id, printer)?;
        let control = Some(ControlDir::new(state::folder(&config), &agent_id));
        let egress = egress::of(&config.egress)?;
        let FarToml { catalog, wasi, repeats, .. } = config;
        Ok(Self { agent_id, backends, catalog, wasi, repeats, egress, control })
    }

    /// Permits every grant. The `.env` file is only opened if a secret is granted.
    fn local(env_file: Option<&Path>, grants: &[Grant], destinations: &[Destination]) -> Result<Self, Failure> {
        let mut backends = Backends::default();
        let provider = local::provider(env_file)?;
        let catalog = Catalog::of_grants(grants, &provider.id)?;
        if env_file.is_some() || !grants.is_empty() {
            backends.providers.push(providers::open(&provider, &catalog, &[])?);
        }
        let egress = egress::of(&EgressConfig { destinations: destinations.to_vec(), ..EgressConfig::default() })?;
        let (agent_id, wasi) = (local::agent_id()?, Wasi::default());
        Ok(Self { agent_id, backends, catalog, wasi, repeats: RepeatRecording::Each, egress, control: None })
    }
}
