//! The guest that is measured: `tests/guests/examples/meter.rs`.

use crate::host::VALUE;

/// Its input for so many gets, each with a reveal or none, and the output that says that it did them.
pub(crate) fn meter(times: u32, reveal: bool) -> (String, String) {
    let bytes = if reveal { times as usize * VALUE.len() } else { 0 };
    (format!(r#"{{"times":{times},"reveal":{reveal}}}"#), format!(r#"{{"got":{times},"bytes":{bytes}}}"#))
}
