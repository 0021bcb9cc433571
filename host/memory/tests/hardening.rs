//! What a binary does at its start; in a process of its own, since it cannot be undone.

use far_memory::{WipingAllocator, harden_process, self_test};
use rustix::process::{DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, setrlimit};

#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

#[test]
fn a_process_is_hardened_again_and_again() {
    for _ in 0..2 {
        harden_process().unwrap();
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
    // The limit does not come back for who has no right to raise it; root has.
    if !rustix::process::geteuid().is_root() {
        assert!(setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) }).is_err());
    }
}

#[test]
fn a_process_that_sets_the_allocator_passes_its_test() {
    assert_eq!(self_test(), Ok(()));
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(self_test)).collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == Ok(())));
}
