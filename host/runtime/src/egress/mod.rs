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

use far_core::broker::{Session, Stop};
use far_core::pal::{EgressReason, Sent};
use http::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::address::{Prohibited, Unresolved};
pub(crate) use self::client::Clients;
pub use self::client::{Egress, EgressSetupError};
use self::connections::Connections;
pub(crate) use self::link::add_to_linker;
use self::request::Outgoing;
use crate::limits::Limits;
use crate::window::Window;

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
    window: Window,
}

impl Requests {
    pub(crate) fn new(
        session: Arc<Session>,
        clients: Arc<Clients>,
        limits: &Limits,
        under_way: UnderWay,
        window: Window,
    ) -> Self {
        let (connections, sent) = (Connections::new(clients.clone()), AtomicUsize::new(0));
        Self(Arc::new(Task { session, clients, connections, limits: *limits, sent, under_way, window }))
    }
}

type SendResult = wasmtime_wasi_http::Result<(Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>)>;

impl WasiHttpHooks for Requests {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = SendResult> + Send> {
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
    /// Refuses a request after the window has closed.
    fn ensure_open(&self) -> Result<(), Error> {
        self.window.check().map_err(|_| Error::HttpRequestDenied)
    }

    async fn send(self: Arc<Self>, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        self.ensure_open()?;
        match self.sent.fetch_add(1, Ordering::AcqRel) {
            sent if sent < self.limits.requests => {}
            // Told once: what is beyond the limit can be many.
            sent if sent == self.limits.requests => {
                return Err(self.refused(None, EgressReason::Requests, Error::HttpRequestDenied).await);
            }
            _ => return Err(Error::HttpRequestDenied),
        }
        // Not waited for: the guest may be what has to end another first.
        let Ok(under_way) = self.under_way.0.clone().try_acquire_owned() else {
            return Err(self.refused(None, EgressReason::AtOnce, Error::ConnectionLimitReached).await);
        };
        // Goes on when the guest waits no longer, or is gone: what was begun to be recorded is waited for.
        let task = self.clone();
        let decided = tokio::spawn(async move { task.outgoing(request, under_way).await });
        let outgoing = decided.await.map_err(|_| Error::InternalError(None))??;
        // In this order: should nobody wait any longer, the end is noted before the place is free.
        let Outgoing { under_way, client, length, request, mut exchange } = outgoing;
        let shows_certificate = client.is_some();
        let Some(client) = client.or_else(|| self.connections.client()) else {
            return Err(ended(&exchange.fail(EgressReason::Host, None).await, Error::ConfigurationError));
        };
        if let Err(ended) = self.ensure_open() {
            // Dropped before anything of it was sent, and recorded as that.
            drop(exchange);
            return Err(ended);
        }
        exchange.sending(length);
        let executed = match self.window.end() {
            // At the end, the connection is given up, and the exchange is recorded as cancelled.
            Some(end) => timeout_at(end.into(), client.execute(request)).await.map_err(|_| Error::HttpRequestDenied)?,
            None => client.execute(request).await,
        };
        match executed {
            Ok(response) => {
                if exchange.answered(response.status().as_u16()).await.is_err() {
                    return Err(Error::HttpRequestDenied);
                }
                let (redaction, most) = (self.session.redaction(), self.limits.response_body);
                response::redacted(response.into(), redaction, most, exchange, under_way).await
            }
            Err(error) => {
                let (told, reason) = kind_of(&error);
                Err(ended(&exchange.fail(reason, Some(sent_before(&error, reason, shows_certificate))).await, told))
            }
        }
    }
}

/// What the guest is told of a request that is over, once that is recorded.
fn ended(recorded: &Result<(), Stop>, told: Error) -> Error {
    // The task ends for the log; what the guest is told does not matter any more.
    if recorded.is_ok() { told } else { Error::HttpRequestDenied }
}

/// Whether anything of a request was sent that has no answer.
fn sent_before(error: &reqwest::Error, reason: EgressReason, shows_certificate: bool) -> Sent {
    let before_certificate =
        [EgressReason::Dns, EgressReason::Address, EgressReason::Refused, EgressReason::Certificate];
    match reason {
        // A handshake that fails may have shown it.
        _ if shows_certificate && !before_certificate.contains(&reason) => Sent::Unknown,
        EgressReason::Protocol => Sent::Yes,
        _ if error.is_connect() => Sent::No,
        _ => Sent::Unknown,
    }
}

/// What a guest is told of a request that failed, and what is recorded: kinds, and no text.
fn kind_of(error: &reqwest::Error) -> (Error, EgressReason) {
    let (mut source, mut refused, mut parse) = (error.source(), false, false);
    while let Some(cause) = source {
        if cause.is::<Prohibited>() {
            return (Error::DestinationIpProhibited, EgressReason::Address);
        }
        if cause.is::<Unresolved>() {
            return (Error::ConnectionRefused, EgressReason::Dns);
        }
        match cause.downcast_ref() {
            Some(rustls::Error::InvalidCertificate(_)) => {
                return (Error::TlsCertificateError, EgressReason::Certificate);
            }
            Some(_) => return (Error::TlsProtocolError, EgressReason::Tls),
            None => {}
        }
        refused |= cause.downcast_ref().map(io::Error::kind) == Some(io::ErrorKind::ConnectionRefused);
        parse |= cause.downcast_ref().is_some_and(hyper::Error::is_parse);
        source = behind(cause);
    }
    match error {
        error if error.is_timeout() => (Error::ConnectionTimeout, EgressReason::ConnectTimeout),
        error if error.is_connect() && refused => (Error::ConnectionRefused, EgressReason::Refused),
        error if error.is_connect() => (Error::ConnectionRefused, EgressReason::Connect),
        _ if parse => (Error::HttpProtocolError, EgressReason::Protocol),
        _ => (Error::HttpProtocolError, EgressReason::Connection),
    }
}

/// What is behind an error. An [`io::Error`] of another error leaves that one out of its sources.
fn behind<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
