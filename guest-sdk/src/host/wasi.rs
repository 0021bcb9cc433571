//! Requests by `wasi:http`.

pub(crate) mod http {
    use crate::bindings::wasi::http::outgoing_handler::handle;
    use crate::bindings::wasi::http::types::{
        ErrorCode, Fields, FutureIncomingResponse, FutureTrailers, IncomingBody, Method, OutgoingBody, OutgoingRequest,
        Scheme, http_error_code,
    };
    use crate::bindings::wasi::io::streams::{InputStream, OutputStream, StreamError};

    use crate::http::{Error, Fields as Pairs, Parts};

    /// How much one call takes, and gives.
    const TAKEN: usize = 4096;
    const GIVEN: u64 = 64 * 1024;

    /// A request of which the host takes the body, while it waits for its end.
    pub(crate) struct Outgoing {
        pending: FutureIncomingResponse,
        /// None once it is closed: then there is an answer, which says why. Before the body, of which it is a part.
        stream: Option<OutputStream>,
        body: OutgoingBody,
    }

    impl Outgoing {
        pub(crate) fn start(parts: Parts) -> Result<Self, Error> {
            let request = request(&parts)?;
            let body = request.body().map_err(|()| Error::Invalid)?;
            let pending = handle(request, None).map_err(of_host)?;
            let stream = Some(body.write().map_err(|()| Error::Protocol)?);
            let mut outgoing = Self { pending, stream, body };
            outgoing.write(&parts.body);
            // What the host has now need not be here too.
            drop(parts);
            Ok(outgoing)
        }

        pub(crate) fn write(&mut self, bytes: &[u8]) {
            for piece in bytes.chunks(TAKEN) {
                self.stream = self.stream.take().filter(|stream| stream.blocking_write_and_flush(piece).is_ok());
            }
        }

        /// Returns the answer's status, headers and body.
        pub(crate) fn finish(self) -> Result<(u16, Pairs, Body), Error> {
            drop(self.stream);
            OutgoingBody::finish(self.body, None).map_err(of_host)?;
            self.pending.subscribe().block();
            let answer = self.pending.get().ok_or(Error::Protocol)?.map_err(|()| Error::Protocol)?.map_err(of_host)?;
            let (status, headers) = (answer.status(), answer.headers().entries());
            let body = answer.consume().map_err(|()| Error::Protocol)?;
            let stream = body.stream().map_err(|()| Error::Protocol)?;
            Ok((status, headers, Body { open: Some((stream, body)), trailers: Pairs::new() }))
        }
    }

    /// An answer's body.
    pub(crate) struct Body {
        /// None at its end. What is read comes before the body, of which it is a part.
        open: Option<(InputStream, IncomingBody)>,
        trailers: Pairs,
    }

    impl Body {
        pub(crate) fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
            while let Some((stream, body)) = self.open.take() {
                match stream.blocking_read(GIVEN) {
                    Ok(piece) => {
                        self.open = Some((stream, body));
                        if !piece.is_empty() {
                            return Ok(Some(piece));
                        }
                    }
                    // A part is given up before the whole that it is of.
                    Err(StreamError::Closed) => {
                        drop(stream);
                        self.trailers = trailers(IncomingBody::finish(body))?;
                    }
                    Err(StreamError::LastOperationFailed(error)) => {
                        drop((stream, body));
                        return Err(http_error_code(&error).map_or(Error::Protocol, of_host));
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

    fn of_host(error: ErrorCode) -> Error {
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
