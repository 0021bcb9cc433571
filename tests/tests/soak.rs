//! A short soak: `cargo xtask soak` runs a long one, and measures.

use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_tasks_succeed_among_hostile_ones() {
    let soaked = far_tests::soak::soak(Duration::from_secs(5), 64).await;
    assert!(soaked.honest > 0 && soaked.hostile > 0, "{soaked:?}");
    assert_eq!((soaked.failed, soaked.escaped), (0, 0), "{soaked:?}");
}
