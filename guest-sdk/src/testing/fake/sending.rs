//! Requests of a run, and what stands for secrets in them.

use far_capability::{Purpose, Target};

use super::placed::{Placed, take_out, unplaced};
use super::run::{Held, Run};
use super::{Denial, Sent, Use, headers};
use crate::bindings::tinkerbell::skill::secrets as wit;
use crate::http::{Error as HttpError, Parts, Response};
use crate::secrets::Error;

/// How a stand-in begins (`far_core::broker::StandIn`).
const STAND_IN: &str = "farsealed";

/// How many stand-ins a task may have.
const STAND_INS_MAX: usize = 1024;

impl Run {
    /// What stands for a secret: always the same for one handle. Asking for it is not counted.
    pub(crate) fn seal(&mut self, held: Held) -> Result<Result<String, wit::Error>, Denial> {
        let token = self.use_value(held, Purpose::Token, true)?.and_then(|handle| {
            let token = format!("{STAND_IN}{:016x}{:024x}", self.number, held.index);
            if self.sealed.len() >= STAND_INS_MAX && !self.sealed.contains_key(&token) {
                return Err(Error::Exhausted);
            }
            self.uses.push(Use::sealed(handle.name.as_str()));
            self.sealed.insert(token.clone(), held);
            Ok(token)
        });
        Ok(token.map_err(wit::Error::from))
    }

    /// The order is the host's: what cannot be decided on, stand-ins where none may stand, secrets that must be there, then those
    /// that are replaced.
    pub(crate) fn send(&mut self, parts: Parts) -> Result<Result<Response, HttpError>, Denial> {
        let mut headers = match headers::leaving(parts.headers) {
            Ok(headers) => headers,
            Err(error) => return Ok(Err(error)),
        };
        let Ok(target) = Target::new(&parts.method, &parts.url) else { return Ok(Err(HttpError::Invalid)) };
        // For a proxy, or an echo.
        if matches!(&*parts.method, "CONNECT" | "TRACE" | "TRACK") {
            return Ok(Err(HttpError::Denied));
        }
        let mut url = parts.url;
        let placed = Placed::all(&self.sealed, &headers, &url);
        let body = String::from_utf8_lossy(&parts.body);
        for text in unplaced(&placed, &headers, &url).iter().map(String::as_str).chain([&*body]) {
            if let Some((_, held)) = self.sealed.iter().find(|(token, _)| text.contains(token.as_str())) {
                let held = *held;
                drop(self.use_value(held, Purpose::Seal(&target, None), true)?);
            }
        }
        let carried: Vec<_> = placed.iter().map(|place| &self.handle(place.held).name).collect();
        let demanded = self.scope.demanded(&target);
        if !demanded.iter().all(|name| carried.contains(&name)) {
            return Ok(Err(HttpError::Denied));
        }
        take_out(&placed, &mut headers, !demanded.is_empty());
        for place in placed {
            let used = self.use_value(place.held, Purpose::Seal(&target, Some(&place.placement)), true)?;
            let Ok(handle) = used else { return Ok(Err(HttpError::Denied)) };
            if !place.takes(&handle.value.bytes) {
                return Ok(Err(HttpError::Denied));
            }
            place.show(handle.name.as_str(), &mut headers, &mut url);
            self.uses.push(Use::sent(handle.name.as_str()));
        }
        self.sent.push(Sent { method: parts.method, url, headers, body: parts.body });
        Ok(self.plan.answers.pop_front().unwrap_or(Err(HttpError::Unreachable)))
    }
}
