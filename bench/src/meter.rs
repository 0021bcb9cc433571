//! The measured guest, `tests/guests/examples/meter.rs`.

use crate::host::VALUE;

/// Returns the guest's input for `times` gets, with or without reveals, and the expected output.
pub(crate) fn meter(times: u32, reveal: bool) -> (String, String) {
    let bytes = if reveal { times as usize * VALUE.len() } else { 0 };
    (format!(r#"{{"times":{times},"reveal":{reveal}}}"#), format!(r#"{{"got":{times},"bytes":{bytes}}}"#))
}
