//! One run of a skill: the broker's rules, over what the test planned.
//!
//! Each call answers with a violation, which ends the run, or with what the skill is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use far_capability::{Access, Purpose, SecretName, Version, VersionSelector};

use super::plan::{Plan, Value};
use super::scope::Scope;
use super::{Denial, Sent, Use};
use crate::bindings::tinkerbell::skill::secrets as wit;
use crate::bindings::tinkerbell::skill::task::Level as WitLevel;
use crate::secrets::{Error, Operation};
use crate::task::Level;

/// A handle, as the skill holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    run: u64,
    pub(super) index: usize,
}

/// A handle, as the host knows it.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) name: SecretName,
    pub(super) asked_for: VersionSelector,
    pub(super) value: Value,
    /// How long a token lives; none for what the backend has.
    pub(super) lives: Option<Duration>,
}

impl Handle {
    pub(super) fn access<'a>(&'a self, purpose: Purpose<'a>) -> Access<'a> {
        Access { secret: &self.name, version: &self.asked_for, purpose, derived: self.lives.is_some() }
    }
}

pub(crate) struct Run {
    /// Tells the handles of one run from those of another.
    pub(super) number: u64,
    pub(super) plan: Plan,
    pub(super) scope: Scope,
    handles: Vec<Handle>,
    used: BTreeMap<SecretName, u32>,
    /// What was sealed, with what stands for it.
    pub(super) sealed: BTreeMap<String, Held>,
    /// The claims of each token that was signed.
    pub(super) claims: Vec<String>,
    pub(super) sent: Vec<Sent>,
    /// The secrets that the host has a value of.
    fetched: BTreeSet<SecretName>,
    pub(super) uses: Vec<Use>,
    pub(super) log: Vec<(Level, String)>,
    pub(super) violation: Option<Denial>,
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            scope: Scope::new(&plan),
            plan,
            handles: Vec::new(),
            used: BTreeMap::new(),
            sealed: BTreeMap::new(),
            claims: Vec::new(),
            sent: Vec::new(),
            fetched: BTreeSet::new(),
            uses: Vec::new(),
            log: Vec::new(),
            violation: None,
        }
    }

    pub(crate) fn get(&mut self, name: &str, version: Option<&str>) -> Result<Result<Held, wit::Error>, Denial> {
        let secret = SecretName::parse(name).map_err(|_| Denial::invalid_name(name, None))?;
        let selector = match version.map(Version::parse) {
            None => VersionSelector::Current,
            Some(version) => VersionSelector::Exactly(version.map_err(|_| Denial::invalid_version(name))?),
        };
        let access = Access { secret: &secret, version: &selector, purpose: Purpose::Get, derived: false };
        let allowed = self.scope.check(&access)?;
        self.uses.push(match version {
            None => Use::asked(name),
            Some(version) => Use::asked_version(name, version),
        });
        Ok(allowed.map_err(wit::Error::from).and_then(|()| self.hand_over(secret, selector)))
    }

    pub(crate) fn refresh(&mut self, name: &str) -> Result<Result<Held, wit::Error>, Denial> {
        let secret = SecretName::parse(name).map_err(|_| Denial::invalid_name(name, Some(Operation::Refresh)))?;
        let current = VersionSelector::Current;
        let access = Access { secret: &secret, version: &current, purpose: Purpose::Refresh, derived: false };
        let allowed = self.scope.check(&access)?;
        self.uses.push(Use::refreshed(name));
        Ok(allowed.map_err(wit::Error::from).and_then(|()| {
            if let Some(planned) = self.plan.secrets.get_mut(name)
                && planned.failing.is_none()
                && !planned.later.is_empty()
            {
                let new = planned.later.remove(0);
                planned.old.extend(planned.current.replace(new));
            }
            self.hand_over(secret, current)
        }))
    }

    pub(crate) fn list(&mut self) -> Vec<wit::Info> {
        self.uses.push(Use::Listed);
        let described = self.scope.permits().into_iter().map(|(name, permit)| {
            let operations = permit.operations.iter().map(Operation::from).map(wit::Operation::from).collect();
            let planned = self.plan.secrets.get(name.as_str()).filter(|_| self.fetched.contains(name));
            let expires_in = planned.map(|planned| nanoseconds(planned.lifetime));
            wit::Info { name: name.as_str().to_owned(), operations, expires_in }
        });
        described.collect()
    }

    pub(crate) fn reveal(&mut self, held: Held) -> Result<Result<Vec<u8>, wit::Error>, Denial> {
        let revealed = self.use_value(held, Purpose::Reveal, true)?.map(|handle| {
            self.uses.push(Use::revealed(handle.name.as_str()));
            handle.value.bytes.to_vec()
        });
        Ok(revealed.map_err(wit::Error::from))
    }

    pub(crate) fn name(&self, held: Held) -> String {
        self.handle(held).name.as_str().to_owned()
    }

    pub(crate) fn version(&self, held: Held) -> String {
        self.handle(held).value.version.clone()
    }

    /// In nanoseconds, of which there are none once the value has ended.
    pub(crate) fn expires_in(&self, held: Held) -> u64 {
        let handle = self.handle(held);
        if let Some(lives) = handle.lives {
            return nanoseconds(lives);
        }
        let planned = self.plan.secrets.get(handle.name.as_str());
        planned.filter(|planned| planned.ended.is_none()).map_or(0, |planned| nanoseconds(planned.lifetime))
    }

    pub(crate) fn task_id(&self) -> String {
        self.plan.task_id.clone()
    }

    pub(crate) fn agent_id(&self) -> String {
        self.plan.agent_id.clone()
    }

    pub(crate) fn time_left(&self) -> u64 {
        nanoseconds(self.plan.time_left)
    }

    pub(crate) fn log(&mut self, level: WitLevel, message: &str) {
        self.log.push((level.into(), message.to_owned()));
    }

    /// Gives a handle to what the backend has of an allowed secret.
    fn hand_over(&mut self, name: SecretName, asked_for: VersionSelector) -> Result<Held, wit::Error> {
        let planned = self.plan.secrets.get(name.as_str()).ok_or(Error::NotFound);
        let value = planned.and_then(|planned| planned.value(&asked_for)).cloned().map_err(wit::Error::from)?;
        self.fetched.insert(name.clone());
        Ok(self.hold(Handle { name, asked_for, value, lives: None }))
    }

    pub(super) fn hold(&mut self, handle: Handle) -> Held {
        let held = Held { run: self.number, index: self.handles.len() };
        self.handles.push(handle);
        held
    }

    /// The order is the broker's: the capability, the argument, the value's end, and a use is counted last.
    pub(super) fn use_value(
        &mut self,
        held: Held,
        purpose: Purpose<'_>,
        fits: bool,
    ) -> Result<Result<Handle, Error>, Denial> {
        let handle = self.handle(held).clone();
        if let Err(error) = self.scope.check(&handle.access(purpose))? {
            return Ok(Err(error));
        }
        if !fits {
            return Ok(Err(Error::TooLarge));
        }
        let planned = self.plan.secrets.get(handle.name.as_str());
        if let Some(error) = planned.and_then(|planned| planned.ended) {
            return Ok(Err(error));
        }
        // A stand-in is counted where it is replaced.
        if matches!(purpose, Purpose::Token) {
            return Ok(Ok(handle));
        }
        let used = self.used.entry(handle.name.clone()).or_default();
        if planned.and_then(|planned| planned.max_uses).is_some_and(|most| *used >= most) {
            return Ok(Err(Error::Exhausted));
        }
        *used = used.saturating_add(1);
        Ok(Ok(handle))
    }

    #[expect(clippy::panic, reason = "a component has no handle that is not its own; a test's thread may keep one")]
    pub(super) fn handle(&self, held: Held) -> &Handle {
        match self.handles.get(held.index).filter(|_| held.run == self.number) {
            Some(handle) => handle,
            None => panic!("the skill kept a handle to a secret from one run to another: each run is another task"),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
