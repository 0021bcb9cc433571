//! Requests of a run, and their placeholders.

use far_capability::{Purpose, Target};

use super::placement::{PlacedToken, strip, unplaced};
use super::run::{HandleId, Run};
use super::{Denial, SentRequest, Use, headers};
use crate::bindings::tinkerbell::skill::secrets as wit;
use crate::http::{Error as HttpError, Parts, Response};
use crate::secrets::Error;

/// The prefix of each placeholder, as in `far_core::broker`.
const PLACEHOLDER_PREFIX: &str = "farsealed";

/// The limit of placeholders for a task.
const PLACEHOLDERS_MAX: usize = 1024;

impl Run {
    /// Returns the placeholder of a secret, always the same for one handle. Does not count as a
    /// use.
    pub(crate) fn seal(&mut self, id: HandleId) -> Result<Result<String, wit::Error>, Denial> {
        let token = self.use_value(id, Purpose::Placeholder, true)?.and_then(|handle| {
            let token = format!("{PLACEHOLDER_PREFIX}{:016x}{:024x}", self.number, id.index);
            if self.placeholders.len() >= PLACEHOLDERS_MAX && !self.placeholders.contains_key(&token) {
                return Err(Error::Exhausted);
            }
            self.uses.push(Use::seal(handle.name.as_str()));
            self.placeholders.insert(token.clone(), id);
            Ok(token)
        });
        Ok(token.map_err(wit::Error::from))
    }

    /// Sends a request. The checks follow the host's order: invalid requests, misplaced
    /// placeholders, required secrets, then replacement.
    pub(crate) fn send(&mut self, parts: Parts) -> Result<Result<Response, HttpError>, Denial> {
        let mut headers = match headers::forwarded(parts.headers) {
            Ok(headers) => headers,
            Err(error) => return Ok(Err(error)),
        };
        let Ok(target) = Target::new(&parts.method, &parts.url) else { return Ok(Err(HttpError::Invalid)) };
        // Methods for proxies, and methods that echo the request.
        if matches!(&*parts.method, "CONNECT" | "TRACE" | "TRACK") {
            return Ok(Err(HttpError::Denied));
        }
        let mut url = parts.url;
        let placed = PlacedToken::find(&self.placeholders, &headers, &url);
        let body = String::from_utf8_lossy(&parts.body);
        for text in unplaced(&placed, &headers, &url).iter().map(String::as_str).chain([&*body]) {
            if let Some((_, id)) = self.placeholders.iter().find(|(token, _)| text.contains(token.as_str())) {
                let id = *id;
                drop(self.use_value(id, Purpose::Seal(&target, None), true)?);
            }
        }
        let carried: Vec<_> = placed.iter().map(|placed| &self.handle(placed.id).name).collect();
        let demanded = self.scope.demanded(&target);
        if !demanded.iter().all(|name| carried.contains(&name)) {
            return Ok(Err(HttpError::Denied));
        }
        strip(&placed, &mut headers, !demanded.is_empty());
        for placed in placed {
            let used = self.use_value(placed.id, Purpose::Seal(&target, Some(&placed.placement)), true)?;
            let Ok(handle) = used else { return Ok(Err(HttpError::Denied)) };
            if !placed.accepts(&handle.value.bytes) {
                return Ok(Err(HttpError::Denied));
            }
            placed.show(handle.name.as_str(), &mut headers, &mut url);
            self.uses.push(Use::send(handle.name.as_str()));
        }
        self.sent.push(SentRequest { method: parts.method, url, headers, body: parts.body });
        Ok(self.plan.responses.pop_front().unwrap_or(Err(HttpError::Unreachable)))
    }
}
