//! A request as it leaves: where it goes, what it carries, and secrets in the place of their stand-ins.

use far_core::broker::{EgressError, Exchange, StandIn};
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
use super::placed::{Placed, unplaced};

/// A request that may leave. Its end is recorded before its place among those under way is free.
pub(super) struct Outgoing {
    pub(super) exchange: Exchange,
    pub(super) request: reqwest::Request,
    /// The length of its body, in bytes.
    pub(super) length: u64,
    /// The client that shows the request's client certificate, if it has one.
    pub(super) client: Option<reqwest::Client>,
    pub(super) under_way: OwnedSemaphorePermit,
}

/// The meaning of a text that looks like a placeholder and refers to no secret.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unknown {
    /// A credential of a task that ended, or a made-up one: it does not leave.
    Refused,
    /// Text, as in a body.
    Text,
}

impl Task {
    /// Decides on a request, and puts secrets into it. Nothing of it has left before, not even a look-up of a name; its body is
    /// there as a whole.
    #[expect(clippy::disallowed_methods, reason = "an interface of the host: the session checks and records the use")]
    pub(super) async fn outgoing(
        &self,
        request: Request<WasiBody>,
        under_way: OwnedSemaphorePermit,
    ) -> Result<Outgoing, Error> {
        let (mut parts, body) = request.into_parts();
        let url = parts.uri.to_string();
        let decided = (Target::new(parts.method.as_str(), &url).ok(), Url::parse(&url).ok());
        let (Some(target), Some(mut parsed)) = decided else {
            return Err(self.refused(None, EgressReason::Url, Error::HttpRequestUriInvalid).await);
        };
        // One is for proxies, the others have servers send back what they were sent.
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

        // Before anything is used: nothing of a request with a stand-in where none may stand leaves.
        let placed = Placed::all(&parts.headers, parsed.query());
        for text in unplaced(&placed, &parts.headers, &parsed) {
            self.nothing_sealed_in(&text, &target, Unknown::Refused).await?;
        }
        let trailers = trailers.iter().flat_map(|(name, value)| [name.as_str().as_bytes(), value.as_bytes()]);
        for text in trailers.chain([&*body]) {
            self.nothing_sealed_in(text, &target, Unknown::Text).await?;
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
        if self.clients.addresses.check_host(parsed.host().as_ref()).is_err() {
            return Err(self.refused(Some(&target), EgressReason::Address, Error::DestinationIpProhibited).await);
        }
        let mut client = None;
        let pairs: Vec<_> = placed.iter().map(|place| (&place.stand_in, &place.placement)).collect();
        let put = |index: usize, secret: &SecretBytes| {
            let place = placed.get(index).ok_or(EgressReason::Host)?;
            if place.placement == Placement::ClientCertificate {
                let made = self.clients.client_with(secret.expose());
                client = Some(made.map_err(|_| EgressReason::ClientCertificate)?);
            }
            place.put(secret, &mut parts.headers, &mut parsed).ok_or(EgressReason::Unfit)
        };
        self.ensure_open()?;
        let exchange = self.session.authorize_egress(&target, &pairs, put).await.map_err(of_egress)?;
        for place in &placed {
            self.connections.carry(&self.session, &place.stand_in);
        }
        // One that stood for nothing.
        parts.headers.remove(Placement::CLIENT_CERTIFICATE);
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut request = reqwest::Request::new(parts.method, parsed);
        *request.headers_mut() = parts.headers;
        let length = body.len() as u64;
        if !body.is_empty() {
            *request.body_mut() = Some(body.into());
        }
        Ok(Outgoing { exchange, request, length, client, under_way })
    }

    /// Makes a violation of a placeholder where none may stand.
    async fn nothing_sealed_in(&self, text: &[u8], target: &Target, unknown: Unknown) -> Result<(), Error> {
        for (_, stand_in) in StandIn::find_all(text) {
            let is_known = self.session.forbid_placeholder(&stand_in, target).await.map_err(of_egress)?;
            if !is_known && unknown == Unknown::Refused {
                return Err(self.refused(Some(target), EgressReason::Placeholder, Error::HttpRequestDenied).await);
            }
        }
        Ok(())
    }

    /// Records that a request does not leave, and answers with what the guest is told.
    pub(super) async fn refused(&self, target: Option<&Target>, reason: EgressReason, error: Error) -> Error {
        match self.session.denied(target, reason).await {
            Ok(()) => error,
            // The task ends for the log; what the guest is told does not matter any more.
            Err(_) => Error::HttpRequestDenied,
        }
    }
}

/// Returns the guest's error for a request that is not let out. An error that stops the task does
/// so by itself.
fn of_egress(_: EgressError) -> Error {
    Error::HttpRequestDenied
}
