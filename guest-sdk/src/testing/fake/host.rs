//! The fake host and its configuration.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::current::RunGuard;
use super::plan::{Plan, SecretPlan, Value};
use super::run::Run;
use super::{Declaration, RunError, SentRequest, Use};
use crate::Error;
use crate::http::{self, Response};
use crate::secrets::{self, Operation};
use crate::skill::{call, serialize};
use crate::task::Level;

/// A host with fake secrets, for the tests of one skill. Each run is a new task with the same
/// configuration.
///
/// Any method that names a secret grants it, with all operations that the skill declares.
/// [`granting`](Self::granting) narrows the operations and [`without`](Self::without) removes the
/// grant. Do not use real secrets as values.
pub struct Host {
    plan: Plan,
    last: RefCell<Record>,
}

/// The record of the last run.
#[derive(Default)]
struct Record {
    uses: Vec<Use>,
    log: Vec<(Level, String)>,
    sent: Vec<SentRequest>,
    claims: Vec<String>,
}

impl Host {
    /// Creates a host without secrets for a skill with this declaration.
    pub fn new(declaration: Declaration) -> Self {
        let plan = Plan {
            declaration,
            secrets: BTreeMap::new(),
            task_id: "test-task".to_owned(),
            agent_id: "test-agent".to_owned(),
            time_left: Duration::from_secs(30),
            responses: VecDeque::new(),
        };
        Self { plan, last: RefCell::default() }
    }

    /// Sets the secret's value, with version `1`.
    #[must_use]
    pub fn secret(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.secret_version(name, "1", value)
    }

    /// Sets the secret's value and its version.
    #[must_use]
    pub fn secret_version(self, name: &str, version: &str, value: impl AsRef<[u8]>) -> Self {
        self.with(name, |planned| planned.current = Some(Value::new(version, value)))
    }

    /// Adds a previous version, covered by the grant.
    #[must_use]
    pub fn previous_version(self, name: &str, version: &str, value: impl AsRef<[u8]>) -> Self {
        self.with(name, |planned| {
            planned.previous.push(Value::new(version, value));
            planned.versions.push(version.to_owned());
        })
    }

    /// Queues a version that becomes current at a refresh. Several versions follow in the order of
    /// the calls. A refresh with an empty queue changes nothing.
    #[must_use]
    pub fn next_version(self, name: &str, version: &str, value: impl AsRef<[u8]>) -> Self {
        self.with(name, |planned| planned.next.push(Value::new(version, value)))
    }

    /// Grants only these operations. The host refuses a task whose grant lacks an operation of a
    /// required secret.
    #[must_use]
    pub fn granting(self, name: &str, operations: &[Operation]) -> Self {
        self.with(name, |planned| planned.operations = Some(operations.to_vec()))
    }

    /// Grants only the current version and these. A granted version without a value is
    /// [`VersionGone`](secrets::Error::VersionGone).
    #[must_use]
    pub fn granting_versions(self, name: &str, versions: &[&str]) -> Self {
        self.with(name, |planned| planned.versions = versions.iter().copied().map(str::to_owned).collect())
    }

    /// Does not grant the secret, to test a skill without an optional secret.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        self.with(name, |planned| planned.is_granted = false)
    }

    /// Fails each request for a handle to the secret with this error.
    #[must_use]
    pub fn fail_get(self, name: &str, error: secrets::Error) -> Self {
        self.with(name, |planned| planned.get_error = Some(error))
    }

    /// Issues handles to the secret, but fails each use of one with this error. Choose
    /// [`Expired`](secrets::Error::Expired) or [`Revoked`](secrets::Error::Revoked) to simulate the
    /// end of a value while the skill holds its handle.
    #[must_use]
    pub fn fail_use(self, name: &str, error: secrets::Error) -> Self {
        self.with(name, |planned| planned.use_error = Some(error))
    }

    /// Limits the uses of the secret in each run: signatures, reveals, and requests that carry it.
    /// The uses of a token count as uses of its key.
    #[must_use]
    pub fn max_uses(self, name: &str, uses: u32) -> Self {
        self.with(name, |planned| planned.max_uses = Some(uses))
    }

    /// Requires the secret in each request to the hosts of its destinations, like `only-sealed` in
    /// a grant or in `far.toml`. A request without it is [`http::Error::Denied`]. From a request
    /// with it, the host strips the skill's own `authorization` and `cookie` headers.
    #[must_use]
    pub fn only_sealed(self, name: &str) -> Self {
        self.with(name, |planned| planned.only_sealed = true)
    }

    /// Sets the lifetime of the secret's value, 5 minutes by default. Time stands still during a
    /// run.
    #[must_use]
    pub fn expires_in(self, name: &str, lifetime: Duration) -> Self {
        self.with(name, |planned| planned.lifetime = lifetime)
    }

    /// Sets the task's id, `test-task` by default.
    #[must_use]
    pub fn task_id(mut self, id: impl Into<String>) -> Self {
        self.plan.task_id = id.into();
        self
    }

    /// Sets the agent's id, `test-agent` by default.
    #[must_use]
    pub fn agent_id(mut self, id: impl Into<String>) -> Self {
        self.plan.agent_id = id.into();
        self
    }

    /// Sets the time until the task's deadline, 30 seconds by default. Time stands still during a
    /// run.
    #[must_use]
    pub fn time_left(mut self, time: Duration) -> Self {
        self.plan.time_left = time;
        self
    }

    /// Queues the result of a request. Requests take the results in the order of the calls. With an
    /// empty queue, a request is [`http::Error::Unreachable`].
    ///
    /// The host checks the destinations of secrets, and [`only_sealed`](Self::only_sealed). It does
    /// not check the destinations of requests without a secret, which the task's grant decides.
    #[must_use]
    pub fn respond_with(mut self, response: Result<Response, http::Error>) -> Self {
        self.plan.responses.push_back(response);
        self
    }

    /// Runs the skill's function as one task, on this thread. Returns the function's output after
    /// checking that it serializes as JSON. To deserialize the input as well, use
    /// [`run_json`](Self::run_json).
    ///
    /// # Errors
    ///
    /// - [`RunError::Failure`] if the skill returned an error.
    /// - [`RunError::Violation`] if the skill made a call beyond its declaration or grant.
    /// - [`RunError::Refusal`] if a required secret is not granted; the skill was not called.
    ///
    /// # Panics
    ///
    /// Panics if the function panics or calls a host's `run` itself, or if the real host would
    /// reject the declaration.
    pub fn run<I, O>(&self, skill: impl FnOnce(I) -> Result<O, Error>, input: I) -> Result<O, RunError>
    where
        O: Serialize,
    {
        self.enter(|| {
            let output = skill(input).map_err(|error| error.to_string())?;
            serialize(&output)?;
            Ok(output)
        })
    }

    /// Runs the skill's function as one task, with JSON as input and output like the component.
    ///
    /// # Errors
    ///
    /// The errors of [`run`](Self::run), and [`RunError::Failure`] for an input that does not
    /// deserialize.
    ///
    /// # Panics
    ///
    /// The panics of [`run`](Self::run).
    pub fn run_json<I, O>(&self, skill: impl FnOnce(I) -> Result<O, Error>, input: &str) -> Result<String, RunError>
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.enter(|| call(skill, input.as_bytes()).map(|output| String::from_utf8_lossy(&output).into_owned()))
    }

    /// Returns the uses of secrets in the last run, in order. A violation is not a use.
    pub fn uses(&self) -> Vec<Use> {
        self.last.borrow().uses.clone()
    }

    /// Returns the requests of the last run, in order.
    pub fn sent(&self) -> Vec<SentRequest> {
        self.last.borrow().sent.clone()
    }

    /// Returns the claims of each token of the last run as JSON, including the claims that the host
    /// sets.
    pub fn claims(&self) -> Vec<String> {
        self.last.borrow().claims.clone()
    }

    /// Returns the task log of the last run.
    pub fn log(&self) -> Vec<(Level, String)> {
        self.last.borrow().log.clone()
    }

    fn with(mut self, name: &str, change: impl FnOnce(&mut SecretPlan)) -> Self {
        change(self.plan.secrets.entry(name.to_owned()).or_default());
        self
    }

    fn enter<T>(&self, skill: impl FnOnce() -> Result<T, String>) -> Result<T, RunError> {
        let run = Run::new(self.plan.clone());
        let refusal = run.scope.refusal();
        let guard = RunGuard::new(run);
        self.last.take();
        if let Some(denial) = refusal {
            return Err(RunError::Refusal(denial));
        }
        let (run, returned) = guard.catch(skill);
        let violation = run.and_then(|run| {
            self.last.replace(Record { uses: run.uses, log: run.log, sent: run.sent, claims: run.claims });
            run.violation
        });
        match (violation, returned) {
            // A violation takes precedence over the skill's result.
            (Some(denial), _) => Err(RunError::Violation(denial)),
            (None, Ok(result)) => result.map_err(RunError::Failure),
            (None, Err(panic)) => resume_unwind(panic),
        }
    }
}

/// Shows the names of the secrets, never their values.
impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.plan.secrets.keys().collect();
        f.debug_struct("Host").field("secrets", &names).finish_non_exhaustive()
    }
}
