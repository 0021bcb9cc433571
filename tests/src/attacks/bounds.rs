//! Calls beyond the bounds of the engine's interfaces: each ends the task with the limit and its
//! value.

use far_runtime::{End, Report, Task};

use super::Case;
use super::summary::describe_end;
use super::trial::Trial;
use crate::TestHost;

pub(super) fn cases() -> Vec<Case> {
    let secure = |bytes| random("random", "get-random-bytes", bytes);
    let insecure = |bytes| random("insecure", "get-insecure-random-bytes", bytes);
    let zeroes = |bytes| write("write-zeroes", bytes);
    let waiting = |bytes| write("blocking-write-zeroes-and-flush", bytes);
    vec![
        Case {
            id: "39-huge-headers",
            description: "a header above the size limit of a message's headers",
            attack: Trial::new("limit-exceeded headers: 32 KiB", || headers(1, 33_000)),
            twin: Trial::new("completed", || headers(1, 1000)),
        },
        Case {
            id: "39-many-headers",
            description: "too many headers in one message",
            attack: Trial::new("limit-exceeded headers: 32 KiB", || headers(100_000, 1)),
            twin: Trial::new("completed", || headers(10, 1)),
        },
        Case {
            id: "42-own-stack",
            description: "a recursion that exhausts the guest's own stack, which its toolchain put below the data",
            attack: Trial::new("trapped, most likely by its own stack", || own_stack(-16)),
            twin: Trial::new("completed", || own_stack(64)),
        },
        Case {
            id: "43-random-bytes",
            description: "too many random bytes in one call",
            attack: Trial::new("limit-exceeded random-bytes: 64 KiB", move || secure(65_537)),
            twin: Trial::new("completed", move || secure(65_536)),
        },
        Case {
            id: "43-insecure-random-bytes",
            description: "too many insecure random bytes in one call",
            attack: Trial::new("limit-exceeded random-bytes: 64 KiB", move || insecure(u64::MAX >> 1)),
            twin: Trial::new("completed", move || insecure(1)),
        },
        Case {
            id: "43-write-zeroes",
            description: "more zeroes in one call than the stream allows",
            attack: Trial::new("limit-exceeded stream-write: as many bytes as 'check-write' allowed", move || {
                zeroes(1 << 40)
            }),
            twin: Trial::new("completed", move || zeroes(64)),
        },
        Case {
            id: "43-blocking-zeroes",
            description: "more zeroes in one blocking call than the interface allows",
            attack: Trial::new("limit-exceeded blocking-write: 4 KiB", move || waiting(4097)),
            twin: Trial::new("completed", move || waiting(4096)),
        },
    ]
}

async fn ran(component: &str) -> Report {
    let host = TestHost::new();
    let skill = host.runtime.load(wat::parse_str(component).unwrap()).await.unwrap();
    host.runtime.run(Task::new(&skill)).await
}

/// Runs these steps in a component with these interfaces and a function `call` of this type.
fn run(interfaces: &str, call: &str, steps: &str) -> impl Future<Output = String> + Send + use<> {
    let component = COMPONENT.replace("INTERFACES", interfaces).replace("CALL", call).replace("STEPS", steps);
    async move {
        let report = ran(&component).await;
        match &report.end {
            End::LimitExceeded(limit) => format!("{}: {}", describe_end(&report.end), limit.value(&report.limits)),
            End::Trapped(words) if words.contains("most likely its own stack") => {
                "trapped, most likely by its own stack".to_owned()
            }
            other => describe_end(other),
        }
    }
}

fn random(interface: &str, function: &str, bytes: u64) -> impl Future<Output = String> + Send + use<> {
    let interfaces = format!(
        r#"{NO_OPEN}
        (import "wasi:random/{interface}@0.2.0" (instance $random
            (export "{function}" (func (param "len" u64) (result (list u8))))))
        (core func $call (canon lower (func $random "{function}")
            (memory (core memory $own "memory")) (realloc (core func $own "realloc"))))"#
    );
    run(&interfaces, "(param i64 i32)", &format!("(call $call (i64.const {bytes}) (i32.const 64))"))
}

fn write(function: &str, bytes: u64) -> impl Future<Output = String> + Send + use<> {
    let steps = format!("(call $call (call $open) (i64.const {bytes}) (i32.const 64))");
    run(&STREAM.replace("FUNCTION", function), "(param i32 i64 i32)", &steps)
}

/// Adds `count` headers of `length` bytes to one message.
fn headers(count: u32, length: u32) -> impl Future<Output = String> + Send + use<> {
    let append = format!(
        "(call $call (local.get 2) (i32.const 1024) (i32.const 1) (i32.const 1024) (i32.const {length}) (i32.const 64))"
    );
    let steps = format!(
        "(local.set 2 (call $open))
         (loop $more {append}
            (local.set 3 (i32.add (local.get 3) (i32.const 1)))
            (br_if $more (i32.lt_u (local.get 3) (i32.const {count}))))"
    );
    run(FIELDS, "(param i32 i32 i32 i32 i32 i32)", &steps)
}

/// Writes at a stack pointer. The input's length, which is 0, keeps the compiler from computing the
/// address.
fn own_stack(pointer: i32) -> impl Future<Output = String> + Send + use<> {
    let steps = format!("(i32.store (i32.add (local.get 1) (i32.const {pointer})) (i32.const 1))");
    let no_call = r#"(core module $nothing (func (export "call"))) (core instance $nothing (instantiate $nothing))
        (alias core export $nothing "call" (core func $call))"#;
    run(&format!("{NO_OPEN} {no_call}"), "", &steps)
}

/// An `open` for interfaces without one.
const NO_OPEN: &str = r#"
    (core module $no-open (func (export "open") (result i32) (i32.const 0)))
    (core instance $no-open (instantiate $no-open))
    (alias core export $no-open "open" (core func $open))"#;

/// Opens standard output and writes zeroes.
const STREAM: &str = r#"
    (import "wasi:io/error@0.2.0" (instance $error (export "error" (type (sub resource)))))
    (alias export $error "error" (type $error-type))
    (import "wasi:io/streams@0.2.0" (instance $streams
        (export "output-stream" (type $stream (sub resource)))
        (alias outer 1 $error-type (type $outer))
        (export "error" (type $error (eq $outer)))
        (type $variant (variant (case "last-operation-failed" (own $error)) (case "closed")))
        (export "stream-error" (type $stream-error (eq $variant)))
        (export "[method]output-stream.FUNCTION"
            (func (param "self" (borrow $stream)) (param "len" u64) (result (result (error $stream-error)))))))
    (alias export $streams "output-stream" (type $stream-type))
    (import "wasi:cli/stdout@0.2.0" (instance $stdout
        (alias outer 1 $stream-type (type $outer))
        (export "output-stream" (type $stream (eq $outer)))
        (export "get-stdout" (func (result (own $stream))))))
    (core func $open (canon lower (func $stdout "get-stdout")))
    (core func $call (canon lower (func $streams "[method]output-stream.FUNCTION")
        (memory (core memory $own "memory"))))"#;

/// Opens the headers of a message and appends one.
const FIELDS: &str = r#"
    (import "wasi:http/types@0.2.0" (instance $http
        (export "fields" (type $fields (sub resource)))
        (type $variant (variant (case "invalid-syntax") (case "forbidden") (case "immutable")))
        (export "header-error" (type $header-error (eq $variant)))
        (export "[constructor]fields" (func (result (own $fields))))
        (export "[method]fields.append" (func
            (param "self" (borrow $fields)) (param "name" string) (param "value" (list u8))
            (result (result (error $header-error)))))))
    (core func $open (canon lower (func $http "[constructor]fields")))
    (core func $call (canon lower (func $http "[method]fields.append")
        (memory (core memory $own "memory")) (realloc (core func $own "realloc"))))"#;

/// Imports `open` and `call` of an interface, and returns an empty output, at address 0.
const COMPONENT: &str = r#"(component
    (core module $own
        (memory (export "memory") 4)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072)))
    (core instance $own (instantiate $own))
    INTERFACES
    (core module $run
        (import "own" "memory" (memory 1))
        (import "host" "open" (func $open (result i32)))
        (import "host" "call" (func $call CALL))
        (func $fill (memory.fill (i32.const 1024) (i32.const 97) (i32.const 65536)))
        (start $fill)
        (func (export "run") (param i32 i32) (result i32) (local i32 i32) STEPS (i32.const 0)))
    (core instance $run (instantiate $run
        (with "own" (instance $own))
        (with "host" (instance (export "open" (func $open)) (export "call" (func $call))))))
    (func (export "run") (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $run "run") (memory (core memory $own "memory")) (realloc (core func $own "realloc")))))"#;
