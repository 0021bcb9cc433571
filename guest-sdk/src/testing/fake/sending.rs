//! Requests of a run, and what stands for secrets in them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::plan::Purpose;
use super::run::{Held, Run};
use super::{Denial, Sent, Use};
use crate::bindings::tinkerbell::skill::secrets as wit;
use crate::http::{self, Parts, Response};
use crate::secrets::Error;

/// How a stand-in begins (`far_core::broker::StandIn`).
const STAND_IN: &str = "farsealed";

impl Run {
    /// What stands for a secret: always the same for one handle. Asking for it is no use.
    pub(crate) fn seal(&mut self, held: Held) -> Result<Result<String, wit::Error>, Denial> {
        let handle = self.handle(held).clone();
        let planned = self.plan.check(&handle.access(Purpose::Seal))?;
        if let Some(error) = planned.ended.filter(|_| handle.lives.is_none()) {
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
        let used = self.use_value(held, Purpose::Seal, true)?;
        Ok(used.map(|handle| {
            self.uses.push(Use::sent(&handle.name));
            let shown = format!("[sealed:{}]", handle.name);
            Some(user.map_or(format!("Bearer {shown}"), |user| format!("Basic {user}:{shown}")))
        }))
    }
}
