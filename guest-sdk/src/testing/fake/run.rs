//! One run of a skill: the broker's rules, over what the test planned.
//!
//! Each call answers with a violation, which ends the run, or with what the skill is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::plan::{Access, Plan, Purpose, Value, is_name, is_version};
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
    pub(super) name: String,
    /// The version that was asked for by name.
    pub(super) asked_for: Option<String>,
    pub(super) value: Value,
    /// How long a token lives; none for what the backend has.
    pub(super) lives: Option<Duration>,
}

impl Handle {
    pub(super) fn access<'a>(&'a self, purpose: Purpose<'a>) -> Access<'a> {
        Access { name: &self.name, version: self.asked_for.as_deref(), purpose, derived: self.lives.is_some() }
    }
}

pub(crate) struct Run {
    /// Tells the handles of one run from those of another.
    pub(super) number: u64,
    pub(super) plan: Plan,
    handles: Vec<Handle>,
    used: BTreeMap<String, u32>,
    /// What was sealed, with what stands for it.
    pub(super) sealed: BTreeMap<String, Held>,
    /// The claims of each token that was signed.
    pub(super) claims: Vec<String>,
    pub(super) sent: Vec<Sent>,
    /// The secrets that the host has a value of.
    fetched: BTreeSet<String>,
    pub(super) uses: Vec<Use>,
    pub(super) log: Vec<(Level, String)>,
    pub(super) violation: Option<Denial>,
}

impl Run {
    pub(super) fn new(plan: Plan) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
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
        if !is_name(name) {
            return Err(Denial::invalid_name(name, None));
        }
        if version.is_some_and(|version| !is_version(version)) {
            return Err(Denial::invalid_version(name));
        }
        let value =
            self.plan.check(&Access { name, version, purpose: Purpose::Get, derived: false })?.value(version).cloned();
        self.uses.push(match version {
            None => Use::asked(name),
            Some(version) => Use::asked_version(name, version),
        });
        Ok(self.hand_over(name, version, value))
    }

    pub(crate) fn refresh(&mut self, name: &str) -> Result<Result<Held, wit::Error>, Denial> {
        if !is_name(name) {
            return Err(Denial::invalid_name(name, Some(Operation::Refresh)));
        }
        self.plan.check(&Access { name, version: None, purpose: Purpose::Refresh, derived: false })?;
        self.uses.push(Use::refreshed(name));
        // The check has found it.
        let value = self.plan.secrets.get_mut(name).ok_or(Error::NotFound).and_then(|planned| {
            if planned.failing.is_none() && !planned.later.is_empty() {
                let new = planned.later.remove(0);
                planned.old.extend(planned.current.replace(new));
            }
            planned.value(None).cloned()
        });
        Ok(self.hand_over(name, None, value))
    }

    pub(crate) fn list(&mut self) -> Vec<wit::Info> {
        self.uses.push(Use::Listed);
        let mut listed: Vec<_> = self.plan.declaration.secrets.iter().collect();
        listed.sort_unstable_by_key(|declared| declared.name);
        let described = listed.into_iter().filter_map(|declared| {
            let granted = self.plan.granted(declared.name)?;
            let operations: Vec<_> = granted.operations(declared).into_iter().map(wit::Operation::from).collect();
            let expires_in = self.fetched.contains(declared.name).then(|| nanoseconds(granted.lifetime));
            (!operations.is_empty()).then(|| wit::Info { name: declared.name.to_owned(), operations, expires_in })
        });
        described.collect()
    }

    pub(crate) fn reveal(&mut self, held: Held) -> Result<Result<Vec<u8>, wit::Error>, Denial> {
        let revealed = self.use_value(held, Purpose::Reveal, true)?.map(|handle| {
            self.uses.push(Use::revealed(handle.name));
            handle.value.bytes.to_vec()
        });
        Ok(revealed.map_err(wit::Error::from))
    }

    pub(crate) fn name(&self, held: Held) -> String {
        self.handle(held).name.clone()
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
        let planned = self.plan.secrets.get(&handle.name);
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

    fn hand_over(
        &mut self,
        name: &str,
        asked_for: Option<&str>,
        value: Result<Value, Error>,
    ) -> Result<Held, wit::Error> {
        let value = value.map_err(wit::Error::from)?;
        self.fetched.insert(name.to_owned());
        let asked_for = asked_for.map(str::to_owned);
        Ok(self.hold(Handle { name: name.to_owned(), asked_for, value, lives: None }))
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
        let planned = self.plan.check(&handle.access(purpose))?;
        if !fits {
            return Ok(Err(Error::TooLarge));
        }
        if let Some(error) = planned.ended {
            return Ok(Err(error));
        }
        // A stand-in is counted where it is replaced.
        if matches!(purpose, Purpose::Token) {
            return Ok(Ok(handle));
        }
        let used = self.used.entry(handle.name.clone()).or_default();
        if planned.max_uses.is_some_and(|most| *used >= most) {
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
