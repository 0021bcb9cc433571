//! The pages of `far.toml`, the task file and the policy, from the tables of their parsers.

use super::markdown::{Document, code};
use crate::config::{Key, Keys, far_toml, policy, task_file};

const UNITS: &str = "A duration is an integer with a unit (`ms`, `s`, `m`, `h`, `d`), such as `\"15m\"`. A size is a \
                     number of bytes, or an integer with a unit (`B`, `KiB`, `MiB`), such as `\"64MiB\"`. An unknown \
                     key is an error.";

pub(super) fn far_toml(page: &mut Document) {
    page.heading(1, "far.toml");
    page.text(
        "The keys of the operator's file. `far` reads it only from `--config`, and refuses a file that other users \
         can write. The guide to [writing a policy](../guides/policy.md) has an example.",
    );
    page.text(UNITS);
    page.text(
        "Paths of files are relative to the directory of `far.toml`. A destination has the form `[METHODS ]\
         SCHEME://HOST[:PORT][/PATH]`. The guides describe the [login methods](../guides/vault.md#choose-a-login-method) \
         and the [exchange of keys](../guides/requests.md#exchange-a-key-for-tokens).",
    );
    tables(page, far_toml::TABLES);
    page.heading(2, "Kinds");
    page.text(
        "`kind` sets the default scope and operation of a secret. Other keys of the table take precedence. \
         `agent-identity` requires `signing` or `placements`. The kinds `github-app` and `oauth2-client-credentials` \
         require the table of the exchange.",
    );
    let examples = |kind: &str| match kind {
        "github-token" => "[`github-issue`](../../skills-examples/github-issue)",
        "registry-key" => "[`registry`](../../skills-examples/registry)",
        "api-key" => "[`slack`](../../skills-examples/slack)",
        "internal-tool-token" => "[`deploy-status`](../../skills-examples/deploy-status)",
        "agent-identity" => "[tokens](../guides/requests.md#sign-tokens)",
        _ => "[exchanged keys](../guides/requests.md#exchange-a-key-for-tokens)",
    };
    let row = |(kind, scope, operation)| [code(kind), code(scope), code(operation), examples(kind).to_owned()];
    page.table(["kind", "scope", "operation", "example"], far_toml::kinds().map(row));
}

pub(super) fn task_file(page: &mut Document) {
    page.heading(1, "The task file");
    page.text(
        "The keys of the file of `far run --task`: TOML if its name ends in `.toml`, and JSON if it ends in `.json`. \
         The guide to [writing a policy](../guides/policy.md#write-a-task-file) has an example.",
    );
    page.text(UNITS);
    tables(page, task_file::TABLES);
}

pub(super) fn policy(page: &mut Document) {
    page.heading(1, "The review policy");
    page.text(
        "The keys of the file of `far inspect --policy`. A policy sets at least one key. The guide to [reviewing a \
         skill](../guides/reviewing.md#write-a-policy-for-ci) has an example. An unknown key is an error.",
    );
    tables(page, policy::TABLES);
}

fn tables(page: &mut Document, tables: &[(&str, &Keys)]) {
    for (heading, keys) in tables {
        page.heading(2, heading);
        let row = |key: &Key| [code(key.name), key.form.to_string(), key.default.to_owned(), key.meaning.to_owned()];
        page.table(["key", "value", "default", "meaning"], keys.known.iter().map(row));
    }
}
