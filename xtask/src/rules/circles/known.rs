//! Dependencies in circles that are not cut yet.

/// From which file, to which, and how it can be cut.
pub(super) const KNOWN: [(&str, &str, &str); 9] = [
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
    ("host/core/src/broker/life.rs", "host/core/src/broker/fetch.rs", "`Wanted` and `now` move to files of their own"),
    (
        "host/providers/src/vault/dynamic/mod.rs",
        "host/providers/src/vault/server.rs",
        "what a server is asked becomes a trait of `dynamic`",
    ),
    ("host/runtime/src/compiler/mod.rs", "host/runtime/src/skill.rs", "`LoadError` moves to a file of its own"),
    ("host/runtime/src/runtime.rs", "host/runtime/src/skill.rs", "what `load` does with a runtime moves to `skill.rs`"),
];
