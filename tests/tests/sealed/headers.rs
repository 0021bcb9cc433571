//! Headers that a skill has no say in.

use std::collections::BTreeMap;

use far_tests::place::{Place, answers};
use serde_json::json;

use super::saying;

/// What the SDK's fake host is tested with, too.
const TABLE: &str = include_str!("../../../guest-sdk/tests/headers.json");

#[tokio::test(flavor = "multi_thread")]
async fn headers_leave_as_the_table_says() {
    let table: BTreeMap<String, Vec<String>> = serde_json::from_str(TABLE).unwrap();
    let place = Place::new(saying("fine")).await;
    for (which, names) in &table {
        for name in names {
            let request =
                json!([{ "method": "GET", "url": place.url("/"), "bearer": "alpha", "headers": [[name, "a-value"]] }]);
            let answer = answers(&place.send(request).await).remove(0);
            if which == "refused" {
                assert_eq!(answer, json!({ "error": "Invalid" }), "{name}");
                continue;
            }
            assert_eq!(answer["status"], json!(200), "{name}");
            let arrived = place.server.arrived().pop().unwrap();
            let header = format!("\r\n{}: a-value\r\n", name.to_ascii_lowercase());
            assert_eq!(arrived.contains(&header), which == "kept", "{arrived}");
        }
    }
}
