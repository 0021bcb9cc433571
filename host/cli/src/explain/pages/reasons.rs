//! The page of reasons and exit codes.

use far_core::pal::{EgressReason, EventKind};

use super::markdown::{Document, code};
use crate::exit;
use crate::explain::catalog::{Entry, Group, entries, sentence};

pub(super) fn write(page: &mut Document) {
    page.heading(1, "Reasons");
    page.text(
        "The reasons of [events](events.md) and of errors, by group, and the [exit codes](#exit-codes). `far explain \
         REASON` prints the same.",
    );
    let entries = entries();
    for group in Group::ALL {
        let title = sentence(group.name());
        page.heading(2, title.trim_end_matches('.'));
        page.text(&format!("Shown in: {}.", group.shown_in()));
        let rows = entries.iter().filter(|entry| entry.group == *group);
        match group {
            Group::Outcome => {
                page.table(["token", "meaning"], rows.map(|entry| [code(entry.token), entry.meaning.clone()]))
            }
            Group::Request => {
                let reasons = EgressReason::ALL.iter().zip(rows);
                let header = ["token", "event", "meaning", "caused by", "next step"];
                page.table(
                    header,
                    reasons.map(|(reason, entry)| {
                        let events: Vec<_> = reason.events().iter().copied().map(EventKind::as_str).map(code).collect();
                        let [token, meaning, by, next] = row(entry);
                        [token, events.join(", "), meaning, by, next]
                    }),
                );
            }
            _ => page.table(["token", "meaning", "caused by", "next step"], rows.map(row)),
        }
    }
    page.heading(2, "Exit codes");
    let mut command = "";
    for doc in exit::CODES {
        if doc.command != command {
            command = doc.command;
            page.heading(3, command);
            let codes = exit::CODES.iter().filter(|doc| doc.command == command);
            page.table(["exit code", "meaning"], codes.map(|doc| [doc.code.to_owned(), doc.meaning.to_owned()]));
        }
    }
}

fn row(entry: &Entry) -> [String; 4] {
    let cell = |text: Option<&str>| text.map(sentence).unwrap_or_default();
    [code(entry.token), entry.meaning.clone(), cell(entry.caused_by), cell(entry.next_step)]
}
