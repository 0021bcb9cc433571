//! Streaming bodies, for which the skill holds one chunk in memory at a time.

use std::{fmt, io};

use super::parts::first;
use super::{Error, Fields, Response};
use crate::host::http as wit;

/// A request whose body is being written, returned by [`Request::start`](super::Request::start).
///
/// ```no_run
/// use std::io::Write as _;
///
/// use far_skill::http::Request;
///
/// # fn upload(rows: impl Iterator<Item = String>) -> Result<(), far_skill::Error> {
/// let request = Request::post("https://a.example/rows");
/// let mut request = request.header("content-type", "text/csv").start()?;
/// for row in rows {
///     writeln!(request, "{row}")?;
/// }
/// let response = request.finish()?;
/// # Ok(())
/// # }
/// ```
///
/// [`finish`](Self::finish) completes the body, and the host then sends the request. A request that
/// is dropped is not sent. The host buffers the whole body and applies its size limit.
pub struct OutgoingRequest(wit::PendingRequest);

impl OutgoingRequest {
    pub(super) fn new(request: wit::PendingRequest) -> Self {
        Self(request)
    }

    /// Completes the body, sends the request, and waits for the response's headers.
    ///
    /// # Errors
    ///
    /// An [`Error`] if there is no response. A response with an error status is not an error.
    /// Errors of the writes are also returned here.
    pub fn finish(self) -> Result<IncomingResponse, Error> {
        let (status, headers, body) = self.0.finish()?;
        Ok(IncomingResponse { status, headers, body, buffer: Vec::new(), read: 0, error: None })
    }
}

/// Appends to the body. A write never fails: [`OutgoingRequest::finish`] returns its error.
impl io::Write for OutgoingRequest {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest").finish_non_exhaustive()
    }
}

/// A response whose body is being read, returned by
/// [`Request::send_streaming`](super::Request::send_streaming). The host removes the task's secrets
/// from it.
///
/// ```no_run
/// use std::io::{BufRead as _, BufReader};
///
/// use far_skill::http::Request;
///
/// # fn count() -> Result<usize, far_skill::Error> {
/// let response = Request::get("https://a.example/log").send_streaming()?;
/// let mut errors = 0;
/// for line in BufReader::new(response).lines() {
///     errors += usize::from(line?.contains("ERROR"));
/// }
/// # Ok(errors)
/// # }
/// ```
pub struct IncomingResponse {
    status: u16,
    headers: Fields,
    body: wit::Body,
    /// A chunk from the host.
    buffer: Vec<u8>,
    /// The number of bytes of `buffer` that were read.
    read: usize,
    /// Returned by each further call, so that a truncated body never looks complete.
    error: Option<Error>,
}

impl IncomingResponse {
    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the headers, in order.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// Returns the first header with this name, if its value is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// Waits for the next chunk of the body, of 1 byte to 64 KiB. Returns `None` at the end. Chunk
    /// boundaries carry no meaning.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] or [`Error::TooLarge`]; each further call returns the same error.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.read < self.buffer.len() {
            let rest = self.buffer.split_off(self.read);
            self.buffer.clear();
            self.read = 0;
            return Ok(Some(rest));
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        self.body.chunk().inspect_err(|error| self.error = Some(*error))
    }

    /// Returns the trailers. Empty until the whole body has been read.
    pub fn trailers(&self) -> &[(String, Vec<u8>)] {
        self.body.trailers()
    }

    /// Reads the rest of the body.
    ///
    /// # Errors
    ///
    /// The errors of [`chunk`](Self::chunk).
    pub fn into_response(mut self) -> Result<Response, Error> {
        let mut body = Vec::new();
        while let Some(mut chunk) = self.chunk()? {
            // Most bodies are one chunk.
            if body.is_empty() { body = chunk } else { body.append(&mut chunk) }
        }
        let trailers = self.body.trailers().to_vec();
        Ok(Response { status: self.status, headers: self.headers, body, trailers })
    }
}

/// Reads the body. An I/O error wraps the [`Error`](enum@Error) of [`IncomingResponse::chunk`].
impl io::Read for IncomingResponse {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.read == self.buffer.len() {
            self.buffer = self.chunk()?.unwrap_or_default();
            self.read = 0;
        }
        let mut rest = self.buffer.get(self.read..).unwrap_or_default();
        let read = io::Read::read(&mut rest, into)?;
        self.read += read;
        Ok(read)
    }
}

/// Shows the status and headers, without reading the body.
impl fmt::Debug for IncomingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}
