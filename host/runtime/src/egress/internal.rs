//! Entry points for fuzzing: authorization of a request and redaction of a response, without a
//! server. Not part of the public API.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use far_core::broker::Session;
use far_core::capability::Target;
use far_core::redaction::Redaction;
use futures_util::stream;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use wasmtime_wasi_http::WasiBody;

use super::{Clients, Egress, EgressSetupError, InFlight, Requests, response};
use crate::limits::Limits;
use crate::window::Window;

/// Authorizes requests as a running task does.
pub struct Sender {
    clients: Arc<Clients>,
    limits: Limits,
}

/// A redacted response.
#[derive(Debug)]
pub struct RedactedResponse {
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: HeaderMap,
}

impl Sender {
    /// Creates a sender with the default limits.
    ///
    /// # Errors
    ///
    /// [`EgressSetupError`] if the client cannot be created.
    pub fn new() -> Result<Self, EgressSetupError> {
        Ok(Self { clients: Arc::new(Egress::new().build()?), limits: Limits::default() })
    }

    /// Returns the request with secrets in it, as it would be sent; none if it is refused.
    pub async fn outgoing(&self, session: &Arc<Session>, request: Request<Bytes>) -> Option<Request<Bytes>> {
        let (clients, window) = (self.clients.clone(), Window::unlimited(session.clone()));
        let task = Requests::new(session.clone(), clients, &self.limits, InFlight::new(), window).0;
        let in_flight = task.in_flight.0.clone().try_acquire_owned().ok()?;
        let outgoing = task.outgoing(request.map(whole), in_flight).await.ok()?;
        let body = outgoing.request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let mut request = Request::new(Bytes::copy_from_slice(body));
        *request.method_mut() = outgoing.request.method().clone();
        *request.uri_mut() = outgoing.request.url().as_str().parse().ok()?;
        *request.headers_mut() = outgoing.request.headers().clone();
        Some(request)
    }
}

fn whole(bytes: Bytes) -> WasiBody {
    Full::new(bytes).map_err(|never: Infallible| match never {}).boxed_unsync()
}

/// Returns the response to a request without a secret, as a guest would see it, of a body in these
/// chunks; none if the request or the response is refused.
#[expect(clippy::disallowed_methods, reason = "a request without a secret, for tests of responses")]
pub async fn redact_response(
    session: &Arc<Session>,
    target: &Target,
    redaction: &Arc<Redaction>,
    response: Response<Vec<Bytes>>,
    trailers: Option<HeaderMap>,
    max: usize,
) -> Option<RedactedResponse> {
    let in_flight = InFlight::new().0.try_acquire_owned().ok()?;
    let frames = |pieces: Vec<Bytes>| {
        let frames = pieces.into_iter().map(Frame::data).chain(trailers.map(Frame::trailers));
        reqwest::Body::wrap(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))))
    };
    let exchange = session.authorize_egress(target, &[], |_, _| Ok(())).await.ok()?;
    let redacted = response::redact(response.map(frames), redaction, max, exchange, in_flight).await;
    let (parts, body) = redacted.ok()?.into_parts();
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Some(RedactedResponse { headers: parts.headers, body: body.to_bytes().to_vec(), trailers })
}
