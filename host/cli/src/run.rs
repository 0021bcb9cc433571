//! `far run`.

use std::path::{Path, PathBuf};

use clap::Args;
use far_core::AgentId;
use far_core::broker::{BrokerSettings, Repeats};
use far_core::capability::{Catalog, Destination, Grant};
use far_runtime::{ArtifactCache, Compiler, Egress, Limits, LoadLimits, Report, Runtime, Task, Wasi};

use crate::cache;
use crate::config::{EgressConfig, FarToml, LimitsConfig, TaskFile};
use crate::control::{self, Place};
use crate::egress;
use crate::exit;
use crate::input;
use crate::local;
use crate::messages::control::ControlError;
use crate::messages::failure::Failure;
use crate::messages::notice::Notice;
use crate::metrics::MetricsFile;
use crate::output::ended::Ended;
use crate::output::printer::Printer;
use crate::pal::Events;
use crate::protection;
use crate::providers::{self, Opened};
use crate::signals::Signals;
use crate::state;

const USAGE: &str = "far run [OPTIONS] <SKILL>\n       far run [OPTIONS] --task <FILE>";

/// Run one skill with the secrets that it is granted.
#[derive(Args, Debug)]
#[command(override_usage = USAGE, after_help = exit::HELP)]
pub(crate) struct RunArgs {
    /// The skill: a WebAssembly component.
    #[arg(value_name = "SKILL", required_unless_present = "task", conflicts_with = "task")]
    skill: Option<PathBuf>,

    /// What the task may use.
    #[arg(
        help = "Grant a secret: NAME:OPERATION[,OPERATION]...[@DESTINATION]; operations are seal, sign, reveal and refresh",
        long = "grant",
        value_name = "GRANT",
        conflicts_with = "task"
    )]
    grants: Vec<Grant>,

    /// Where it may send requests without a secret.
    #[arg(
        help = "Let it send requests without a secret there: SCHEME://HOST[:PORT][/PATH], perhaps with METHODS in front",
        long,
        value_name = "DESTINATION",
        conflicts_with = "task"
    )]
    egress: Vec<Destination>,

    /// Take skill, input, grants, egress and limits from a task file (TOML or JSON).
    #[arg(long, value_name = "FILE")]
    task: Option<PathBuf>,

    /// What the operator permits, and where secrets come from. Without it, what is granted is permitted, from the .env.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where secrets come from without --config; ./.env when left out. For development only.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    env_file: Option<PathBuf>,

    /// The skill's input: JSON, or @FILE, or @- for stdin; {} when left out.
    #[arg(long, value_name = "JSON|@FILE", conflicts_with = "task")]
    input: Option<String>,

    /// Also append every event to this file as a plain line of JSON; no value is released unless
    /// its event was written. With '-', to stderr alone.
    #[arg(long, value_name = "FILE")]
    pal: Option<PathBuf>,

    /// Keep every event in this audit file, chained and signed, in a folder of its own that only you may use; no value is
    /// released unless its event was written. 'far audit verify' checks it.
    #[arg(long, value_name = "FILE")]
    audit: Option<PathBuf>,

    /// When the run ends, whichever way, replace this file with what was counted: OpenMetrics, for the textfile collector.
    /// That it cannot be written is a warning and no other exit code, since what the skill did is done.
    #[arg(long, value_name = "FILE")]
    metrics: Option<PathBuf>,

    /// Keep compiled skills in this folder, which only you may use; made if it is not there. Without it, in
    /// far/artifacts where your caches are.
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,

    /// Compile the skill anew, and keep nothing of it.
    #[arg(long, conflicts_with = "cache")]
    no_cache: bool,

    /// Run although there is swap, to which values could be written.
    #[arg(long)]
    allow_swap: bool,

    /// Print one JSON object that says how it went, on success and failure alike; events as lines of JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Runs one skill to its end, and writes down what was counted, if that is asked for: of a run that never came to a task too, since
/// numbers of an earlier one would be taken for its own.
pub(crate) async fn run(args: &RunArgs, printer: &Printer) -> Result<u8, Failure> {
    let metrics = args.metrics.clone().map(MetricsFile::new);
    let ended = run_counted(args, metrics.as_ref(), printer).await;
    if let Some(metrics) = metrics {
        metrics.write(printer);
    }
    Ok(printer.ended(&ended?))
}

async fn run_counted(args: &RunArgs, metrics: Option<&MetricsFile>, printer: &Printer) -> Result<Ended, Failure> {
    let job = Job::of(args)?;
    let config = args.config.as_deref().map(FarToml::read).transpose()?;
    // Before any value is read.
    protection::refuse_swap(args.allow_swap || config.as_ref().is_some_and(|config| config.swap_allowed))?;
    let operator = Operator::of(config, args, &job, printer)?;
    let component = input::component(&job.skill)?;
    let cache = if args.no_cache { None } else { cache::open(args.cache.as_deref(), printer) };
    // Until here nothing is open that would have to be closed, and a signal ends the process as it always does.
    let signals = Signals::take().map_err(|source| Failure::Host { what: "take its signals over", source })?;
    let counts = metrics.map(MetricsFile::sink);
    let events = Events::open(args.pal.as_deref(), args.audit.as_deref(), counts, printer)?;
    if let Some(metrics) = metrics {
        metrics.watch(&operator.opened);
    }
    let (vaults, agent_id) = (operator.opened.vaults.clone(), operator.agent_id.clone());
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
    Ok(Ended { report: reported?, signal: signals.received() })
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
    for provider in operator.opened.providers {
        builder = builder.provider(provider);
    }
    if let Some(cache) = cache {
        builder = builder.artifacts(cache);
    }
    let runtime = builder.build()?;
    // Until the end of the run, and in time for the first value.
    let _control = operator.control.and_then(|place| match place.and_then(|place| control::listen(&place, &runtime)) {
        Ok(control) => Some(control),
        Err(why) => {
            printer.notice(&Notice::control(&why));
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
    // Nobody shares anything with a command that ends.
    runtime.end_shared().await;
    Ok(report)
}

/// What is to be done: from the arguments, or from a task file.
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
            return Err(Failure::arguments("name a skill, or a task file with --task"));
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
    // What does not fit the machine's own size is above every limit that the runtime gives, and is refused there.
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

/// What is permitted, and where secrets come from: by the operator's file, or by the grants themselves.
struct Operator {
    agent_id: AgentId,
    opened: Opened,
    catalog: Catalog,
    wasi: Wasi,
    repeats: Repeats,
    egress: Egress,
    /// Where to listen to the operator; nowhere for who runs a skill by hand.
    control: Option<Result<Place, ControlError>>,
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
        let opened = providers::open_all(&config, &agent_id, printer)?;
        let control = Some(Place::of(state::folder(&config), &agent_id));
        let egress = egress::of(&config.egress)?;
        let FarToml { catalog, wasi, repeats, .. } = config;
        Ok(Self { agent_id, opened, catalog, wasi, repeats, egress, control })
    }

    /// Who runs a skill by hand grants and permits at once; the `.env` is only opened if something is granted.
    fn local(env_file: Option<&Path>, grants: &[Grant], destinations: &[Destination]) -> Result<Self, Failure> {
        let mut opened = Opened::default();
        let provider = local::provider(env_file)?;
        let catalog = Catalog::of_grants(grants, &provider.id)?;
        if env_file.is_some() || !grants.is_empty() {
            opened.providers.push(providers::open(&provider, &catalog, &[])?);
        }
        let egress = egress::of(&EgressConfig { destinations: destinations.to_vec(), ..EgressConfig::default() })?;
        let (agent_id, wasi) = (local::agent_id()?, Wasi::default());
        Ok(Self { agent_id, opened, catalog, wasi, repeats: Repeats::Each, egress, control: None })
    }
}
