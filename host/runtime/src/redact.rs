//! Redaction of a task's end: of its output, its error or its trap message.

use std::sync::Arc;

use far_core::redaction::{Redaction, Segment};
use zeroize::Zeroizing;

use crate::limits::Limit;
use crate::task::End;
use crate::task_log::REDACTION_CHUNK;

/// Redacts an end. A marker may be longer than its value, so the limit applies again: an error is
/// truncated, and an output is refused, since a partial output is useless.
pub(crate) async fn redact_end(end: End, redaction: &Arc<Redaction>, max: usize) -> End {
    match end {
        End::Completed(output) => match redact_bytes(output, redaction, max).await {
            (output, 0) => End::Completed(output),
            _ => End::LimitExceeded(Limit::Output),
        },
        End::SkillError(error) => End::SkillError(redact_text(error, redaction, max).await),
        End::BackendUnavailable(error) => End::BackendUnavailable(redact_text(error, redaction, max).await),
        // Messages of the engine are short.
        End::Trapped(words) => End::Trapped(redact_text(words, redaction, usize::MAX).await),
        other => other,
    }
}

async fn redact_text(text: String, redaction: &Arc<Redaction>, max: usize) -> String {
    let (shown, _) = redact_bytes(text.into_bytes(), redaction, max).await;
    // A value, or the limit, may split a character.
    String::from_utf8(shown).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Redacts bytes. Returns at most `max` bytes, and the number of bytes beyond.
pub(crate) async fn redact_bytes(bytes: Vec<u8>, redaction: &Arc<Redaction>, max: usize) -> (Vec<u8>, usize) {
    if redaction.is_empty() {
        return (bytes, 0);
    }
    let bytes = Zeroizing::new(bytes);
    let (mut shown, mut cut) = (Vec::with_capacity(bytes.len().min(max)), 0);
    let mut append = |piece: Segment<'_>| {
        let bytes = piece.shown();
        let (fits, rest) = bytes.split_at(bytes.len().min(max.saturating_sub(shown.len())));
        shown.extend_from_slice(fits);
        cut += rest.len();
    };
    let mut redactor = redaction.redactor();
    for chunk in bytes.chunks(REDACTION_CHUNK) {
        redactor.write(chunk, &mut append);
        tokio::task::yield_now().await;
    }
    redactor.finish(&mut append);
    (shown, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &[u8] = b"v4lue";

    fn redaction() -> Arc<Redaction> {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), VALUE).unwrap();
        redaction
    }

    async fn output(bytes: &[u8], max: usize) -> End {
        redact_end(End::Completed(bytes.to_vec()), &redaction(), max).await
    }

    #[tokio::test]
    async fn only_values_change_in_output() {
        let bytes = [b"\xff\x00\xc3", VALUE, b"\xa9\xfe"].concat();
        let shown = b"\xff\x00\xc3[redacted:key]\xa9\xfe".to_vec();
        assert_eq!(output(&bytes, 100).await, End::Completed(shown));
        assert_eq!(output(b"\xff\x00\xc3", 100).await, End::Completed(b"\xff\x00\xc3".to_vec()));
    }

    #[tokio::test]
    async fn value_across_chunks_is_redacted() {
        for before in REDACTION_CHUNK - VALUE.len()..=REDACTION_CHUNK {
            let bytes = [&vec![b'.'; before], VALUE, b"!"].concat();
            let End::Completed(shown) = output(&bytes, usize::MAX).await else { panic!("the task did not complete") };
            assert_eq!(shown[before..], *b"[redacted:key]!");
        }
    }

    #[tokio::test]
    async fn markers_count_toward_output_limit() {
        let marker = "[redacted:key]";
        assert_eq!(output(VALUE, marker.len()).await, End::Completed(marker.into()));
        assert_eq!(output(VALUE, marker.len() - 1).await, End::LimitExceeded(Limit::Output));
        let error = |text: &str| End::SkillError(text.to_owned());
        assert_eq!(redact_end(error("v4lue\u{e9}"), &redaction(), 4).await, error("[red"));
        let untouched = redact_end(error("v4lue"), &Redaction::new(), 4).await;
        assert_eq!(untouched, error("v4lue"), "the caller applies the limit");
    }
}
