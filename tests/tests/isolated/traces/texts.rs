//! A skill that passes a value as text to every engine function that accepts or returns text.

use far_core::pal::Outcome;
use far_runtime::Task;

use crate::traces::canaries::Canaries;
use crate::traces::renderings::Renderings;
use crate::traces::world::World;

pub(crate) async fn all(world: &World, canaries: &Canaries, renderings: &Renderings) {
    let skill = world.runtime.load(wat::parse_str(COMPONENT).unwrap()).await.unwrap();
    let path = format!("/{}", canaries.new_word("a-value-for-a-text"));
    let report = world.runtime.run(Task::new(&skill).with_input(path)).await;
    // The skill traps if a text does not come back.
    assert_eq!(report.end.outcome(), Outcome::Completed, "{report:?}");
    renderings.object("report", &report);
}

/// A component whose input is at 1024. The input is not a valid header name, but a valid path,
/// authority, method and scheme.
const COMPONENT: &str = r#"(component
    (import "wasi:http/types@0.2.12" (instance $http
        (export "fields" (type $fields (sub resource)))
        (export "outgoing-request" (type $request (sub resource)))
        (type $errors (variant (case "invalid-syntax") (case "forbidden") (case "immutable")))
        (export "header-error" (type $error (eq $errors)))
        (type $schemes (variant (case "HTTP") (case "HTTPS") (case "other" string)))
        (export "scheme" (type $scheme (eq $schemes)))
        (export "[constructor]fields" (func (result (own $fields))))
        (export "[method]fields.has" (func (param "self" (borrow $fields)) (param "name" string) (result bool)))
        (export "[method]fields.get" (func (param "self" (borrow $fields)) (param "name" string)
            (result (list (list u8)))))
        (export "[method]fields.set" (func (param "self" (borrow $fields)) (param "name" string)
            (param "value" (list (list u8))) (result (result (error $error)))))
        (export "[method]fields.append" (func (param "self" (borrow $fields)) (param "name" string)
            (param "value" (list u8)) (result (result (error $error)))))
        (export "[method]fields.delete" (func (param "self" (borrow $fields)) (param "name" string)
            (result (result (error $error)))))
        (export "[constructor]outgoing-request" (func (param "headers" (own $fields)) (result (own $request))))
        (export "[method]outgoing-request.set-path-with-query" (func (param "self" (borrow $request))
            (param "path-with-query" (option string)) (result (result))))
        (export "[method]outgoing-request.path-with-query" (func (param "self" (borrow $request))
            (result (option string))))
        (export "[method]outgoing-request.set-scheme" (func (param "self" (borrow $request))
            (param "scheme" (option $scheme)) (result (result))))))
    (core module $memory (memory (export "memory") 1)
        (global $next (mut i32) (i32.const 8192))
        (func (export "realloc") (param i32 i32 i32 i32) (result i32)
            (global.get $next) (global.set $next (i32.add (global.get $next) (i32.const 256)))))
    (core instance $m (instantiate $memory))
    (core func $new (canon lower (func $http "[constructor]fields")))
    (core func $has (canon lower (func $http "[method]fields.has") (memory (core memory $m "memory"))))
    (core func $get (canon lower (func $http "[method]fields.get") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
    (core func $set (canon lower (func $http "[method]fields.set") (memory (core memory $m "memory"))))
    (core func $append (canon lower (func $http "[method]fields.append") (memory (core memory $m "memory"))))
    (core func $delete (canon lower (func $http "[method]fields.delete") (memory (core memory $m "memory"))))
    (core func $request (canon lower (func $http "[constructor]outgoing-request")))
    (core func $set-path (canon lower (func $http "[method]outgoing-request.set-path-with-query") (memory (core memory $m "memory"))))
    (core func $path (canon lower (func $http "[method]outgoing-request.path-with-query") (memory (core memory $m "memory"))
        (realloc (core func $m "realloc"))))
    (core func $set-scheme (canon lower (func $http "[method]outgoing-request.set-scheme") (memory (core memory $m "memory"))))
    (core module $run
        (import "m" "memory" (memory 1))
        (import "http" "new" (func $new (result i32)))
        (import "http" "has" (func $has (param i32 i32 i32) (result i32)))
        (import "http" "get" (func $get (param i32 i32 i32 i32)))
        (import "http" "set" (func $set (param i32 i32 i32 i32 i32 i32)))
        (import "http" "append" (func $append (param i32 i32 i32 i32 i32 i32)))
        (import "http" "delete" (func $delete (param i32 i32 i32 i32)))
        (import "http" "request" (func $request (param i32) (result i32)))
        (import "http" "set-path" (func $set-path (param i32 i32 i32 i32) (result i32)))
        (import "http" "path" (func $path (param i32 i32)))
        (import "http" "set-scheme" (func $set-scheme (param i32 i32 i32 i32 i32) (result i32)))
        (func (export "run") (param $text i32) (param $len i32) (result i32) (local $fields i32) (local $request i32)
            (local.set $fields (call $new))
            (if (call $has (local.get $fields) (local.get $text) (local.get $len)) (then unreachable))
            (call $get (local.get $fields) (local.get $text) (local.get $len) (i32.const 64))
            (call $set (local.get $fields) (local.get $text) (local.get $len) (i32.const 0) (i32.const 0) (i32.const 64))
            (call $append (local.get $fields) (local.get $text) (local.get $len) (i32.const 0) (i32.const 0) (i32.const 64))
            (if (i32.eqz (i32.load8_u (i32.const 64))) (then unreachable))
            (call $delete (local.get $fields) (local.get $text) (local.get $len) (i32.const 64))
            (local.set $request (call $request (local.get $fields)))
            (if (call $set-path (local.get $request) (i32.const 1) (local.get $text) (local.get $len)) (then unreachable))
            (call $path (local.get $request) (i32.const 64))
            (if (i32.ne (i32.load (i32.const 72)) (local.get $len)) (then unreachable))
            (drop (call $set-scheme (local.get $request) (i32.const 1) (i32.const 2) (local.get $text) (local.get $len)))
            (i32.store (i32.const 0) (i32.const 0)) (i32.store (i32.const 4) (i32.const 0))
            (i32.store (i32.const 8) (i32.const 0))
            (i32.const 0)))
    (core instance $i (instantiate $run (with "m" (instance $m)) (with "http" (instance
        (export "new" (func $new)) (export "has" (func $has)) (export "get" (func $get)) (export "set" (func $set))
        (export "append" (func $append)) (export "delete" (func $delete)) (export "request" (func $request))
        (export "set-path" (func $set-path)) (export "path" (func $path)) (export "set-scheme" (func $set-scheme))))))
    (func $run (param "input" (list u8)) (result (result (list u8) (error string)))
        (canon lift (core func $i "run") (memory (core memory $m "memory")) (realloc (core func $m "realloc"))))
    (export "run" (func $run)))"#;
