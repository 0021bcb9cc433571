//! Outgoing HTTP requests of a task, and the redaction of their responses.
//!
//! A request is authorized in [`request`], once its body is complete: its final URL, its secrets,
//! and their placements ([`substitution`]). Then its addresses are checked ([`address`]), it is
//! sent ([`client`]), and its response is redacted ([`response`]).
//!
//! # Invariants
//!
//! - The broker authorizes each substitution, for the actual destination and placement.
//! - A connection goes to a checked address: no redirects, no proxies, and one name lookup.
//! - A request with a secret is sent once.

mod address;
mod client;
mod connections;
pub mod internal;
mod link;
mod request;
mod response;
mod substitution;

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use far_core::broker::{Session, Stop};
use far_core::pal::{EgressReason, SendState};
use http::{Request, Response};
use tokio::sync::Semaphore;
use tokio::time::timeout_at;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use self::address::{ProhibitedAddress, ResolveError};
pub(crate) use self::client::Clients;
pub use self::client::{Egress, EgressSetupError};
use self::connections::Connections;
pub(crate) use self::link::add_to_linker;
use self::request::Outgoing;
use crate::limits::Limits;
use crate::window::Window;

/// The maximum number of requests in flight per task. Each holds its body and its records in
/// memory.
pub const IN_FLIGHT_MAX: u32 = 8;

/// The requests in flight of a task.
///
/// Each holds a permit until the body of its response is read. If the guest stops waiting, it holds
/// the permit until it is authorized or refused.
#[derive(Clone)]
pub(crate) struct InFlight(Arc<Semaphore>);

impl InFlight {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(IN_FLIGHT_MAX as usize)))
    }

    /// Waits until no request is in flight, when the store is dropped. All decisions are recorded
    /// by then.
    pub(crate) async fn wait_idle(&self) {
        // The semaphore is never closed.
        let _ = self.0.acquire_many(IN_FLIGHT_MAX).await;
    }
}

/// The hooks that send one task's requests.
pub(crate) struct Requests(Arc<Task>);

struct Task {
    session: Arc<Session>,
    clients: Arc<Clients>,
    connections: Arc<Connections>,
    limits: Limits,
    started: AtomicUsize,
    in_flight: InFlight,
    window: Window,
}

impl Requests {
    pub(crate) fn new(
        session: Arc<Session>,
        clients: Arc<Clients>,
        limits: &Limits,
        in_flight: InFlight,
        window: Window,
    ) -> Self {
        let (connections, started) = (Connections::new(clients.clone()), AtomicUsize::new(0));
        Self(Arc::new(Task { session, clients, connections, limits: *limits, started, in_flight, window }))
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

    // A guest may build as many bodies as it has handles.
    fn p2_outgoing_body_chunk_size(&mut self) -> usize {
        16 * 1024
    }

    // The library's defaults log the error, with data from the network.
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
    /// Refuses a request if the window is closed.
    fn ensure_open(&self) -> Result<(), Error> {
        self.window.check().map_err(|_| Error::HttpRequestDenied)
    }

    async fn send(self: Arc<Self>, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
        self.ensure_open()?;
        match self.started.fetch_add(1, Ordering::AcqRel) {
            started if started < self.limits.requests => {}
            // Recorded once, since a guest can send any number of further requests.
            started if started == self.limits.requests => {
                return Err(self.refused(None, EgressReason::Requests, Error::HttpRequestDenied).await);
            }
            _ => return Err(Error::HttpRequestDenied),
        }
        // Fails instead of waiting, since only the guest itself may be able to end another request.
        let Ok(in_flight) = self.in_flight.0.clone().try_acquire_owned() else {
            return Err(self.refused(None, EgressReason::Concurrency, Error::ConnectionLimitReached).await);
        };
        // A separate task, since its records must complete even if the guest stops waiting.
        let task = self.clone();
        let authorization = tokio::spawn(async move { task.outgoing(request, in_flight).await });
        let outgoing = authorization.await.map_err(|_| Error::InternalError(None))??;
        // Declared in this order: if the future is dropped, the end is recorded before the permit
        // is free.
        let Outgoing { in_flight, client, length, request, mut exchange } = outgoing;
        let shows_certificate = client.is_some();
        let Some(client) = client.or_else(|| self.connections.client()) else {
            return Err(after_record(&exchange.fail(EgressReason::Host, None).await, Error::ConfigurationError));
        };
        if let Err(closed) = self.ensure_open() {
            // Nothing was sent; dropping the exchange records that.
            drop(exchange);
            return Err(closed);
        }
        exchange.mark_sending(length);
        let result = match self.window.end() {
            // At the deadline, the connection is dropped, and the exchange is recorded as canceled.
            Some(end) => timeout_at(end.into(), client.execute(request)).await.map_err(|_| Error::HttpRequestDenied)?,
            None => client.execute(request).await,
        };
        match result {
            Ok(response) => {
                if exchange.record_response(response.status().as_u16()).await.is_err() {
                    return Err(Error::HttpRequestDenied);
                }
                let (redaction, max) = (self.session.redaction(), self.limits.response_body);
                response::redact(response.into(), redaction, max, exchange, in_flight).await
            }
            Err(error) => {
                let (guest_error, reason) = classify(&error);
                Err(after_record(
                    &exchange.fail(reason, Some(sent_status(&error, reason, shows_certificate))).await,
                    guest_error,
                ))
            }
        }
    }
}

/// Returns the guest's error for a finished request, once its end is recorded.
fn after_record(recorded: &Result<(), Stop>, guest_error: Error) -> Error {
    // If the record failed, the task ends, and the error does not matter.
    if recorded.is_ok() { guest_error } else { Error::HttpRequestDenied }
}

/// Reports whether any part of a request without a response was sent.
fn sent_status(error: &reqwest::Error, reason: EgressReason, shows_certificate: bool) -> SendState {
    let before_certificate =
        [EgressReason::Dns, EgressReason::Address, EgressReason::ConnectionRefused, EgressReason::Certificate];
    match reason {
        // A failed handshake may have sent the client certificate.
        _ if shows_certificate && !before_certificate.contains(&reason) => SendState::Unknown,
        EgressReason::Protocol => SendState::Yes,
        _ if error.is_connect() => SendState::No,
        _ => SendState::Unknown,
    }
}

/// Returns the guest's error for a failed request, and the recorded reason. Both are tokens without
/// details.
fn classify(error: &reqwest::Error) -> (Error, EgressReason) {
    let (mut source, mut refused, mut parse) = (error.source(), false, false);
    while let Some(cause) = source {
        if cause.is::<ProhibitedAddress>() {
            return (Error::DestinationIpProhibited, EgressReason::Address);
        }
        if cause.is::<ResolveError>() {
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
        source = cause_of(cause);
    }
    match error {
        error if error.is_timeout() => (Error::ConnectionTimeout, EgressReason::ConnectTimeout),
        error if error.is_connect() && refused => (Error::ConnectionRefused, EgressReason::ConnectionRefused),
        error if error.is_connect() => (Error::ConnectionRefused, EgressReason::Connect),
        _ if parse => (Error::HttpProtocolError, EgressReason::Protocol),
        _ => (Error::HttpProtocolError, EgressReason::Connection),
    }
}

/// Returns the cause of an error. `io::Error::source` skips the error that it wraps.
fn cause_of<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a (dyn std::error::Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
