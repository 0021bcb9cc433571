//! The page of events, from their enums.

use far_core::pal::{CacheState, Cause, EventKind, FIELDS, Outcome, RECORD_FIELDS, SendState};

use super::markdown::{Document, code};

pub(super) fn write(page: &mut Document) {
    page.heading(1, "Events");
    page.text(
        "The events of the [Process Activity Log](../concepts/pal.md), one JSON object each. The \
         [reasons](reasons.md) are on their own page.",
    );
    page.table(
        ["event", "meaning", "fields"],
        EventKind::ALL.iter().map(|kind| {
            let fields: Vec<_> = kind.fields().into_iter().map(code).collect();
            [code(kind.as_str()), kind.meaning().to_owned(), fields.join(", ")]
        }),
    );
    page.heading(2, "Fields");
    page.text("Every record has these fields:");
    page.table(["field", "meaning"], RECORD_FIELDS.into_iter().map(described));
    page.text("An event has those of the following fields that apply to it:");
    page.table(["field", "meaning"], FIELDS.into_iter().map(described));
    page.heading(2, "Requests");
    page.text(
        "A request has either one `egress.denied` event, or one `egress.finished` event after all its other events. \
         A request that is a violation has neither. The broker decides about the whole request before it records or \
         counts anything. The page of reasons lists the [reasons of requests](reasons.md#request).",
    );
    page.text(
        "The destination in an event is the origin that `far.toml`, a grant or the declaration lists. This includes \
         requests that were denied there.",
    );
    page.heading(2, "Outcomes");
    page.table(
        ["`outcome`", "meaning"],
        Outcome::ALL.iter().map(|outcome| described((outcome.as_str(), outcome.meaning()))),
    );
    page.heading(2, "Causes");
    page.table(["`cause`", "meaning"], Cause::ALL.iter().map(|cause| described((cause.as_str(), cause.meaning()))));
    page.heading(2, "Cache states");
    page.text("A [stale value](../concepts/secrets.md#stale-values) is one that `stale` in `far.toml` permits.");
    page.table(
        ["`cache`", "meaning"],
        CacheState::ALL.iter().map(|cache| described((cache.as_str(), cache.meaning()))),
    );
    page.heading(2, "Send states");
    page.table(["`sent`", "meaning"], SendState::ALL.iter().map(|sent| described((sent.as_str(), sent.meaning()))));
}

fn described((token, meaning): (&str, &str)) -> [String; 2] {
    [code(token), meaning.to_owned()]
}
