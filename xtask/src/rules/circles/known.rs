//! Dependencies in circles that are not cut yet.

/// From which file, to which, and how it can be cut.
pub(super) const KNOWN: [(&str, &str, &str); 32] = [
    (
        "guest-sdk/src/host/wasi.rs",
        "guest-sdk/src/http.rs",
        "the headers, parts and bodies of requests move to a file below the host's",
    ),
    (
        "guest-sdk/src/host/wasi.rs",
        "guest-sdk/src/http/streaming.rs",
        "the headers, parts and bodies of requests move to a file below the host's",
    ),
    (
        "guest-sdk/src/sealed.rs",
        "guest-sdk/src/host/native.rs",
        "the errors and operations of `secrets`, `sealed` and `task` move to a file below the host's",
    ),
    (
        "guest-sdk/src/secrets.rs",
        "guest-sdk/src/host/native.rs",
        "the errors and operations of `secrets`, `sealed` and `task` move to a file below the host's",
    ),
    (
        "guest-sdk/src/task.rs",
        "guest-sdk/src/host/native.rs",
        "the errors and operations of `secrets`, `sealed` and `task` move to a file below the host's",
    ),
    ("host/cli/src/audit/mod.rs", "host/cli/src/output.rs", "what prints is to know neither arguments nor commands"),
    (
        "host/cli/src/config/document.rs",
        "host/cli/src/config/source.rs",
        "a place in a file moves to a file of its own",
    ),
    ("host/cli/src/config/json.rs", "host/cli/src/config/source.rs", "a place in a file moves to a file of its own"),
    ("host/cli/src/config/source.rs", "host/cli/src/config/error.rs", "a place in a file moves to a file of its own"),
    ("host/cli/src/diff.rs", "host/cli/src/output.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/embed.rs", "host/cli/src/output.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/failure.rs", "host/cli/src/executor.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/inspect/mod.rs", "host/cli/src/output.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/manual.rs", "host/cli/src/args.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/new/mod.rs", "host/cli/src/output.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/object.rs", "host/cli/src/output.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/output.rs", "host/cli/src/args.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/providers.rs", "host/cli/src/run.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/run.rs", "host/cli/src/args.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/run.rs", "host/cli/src/cache.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/secrets/mod.rs", "host/cli/src/output.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/signals.rs", "host/cli/src/exit.rs", "what prints is to know neither arguments nor commands"),
    ("host/cli/src/state.rs", "host/cli/src/output.rs", "what prints is to know neither arguments nor commands"),
    ("host/core/src/broker/call.rs", "host/core/src/broker/fetch.rs", "`now` moves to a file of its own"),
    ("host/core/src/broker/life.rs", "host/core/src/broker/fetch.rs", "`Wanted` and `now` move to files of their own"),
    (
        "host/core/src/declaration/section.rs",
        "host/core/src/review/shape/mod.rs",
        "`ShapeExcess` moves to a file of its own",
    ),
    ("host/core/src/memory/pages.rs", "host/core/src/memory/slab.rs", "`PAGES` moves to `pages.rs`"),
    (
        "host/core/src/pal/file/key.rs",
        "host/core/src/pal/file/line.rs",
        "`Head` and `digits` move to a file of their own",
    ),
    (
        "host/providers/src/vault/dynamic/mod.rs",
        "host/providers/src/vault/server.rs",
        "what a server is asked becomes a trait of `dynamic`",
    ),
    ("host/runtime/src/compiler/mod.rs", "host/runtime/src/skill.rs", "`LoadError` moves to a file of its own"),
    ("host/runtime/src/runtime.rs", "host/runtime/src/skill.rs", "what `load` does with a runtime moves to `skill.rs`"),
    ("host/runtime/src/unguarded.rs", "host/runtime/src/task.rs", "`unguarded.rs` is only in a build without guards"),
];
