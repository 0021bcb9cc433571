//! The fake host, as a test sets it up.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::current::Started;
use super::plan::{Plan, Planned, Value};
use super::run::Run;
use super::{Declaration, Ended, Sent, Use};
use crate::Error;
use crate::http::{self, Response};
use crate::secrets::{self, Operation};
use crate::skill::{call, written};
use crate::task::Level;

/// A host with fake secrets, for the tests of one skill. Each run is another task, with everything as it was set up.
///
/// A secret is granted once one of the methods names it, with all the operations that the skill declares unless
/// [`granting`](Self::granting) says otherwise. The values are the test's own: take none that protects anything.
pub struct Host {
    plan: Plan,
    last: RefCell<Record>,
}

/// What the last run did.
#[derive(Default)]
struct Record {
    uses: Vec<Use>,
    log: Vec<(Level, String)>,
    sent: Vec<Sent>,
    claims: Vec<String>,
}

impl Host {
    /// A host for a skill of this declaration, without any secret.
    pub fn new(declaration: Declaration) -> Self {
        let plan = Plan {
            declaration,
            secrets: BTreeMap::new(),
            task_id: "test-task".to_owned(),
            agent_id: "test-agent".to_owned(),
            time_left: Duration::from_secs(30),
            answers: VecDeque::new(),
        };
        Self { plan, last: RefCell::default() }
    }

    /// The secret's value, as version `1`.
    #[must_use]
    pub fn secret(self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.secret_version(name, "1", value)
    }

    /// The secret's value, and what its version is called.
    #[must_use]
    pub fn secret_version(self, name: &str, version: &str, value: impl AsRef<[u8]>) -> Self {
        self.with(name, |planned| planned.current = Some(Value::new(version, value)))
    }

    /// A version that is no longer current, and which the grant covers.
    #[must_use]
    pub fn old_version(self, name: &str, version: &str, value: impl AsRef<[u8]>) -> Self {
        self.with(name, |planned| {
            planned.old.push(Value::new(version, value));
            planned.versions.push(version.to_owned());
        })
    }

    /// What becomes current when the skill refreshes the secret; more than one, in their order. When none is left,
    /// refreshing changes nothing.
    #[must_use]
    pub fn later_version(self, name: &str, version: &str, value: impl AsRef<[u8]>) -> Self {
        self.with(name, |planned| planned.later.push(Value::new(version, value)))
    }

    /// Grants these operations and no others. A task that is granted less than a required secret needs is refused.
    #[must_use]
    pub fn granting(self, name: &str, operations: &[Operation]) -> Self {
        self.with(name, |planned| planned.operations = Some(operations.to_vec()))
    }

    /// Grants these versions besides the current one, and no others. One that has no value is gone from the backend.
    #[must_use]
    pub fn granting_versions(self, name: &str, versions: &[&str]) -> Self {
        self.with(name, |planned| planned.versions = versions.iter().copied().map(str::to_owned).collect())
    }

    /// Does not grant the secret, as one that is optional may be left out.
    #[must_use]
    pub fn without(self, name: &str) -> Self {
        self.with(name, |planned| planned.is_granted = false)
    }

    /// Answers with this error in place of a handle to the secret.
    #[must_use]
    pub fn failing(self, name: &str, error: secrets::Error) -> Self {
        self.with(name, |planned| planned.failing = Some(error))
    }

    /// Gives handles to the secret, and answers with this error to each use of one:
    /// [`Expired`](secrets::Error::Expired) or [`Revoked`](secrets::Error::Revoked), as when a value ends while a skill
    /// holds it.
    #[must_use]
    pub fn ending(self, name: &str, error: secrets::Error) -> Self {
        self.with(name, |planned| planned.ended = Some(error))
    }

    /// Grants this many uses of the secret to each run: signatures, reveals, and requests that it is put into. Tokens that it signed
    /// count with it.
    #[must_use]
    pub fn max_uses(self, name: &str, most: u32) -> Self {
        self.with(name, |planned| planned.max_uses = Some(most))
    }

    /// Lets nothing go to the hosts that the secret may be sent to without it, as `only-sealed` in a grant or in `far.toml` does, and
    /// beside it no `authorization` and no `cookie` of the skill's own. A request without it is [`http::Error::Denied`].
    #[must_use]
    pub fn only_sealed(self, name: &str) -> Self {
        self.with(name, |planned| planned.only_sealed = true)
    }

    /// How long the secret's value lives, which is 5 minutes unless it is said. No time passes in a run.
    #[must_use]
    pub fn expires_in(self, name: &str, lifetime: Duration) -> Self {
        self.with(name, |planned| planned.lifetime = lifetime)
    }

    /// The task's id, `test-task` unless it is said.
    #[must_use]
    pub fn task_id(mut self, id: impl Into<String>) -> Self {
        self.plan.task_id = id.into();
        self
    }

    /// The agent's id, `test-agent` unless it is said.
    #[must_use]
    pub fn agent_id(mut self, id: impl Into<String>) -> Self {
        self.plan.agent_id = id.into();
        self
    }

    /// The time left until the task's deadline, which is 30 seconds unless it is said. No time passes in a run.
    #[must_use]
    pub fn time_left(mut self, time: Duration) -> Self {
        self.plan.time_left = time;
        self
    }

    /// What a server answers, or why none does: the next request gets the first of these, and so on. Where none is left, a
    /// request is [`http::Error::Unreachable`].
    ///
    /// A secret goes where the skill declares that it is sent. Where requests without one go is not looked at, but for
    /// [`only_sealed`](Self::only_sealed): that is for the task's grant to say.
    #[must_use]
    pub fn answering(mut self, answer: Result<Response, http::Error>) -> Self {
        self.plan.answers.push_back(answer);
        self
    }

    /// Runs the skill's function as one task, on this thread. The output is what the function returned, once it could
    /// be written as JSON; [`run_json`](Self::run_json) reads the input as well.
    ///
    /// # Errors
    ///
    /// [`Ended::Failed`] with the skill's own message, [`Ended::Violation`] when it asked for more than it may, and
    /// [`Ended::Refused`] when it was not called, for want of a required secret.
    ///
    /// # Panics
    ///
    /// As the function panics, when it runs a host itself, and when the host would refuse the
    /// declaration.
    pub fn run<I, O>(&self, skill: impl FnOnce(I) -> Result<O, Error>, input: I) -> Result<O, Ended>
    where
        O: Serialize,
    {
        self.enter(|| {
            let output = skill(input).map_err(|error| error.to_string())?;
            written(&output)?;
            Ok(output)
        })
    }

    /// Runs the skill's function as one task, from JSON to JSON as the component is run.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run), and [`Ended::Failed`] for an input that the skill does not take.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_json<I, O>(&self, skill: impl FnOnce(I) -> Result<O, Error>, input: &str) -> Result<String, Ended>
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.enter(|| call(skill, input.as_bytes()).map(|output| String::from_utf8_lossy(&output).into_owned()))
    }

    /// What the last run did with its secrets, in order. What was a violation is not among it: nothing was used.
    pub fn uses(&self) -> Vec<Use> {
        self.last.borrow().uses.clone()
    }

    /// The requests of the last run, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.last.borrow().sent.clone()
    }

    /// The claims of each token that the last run had signed, as JSON, with those that the host sets.
    pub fn claims(&self) -> Vec<String> {
        self.last.borrow().claims.clone()
    }

    /// What the last run wrote to the task log.
    pub fn log(&self) -> Vec<(Level, String)> {
        self.last.borrow().log.clone()
    }

    fn with(mut self, name: &str, change: impl FnOnce(&mut Planned)) -> Self {
        change(self.plan.secrets.entry(name.to_owned()).or_default());
        self
    }

    fn enter<T>(&self, skill: impl FnOnce() -> Result<T, String>) -> Result<T, Ended> {
        let run = Run::new(self.plan.clone());
        let gap = run.scope.gap();
        let started = Started::new(run);
        self.last.take();
        if let Some(gap) = gap {
            return Err(Ended::Refused(gap));
        }
        let (run, returned) = started.catch(skill);
        let violation = run.and_then(|run| {
            self.last.replace(Record { uses: run.uses, log: run.log, sent: run.sent, claims: run.claims });
            run.violation
        });
        match (violation, returned) {
            // Whatever it made of that.
            (Some(denial), _) => Err(Ended::Violation(denial)),
            (None, Ok(answer)) => answer.map_err(Ended::Failed),
            (None, Err(panic)) => resume_unwind(panic),
        }
    }
}

/// Names, and no values.
impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.plan.secrets.keys().collect();
        f.debug_struct("Host").field("secrets", &names).finish_non_exhaustive()
    }
}
