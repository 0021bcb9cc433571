//! Entry points for fuzzing: the decision on a request, and the redaction of a response, without a
//! server. Not part of the crate's interface.

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

use super::{Clients, Egress, EgressSetupError, Requests, UnderWay, response};
use crate::limits::Limits;
use crate::window::Window;

/// Decides on requests as a running task's are decided on.
pub struct Sender {
    clients: Arc<Clients>,
    limits: Limits,
}

/// A redacted response.
#[derive(Debug)]
pub struct Redacted {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
    /// Its trailers.
    pub trailers: HeaderMap,
}

impl Sender {
    /// A sender with the default limits.
    ///
    /// # Errors
    ///
    /// [`EgressSetupError`].
    pub fn new() -> Result<Self, EgressSetupError> {
        Ok(Self { clients: Arc::new(Egress::new().build()?), limits: Limits::default() })
    }

    /// Returns the request as it would leave, with secrets in it; none if it is refused.
    pub async fn outgoing(&self, session: &Arc<Session>, request: Request<Bytes>) -> Option<Request<Bytes>> {
        let (clients, window) = (self.clients.clone(), Window::open(session.clone()));
        let task = Requests::new(session.clone(), clients, &self.limits, UnderWay::new(), window).0;
        let under_way = task.under_way.0.clone().try_acquire_owned().ok()?;
        let outgoing = task.outgoing(request.map(whole), under_way).await.ok()?;
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

/// Returns the response to a request without a secret, as a guest would see it, of a body that arrives in
/// these pieces; none if request or response is refused.
#[expect(clippy::disallowed_methods, reason = "a request without a secret, for tests of responses")]
pub async fn redacted(
    session: &Arc<Session>,
    target: &Target,
    redaction: &Arc<Redaction>,
    response: Response<Vec<Bytes>>,
    trailers: Option<HeaderMap>,
    most: usize,
) -> Option<Redacted> {
    let under_way = UnderWay::new().0.try_acquire_owned().ok()?;
    let frames = |pieces: Vec<Bytes>| {
        let frames = pieces.into_iter().map(Frame::data).chain(trailers.map(Frame::trailers));
        reqwest::Body::wrap(StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>))))
    };
    let exchange = session.authorize_egress(target, &[], |_, _| Ok(())).await.ok()?;
    let redacted = response::redacted(response.map(frames), redaction, most, exchange, under_way).await;
    let (parts, body) = redacted.ok()?.into_parts();
    let body = body.collect().await.ok()?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Some(Redacted { headers: parts.headers, body: body.to_bytes().to_vec(), trailers })
}
