//! Records as lines for people.

use jiff::Timestamp;

use super::{Outcome, Reason, Record};

/// Formats a record, without a line end:
/// `12:34:56.123456 secret.denied payroll-db reason=undeclared`.
///
/// No part needs escaping: all are fixed tokens, parsed names or numbers.
pub(super) fn line(record: &Record) -> String {
    let event = &record.event;
    let mut line = format!("{} {:<16}", time(record.ts), event.kind().as_str());
    let mut put = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            line.push(' ');
            line.push_str(key);
            line.push_str(&value);
        }
    };
    put("", event.secret_name().map(ToString::to_string));
    put("version=", event.secret_version().map(ToString::to_string));
    put("provider=", event.provider().map(ToString::to_string));
    put("operation=", event.operation().map(|operation| operation.to_string()));
    put("destination=", event.destination().map(ToString::to_string));
    put("outcome=", event.outcome().map(Outcome::as_str).map(str::to_owned));
    put("reason=", event.reason().map(reason));
    put("cause=", event.cause().map(|cause| cause.as_str().to_owned()));
    put("cache=", event.cache().map(|cache| cache.as_str().to_owned()));
    put("status=", event.status().map(|status| status.to_string()));
    put("sent=", event.sent().map(|sent| sent.as_str().to_owned()));
    put("bytes-sent=", event.bytes_sent().map(|bytes| bytes.to_string()));
    put("bytes-received=", event.bytes_received().map(|bytes| bytes.to_string()));
    put("level=", event.level().map(|level| format!("{level:?}").to_lowercase()));
    put("length=", event.length().map(|length| length.to_string()));
    put("count=", event.count().map(|count| count.to_string()));
    put("first=", event.first().map(time));
    put("last=", event.last().map(time));
    put("duration=", event.duration().map(|duration| format!("{}us", duration.as_micros())));
    put("task=", record.subject.task_id.as_ref().map(ToString::to_string));
    line
}

fn time(time: Timestamp) -> String {
    time.strftime("%H:%M:%S%.6f").to_string()
}

fn reason(reason: Reason) -> String {
    match reason {
        Reason::Denied(reason) => reason.token().to_owned(),
        Reason::Token(token) => token.to_owned(),
    }
}
