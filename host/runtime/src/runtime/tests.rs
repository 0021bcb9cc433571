mod imports;

use far_core::pal::{EventKind, MemorySink, Outcome};

use super::*;
use crate::task::{End, Task};

/// A component that calls `task.id` and then traps.
const CALLS_THE_HOST: &str = r#"(component
  (import "tinkerbell:skill/task@0.1.0" (instance $task (export "id" (func (result string)))))
  (core module $memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024))
  (core instance $memory (instantiate $memory))
  (core func $id (canon lower (func $task "id") (memory (core memory $memory "memory")) (realloc (core func $memory "realloc"))))
  (core module $main
    (import "host" "id" (func $id (param i32)))
    (func (export "run") (param i32 i32) (result i32) (call $id (i32.const 0)) unreachable))
  (core instance $main (instantiate $main (with "host" (instance (export "id" (func $id))))))
  (func (export "run") (param "input" (list u8)) (result (result (list u8) (error string)))
    (canon lift (core func $main "run") (memory (core memory $memory "memory")) (realloc (core func $memory "realloc")))))"#;

/// Creates a runtime that implements `task.id` with `id`.
fn runtime(events: &Arc<MemorySink>, id: fn() -> String) -> Arc<Runtime> {
    let pal = Pal::builder().sink(events.clone()).build();
    let mut runtime = Runtime::builder("agent".parse().unwrap(), pal).build().unwrap();
    let linker = &mut Arc::get_mut(&mut runtime).unwrap().linker;
    linker.allow_shadowing(true);
    let mut task = linker.instance("tinkerbell:skill/task@0.1.0").unwrap();
    task.func_wrap_async("id", move |_, (): ()| Box::new(async move { Ok((id(),)) })).unwrap();
    runtime
}

async fn end(id: fn() -> String) -> (End, Vec<EventKind>, Option<Outcome>) {
    let events = MemorySink::new();
    let runtime = runtime(&events, id);
    let skill = runtime.load(wat::parse_str(CALLS_THE_HOST).unwrap()).await.unwrap();
    let report = runtime.run(Task::new(&skill)).await;
    let finished = events.records().last().unwrap().event.outcome();
    (report.end, events.kinds(), finished)
}

#[tokio::test]
async fn host_panic_ends_only_its_task() {
    let (ended, kinds, finished) = end(|| panic!("a panic that the test expects")).await;
    assert_eq!((ended, finished), (End::HostError, Some(Outcome::HostError)));
    assert_eq!(kinds, [EventKind::TaskAdmitted, EventKind::TaskStarted, EventKind::TaskFinished]);
    let (twin, ..) = end(|| "an id".to_owned()).await;
    assert!(matches!(twin, End::Trapped(_)), "the call did not return: {twin:?}");
}
