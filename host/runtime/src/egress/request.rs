//! Authorization of a request, and the substitution of its secrets.

use far_core::broker::{EgressError, Exchange, Placeholder};
use far_core::capability::{Placement, Target, is_stripped_header};
use far_core::memory::SecretBytes;
use far_core::pal::EgressReason;
use http::header::{self, HeaderName};
use http::{HeaderValue, Request};
use http_body_util::{BodyExt, Limited};
use tokio::sync::OwnedSemaphorePermit;
use url::Url;
use wasmtime_wasi_http::{Error, WasiBody};

use super::Task;
use super::substitution::{Substitution, unsubstituted};

/// An authorized request. Its end is recorded before its permit is free.
pub(super) struct Outgoing {
    pub(super) exchange: Exchange,
    pub(super) request: reqwest::Request,
    /// The length of the body, in bytes.
    pub(super) length: u64,
    /// The client with the request's client certificate, if it has one.
    pub(super) client: Option<reqwest::Client>,
    pub(super) in_flight: OwnedSemaphorePermit,
}

/// The treatment of a string that looks like a placeholder, but is unknown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum UnknownPlaceholder {
    /// Refuses the request. The placeholder may be of a task that has ended.
    Refuse,
    /// Ignores it, as text of a body.
    Ignore,
}

impl Task {
    /// Authorizes a request and substitutes its secrets. No part of it has left before, not even a
    /// name lookup, and its body is complete.
    #[expect(clippy::disallowed_methods, reason = "an interface of the host: the session checks and records the use")]
    pub(super) async fn outgoing(
        &self,
        request: Request<WasiBody>,
        in_flight: OwnedSemaphorePermit,
    ) -> Result<Outgoing, Error> {
        let (mut parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let decided = (Target::new(parts.method.as_str(), &url).ok(), Url::parse(&url).ok());
        let (Some(target), Some(mut parsed)) = decided else {
            return Err(self.refused(None, EgressReason::Url, Error::HttpRequestUriInvalid).await);
        };
        // CONNECT is for proxies. With the others, servers return the request, with its secrets.
        if matches!(parts.method.as_str(), "CONNECT" | "TRACE" | "TRACK") {
            return Err(self.refused(Some(&target), EgressReason::Method, Error::HttpRequestDenied).await);
        }
        let body = match Limited::new(body, self.limits.request_body).collect().await {
            Ok(body) => body,
            Err(error) => {
                let error = error.downcast::<Error>().map_or(Error::HttpRequestBodySize(None), |error| *error);
                return Err(self.refused(Some(&target), EgressReason::RequestBody, error).await);
            }
        };
        let trailers = body.trailers().cloned().unwrap_or_default();
        let body = body.to_bytes();
        let is_stripped = |name: &HeaderName| is_stripped_header(name.as_str());
        let stripped: Vec<_> = parts.headers.keys().filter(|name| is_stripped(name)).cloned().collect();
        for name in stripped {
            parts.headers.remove(name);
        }

        // Checked first: no part of a request with a misplaced placeholder leaves.
        let substitutions = Substitution::find_all(&parts.headers, parsed.query());
        for text in unsubstituted(&substitutions, &parts.headers, &parsed) {
            self.forbid_placeholders(&text, &target, UnknownPlaceholder::Refuse).await?;
        }
        let trailers = trailers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        for text in trailers.chain([&*body]) {
            self.forbid_placeholders(text, &target, UnknownPlaceholder::Ignore).await?;
        }
        let carried: Vec<_> = substitutions.iter().map(|found| &found.placeholder).collect();
        if self.session.check_required_secrets(&target, &carried).await.map_err(of_egress)? {
            // The secret is the only credential of this request.
            let is_substituted =
                |placement: &str| substitutions.iter().any(|found| found.placement.to_string() == placement);
            for (name, placement) in [(header::AUTHORIZATION, "authorization"), (header::COOKIE, "header:cookie")] {
                if !is_substituted(placement) {
                    parts.headers.remove(name);
                }
            }
        }
        if self.clients.addresses.check_host(parsed.host().as_ref()).is_err() {
            return Err(self.refused(Some(&target), EgressReason::Address, Error::DestinationIpProhibited).await);
        }
        let mut client = None;
        let pairs: Vec<_> = substitutions.iter().map(|found| (&found.placeholder, &found.placement)).collect();
        let put = |index: usize, secret: &SecretBytes| {
            let found = substitutions.get(index).ok_or(EgressReason::Host)?;
            if found.placement == Placement::ClientCertificate {
                let made = self.clients.client_with(secret.expose());
                client = Some(made.map_err(|_| EgressReason::ClientCertificate)?);
            }
            found.apply(secret, &mut parts.headers, &mut parsed).ok_or(EgressReason::InvalidValue)
        };
        self.ensure_open()?;
        let exchange = self.session.authorize_egress(&target, &pairs, put).await.map_err(of_egress)?;
        for found in &substitutions {
            self.connections.carry(&self.session, &found.placeholder);
        }
        // A header without a placeholder.
        parts.headers.remove(Placement::CLIENT_CERTIFICATE);
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut request = reqwest::Request::new(parts.method, parsed);
        *request.headers_mut() = parts.headers;
        let length = body.len() as u64;
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        Ok(Outgoing { exchange, request, length, client, in_flight })
    }

    /// Records a violation for each known placeholder in a position that is not permitted.
    async fn forbid_placeholders(
        &self,
        text: &[u8],
        target: &Target,
        unknown: UnknownPlaceholder,
    ) -> Result<(), Error> {
        for (_, placeholder) in Placeholder::find_all(text) {
            let is_known = self.session.forbid_placeholder(&placeholder, target).await.map_err(of_egress)?;
            if !is_known && unknown == UnknownPlaceholder::Refuse {
                return Err(self.refused(Some(target), EgressReason::Placeholder, Error::HttpRequestDenied).await);
            }
        }
        Ok(())
    }

    /// Records that a request is denied, and returns the guest's error.
    pub(super) async fn refused(&self, target: Option<&Target>, reason: EgressReason, error: Error) -> Error {
        match self.session.record_denied_request(target, reason).await {
            Ok(()) => error,
            // If the record failed, the task ends, and the error does not matter.
            Err(_) => Error::HttpRequestDenied,
        }
    }
}

/// Returns the guest's error for a request that is not authorized. If the error stops the task, the
/// session has done so already.
fn of_egress(_: EgressError) -> Error {
    Error::HttpRequestDenied
}
