//! Hardening, in a separate process, since it cannot be undone.

use far_memory::{WipingAllocator, harden_process, self_test};
use rustix::process::{DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, setrlimit};

#[global_allocator]
static ALLOCATOR: WipingAllocator = WipingAllocator::new();

#[test]
fn hardening_is_idempotent() {
    for _ in 0..2 {
        harden_process().unwrap();
        assert_eq!(getrlimit(Resource::Core), Rlimit { current: Some(0), maximum: Some(0) });
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
    // Only root may raise the limit again.
    if !rustix::process::geteuid().is_root() {
        assert!(setrlimit(Resource::Core, Rlimit { current: Some(1), maximum: Some(1) }).is_err());
    }
}

#[test]
fn self_test_passes_with_wiping_allocator() {
    assert_eq!(self_test(), Ok(()));
    let threads: Vec<_> = (0..4).map(|_| std::thread::spawn(self_test)).collect();
    assert!(threads.into_iter().all(|thread| thread.join().unwrap() == Ok(())));
}
