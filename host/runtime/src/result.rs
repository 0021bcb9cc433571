//! How a task ended, without the values that it was given: its output, its error, the engine's words.

use std::sync::Arc;

use far_core::redaction::{Piece, Redaction};
use zeroize::Zeroizing;

use crate::limits::Limit;
use crate::task::End;
use crate::task_log::STRETCH;

/// The same end, redacted. A marker may be longer than the value that it stands for, and what leaves has the limit that it had
/// before: an error is cut there, and an output is not, since half of one is none.
pub(crate) async fn without_values(end: End, redaction: &Arc<Redaction>, most: usize) -> End {
    match end {
        End::Completed(output) => match redacted(output, redaction, most).await {
            (output, 0) => End::Completed(output),
            _ => End::LimitExceeded(Limit::Output),
        },
        End::SkillError(error) => End::SkillError(text(error, redaction, most).await),
        End::BackendUnavailable(error) => End::BackendUnavailable(text(error, redaction, most).await),
        // The engine's words, and few.
        End::Trapped(words) => End::Trapped(text(words, redaction, usize::MAX).await),
        other => other,
    }
}

async fn text(text: String, redaction: &Arc<Redaction>, most: usize) -> String {
    let (kept, _) = redacted(text.into_bytes(), redaction, most).await;
    // A value may begin and end within a character, and so may the limit.
    String::from_utf8(kept).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The bytes that are shown, as many as may be, and how many are not for that.
pub(crate) async fn redacted(bytes: Vec<u8>, redaction: &Arc<Redaction>, most: usize) -> (Vec<u8>, usize) {
    if redaction.is_empty() {
        return (bytes, 0);
    }
    let bytes = Zeroizing::new(bytes);
    let (mut kept, mut cut) = (Vec::with_capacity(bytes.len().min(most)), 0);
    let mut keep = |piece: Piece<'_>| {
        let shown = piece.shown();
        let (fits, rest) = shown.split_at(shown.len().min(most.saturating_sub(kept.len())));
        kept.extend_from_slice(fits);
        cut += rest.len();
    };
    let mut redactor = redaction.redactor();
    for stretch in bytes.chunks(STRETCH) {
        redactor.write(stretch, &mut keep);
        tokio::task::yield_now().await;
    }
    redactor.finish(&mut keep);
    (kept, cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &[u8] = b"v4lue";

    fn knowing() -> Arc<Redaction> {
        let redaction = Redaction::new();
        redaction.learn(&"key".parse().unwrap(), VALUE).unwrap();
        redaction
    }

    async fn output(bytes: &[u8], most: usize) -> End {
        without_values(End::Completed(bytes.to_vec()), &knowing(), most).await
    }

    #[tokio::test]
    async fn an_output_is_bytes_and_none_but_those_of_values_change() {
        let bytes = [b"\xff\x00\xc3", VALUE, b"\xa9\xfe"].concat();
        let shown = b"\xff\x00\xc3[redacted:key]\xa9\xfe".to_vec();
        assert_eq!(output(&bytes, 100).await, End::Completed(shown));
        assert_eq!(output(b"\xff\x00\xc3", 100).await, End::Completed(b"\xff\x00\xc3".to_vec()));
    }

    #[tokio::test]
    async fn a_value_is_found_where_two_stretches_meet() {
        for before in STRETCH - VALUE.len()..=STRETCH {
            let bytes = [&vec![b'.'; before], VALUE, b"!"].concat();
            let End::Completed(shown) = output(&bytes, usize::MAX).await else { panic!("it completed") };
            assert_eq!(shown[before..], *b"[redacted:key]!");
        }
    }

    #[tokio::test]
    async fn markers_count_to_the_limit_an_output_goes_beyond_it_and_an_error_is_cut() {
        let marker = "[redacted:key]";
        assert_eq!(output(VALUE, marker.len()).await, End::Completed(marker.into()));
        assert_eq!(output(VALUE, marker.len() - 1).await, End::LimitExceeded(Limit::Output));
        let error = |text: &str| End::SkillError(text.to_owned());
        assert_eq!(without_values(error("v4lue\u{e9}"), &knowing(), 4).await, error("[red"));
        let untouched = without_values(error("v4lue"), &Redaction::new(), 4).await;
        assert_eq!(untouched, error("v4lue"), "who calls has limited it already");
    }
}
