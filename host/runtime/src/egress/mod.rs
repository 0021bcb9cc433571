//! Requests over HTTP: nothing leaves that the task may not send, and nothing comes back that it must not see.
//!
//! A request is decided on when its body is there, in one place ([`request`]): its final URL, what it carries, and where
//! ([`placed`]). Then addresses are vetted ([`address`]), it leaves ([`client`]), and what comes back is redacted ([`response`]).
//!
//! # Invariants
//!
//! - Every substitution asks the broker, with the actual destination and placement.
//! - What is connected to is what was vetted: no redirect is followed, no proxy is asked, no name is looked up twice.
//! - A request with a secret in it is sent once.

mod address;
mod client;
mod connections;
pub mod internal;
mod link;
mod placed;
mod request;
mod response;

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use far_core::broker::Session;
use http::{Request, Response};
use tokio::sync::Semaphore;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::address::Prohibited;
pub(crate) use self::client::Clients;
pub use self::client::{Egress, EgressSetupError};
use self::connections::Connections;
pub(crate) use self::link::add_to_linker;
use self::request::Outgoing;
use crate::limits::Limits;

/// How many requests of a task may be under way, each with its body in memory and its records.
const AT_ONCE: u32 = 8;

/// A task's requests that are under way: each holds a place until its answer's body is read, or until nobody waits for it
/// and it is decided on.
#[derive(Clone)]
pub(crate) struct UnderWay(Arc<Semaphore>);

impl UnderWay {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE as usize)))
    }

    /// Waits until none is, when the store of those that there were is gone: what is being decided on is recorded by then.
    pub(crate) async fn none(&self) {
        // The semaphore is never closed.
        let _ = self.0.acquire_many(AT_ONCE).await;
    }
}

/// One task's requests.
pub(crate) struct Requests(Arc<Task>);

struct Task {
    session: Arc<Session>,
    clients: Arc<Clients>,
    connections: Arc<Connections>,
    limits: Limits,
    sent: AtomicUsize,
    under_way: UnderWay,
}

impl Requests {
    pub(crate) fn new(session: Arc<Session>, clients: Arc<Clients>, limits: &Limits, under_way: UnderWay) -> Self {
        let connections = Connections::new(clients.clone());
        Self(Arc::new(Task { session, clients, connections, limits: *limits, sent: AtomicUsize::new(0), under_way }))
    }
}

type Sent = wasmtime_wasi_http::Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>)>;

impl WasiHttpHooks for Requests {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let task = self.0.clone();
        Box::new(async move {
            let response = task.send(request).await?;
            Ok((response, Box::new(async { Ok(()) }) as Box<dyn Future<Output = Result<(), Error>> + Send>))
        })
    }

    // A guest may have as many bodies in the making as it has handles for.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        16 * 1024
    }

    // The library's own write what went wrong to a log, with what came over the network.
    fn p2_error_from_hyper(&mut self, _: &hyper::Error) -> ErrorCode {
        ErrorCode::HttpProtocolError
    }

    fn p2_error_from_connect(&mut self, _: &io::Error) -> ErrorCode {
        ErrorCode::ConnectionRefused
    }

    fn p2_error_from_tls(&mut self, _: &io::Error) -> ErrorCode {
        ErrorCode::TlsProtocolError
    }
}

impl Task {
    async fn send(self: Arc<Self>, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        match self.sent.fetch_add(1, Ordering::AcqRel) {
            sent if sent < self.limits.requests => {}
            // Told once: what is beyond the limit can be many.
            sent if sent == self.limits.requests => {
                return Err(self.refused(None, "requests", Error::HttpRequestDenied).await);
            }
            _ => return Err(Error::HttpRequestDenied),
        }
        // Not waited for: the guest may be what has to end another first.
        let under_way = self.under_way.0.clone().try_acquire_owned().map_err(|_| Error::ConnectionLimitReached)?;
        // Goes on when the guest waits no longer, or is gone: what was begun to be recorded is waited for.
        let task = self.clone();
        let decided = tokio::spawn(async move { task.outgoing(request).await.map(|outgoing| (outgoing, under_way)) });
        let (outgoing, under_way) = decided.await.map_err(|_| Error::InternalError(None))??;
        let Outgoing { target, request, identity } = outgoing;
        let client = match identity {
            None => self.connections.client().ok_or(Error::ConfigurationError)?,
            Some(identity) => match self.clients.client_with(identity.expose()) {
                Ok(client) => client,
                Err(_) => {
                    return Err(self.refused(Some(&target), "client-certificate", Error::HttpRequestDenied).await);
                }
            },
        };
        match client.execute(request).await {
            Ok(response) => {
                response::redacted(response.into(), self.session.redaction(), self.limits.response_body, under_way)
            }
            Err(error) => Err(match kind_of(&error) {
                Error::DestinationIpProhibited => {
                    self.refused(Some(&target), "address", Error::DestinationIpProhibited).await
                }
                kind => kind,
            }),
        }
    }
}

/// What a guest is told of a request that failed: a kind, and no text.
fn kind_of(error: &reqwest::Error) -> Error {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause.is::<Prohibited>() {
            return Error::DestinationIpProhibited;
        }
        match cause.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(_)) => return Error::TlsCertificateError,
            Some(_) => return Error::TlsProtocolError,
            None => source = behind(cause),
        }
    }
    match error {
        error if error.is_timeout() => Error::ConnectionTimeout,
        error if error.is_connect() => Error::ConnectionRefused,
        _ => Error::HttpProtocolError,
    }
}

/// What is behind an error. An [`io::Error`] of another error leaves that one out of its sources.
fn behind<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
