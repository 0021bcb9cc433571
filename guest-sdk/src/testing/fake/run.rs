//! One run of a skill: the broker's rules, applied to the test's configuration.
//!
//! Each call returns a violation, which ends the run, or the skill's result.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use far_capability::{Access, Purpose, SecretName, Version, VersionSelector};

use super::plan::{Plan, Value};
use super::scope::Scope;
use super::{Denial, SentRequest, Use};
use crate::bindings::tinkerbell::skill::secrets as wit;
use crate::bindings::tinkerbell::skill::task::Level as WitLevel;
use crate::secrets::{Error, Operation};
use crate::task::Level;

/// A reference to a handle, held by the skill.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HandleId {
    run: u64,
    pub(super) index: usize,
}

/// A handle in the host's table.
#[derive(Clone)]
pub(super) struct Handle {
    pub(super) name: SecretName,
    pub(super) asked_for: VersionSelector,
    pub(super) value: Value,
    /// The lifetime of a token, or `None` for a secret of the backend.
    pub(super) token_lifetime: Option<Duration>,
}

impl Handle {
    pub(super) fn access<'a>(&'a self, purpose: Purpose<'a>) -> Access<'a> {
        Access { secret: &self.name, version: &self.asked_for, purpose, derived: self.token_lifetime.is_some() }
    }
}

pub(crate) struct Run {
    /// Distinguishes the handles of different runs.
    pub(super) number: u64,
    pub(super) plan: Plan,
    pub(super) scope: Scope,
    handles: Vec<Handle>,
    used: BTreeMap<SecretName, u32>,
    /// The handles of the placeholders.
    pub(super) placeholders: BTreeMap<String, HandleId>,
    /// The claims of each signed token.
    pub(super) claims: Vec<String>,
    pub(super) sent: Vec<SentRequest>,
    /// Secrets with a value in the host's memory.
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
            placeholders: BTreeMap::new(),
            claims: Vec::new(),
            sent: Vec::new(),
            fetched: BTreeSet::new(),
            uses: Vec::new(),
            log: Vec::new(),
            violation: None,
        }
    }

    pub(crate) fn get(&mut self, name: &str, version: Option<&str>) -> Result<Result<HandleId, wit::Error>, Denial> {
        let secret = SecretName::parse(name).map_err(|_| Denial::invalid_name(name, None))?;
        let selector = match version.map(Version::parse) {
            None => VersionSelector::Current,
            Some(version) => VersionSelector::Exactly(version.map_err(|_| Denial::invalid_version(name))?),
        };
        let access = Access { secret: &secret, version: &selector, purpose: Purpose::Get, derived: false };
        let allowed = self.scope.check(&access)?;
        self.uses.push(match version {
            None => Use::get(name),
            Some(version) => Use::get_version(name, version),
        });
        Ok(allowed.map_err(wit::Error::from).and_then(|()| self.issue(secret, selector)))
    }

    pub(crate) fn refresh(&mut self, name: &str) -> Result<Result<HandleId, wit::Error>, Denial> {
        let secret = SecretName::parse(name).map_err(|_| Denial::invalid_name(name, Some(Operation::Refresh)))?;
        let current = VersionSelector::Current;
        let access = Access { secret: &secret, version: &current, purpose: Purpose::Refresh, derived: false };
        let allowed = self.scope.check(&access)?;
        self.uses.push(Use::refresh(name));
        Ok(allowed.map_err(wit::Error::from).and_then(|()| {
            if let Some(planned) = self.plan.secrets.get_mut(name)
                && planned.get_error.is_none()
                && !planned.next.is_empty()
            {
                let new = planned.next.remove(0);
                planned.previous.extend(planned.current.replace(new));
            }
            self.issue(secret, current)
        }))
    }

    pub(crate) fn list(&mut self) -> Vec<wit::Info> {
        self.uses.push(Use::List);
        let described = self.scope.permits().into_iter().map(|(name, permit)| {
            let operations = permit.operations.iter().map(Operation::from).map(wit::Operation::from).collect();
            let planned = self.plan.secrets.get(name.as_str()).filter(|_| self.fetched.contains(name));
            let expires_in = planned.map(|planned| nanoseconds(planned.lifetime));
            wit::Info { name: name.as_str().to_owned(), operations, expires_in }
        });
        described.collect()
    }

    pub(crate) fn reveal(&mut self, id: HandleId) -> Result<Result<Vec<u8>, wit::Error>, Denial> {
        let revealed = self.use_value(id, Purpose::Reveal, true)?.map(|handle| {
            self.uses.push(Use::reveal(handle.name.as_str()));
            handle.value.bytes.to_vec()
        });
        Ok(revealed.map_err(wit::Error::from))
    }

    pub(crate) fn name(&self, id: HandleId) -> String {
        self.handle(id).name.as_str().to_owned()
    }

    pub(crate) fn version(&self, id: HandleId) -> String {
        self.handle(id).value.version.clone()
    }

    /// Returns the time to live in nanoseconds, 0 for a value that has ended.
    pub(crate) fn expires_in(&self, id: HandleId) -> u64 {
        let handle = self.handle(id);
        if let Some(lifetime) = handle.token_lifetime {
            return nanoseconds(lifetime);
        }
        let planned = self.plan.secrets.get(handle.name.as_str());
        planned.filter(|planned| planned.use_error.is_none()).map_or(0, |planned| nanoseconds(planned.lifetime))
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

    /// Returns a handle to a version that the capability allows.
    fn issue(&mut self, name: SecretName, asked_for: VersionSelector) -> Result<HandleId, wit::Error> {
        let planned = self.plan.secrets.get(name.as_str()).ok_or(Error::NotFound);
        let value = planned.and_then(|planned| planned.value(&asked_for)).cloned().map_err(wit::Error::from)?;
        self.fetched.insert(name.clone());
        Ok(self.insert(Handle { name, asked_for, value, token_lifetime: None }))
    }

    pub(super) fn insert(&mut self, handle: Handle) -> HandleId {
        let id = HandleId { run: self.number, index: self.handles.len() };
        self.handles.push(handle);
        id
    }

    /// Checks and counts one use of a value. The order is the broker's: the capability, the
    /// argument, the value's end, then the count.
    pub(super) fn use_value(
        &mut self,
        id: HandleId,
        purpose: Purpose<'_>,
        fits: bool,
    ) -> Result<Result<Handle, Error>, Denial> {
        let handle = self.handle(id).clone();
        if let Err(error) = self.scope.check(&handle.access(purpose))? {
            return Ok(Err(error));
        }
        if !fits {
            return Ok(Err(Error::TooLarge));
        }
        let planned = self.plan.secrets.get(handle.name.as_str());
        if let Some(error) = planned.and_then(|planned| planned.use_error) {
            return Ok(Err(error));
        }
        // A placeholder counts when the host replaces it.
        if matches!(purpose, Purpose::Placeholder) {
            return Ok(Ok(handle));
        }
        let used = self.used.entry(handle.name.clone()).or_default();
        if planned.and_then(|planned| planned.max_uses).is_some_and(|max| *used >= max) {
            return Ok(Err(Error::Exhausted));
        }
        *used = used.saturating_add(1);
        Ok(Ok(handle))
    }

    #[expect(clippy::panic, reason = "only a test can move a handle from one run to another")]
    pub(super) fn handle(&self, id: HandleId) -> &Handle {
        match self.handles.get(id.index).filter(|_| id.run == self.number) {
            Some(handle) => handle,
            None => panic!("the handle belongs to another run: each run is a new task"),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
