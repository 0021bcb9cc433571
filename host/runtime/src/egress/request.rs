//! A request as it leaves: where it goes, what it carries, and secrets in the place of their stand-ins.

use std::net::IpAddr;
use std::sync::Arc;

use far_core::broker::{AccessError, EgressError, StandIn};
use far_core::capability::{Placement, Target, is_stripped_header};
use far_core::guard::Guard;
use far_core::memory::SecretBytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt, Limited};
use url::{Host, Url};
use wasmtime_wasi_http::{Error, WasiBody};

use super::Task;
use super::placed::{Placed, unplaced};

/// A request that may leave, with what it carries.
pub(super) struct Outgoing {
    pub(super) target: Target,
    pub(super) request: reqwest::Request,
    /// The client certificate, with its key.
    pub(super) identity: Option<Arc<SecretBytes>>,
}

/// What was put into a request.
#[derive(Default)]
struct Substituted {
    any: bool,
    identity: Option<Arc<SecretBytes>>,
}

impl Task {
    /// Decides on a request, and puts secrets into it. Nothing of it has left before, not even a look-up of a name; its body is
    /// there as a whole.
    pub(super) async fn outgoing(&self, request: Request<WasiBody>) -> Result<Outgoing, Error> {
        let (mut parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let decided = (Target::new(parts.method.as_str(), &url).ok(), Url::parse(&url).ok());
        let (Some(target), Some(mut parsed)) = decided else {
            return Err(self.refused(None, "url", Error::HttpRequestUriInvalid).await);
        };
        // One is for proxies, the others have servers send back what they were sent.
        if matches!(parts.method.as_str(), "CONNECT" | "TRACE" | "TRACK") {
            return Err(self.refused(Some(&target), "method", Error::HttpRequestDenied).await);
        }
        let body = Limited::new(body, self.limits.request_body)
            .collect()
            .await
            .map_err(|error| error.downcast::<Error>().map_or(Error::HttpRequestBodySize(None), |error| *error))?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        let body = body.to_bytes();
        let is_stripped = |name: &HeaderName| is_stripped_header(name.as_str()) && Guard::StrippedHeaders.stands();
        let stripped: Vec<_> = parts.headers.keys().filter(|name| is_stripped(name)).cloned().collect();
        for name in stripped {
            parts.headers.remove(name);
        }

        // Before anything is used: nothing of a request with a stand-in where none may stand leaves.
        let placed = Placed::all(&parts.headers, parsed.query());
        for text in unplaced(&placed, &parts.headers, &parsed) {
            self.nothing_sealed_in(&text, &target).await?;
        }
        let trailers = trailers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        for text in trailers.chain([&*body]) {
            self.nothing_sealed_in(text, &target).await?;
        }
        let carried: Vec<_> = placed.iter().map(|place| &place.stand_in).collect();
        if self.session.carries_all(&target, &carried).await.map_err(of_egress)? {
            // A secret is the credential here: what else is usual for one does not leave beside it.
            let is_placed = |placement: &str| placed.iter().any(|place| place.placement.to_string() == placement);
            for (name, placement) in [(header::AUTHORIZATION, "authorization"), (header::COOKIE, "header:cookie")] {
                if !is_placed(placement) {
                    parts.headers.remove(name);
                }
            }
        }
        let substituted = self.substitute(&target, &placed, &mut parts.headers, &mut parsed).await?;
        if !substituted.any {
            self.session.let_out(&target).await.map_err(of_egress)?;
        }
        // One that stood for nothing.
        parts.headers.remove(Placement::CLIENT_CERTIFICATE);
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
        Ok(Outgoing { target, request, identity: substituted.identity })
    }

    /// Puts secrets into the request where their stand-ins stood; answers with what it was.
    async fn substitute(
        &self,
        target: &Target,
        placed: &[Placed],
        headers: &mut HeaderMap,
        url: &mut Url,
    ) -> Result<Substituted, Error> {
        let mut substituted = Substituted::default();
        for place in placed {
            let unsealed = self.session.unseal(&place.stand_in, target, Some(&place.placement)).await;
            if let Some(secret) = unsealed.map_err(of_access)? {
                self.connections.carry(&self.session, &place.stand_in);
                place.put(&secret, headers, url).ok_or(Error::HttpRequestDenied)?;
                substituted.any = true;
                if place.placement == Placement::ClientCertificate {
                    substituted.identity = Some(secret);
                }
            }
        }
        Ok(substituted)
    }

    /// Makes a violation of a stand-in where none may stand.
    async fn nothing_sealed_in(&self, text: &[u8], target: &Target) -> Result<(), Error> {
        for (_, stand_in) in StandIn::find_all(text) {
            // Only what stands for nothing comes back without an error: text that looks like one is text.
            self.session.unseal(&stand_in, target, None).await.map_err(of_access)?;
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

/// What a guest is told of an access that gave nothing. What ends the task does so by itself.
fn of_access(_: AccessError) -> Error {
    Error::HttpRequestDenied
}

fn of_egress(_: EgressError) -> Error {
    Error::HttpRequestDenied
}
