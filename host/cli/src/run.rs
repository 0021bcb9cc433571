//! `far run`.

use std::path::{Path, PathBuf};

use far_core::AgentId;
use far_core::broker::{BrokerSettings, Repeats};
use far_core::capability::{Catalog, Destination, Grant};
use far_runtime::{ArtifactCache, Compiler, Egress, Limits, LoadLimits, Report, Runtime, Task, Wasi};

use crate::args::RunArgs;
use crate::cache;
use crate::config::{EgressConfig, FarToml, LimitsConfig, TaskFile};
use crate::control::{self, ControlError, Place};
use crate::egress;
use crate::failure::Failure;
use crate::input;
use crate::metrics::MetricsFile;
use crate::pal::Events;
use crate::protection;
use crate::providers::{self, Opened};
use crate::signals::{Signal, Signals};
use crate::state;

/// The agent's id where no configuration gives one.
const LOCAL_AGENT: &str = "local";

/// A run that came to a task.
pub(crate) struct Ended {
    pub(crate) report: Report,
    /// The signal that came meanwhile.
    pub(crate) signal: Option<Signal>,
}

/// Runs one skill to its end, and writes down what was counted, if that is asked for: of a run that never came to a task too, since
/// numbers of an earlier one would be taken for its own.
pub(crate) async fn run(args: RunArgs) -> Result<Ended, Failure> {
    let metrics = args.metrics.clone().map(MetricsFile::new);
    let json = args.json;
    let ended = run_counted(args, metrics.as_ref()).await;
    if let Some(metrics) = metrics {
        metrics.write(json);
    }
    ended
}

async fn run_counted(args: RunArgs, metrics: Option<&MetricsFile>) -> Result<Ended, Failure> {
    let job = Job::of(&args)?;
    let config = args.config.as_deref().map(FarToml::read).transpose()?;
    // Before any value is read.
    protection::refuse_swap(args.allow_swap || config.as_ref().is_some_and(|config| config.swap_allowed))?;
    let operator = Operator::of(config, &args, &job)?;
    let component = input::component(&job.skill)?;
    let cache = cache::open(&args);
    // Until here nothing is open that would have to be closed, and a signal ends the process as it always does.
    let signals = Signals::take().map_err(|source| Failure::Host { what: "take its signals over", source })?;
    let counts = metrics.map(MetricsFile::sink);
    let events = Events::open(args.pal.as_deref(), args.audit.as_deref(), counts, args.json)?;
    if let Some(metrics) = metrics {
        metrics.watch(&operator.opened);
    }
    let (vaults, agent_id) = (operator.opened.vaults.clone(), operator.agent_id.clone());
    let recovered = tokio::select! {
        () = state::recover(&vaults, &agent_id, &events.pal, args.json) => Ok(()),
        signal = signals.first() => Err(Failure::Interrupted(signal)),
    };
    let reported = match recovered {
        Ok(()) => run_job(job, operator, component, cache, &events, &signals, args.json).await,
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
    events: &Events,
    signals: &Signals,
    json: bool,
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
            state::warn_unheard(&why, json);
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
    fn of(config: Option<FarToml>, args: &RunArgs, job: &Job) -> Result<Self, Failure> {
        match config {
            Some(config) => Self::configured(config, args.json),
            None => Self::local(args.env_file.as_deref(), &job.grants, &job.egress),
        }
    }

    fn configured(config: FarToml, json: bool) -> Result<Self, Failure> {
        let agent_id = config.agent_id.clone().map_or_else(local_agent, Ok)?;
        let opened = providers::open_all(&config, &agent_id, json)?;
        let control = Some(Place::of(state::folder(&config), &agent_id));
        let egress = egress::of(&config.egress)?;
        let FarToml { catalog, wasi, repeats, .. } = config;
        Ok(Self { agent_id, opened, catalog, wasi, repeats, egress, control })
    }

    /// Who runs a skill by hand grants and permits at once; the `.env` is only opened if something is granted.
    fn local(env_file: Option<&Path>, grants: &[Grant], destinations: &[Destination]) -> Result<Self, Failure> {
        let mut opened = Opened::default();
        let provider = providers::local(env_file)?;
        let catalog = Catalog::of_grants(grants, &provider.id)?;
        if env_file.is_some() || !grants.is_empty() {
            opened.providers.push(providers::open(&provider, &catalog, &[])?);
        }
        let egress = egress::of(&EgressConfig { destinations: destinations.to_vec(), ..EgressConfig::default() })?;
        let (agent_id, wasi) = (local_agent()?, Wasi::default());
        Ok(Self { agent_id, opened, catalog, wasi, repeats: Repeats::Each, egress, control: None })
    }
}

/// The agent's id where no configuration gives one.
pub(crate) fn local_agent() -> Result<AgentId, Failure> {
    AgentId::parse(LOCAL_AGENT).map_err(fixed)
}

/// For names that are written in this file.
pub(crate) fn fixed(error: far_core::capability::NameError) -> Failure {
    Failure::arguments(error.to_string())
}
