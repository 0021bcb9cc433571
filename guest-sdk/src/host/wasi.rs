//! Requests by `wasi:http`.

pub(crate) mod http {
    use crate::bindings::wasi::http::outgoing_handler::handle;
    use crate::bindings::wasi::http::types::{
        ErrorCode, Fields, FutureTrailers, IncomingBody, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
        Scheme, http_error_code,
    };
    use crate::bindings::wasi::io::streams::{OutputStream, StreamError};

    use crate::http::{Error, Parts, Response};

    /// How much one call takes and gives.
    const PIECE: usize = 64 * 1024;

    pub(crate) fn send(parts: Parts) -> Result<Response, Error> {
        let request = request(&parts)?;
        let body = request.body().map_err(|()| Error::Invalid)?;
        let pending = handle(request, None).map_err(of_host)?;
        // The host takes the body while it waits for its end.
        write(&body, &parts.body)?;
        OutgoingBody::finish(body, None).map_err(of_host)?;
        pending.subscribe().block();
        let answer = pending.get().ok_or(Error::Protocol)?.map_err(|()| Error::Protocol)?;
        read(answer.map_err(of_host)?)
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

    fn write(body: &OutgoingBody, bytes: &[u8]) -> Result<(), Error> {
        let stream: OutputStream = body.write().map_err(|()| Error::Protocol)?;
        for piece in bytes.chunks(4096) {
            // A stream that is closed has an answer, which says why.
            if stream.blocking_write_and_flush(piece).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn read(answer: IncomingResponse) -> Result<Response, Error> {
        let (status, headers) = (answer.status(), answer.headers().entries());
        let body = answer.consume().map_err(|()| Error::Protocol)?;
        drop(answer);
        let mut bytes = Vec::new();
        {
            let stream = body.stream().map_err(|()| Error::Protocol)?;
            loop {
                match stream.blocking_read(PIECE as u64) {
                    Ok(piece) => bytes.extend(piece),
                    Err(StreamError::Closed) => break,
                    Err(StreamError::LastOperationFailed(error)) => {
                        return Err(http_error_code(&error).map_or(Error::Protocol, of_host));
                    }
                }
            }
        }
        Ok(Response { status, headers, body: bytes, trailers: trailers(IncomingBody::finish(body))? })
    }

    fn trailers(trailers: FutureTrailers) -> Result<Vec<(String, Vec<u8>)>, Error> {
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
