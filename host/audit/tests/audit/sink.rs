use far_audit::{Defect, TailStatus};
use far_core::pal::SinkError;

use super::*;

#[tokio::test]
async fn saved_head_proves_recorded_events() {
    let (_dir, path) = folder();
    let sink = open(&path).unwrap();
    let key = sink.key();
    sink.close(SOON).unwrap();
    let mut heads = Vec::new();
    for records in [3, 0, 2000] {
        heads.push(written(&path, records).await);
    }
    for head in &heads {
        let verdict = checked(&path, TrustAnchors { key: Some(key), head: Some(*head) });
        assert!(verdict.is_consistent(), "{:?}", verdict.findings);
        assert_eq!(verdict.tail, TailStatus::ProvenTo(head.line()));
    }
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches("secret.listed").count(), 2003);
    let last = text.lines().last().unwrap();
    fs::write(&path, text.strip_suffix(&format!("{last}\n")).unwrap()).unwrap();
    let cut = checked(&path, TrustAnchors { key: Some(key), head: heads.pop() });
    assert!(matches!(cut.findings[0].defect, Defect::Truncated(_)));
}

#[tokio::test]
async fn open_file_is_locked() {
    let (_dir, path) = folder();
    let sink = open(&path).unwrap();
    assert!(matches!(open(&path), Err(FileError::Locked { .. })));
    record(&gated(&sink)).await.unwrap();
    sink.close(SOON).unwrap();
    // A closed sink rejects records and releases the file.
    assert_eq!(record(&gated(&sink)).await, Err(AuditUnavailable(SinkError::Closed)));
    assert_eq!(sink.close(SOON), Err(SinkError::Closed));
    written(&path, 1).await;
}

#[tokio::test]
async fn concurrent_records_are_all_written() {
    let (_dir, path) = folder();
    let sink = FileSink::open(&path, FileOptions { synced: true }).unwrap();
    let pal = gated(&sink);
    let tasks: Vec<_> = (0..500)
        .map(|_| {
            tokio::spawn({
                let pal = pal.clone();
                async move { record(&pal).await }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let head = sink.close(SOON).unwrap();
    let verdict = checked(&path, TrustAnchors { key: None, head: Some(head) });
    assert!(verdict.is_consistent());
    let seqs: Vec<_> = fs::read_to_string(&path)
        .unwrap()
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["seq"].as_u64())
        .collect();
    assert_eq!(seqs, (1..=500).collect::<Vec<_>>());
}

#[tokio::test]
async fn removed_file_rejects_records() {
    let (_dir, path) = folder();
    let sink = open(&path).unwrap();
    let pal = gated(&sink);
    record(&pal).await.unwrap();
    fs::remove_file(&path).unwrap();
    let gone = AuditUnavailable(SinkError::Write(std::io::ErrorKind::NotFound));
    assert_eq!(record(&pal).await, Err(gone));
}

#[tokio::test]
async fn corrupt_file_is_left_unchanged() {
    let (_dir, path) = folder();
    written(&path, 3).await;
    let corrupt = fs::read_to_string(&path).unwrap().replace("\"seq\":2", "\"seq\":7");
    fs::write(&path, &corrupt).unwrap();
    let error = open(&path).unwrap_err();
    // The opening reads a short file whole, signed lines included.
    assert!(matches!(error, FileError::Corrupt { .. }), "{error}");
    assert!(error.help().contains("far audit verify"));
    assert_eq!(fs::read_to_string(&path).unwrap(), corrupt);
}
