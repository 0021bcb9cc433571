//! Headers that the host refuses, removes or keeps.

use std::collections::BTreeMap;

use far_tests::egress_fixture::{EgressFixture, answers};
use serde_json::json;

use super::answering;

/// A table that also tests the SDK's fake host.
const TABLE: &str = include_str!("../../../../host/capability/tests/tables/headers.json");

#[tokio::test(flavor = "multi_thread")]
async fn headers_follow_table() {
    let table: BTreeMap<String, Vec<String>> = serde_json::from_str(TABLE).unwrap();
    let fixture = EgressFixture::new(answering("fine")).await;
    for (which, names) in &table {
        // A task may send a hundred requests.
        for names in names.chunks(50) {
            let before = fixture.server.arrived().len();
            let request = |name: &String| json!({ "method": "GET", "url": fixture.url("/"), "bearer": "alpha", "headers": [[name, "a-value"]] });
            let answers = answers(&fixture.send(names.iter().map(request).collect()).await);
            assert_eq!(answers.len(), names.len());
            if which == "refused" {
                assert!(
                    answers.iter().all(|answer| *answer == json!({ "error": "Invalid" })),
                    "{names:?}: {answers:?}"
                );
                continue;
            }
            assert!(answers.iter().all(|answer| answer["status"] == json!(200)), "{names:?}: {answers:?}");
            let arrived = fixture.server.arrived().split_off(before);
            assert_eq!(arrived.len(), names.len());
            for (name, arrived) in names.iter().zip(arrived) {
                let header = format!("\r\n{}: a-value\r\n", name.to_ascii_lowercase());
                assert_eq!(arrived.contains(&header), which == "kept", "{name}: {arrived}");
            }
        }
    }
}
