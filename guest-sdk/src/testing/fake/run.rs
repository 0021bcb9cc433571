//! One run of a skill: the broker's rules, over what the test planned.
//!
//! Each call answers with a violation, which ends the run, or with what the skill is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::plan::{Plan, Value, is_name, is_version};
use super::{Denial, Sent, Use};
use crate::bindings::tinkerbell::skill::secrets as wit;
use crate::bindings::tinkerbell::skill::task::Level as WitLevel;
use crate::http::{self, Parts, Response};
use crate::secrets::{Error, Operation};
use crate::task::Level;

/// The longest message that is signed, in bytes.
const MESSAGE_MAX: usize = 1 << 20;

/// How a stand-in begins (`far_core::broker::StandIn`).
const STAND_IN: &str = "farsealed";

/// A handle, as the skill holds it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    run: u64,
    index: usize,
}

/// A handle, as the host knows it.
#[derive(Clone)]
struct Handle {
    name: String,
    /// The version that was asked for by name.
    asked_for: Option<String>,
    value: Value,
}

pub(crate) struct Run {
    /// Tells the handles of one run from those of another.
    number: u64,
    plan: Plan,
    handles: Vec<Handle>,
    used: BTreeMap<String, u32>,
    /// What was sealed, with what stands for it.
    sealed: BTreeMap<String, Held>,
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
        let value = self.plan.check(name, version, None)?.value(version).cloned();
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
        self.plan.check(name, None, Some(Operation::Refresh))?;
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

    pub(crate) fn sign(&mut self, held: Held, message: &[u8]) -> Result<Result<Vec<u8>, wit::Error>, Denial> {
        let fits = message.len() <= MESSAGE_MAX;
        let signed = self.use_value(held, Operation::Sign, fits)?.and_then(|handle| {
            self.uses.push(Use::signed(handle.name));
            // HMAC takes a key of any length.
            let mac = Hmac::<Sha256>::new_from_slice(&handle.value.bytes).map_err(|_| Error::TooLarge)?;
            Ok(mac.chain_update(message).finalize().into_bytes().to_vec())
        });
        Ok(signed.map_err(wit::Error::from))
    }

    pub(crate) fn reveal(&mut self, held: Held) -> Result<Result<Vec<u8>, wit::Error>, Denial> {
        let revealed = self.use_value(held, Operation::Reveal, true)?.map(|handle| {
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
        let planned = self.plan.secrets.get(&self.handle(held).name);
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
        let held = Held { run: self.number, index: self.handles.len() };
        self.handles.push(Handle { name: name.to_owned(), asked_for: asked_for.map(str::to_owned), value });
        Ok(held)
    }

    /// What stands for a secret: always the same for one handle. Asking for it is no use.
    pub(crate) fn seal(&mut self, held: Held) -> Result<Result<String, wit::Error>, Denial> {
        let handle = self.handle(held).clone();
        let planned = self.plan.check(&handle.name, handle.asked_for.as_deref(), Some(Operation::Seal))?;
        if let Some(error) = planned.ended {
            return Ok(Err(error.into()));
        }
        let token = format!("{STAND_IN}{:016x}{:024x}", self.number, held.index);
        self.sealed.insert(token.clone(), held);
        self.uses.push(Use::sealed(handle.name));
        Ok(Ok(token))
    }

    pub(crate) fn send(&mut self, parts: Parts) -> Result<Result<Response, http::Error>, Denial> {
        let mut headers = Vec::new();
        for (name, value) in parts.headers {
            let value = String::from_utf8_lossy(&value).into_owned();
            let shown = if name.eq_ignore_ascii_case("authorization") { self.authorized(&value)? } else { Ok(None) };
            match shown {
                Ok(shown) => headers.push((name, shown.unwrap_or(value))),
                Err(_) => return Ok(Err(http::Error::Denied)),
            }
        }
        let texts = headers.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        let body = String::from_utf8_lossy(&parts.body).into_owned();
        for text in texts.chain([parts.url.as_str(), &body]) {
            if let Some((_, held)) = self.sealed.iter().find(|(token, _)| text.contains(token.as_str())) {
                return Err(Denial::placement(&self.handle(*held).name));
            }
        }
        self.sent.push(Sent { method: parts.method, url: parts.url, headers, body: parts.body });
        Ok(self.plan.answers.pop_front().unwrap_or(Err(http::Error::Unreachable)))
    }

    /// The header with `[sealed:NAME]` in the place of a stand-in; none if no stand-in is the whole of its credentials.
    fn authorized(&mut self, value: &str) -> Result<Result<Option<String>, Error>, Denial> {
        let (user, token) = match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => (None, token.to_owned()),
            Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
                let decoded = STANDARD.decode(encoded).ok().and_then(|decoded| String::from_utf8(decoded).ok());
                match decoded.as_deref().and_then(|decoded| decoded.split_once(':')) {
                    Some((user, password)) => (Some(user.to_owned()), password.to_owned()),
                    None => return Ok(Ok(None)),
                }
            }
            _ => return Ok(Ok(None)),
        };
        let Some(held) = self.sealed.get(&token).copied() else { return Ok(Ok(None)) };
        let used = self.use_value(held, Operation::Seal, true)?;
        Ok(used.map(|handle| {
            self.uses.push(Use::sent(&handle.name));
            let shown = format!("[sealed:{}]", handle.name);
            Some(user.map_or(format!("Bearer {shown}"), |user| format!("Basic {user}:{shown}")))
        }))
    }

    /// The order is the broker's: the capability, the argument, the value's end, and a use is counted last.
    fn use_value(&mut self, held: Held, operation: Operation, fits: bool) -> Result<Result<Handle, Error>, Denial> {
        let handle = self.handle(held).clone();
        let planned = self.plan.check(&handle.name, handle.asked_for.as_deref(), Some(operation))?;
        if !fits {
            return Ok(Err(Error::TooLarge));
        }
        if let Some(error) = planned.ended {
            return Ok(Err(error));
        }
        let used = self.used.entry(handle.name.clone()).or_default();
        if planned.max_uses.is_some_and(|most| *used >= most) {
            return Ok(Err(Error::Exhausted));
        }
        *used = used.saturating_add(1);
        Ok(Ok(handle))
    }

    #[expect(clippy::panic, reason = "a component has no handle that is not its own; a test's thread may keep one")]
    fn handle(&self, held: Held) -> &Handle {
        match self.handles.get(held.index).filter(|_| held.run == self.number) {
            Some(handle) => handle,
            None => panic!("the skill kept a handle to a secret from one run to another: each run is another task"),
        }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
