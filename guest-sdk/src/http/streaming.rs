//! Bodies in pieces, so that a skill holds one piece of a large body and not the whole.

use std::{fmt, io};

use super::parts::first;
use super::{Error, Fields, Response};
use crate::host::http as wit;

/// A request whose body is being written; [`Request::start`](super::Request::start) makes it.
///
/// ```no_run
/// use std::io::Write as _;
///
/// use far_skill::http::Request;
///
/// # fn upload(rows: impl Iterator<Item = String>) -> Result<(), far_skill::Error> {
/// let mut request = Request::post("https://a.example/rows").header("content-type", "text/csv").start()?;
/// for row in rows {
///     writeln!(request, "{row}")?;
/// }
/// let answer = request.finish()?;
/// # Ok(())
/// # }
/// ```
///
/// The host sends the request once [`finish`](Self::finish) has said that its body ends; one that is dropped is not sent. It holds
/// the whole body itself: pieces spare the skill's memory, not the limit on bodies.
pub struct Outgoing(wit::Outgoing);

impl Outgoing {
    pub(super) fn new(outgoing: wit::Outgoing) -> Self {
        Self(outgoing)
    }

    /// Ends the body, has the request sent, and waits for the answer's headers.
    ///
    /// # Errors
    ///
    /// [`Error`]; an answer of the server's is none, whatever its status. This is where it is told, too, why the host takes no more
    /// of a body.
    pub fn finish(self) -> Result<Incoming, Error> {
        let (status, headers, body) = self.0.finish()?;
        Ok(Incoming { status, headers, body, piece: Vec::new(), read: 0, failed: None })
    }
}

/// Writes to the body. It never fails: [`Outgoing::finish`] tells what went wrong.
impl io::Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing").finish_non_exhaustive()
    }
}

/// A server's answer whose body is being read; [`Request::send_streaming`](super::Request::send_streaming) gives it. What it has of
/// values that the task was given, the host has taken out.
///
/// ```no_run
/// use std::io::{BufRead as _, BufReader};
///
/// use far_skill::http::Request;
///
/// # fn count() -> Result<usize, far_skill::Error> {
/// let answer = Request::get("https://a.example/log").send_streaming()?;
/// let mut errors = 0;
/// for line in BufReader::new(answer).lines() {
///     errors += usize::from(line?.contains("ERROR"));
/// }
/// # Ok(errors)
/// # }
/// ```
pub struct Incoming {
    status: u16,
    headers: Fields,
    body: wit::Body,
    /// Bytes that were taken of the host and not read yet.
    piece: Vec<u8>,
    /// How many of them were read.
    read: usize,
    /// Told again: what was cut off is not to be taken for a whole.
    failed: Option<Error>,
}

impl Incoming {
    /// The status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers, in their order.
    pub fn headers(&self) -> &[(String, Vec<u8>)] {
        &self.headers
    }

    /// The first header of this name, if it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }

    /// Waits for the next piece of the body, which is of any length from one byte to 64 KiB; none at its end. Where pieces end says
    /// nothing of what the server sent.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] or [`Error::TooLarge`], again for each further call.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>, Error> {
        if self.read < self.piece.len() {
            let rest = self.piece.split_off(self.read);
            self.piece.clear();
            self.read = 0;
            return Ok(Some(rest));
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.body.chunk().inspect_err(|error| self.failed = Some(*error))
    }

    /// What followed the body; empty until all of it has been read.
    pub fn trailers(&self) -> &[(String, Vec<u8>)] {
        self.body.trailers()
    }

    /// Reads what is left of the body.
    ///
    /// # Errors
    ///
    /// As [`chunk`](Self::chunk).
    pub fn into_response(mut self) -> Result<Response, Error> {
        let mut body = Vec::new();
        while let Some(mut piece) = self.chunk()? {
            // Most bodies are one piece.
            if body.is_empty() { body = piece } else { body.append(&mut piece) }
        }
        let trailers = self.body.trailers().to_vec();
        Ok(Response { status: self.status, headers: self.headers, body, trailers })
    }
}

/// Reads the body. An error has the [`Error`](enum@Error) of [`Incoming::chunk`] inside.
impl io::Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if into.is_empty() {
            return Ok(0);
        }
        if self.read == self.piece.len() {
            self.piece = self.chunk()?.unwrap_or_default();
            self.read = 0;
        }
        let mut rest = self.piece.get(self.read..).unwrap_or_default();
        let read = io::Read::read(&mut rest, into)?;
        self.read += read;
        Ok(read)
    }
}

/// Status and headers; the body is not read to be shown.
impl fmt::Debug for Incoming {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming").field("status", &self.status).field("headers", &self.headers).finish_non_exhaustive()
    }
}
