//! Headers that a skill has no say in.

use std::collections::BTreeMap;

use far_tests::place::{Place, answers};
use serde_json::json;

use super::saying;

/// What the SDK's fake host is tested with, too.
const TABLE: &str = include_str!("../../../../host/capability/tests/tables/headers.json");

#[tokio::test(flavor = "multi_thread")]
async fn headers_leave_as_the_table_says() {
    let table: BTreeMap<String, Vec<String>> = serde_json::from_str(TABLE).unwrap();
    let place = Place::new(saying("fine")).await;
    for (which, names) in &table {
        // A task may send a hundred requests.
        for names in names.chunks(50) {
            let before = place.server.arrived().len();
            let request = |name: &String| json!({ "method": "GET", "url": place.url("/"), "bearer": "alpha", "headers": [[name, "a-value"]] });
            let answers = answers(&place.send(names.iter().map(request).collect()).await);
            assert_eq!(answers.len(), names.len());
            if which == "refused" {
                assert!(
                    answers.iter().all(|answer| *answer == json!({ "error": "Invalid" })),
                    "{names:?}: {answers:?}"
                );
                continue;
            }
            assert!(answers.iter().all(|answer| answer["status"] == json!(200)), "{names:?}: {answers:?}");
            let arrived = place.server.arrived().split_off(before);
            assert_eq!(arrived.len(), names.len());
            for (name, arrived) in names.iter().zip(arrived) {
                let header = format!("\r\n{}: a-value\r\n", name.to_ascii_lowercase());
                assert_eq!(arrived.contains(&header), which == "kept", "{name}: {arrived}");
            }
        }
    }
}
