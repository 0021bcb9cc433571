//! A response as it reaches a guest: without the values that the task was given, wherever a server put them.

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

use super::ended;
use crate::task_log::STRETCH;

/// The response, redacted. A body of a coding that hides what is in it is refused: the request asked for none.
pub(super) async fn redacted(
    response: Response<reqwest::Body>,
    redaction: &Arc<Redaction>,
    most: usize,
    exchange: Exchange,
    under_way: OwnedSemaphorePermit,
) -> Result<Response<WasiBody>, Error> {
    let (mut parts, body) = response.into_parts();
    let is_other = |name, plain: &str| {
        parts.headers.get_all(name).iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(plain.as_bytes()))
    };
    if is_other(header::CONTENT_ENCODING, "identity") {
        let recorded = exchange.fail(EgressReason::ContentCoding, None).await;
        return Err(ended(&recorded, Error::HttpResponseContentCoding(None)));
    }
    if is_other(header::TRANSFER_ENCODING, "chunked") {
        let recorded = exchange.fail(EgressReason::TransferCoding, None).await;
        return Err(ended(&recorded, Error::HttpResponseTransferCoding(None)));
    }
    parts.headers = headers(&parts.headers, redaction).await;
    // Of the body as it was sent, not as it is read.
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = Redacted {
        body,
        redactor: redaction.redactor_of_input(),
        arrived: Bytes::new(),
        must_yield: false,
        left: most,
        ended: false,
        trailers: None,
        exchange: Some(exchange),
        recording: None,
        _under_way: under_way,
    };
    Ok(Response::from_parts(parts, body.boxed_unsync()))
}

/// Headers without values, in names too: a header whose name has one is left out.
async fn headers(headers: &HeaderMap, redaction: &Arc<Redaction>) -> HeaderMap {
    if redaction.is_empty() {
        return headers.clone();
    }
    let mut redactor = redaction.redactor_of_input();
    let mut since_yield = 0;
    let mut clean = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let shown_name = text(name.as_str().as_bytes(), &mut redactor, &mut since_yield).await;
        let shown = HeaderValue::from_bytes(&text(value.as_bytes(), &mut redactor, &mut since_yield).await);
        if let Ok(value) = shown
            && HeaderName::from_bytes(&shown_name).is_ok_and(|shown_name| shown_name == *name)
        {
            clean.append(name.clone(), value);
        }
    }
    clean
}

/// Redacts a whole text. Yields to other tasks after each stretch of all texts.
async fn text(bytes: &[u8], redactor: &mut Redactor, since_yield: &mut usize) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len());
    for stretch in bytes.chunks(STRETCH) {
        *since_yield += stretch.len();
        if *since_yield > STRETCH {
            *since_yield = stretch.len();
            tokio::task::yield_now().await;
        }
        redactor.write(stretch, |piece| shown.extend_from_slice(piece.shown()));
    }
    redactor.finish(|piece| shown.extend_from_slice(piece.shown()));
    shown
}

/// A body that is redacted as it is read. What is held back until more of it is there is the same for every body, so that where
/// reads end tells nothing.
struct Redacted {
    body: reqwest::Body,
    redactor: Redactor,
    /// Bytes of the body that are not redacted yet.
    arrived: Bytes,
    /// Set if a stretch was redacted since the last yield.
    must_yield: bool,
    /// How many bytes may still come.
    left: usize,
    ended: bool,
    trailers: Option<Trailers>,
    /// The request, until its end is being recorded.
    exchange: Option<Exchange>,
    recording: Option<Recording>,
    /// As long as a body is read, its request is under way.
    _under_way: OwnedSemaphorePermit,
}

/// Trailers that are being redacted.
type Trailers = Pin<Box<dyn Future<Output = HeaderMap> + Send>>;
/// The record of a request's end, and the error that is told once it is accepted.
type Recording = Pin<Box<dyn Future<Output = Option<Error>> + Send>>;

impl Redacted {
    /// Redacts the next stretch of the bytes that arrived.
    fn next_stretch(&mut self) -> Bytes {
        let stretch = self.arrived.split_to(self.arrived.len().min(STRETCH));
        let mut shown = BytesMut::new();
        self.redactor.write(&stretch, |piece| shown.extend_from_slice(piece.shown()));
        self.must_yield = true;
        shown.freeze()
    }

    /// Has the end recorded, for this reason if the answer is not there as a whole.
    fn record(&mut self, failed: Option<(EgressReason, Error)>) {
        self.ended = true;
        let Some(exchange) = self.exchange.take() else { return };
        self.recording = Some(Box::pin(async move {
            match failed {
                None => exchange.finish().await.err().map(|_| Error::HttpRequestDenied),
                Some((reason, told)) => Some(ended(&exchange.fail(reason, None).await, told)),
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

impl Drop for Redacted {
    fn drop(&mut self) {
        // An answer without a body, or one of which the skill read all, is there as a whole.
        if let Some(exchange) = self.exchange.take_if(|_| self.arrived.is_empty() && self.body.is_end_stream()) {
            exchange.note_finished();
        }
    }
}

impl Body for Redacted {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        loop {
            // If nothing of a body is shown, one poll could redact all of it. The task's deadline,
            // its cancellation and other tasks need the thread in between.
            if std::mem::take(&mut this.must_yield) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !this.arrived.is_empty() {
                let shown = this.next_stretch();
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
                Some(Err(_)) => this.record(Some((EgressReason::Incomplete, Error::HttpResponseIncomplete))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        if let Some(exchange) = &mut this.exchange {
                            exchange.received(data.len() as u64);
                        }
                        let Some(left) = this.left.checked_sub(data.len()) else {
                            this.record(Some((EgressReason::ResponseBody, Error::HttpResponseBodySize(None))));
                            continue;
                        };
                        this.left = left;
                        this.arrived = data;
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
    fn long_headers_let_others_run() {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), b"abab").unwrap();
        let mut long = HeaderMap::new();
        for number in 0..4 {
            let name = HeaderName::from_bytes(format!("x-{number}").as_bytes()).unwrap();
            long.append(name, HeaderValue::from_str(&"ab".repeat(4 << 10)).unwrap());
        }
        let mut redacted = Box::pin(headers(&long, &redaction));
        let mut turns = 0;
        let clean = loop {
            match (&mut redacted).now_or_never() {
                Some(clean) => break clean,
                None => turns += 1,
            }
        };
        assert!(turns >= 2, "{turns} turns for 32 KiB");
        assert!(clean.values().all(|value| value == "[redacted:key]"));
    }
}
