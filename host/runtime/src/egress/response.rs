//! A response as it reaches a guest: without the values that the task was given, wherever a server put them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use far_core::guard::Guard;
use far_core::redaction::{Redaction, Redactor};
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

/// The response, redacted. A body of a coding that hides what is in it is refused: the request asked for none.
pub(super) fn redacted(
    response: Response<reqwest::Body>,
    redaction: &Arc<Redaction>,
    most: usize,
    under_way: OwnedSemaphorePermit,
) -> Result<Response<WasiBody>, Error> {
    let (mut parts, body) = response.into_parts();
    let is_other = |name, plain: &str| {
        parts.headers.get_all(name).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(plain.as_bytes()))
    };
    if is_other(header::CONTENT_ENCODING, "identity") && Guard::ResponseCoding.stands() {
        return Err(Error::HttpResponseContentCoding(None));
    }
    if is_other(header::TRANSFER_ENCODING, "chunked") && Guard::ResponseCoding.stands() {
        return Err(Error::HttpResponseTransferCoding(None));
    }
    if !Guard::ResponseRedaction.stands() {
        return Ok(Response::from_parts(parts, body.map_err(|_| Error::HttpResponseIncomplete).boxed_unsync()));
    }
    parts.headers = headers(&parts.headers, redaction);
    // Of the body as it was sent, not as it is read.
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = Redacted {
        body,
        redactor: redaction.redactor_of_input(),
        left: most,
        ended: false,
        trailers: None,
        _under_way: under_way,
    };
    Ok(Response::from_parts(parts, body.boxed_unsync()))
}

/// Headers without values, in names too: one whose name is not left is none.
fn headers(headers: &HeaderMap, redaction: &Arc<Redaction>) -> HeaderMap {
    if redaction.is_empty() {
        return headers.clone();
    }
    let redacted = |bytes: &[u8]| {
        let mut shown = Vec::with_capacity(bytes.len());
        let mut redactor = redaction.redactor_of_input();
        redactor.write(bytes, |piece| shown.extend_from_slice(piece.shown()));
        redactor.finish(|piece| shown.extend_from_slice(piece.shown()));
        shown
    };
    let mut clean = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let shown = (redacted(name.as_str().as_bytes()), HeaderValue::from_bytes(&redacted(value.as_bytes())));
        if let (shown_name, Ok(value)) = shown
            && HeaderName::from_bytes(&shown_name).is_ok_and(|shown_name| shown_name == *name)
        {
            clean.append(name.clone(), value);
        }
    }
    clean
}

/// A body that is redacted as it is read. What is held back until more of it is there is the same for every body, so that where
/// reads end tells nothing.
struct Redacted {
    body: reqwest::Body,
    redactor: Redactor,
    /// How many bytes may still come.
    left: usize,
    ended: bool,
    trailers: Option<HeaderMap>,
    /// As long as a body is read, its request is under way.
    _under_way: OwnedSemaphorePermit,
}

impl Redacted {
    fn finish(&mut self) -> Bytes {
        self.ended = true;
        let mut shown = BytesMut::new();
        self.redactor.finish(|piece| shown.extend_from_slice(piece.shown()));
        shown.freeze()
    }
}

impl Body for Redacted {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            if this.ended {
                return Poll::Ready(this.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))));
            }
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                None => {
                    let rest = this.finish();
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
                Some(Err(_)) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(Error::HttpResponseIncomplete)));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let Some(left) = this.left.checked_sub(data.len()) else {
                            this.ended = true;
                            return Poll::Ready(Some(Err(Error::HttpResponseBodySize(None))));
                        };
                        this.left = left;
                        let mut shown = BytesMut::new();
                        this.redactor.write(&data, |piece| shown.extend_from_slice(piece.shown()));
                        if !shown.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(shown.freeze()))));
                        }
                    }
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            this.trailers = Some(headers(&trailers, this.redactor.redaction()));
                        }
                        let rest = this.finish();
                        if !rest.is_empty() {
                            return Poll::Ready(Some(Ok(Frame::data(rest))));
                        }
                    }
                },
            }
        }
    }
}
