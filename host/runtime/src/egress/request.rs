//! A request as it leaves: where it goes, what it carries, and secrets in the place of their stand-ins.

use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use far_core::broker::{AccessError, EgressError, StandIn};
use far_core::capability::{Placement, Target};
use far_core::memory::SecretBytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::{BodyExt, Limited};
use url::{Host, Url};
use wasmtime_wasi_http::{Error, WasiBody};
use zeroize::Zeroizing;

use super::Task;

/// What a guest has no say in: how a connection is used, how bodies are coded and framed, and which method is meant.
const STRIPPED: [HeaderName; 16] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::ACCEPT_ENCODING,
    header::RANGE,
    header::IF_RANGE,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
];

/// A request that may leave, with what it carries.
pub(super) struct Outgoing {
    pub(super) target: Target,
    pub(super) request: reqwest::Request,
}

impl Task {
    /// Decides on a request, and puts secrets into it. Nothing of it has left before, not even a look-up of a name; its body is
    /// there as a whole.
    pub(super) async fn outgoing(&self, request: Request<WasiBody>) -> Result<Outgoing, Error> {
        let (mut parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let decided = (Target::new(parts.method.as_str(), &url).ok(), Url::parse(&url).ok());
        let (Some(target), Some(parsed)) = decided else {
            return Err(self.refused(None, "url", Error::HttpRequestUriInvalid).await);
        };
        // One is for proxies, the other has servers send back what they were sent.
        if matches!(parts.method, Method::CONNECT | Method::TRACE) {
            return Err(self.refused(Some(&target), "method", Error::HttpRequestDenied).await);
        }
        let body = Limited::new(body, self.limits.request_body)
            .collect()
            .await
            .map_err(|error| error.downcast::<Error>().map_or(Error::HttpRequestBodySize(None), |error| *error))?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let body = body.to_bytes();
        for name in STRIPPED {
            parts.headers.remove(name);
        }

        let used = self.substitute(&target, &mut parts.headers).await?;
        let elsewhere = [url.as_bytes(), &body];
        let headers = parts.headers.iter().filter(|(name, _)| *name != header::AUTHORIZATION).chain(&trailers);
        let headers = headers.flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        for text in elsewhere.into_iter().chain(headers) {
            self.nothing_sealed_in(text, &target).await?;
        }
        if !used {
            self.session.let_out(&target).await.map_err(of_egress)?;
        }
        let address = match parsed.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            _ => None,
        };
        if address.is_some_and(|address| self.clients.addresses.check(address).is_err()) {
            return Err(self.refused(Some(&target), "address", Error::DestinationIpProhibited).await);
        }

        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut request = reqwest::Request::new(parts.method, parsed);
        *request.headers_mut() = parts.headers;
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        Ok(Outgoing { target, request })
    }

    /// Puts a secret into the `authorization` header, if its stand-in is there; answers whether.
    async fn substitute(&self, target: &Target, headers: &mut HeaderMap) -> Result<bool, Error> {
        let values: Vec<HeaderValue> = headers.get_all(header::AUTHORIZATION).iter().cloned().collect();
        if let [value] = &*values
            && let Some(credentials) = Credentials::parse(value.as_bytes())
        {
            let unsealed = self.session.unseal(&credentials.stand_in, target, Placement::Authorization).await;
            let Some(secret) = unsealed.map_err(of_access)? else { return Ok(false) };
            let value = credentials.with(&secret).ok_or(Error::HttpRequestDenied)?;
            headers.insert(header::AUTHORIZATION, value);
            return Ok(true);
        }
        for value in &values {
            self.nothing_sealed_in(value.as_bytes(), target).await?;
            if let Some(decoded) = basic(value.as_bytes()) {
                self.nothing_sealed_in(&decoded, target).await?;
            }
        }
        Ok(false)
    }

    /// Makes a violation of a stand-in where none may stand.
    async fn nothing_sealed_in(&self, text: &[u8], target: &Target) -> Result<(), Error> {
        for (_, stand_in) in StandIn::find_all(text) {
            // Only what stands for nothing comes back without an error: text that looks like one is text.
            self.session.unseal(&stand_in, target, Placement::Elsewhere).await.map_err(of_access)?;
        }
        Ok(())
    }

    /// Records that a request does not leave, and answers with what the guest is told.
    pub(super) async fn refused(&self, target: Option<&Target>, reason: &'static str, error: Error) -> Error {
        match self.session.denied(target, reason).await {
            Ok(()) => error,
            // The task ends for the log; what the guest is told does not matter any more.
            Err(_) => Error::HttpRequestDenied,
        }
    }
}

/// What stands in an `authorization` header, with a stand-in in it.
struct Credentials {
    stand_in: StandIn,
    /// For `Basic`: the user, with the colon.
    user: Option<Zeroizing<Vec<u8>>>,
}

impl Credentials {
    /// None if the value is not `Bearer` and a stand-in, or `Basic` with one as the password.
    fn parse(value: &[u8]) -> Option<Self> {
        let whole = |text: &[u8]| match StandIn::find_all(text).next() {
            Some((range, stand_in)) if range == (0..text.len()) => Some(stand_in),
            _ => None,
        };
        if let Some(token) = after_scheme(value, b"Bearer") {
            return Some(Self { stand_in: whole(token)?, user: None });
        }
        let decoded = basic(value)?;
        let colon = decoded.iter().position(|byte| *byte == b':')?;
        let (user, password) = decoded.split_at_checked(colon + 1)?;
        // A second stand-in, as the user, is none that may stand there.
        if StandIn::find_all(user).next().is_some() {
            return None;
        }
        Some(Self { stand_in: whole(password)?, user: Some(Zeroizing::new(user.to_vec())) })
    }

    /// The header's value with the secret; none if it would not be one line of a header.
    fn with(&self, secret: &Arc<SecretBytes>) -> Option<HeaderValue> {
        let secret = secret.expose();
        // What would end a header, or is none of its characters, goes nowhere.
        if secret.is_empty() || !secret.iter().all(|byte| matches!(byte, 0x20..=0x7e | 0x80..)) {
            return None;
        }
        let value = match &self.user {
            None => Zeroizing::new([b"Bearer ", secret].concat()),
            Some(user) => {
                let plain = Zeroizing::new([user, secret].concat());
                let encoded = Zeroizing::new(STANDARD.encode(&*plain));
                Zeroizing::new([b"Basic ", encoded.as_bytes()].concat())
            }
        };
        let mut value = HeaderValue::from_bytes(&value).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// What follows a scheme and one space; schemes have no case.
fn after_scheme<'a>(value: &'a [u8], scheme: &[u8]) -> Option<&'a [u8]> {
    let (written, rest) = value.split_at_checked(scheme.len())?;
    if written.eq_ignore_ascii_case(scheme) { rest.strip_prefix(b" ") } else { None }
}

/// What `Basic` carries, decoded.
fn basic(value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let encoded = after_scheme(value, b"Basic")?;
    STANDARD.decode(encoded).ok().map(Zeroizing::new)
}

/// What a guest is told of an access that gave nothing. What ends the task does so by itself.
fn of_access(_: AccessError) -> Error {
    Error::HttpRequestDenied
}

fn of_egress(_: EgressError) -> Error {
    Error::HttpRequestDenied
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAND_IN: &str = "farsealed0123456789abcdef0123456789abcdef01234567";

    fn basic_of(plain: &str) -> String {
        format!("Basic {}", STANDARD.encode(plain))
    }

    #[test]
    fn credentials_are_bearer_or_basic_and_the_whole_value() {
        for value in [format!("Bearer {STAND_IN}"), format!("bearer {STAND_IN}")] {
            assert!(Credentials::parse(value.as_bytes()).is_some_and(|found| found.user.is_none()), "{value}");
        }
        for user in ["", "x-access-token"] {
            let value = basic_of(&format!("{user}:{STAND_IN}"));
            let found = Credentials::parse(value.as_bytes()).unwrap();
            assert_eq!(found.user.unwrap().as_slice(), format!("{user}:").as_bytes());
        }
        for value in [
            STAND_IN.to_owned(),
            format!("Bearer {STAND_IN} "),
            format!("Bearer  {STAND_IN}"),
            format!("Bearer x{STAND_IN}"),
            format!("Token {STAND_IN}"),
            basic_of(STAND_IN),
            basic_of(&format!("{STAND_IN}:x")),
            basic_of(&format!("{STAND_IN}:{STAND_IN}")),
            basic_of(&format!("user:x{STAND_IN}")),
            format!("Basic user:{STAND_IN}"),
        ] {
            assert!(Credentials::parse(value.as_bytes()).is_none(), "{value}");
        }
    }
}
