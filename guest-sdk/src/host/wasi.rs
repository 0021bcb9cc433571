//! Requests over `wasi:http`.

pub(crate) mod http {
    use crate::bindings::wasi::http::outgoing_handler::handle;
    use crate::bindings::wasi::http::types::{
        ErrorCode, Fields, FutureIncomingResponse, FutureTrailers, IncomingBody, Method, OutgoingBody, OutgoingRequest,
        Scheme, http_error_code,
    };
    use crate::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};

    use crate::http::{Error, Fields as Pairs, Parts};

    /// The most bytes of one write and of one read.
    const WRITE_MAX: usize = 4096;
    const READ_MAX: u64 = 64 * 1024;

    /// A request whose body is being written.
    pub(crate) struct PendingRequest {
        pending: FutureIncomingResponse,
        /// `None` once the host has closed it; the response then has the reason. Declared ahead of
        /// `body`, its parent, to be dropped first.
        stream: Option<OutputStream>,
        body: OutgoingBody,
    }

    impl PendingRequest {
        pub(crate) fn start(parts: Parts) -> Result<Self, Error> {
            let request = request(&parts)?;
            let body = request.body().map_err(|()| Error::Invalid)?;
            let pending = handle(request, None).map_err(from_wasi)?;
            let stream = Some(body.write().map_err(|()| Error::Protocol)?);
            let mut outgoing = Self { pending, stream, body };
            outgoing.write(&parts.body);
            // The host has its own copy now.
            drop(parts);
            Ok(outgoing)
        }

        pub(crate) fn write(&mut self, bytes: &[u8]) {
            for piece in bytes.chunks(WRITE_MAX) {
                self.stream = self.stream.take().filter(|stream| stream.blocking_write_and_flush(piece).is_ok());
            }
        }

        /// Returns the response's status, headers and body.
        pub(crate) fn finish(self) -> Result<(u16, Pairs, Body), Error> {
            drop(self.stream);
            OutgoingBody::finish(self.body, None).map_err(from_wasi)?;
            self.pending.subscribe().block();
            let response =
                self.pending.get().ok_or(Error::Protocol)?.map_err(|()| Error::Protocol)?.map_err(from_wasi)?;
            let (status, headers) = (response.status(), response.headers().entries());
            let body = response.consume().map_err(|()| Error::Protocol)?;
            let stream = body.stream().map_err(|()| Error::Protocol)?;
            Ok((status, headers, Body { open: Some((stream, body)), trailers: Pairs::new() }))
        }
    }

    /// A response's body.
    pub(crate) struct Body {
        /// `None` at the end. The stream is ahead of the body, its parent, to be dropped first.
        open: Option<(InputStream, IncomingBody)>,
        trailers: Pairs,
    }

    impl Body {
        pub(crate) fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
            while let Some((stream, body)) = self.open.take() {
                match stream.blocking_read(READ_MAX) {
                    Ok(piece) => {
                        self.open = Some((stream, body));
                        if !piece.is_empty() {
                            return Ok(Some(piece));
                        }
                    }
                    // A child resource is dropped ahead of its parent.
                    Err(StreamError::Closed) => {
                        drop(stream);
                        self.trailers = trailers(IncomingBody::finish(body))?;
                    }
                    Err(StreamError::LastOperationFailed(error)) => {
                        drop((stream, body));
                        return Err(http_error_code(&error).map_or(Error::Protocol, from_wasi));
                    }
                }
            }
            Ok(None)
        }

        pub(crate) fn trailers(&self) -> &Pairs {
            &self.trailers
        }
    }

    fn request(parts: &Parts) -> Result<OutgoingRequest, Error> {
        let (scheme, rest) = match parts.url.split_once("://") {
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(("http", rest)) => (Scheme::Http, rest),
            _ => return Err(Error::Invalid),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let headers = Fields::from_list(&parts.headers).map_err(|_| Error::Invalid)?;
        let request = OutgoingRequest::new(headers);
        let set = [
            request.set_method(&method(&parts.method)),
            request.set_scheme(Some(&scheme)),
            request.set_authority(Some(authority)),
            request.set_path_with_query(Some(if path.is_empty() { "/" } else { path })),
        ];
        if set.iter().all(Result::is_ok) { Ok(request) } else { Err(Error::Invalid) }
    }

    fn method(method: &str) -> Method {
        match method {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            "PATCH" => Method::Patch,
            other => Method::Other(other.to_owned()),
        }
    }

    fn trailers(trailers: FutureTrailers) -> Result<Pairs, Error> {
        trailers.subscribe().block();
        match trailers.get() {
            Some(Ok(Ok(fields))) => Ok(fields.map(|fields| fields.entries()).unwrap_or_default()),
            _ => Err(Error::Protocol),
        }
    }

    fn from_wasi(error: ErrorCode) -> Error {
        match error {
            ErrorCode::HttpRequestDenied | ErrorCode::ConnectionLimitReached => Error::Denied,
            ErrorCode::DestinationIpProhibited => Error::Address,
            ErrorCode::HttpRequestUriInvalid | ErrorCode::HttpRequestMethodInvalid => Error::Invalid,
            ErrorCode::TlsCertificateError => Error::Certificate,
            ErrorCode::ConnectionRefused
            | ErrorCode::ConnectionTimeout
            | ErrorCode::DnsTimeout
            | ErrorCode::DnsError(_)
            | ErrorCode::DestinationNotFound => Error::Unreachable,
            ErrorCode::HttpRequestBodySize(_) | ErrorCode::HttpResponseBodySize(_) => Error::TooLarge,
            _ => Error::Protocol,
        }
    }
}
