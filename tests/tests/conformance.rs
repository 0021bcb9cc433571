//! Every backend answers as every backend must.

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_backend_answers_as_it_must() {
    let mut wrong = Vec::new();
    let made = far_tests::conformance::all(|row| {
        if !row.ok() {
            wrong.push(format!("{}: expected '{}', seen '{}'", row.id, row.expected, row.seen));
        }
    });
    far_servers::or_skip(made.await);
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
