//! Redaction of responses.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use far_core::broker::Exchange;
use far_core::pal::EgressReason;
use far_core::redaction::{Redaction, Redactor};
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokio::sync::OwnedSemaphorePermit;
use wasmtime_wasi_http::{Error, WasiBody};

use super::after_record;
use crate::task_log::REDACTION_CHUNK;

/// Redacts a response. A body with a content or transfer coding that hides values is refused; the
/// request accepts none.
pub(super) async fn redact(
    response: Response<reqwest::Body>,
    redaction: &Arc<Redaction>,
    max: usize,
    exchange: Exchange,
    in_flight: OwnedSemaphorePermit,
) -> Result<Response<WasiBody>, Error> {
    let (mut parts, body) = response.into_parts();
    let is_other = |name, plain: &str| {
        parts.headers.get_all(name).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(plain.as_bytes()))
    };
    if is_other(header::CONTENT_ENCODING, "identity") {
        let recorded = exchange.fail(EgressReason::ContentCoding, None).await;
        return Err(after_record(&recorded, Error::HttpResponseContentCoding(None)));
    }
    if is_other(header::TRANSFER_ENCODING, "chunked") {
        let recorded = exchange.fail(EgressReason::TransferCoding, None).await;
        return Err(after_record(&recorded, Error::HttpResponseTransferCoding(None)));
    }
    parts.headers = headers(&parts.headers, redaction).await;
    // Redaction changes the length of the body.
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = RedactedBody {
        body,
        redactor: redaction.input_redactor(),
        received: Bytes::new(),
        must_yield: false,
        left: max,
        ended: false,
        trailers: None,
        exchange: Some(exchange),
        recording: None,
        _in_flight: in_flight,
    };
    Ok(Response::from_parts(parts, body.boxed_unsync()))
}

/// Redacts headers. A header with a value in its name is removed.
async fn headers(headers: &HeaderMap, redaction: &Arc<Redaction>) -> HeaderMap {
    if redaction.is_empty() {
        return headers.clone();
    }
    let mut redactor = redaction.input_redactor();
    let mut since_yield = 0;
    let mut clean = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let shown_name = redact_bytes(name.as_str().as_bytes(), &mut redactor, &mut since_yield).await;
        let shown = HeaderValue::from_bytes(&redact_bytes(value.as_bytes(), &mut redactor, &mut since_yield).await);
        if let Ok(value) = shown
            && HeaderName::from_bytes(&shown_name).is_ok_and(|shown_name| shown_name == *name)
        {
            clean.append(name.clone(), value);
        }
    }
    clean
}

/// Redacts bytes. Yields to other tasks after each chunk, counted over all calls.
async fn redact_bytes(bytes: &[u8], redactor: &mut Redactor, since_yield: &mut usize) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len());
    for chunk in bytes.chunks(REDACTION_CHUNK) {
        *since_yield += chunk.len();
        if *since_yield > REDACTION_CHUNK {
            *since_yield = chunk.len();
            tokio::task::yield_now().await;
        }
        redactor.write(chunk, |piece| shown.extend_from_slice(piece.shown()));
    }
    redactor.finish(|piece| shown.extend_from_slice(piece.shown()));
    shown
}

/// A body that is redacted as it is read. The redactor holds back as many bytes of every body, so
/// that the boundaries of reads reveal nothing.
struct RedactedBody {
    body: reqwest::Body,
    redactor: Redactor,
    /// Received bytes that are not redacted yet.
    received: Bytes,
    /// True if a chunk was redacted since the last yield.
    must_yield: bool,
    /// The number of bytes that may still be received.
    left: usize,
    ended: bool,
    trailers: Option<Trailers>,
    /// The exchange, until its end is being recorded.
    exchange: Option<Exchange>,
    recording: Option<Recording>,
    /// Keeps the request in flight while its body is read.
    _in_flight: OwnedSemaphorePermit,
}

/// The redaction of trailers.
type Trailers = Pin<Box<dyn Future<Output = HeaderMap> + Send>>;
/// The record of the request's end. Resolves to the guest's error.
type Recording = Pin<Box<dyn Future<Output = Option<Error>> + Send>>;

impl RedactedBody {
    /// Redacts the next chunk of received bytes.
    fn next_chunk(&mut self) -> Bytes {
        let chunk = self.received.split_to(self.received.len().min(REDACTION_CHUNK));
        let mut shown = BytesMut::new();
        self.redactor.write(&chunk, |piece| shown.extend_from_slice(piece.shown()));
        self.must_yield = true;
        shown.freeze()
    }

    /// Records the end of the request, with a reason if the response is incomplete.
    fn record(&mut self, failed: Option<(EgressReason, Error)>) {
        self.ended = true;
        let Some(exchange) = self.exchange.take() else { return };
        self.recording = Some(Box::pin(async move {
            match failed {
                None => exchange.finish().await.err().map(|_| Error::HttpRequestDenied),
                Some((reason, guest_error)) => Some(after_record(&exchange.fail(reason, None).await, guest_error)),
            }
        }));
    }

    fn finish(&mut self) -> Bytes {
        self.record(None);
        let mut shown = BytesMut::new();
        self.redactor.finish(|piece| shown.extend_from_slice(piece.shown()));
        shown.freeze()
    }
}

impl Drop for RedactedBody {
    fn drop(&mut self) {
        // A response without a body, or with a body that was read completely, is complete.
        if let Some(exchange) = self.exchange.take_if(|_| self.received.is_empty() && self.body.is_end_stream()) {
            exchange.note_finished();
        }
    }
}

impl Body for RedactedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            // One poll could redact a whole body if no byte of it is shown. The task's deadline,
            // its cancellation and other tasks need the thread in between.
            if std::mem::take(&mut this.must_yield) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !this.received.is_empty() {
                let shown = this.next_chunk();
                if !shown.is_empty() {
                    return Poll::Ready(Some(Ok(Frame::data(shown))));
                }
                continue;
            }
            if let Some(recording) = &mut this.recording {
                let failed = ready!(recording.as_mut().poll(context));
                this.recording = None;
                if let Some(error) = failed {
                    this.trailers = None;
                    return Poll::Ready(Some(Err(error)));
                }
            }
            if this.ended {
                let Some(trailers) = &mut this.trailers else { return Poll::Ready(None) };
                let trailers = ready!(trailers.as_mut().poll(context));
                this.trailers = None;
                return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
            }
            match ready!(Pin::new(&mut this.body).poll_frame(context)) {
                None => {
                    let rest = this.finish();
                    if !rest.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(rest))));
                    }
                }
                Some(Err(_)) => this.record(Some((EgressReason::IncompleteBody, Error::HttpResponseIncomplete))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        if let Some(exchange) = &mut this.exchange {
                            exchange.count_received(data.len() as u64);
                        }
                        let Some(left) = this.left.checked_sub(data.len()) else {
                            this.record(Some((EgressReason::ResponseBody, Error::HttpResponseBodySize(None))));
                            continue;
                        };
                        this.left = left;
                        this.received = data;
                    }
                    Err(frame) => {
                        if let Ok(trailers) = frame.into_trailers() {
                            let redaction = this.redactor.redaction().clone();
                            this.trailers = Some(Box::pin(async move { headers(&trailers, &redaction).await }));
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

#[cfg(test)]
mod tests {
    use far_core::redaction::Redaction;
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn long_headers_yield() {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), b"abab").unwrap();
        let mut long = HeaderMap::new();
        for number in 0..4 {
            let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
            long.append(name, HeaderValue::from_str(&"ab".repeat(4 << 10)).unwrap());
        }
        let mut redacted = Box::pin(headers(&long, &redaction));
        let mut yields = 0;
        let clean = loop {
            match (&mut redacted).now_or_never() {
                Some(clean) => break clean,
                None => yields += 1,
            }
        };
        assert!(yields >= 2, "{yields} yields for 32 KiB");
        assert!(clean.values().all(|value| value == "[redacted:key]"));
    }
}
