//! Times in records: RFC 3339, in microseconds.

use jiff::Timestamp;
use serde::Serializer;

pub(super) fn rfc3339<S: Serializer>(ts: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{ts:.6}"))
}

pub(super) fn rfc3339_if_some<S: Serializer>(ts: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match ts {
        Some(ts) => rfc3339(ts, serializer),
        None => serializer.serialize_none(),
    }
}
