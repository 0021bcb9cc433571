//! The guest of the benchmarks performs the operations that they measure.

use far_core::pal::{EventKind, Pal};
use far_runtime::End;
use far_tests::{TestHost, guests};
use serde_json::json;

#[tokio::test]
async fn meter_repeats_gets_and_reveals() {
    for (reveal, revealed, bytes) in [(false, 0, 0), (true, 3, 3 * "token-canary".len())] {
        let host = TestHost::with(&[("token", "token-canary")], Pal::builder());
        let report = host.run(guests::METER, &["token:reveal"], &json!({ "times": 3, "reveal": reveal })).await;
        let output = format!(r#"{{"got":3,"bytes":{bytes}}}"#).into_bytes();
        assert_eq!(report.end, End::Completed(output));
        assert_eq!(report.provider_calls, 1, "later gets use the cached secret");
        let kinds = host.kinds();
        let count = |kind| kinds.iter().filter(|other| **other == kind).count();
        assert_eq!((count(EventKind::SecretInjected), count(EventKind::SecretRevealed)), (3, revealed));
    }
}
