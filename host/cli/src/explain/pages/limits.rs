//! The page of limits.

use far_core::memory::SecretBytes;
use far_runtime::{COMPONENT_MAX, IN_FLIGHT_MAX, Limit, Limits};

use super::markdown::{Document, code};
use crate::config::task_file;
use crate::executor;

pub(super) fn write(page: &mut Document) {
    page.heading(1, "Limits");
    page.text("The limits of tasks, and the resources that a process needs.");
    page.heading(2, "A task");
    page.text(
        "Each limit has a default, and no limit can be switched off. The keys are those of `[limits]` in a [task \
         file](task-file.md#limits).",
    );
    let row = |key: &crate::config::Key| {
        [code(key.name), key.meaning.to_owned(), key.default.to_owned(), key.form.maximum().to_owned()]
    };
    page.table(["key", "limit", "default", "maximum"], task_file::LIMITS.known.iter().map(row));
    page.heading(2, "Fixed limits");
    let fixed = Limit::ALL.into_iter().filter(|limit| limit.key().is_none());
    let rows = fixed.map(|limit| [code(limit.as_str()), limit.meaning().to_owned(), limit.value(&Limits::default())]);
    page.text("A task that exceeds one of these limits ends as `limit-exceeded`, with the token as its reason.");
    page.table(["token", "meaning", "limit"], rows);
    page.text(&format!(
        "`argument` is the value for the default of `output`. A task can have {IN_FLIGHT_MAX} requests in flight. A \
         component has at most {} MiB, and the value of a secret at most {} KiB.",
        COMPONENT_MAX >> 20,
        SecretBytes::MAX_LEN >> 10,
    ));
    page.heading(2, "The machine");
    let needed = executor::needed_resources();
    page.table(["resource", "needed at the start"], needed.map(|(resource, amount)| [resource.to_owned(), amount]));
}
