//! The KV secrets engine, versions 1 and 2.

use std::sync::Arc;
use std::time::Duration;

use far_core::Version;
use far_core::memory::SecretBytes;
use far_core::provider::{
    AbsenceReason, Description, ProviderError, Reference, RefreshOutcome, SecretAdmin, SecretProvider,
};
use far_providers::vault::{Auth, Engine, Mounts, Vault};
use serde_json::json;

use crate::bao::{Bao, Files};
use crate::{as_root, config, current, exactly, get, open, pair};

#[tokio::test]
async fn kv2_versions_are_read_and_deleted() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    let vault = as_root(&bao, &files, &[]);
    for value in ["one", "two", "three"] {
        bao.ok("kv/data/ci/github", &format!(r#"{{"data":{{"token":"{value}"}}}}"#));
    }
    let at = "kv/ci/github#token";
    assert_eq!(current(&vault, at).await, pair("three", "3"));
    assert_eq!(exactly(&vault, at, "1").await, pair("one", "1"));
    assert_eq!(exactly(&vault, at, "4").await, Err(ProviderError::NotFound));
    assert_eq!(current(&vault, "kv/ci/absent").await, Err(ProviderError::NotFound));
    assert_eq!(current(&vault, "kv/ci/github#absent").await, Err(ProviderError::NotFound));

    bao.ok("kv/delete/ci/github", r#"{"versions":[3]}"#);
    assert_eq!(current(&vault, at).await, Err(ProviderError::VersionGone(AbsenceReason::Deleted)));
    bao.ok("kv/destroy/ci/github", r#"{"versions":[1]}"#);
    assert_eq!(exactly(&vault, at, "1").await, Err(ProviderError::VersionGone(AbsenceReason::Destroyed)));
    assert_eq!(exactly(&vault, at, "2").await, pair("two", "2"));
    bao.ok("kv/undelete/ci/github", r#"{"versions":[3]}"#);
    assert_eq!(current(&vault, at).await, pair("three", "3"));
}

#[tokio::test]
async fn values_are_read_verbatim() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    let vault = as_root(&bao, &files, &[]);
    let long = "x".repeat(SecretBytes::MAX_LEN);
    let data = format!(
        r#"{{"data":{{"empty":"","lines":"a\n\"\u0000\u00e9\ud83d\udd11","number":1.5,"yes":true,"none":null,"list":[1,"a"],"long":"{long}","longer":"{long}x"}}}}"#
    );
    bao.ok("kv/data/all", &data);
    for (field, expected) in [
        ("empty", ""),
        ("lines", "a\n\"\0\u{e9}\u{1f511}"),
        ("number", "1.5"),
        ("yes", "true"),
        ("none", "null"),
        ("list", r#"[1,"a"]"#),
        ("long", &long),
    ] {
        assert_eq!(current(&vault, &format!("kv/all#{field}")).await, pair(expected, "1"), "{field}");
    }
    assert_eq!(get(&vault, "kv/all#longer").await.err(), Some(ProviderError::TooLarge));
    bao.ok("kv/data/few", r#"{"data":{"b":1,"a":"x"}}"#);
    assert_eq!(current(&vault, "kv/few").await, pair(r#"{"a":"x","b":1}"#, "1"));
}

#[tokio::test]
async fn special_characters_in_path_are_encoded() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    let vault = as_root(&bao, &files, &[]);
    for (path, encoded) in [
        ("\u{e9}t\u{e9}/\u{1f511}", "%C3%A9t%C3%A9/%F0%9F%94%91"),
        ("a b/c?d&e=f", "a%20b/c%3Fd%26e%3Df"),
        ("%2e%2e/%2f", "%252e%252e/%252f"),
        ("a+b;c\\d", "a%2Bb%3Bc%5Cd"),
    ] {
        bao.ok(&format!("kv/data/{encoded}"), r#"{"data":{"f":"v"}}"#);
        assert_eq!(current(&vault, &format!("kv/{path}#f")).await, pair("v", "1"), "{path}");
    }
    bao.mount_kv("teams/a/kv");
    bao.ok("teams/a/kv/data/x/y", r#"{"data":{"f":"v"}}"#);
    assert_eq!(current(&vault, "teams/a/kv/x/y#f").await, pair("v", "1"));
}

#[tokio::test]
async fn kv1_version_is_keyed_hash() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    let vault = as_root(&bao, &files, &["old/ci/a#token", "old/ci/b", "old/ci"]);
    bao.ok("sys/mounts/old", r#"{"type":"kv","options":{"version":"1"}}"#);
    bao.ok("old/ci/a", r#"{"token":"one","n":1}"#);
    let (value, first) = current(&vault, "old/ci/a#token").await.unwrap();
    assert!(value == "one" && first.starts_with("kv1-") && !first.contains("one"));
    assert_eq!(get(&vault, "old/ci/a#token").await.unwrap().ttl, None, "its lease duration is a hint");
    assert_eq!(exactly(&vault, "old/ci/a#token", &first).await, pair("one", &first));
    assert_eq!(current(&vault, "old/ci/a").await.unwrap().0, r#"{"n":1,"token":"one"}"#);
    assert_eq!(current(&vault, "old/ci/b").await, Err(ProviderError::NotFound));

    bao.ok("old/ci/a", r#"{"token":"two"}"#);
    let gone = Err(ProviderError::VersionGone(AbsenceReason::Destroyed));
    assert_eq!(exactly(&vault, "old/ci/a#token", &first).await, gone);
    let refreshed = vault.refresh_secret(&Reference::new("old/ci/a#token"), &Version::parse(&first).unwrap()).await;
    assert!(matches!(refreshed, Ok(RefreshOutcome::Changed(fetched)) if fetched.value.expose() == b"two"));
    // A folder is not a secret.
    assert_eq!(vault.list_secrets().await, Ok(vec![Reference::new("old/ci/a#token")]));
}

#[tokio::test]
async fn wrong_engine_is_not_absence() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    bao.ok("kv/data/a", r#"{"data":{"f":"v"}}"#);
    let mut config = config(&bao, Auth::Token { file: files.write("root", bao.root()) });
    config.mounts = Mounts::all(Engine::KvV1);
    let vault = open(config, &[]);
    assert_eq!(current(&vault, "kv/a").await, Err(ProviderError::Invalid));
    assert_eq!(current(&vault, "nowhere/a").await, Err(ProviderError::Invalid), "no such mount");
}

#[tokio::test]
async fn refresh_detects_new_version() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    let vault = as_root(&bao, &files, &[]);
    bao.ok("kv/data/a", r#"{"data":{"f":"one"}}"#);
    let (reference, known) = (Reference::new("kv/a#f"), Version::parse("1").unwrap());
    assert!(matches!(vault.refresh_secret(&reference, &known).await, Ok(RefreshOutcome::Unchanged)));
    bao.ok("kv/data/a", r#"{"data":{"f":"two"}}"#);
    let refreshed = vault.refresh_secret(&reference, &known).await;
    assert!(matches!(refreshed, Ok(RefreshOutcome::Changed(fetched)) if fetched.version.as_str() == "2"));
    bao.ask("DELETE", "kv/metadata/a");
    assert_eq!(vault.refresh_secret(&reference, &known).await.err(), Some(ProviderError::NotFound));
}

#[tokio::test]
async fn planned_deletion_caps_ttl() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    let vault = as_root(&bao, &files, &[]);
    bao.ok("kv/metadata/a", r#"{"delete_version_after":"60s"}"#);
    bao.ok("kv/data/a", r#"{"data":{"f":"v"}}"#);
    let ttl = get(&vault, "kv/a#f").await.unwrap().ttl.unwrap();
    assert!(ttl <= Duration::from_secs(60) && ttl > Duration::from_secs(30), "{ttl:?}");
}

#[tokio::test]
async fn listing_reads_no_values() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    for path in ["ci/a", "ci/deleted", "ci/folder/b"] {
        bao.ok(&format!("kv/data/{path}"), r#"{"data":{"f":"v"}}"#);
    }
    bao.ask("DELETE", "kv/data/ci/deleted");
    let known = ["kv/ci/a#f", "kv/ci/deleted", "kv/ci/folder", "kv/ci/folder/b", "kv/none/x"];
    let there = |texts: &[&str]| Ok(texts.iter().map(|text| Reference::new(text)).collect::<Vec<_>>());
    let vault = as_root(&bao, &files, &known);
    assert_eq!(vault.list_secrets().await, there(&["kv/ci/a#f", "kv/ci/folder/b"]));

    // Without permission to read metadata, folders are listed. A list includes deleted secrets.
    let policy = r#"{"policy":"path \"kv/metadata/*\" { capabilities = [\"list\"] }"}"#;
    bao.ok("sys/policies/acl/lists", policy);
    let token = bao.ok("auth/token/create", r#"{"policies":["lists"]}"#);
    let file = files.write("lists", token["auth"]["client_token"].as_str().unwrap());
    let vault = open(config(&bao, Auth::Token { file }), &known);
    assert_eq!(vault.list_secrets().await, there(&["kv/ci/a#f", "kv/ci/deleted", "kv/ci/folder/b"]));

    let token = bao.ok("auth/token/create", r#"{"policies":["default"]}"#);
    let file = files.write("default", token["auth"]["client_token"].as_str().unwrap());
    let vault = open(config(&bao, Auth::Token { file }), &known);
    assert_eq!(vault.list_secrets().await, Err(ProviderError::Denied));
    assert_eq!(get(&vault, "kv/ci/a").await.err(), Some(ProviderError::Denied));
    assert_eq!(get(&vault, "kv/none/x").await.err(), Some(ProviderError::Denied), "denied never means absent");
}

/// Opens a provider whose token has this policy.
fn with_policy(bao: &Bao, files: &Files, policy: &str) -> Vault {
    bao.ok("sys/policies/acl/own", &json!({ "policy": policy }).to_string());
    let token = bao.ok("auth/token/create", r#"{"policies":["own"]}"#);
    let file = files.write("own", token["auth"]["client_token"].as_str().unwrap());
    open(config(bao, Auth::Token { file }), &[])
}

async fn described(vault: &Vault, reference: &str) -> Result<Description, ProviderError> {
    vault.describe(&Reference::new(reference)).await
}

#[tokio::test]
async fn describe_needs_only_metadata_permission() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    bao.ok("sys/mounts/old", r#"{"type":"kv","options":{"version":"1"}}"#);
    bao.ok("old/a", r#"{"f":"v"}"#);
    let vault = with_policy(&bao, &files, r#"path "kv/metadata/*" { capabilities = ["read"] }"#);
    for value in ["one", "two"] {
        bao.ok("kv/data/a", &format!(r#"{{"data":{{"f":"{value}"}}}}"#));
    }
    let description = described(&vault, "kv/a#f").await.unwrap();
    assert_eq!((description.version.unwrap().as_str(), description.ttl, description.leased), ("2", None, false));
    assert!(description.age.unwrap() < Duration::from_secs(30), "{:?}", description.age);
    assert_eq!(get(&vault, "kv/a#f").await.err(), Some(ProviderError::Denied));

    bao.ok("kv/delete/a", r#"{"versions":[2]}"#);
    assert_eq!(described(&vault, "kv/a").await, Err(ProviderError::VersionGone(AbsenceReason::Deleted)));
    bao.ok("kv/destroy/a", r#"{"versions":[2]}"#);
    assert_eq!(described(&vault, "kv/a").await, Err(ProviderError::VersionGone(AbsenceReason::Destroyed)));
    bao.ok("kv/metadata/planned", r#"{"delete_version_after":"60s"}"#);
    assert_eq!(described(&vault, "kv/planned").await, Err(ProviderError::NotFound), "no version yet");
    bao.ok("kv/data/planned", r#"{"data":{"f":"v"}}"#);
    let ttl = described(&vault, "kv/planned").await.unwrap().ttl.unwrap();
    assert!(ttl <= Duration::from_secs(60) && ttl > Duration::from_secs(30), "{ttl:?}");
    assert_eq!(described(&vault, "kv/absent").await, Err(ProviderError::NotFound));
    assert_eq!(described(&vault, "old/a").await, Err(ProviderError::Unsupported));
    let vault = with_policy(&bao, &files, r#"path "kv/data/*" { capabilities = ["read"] }"#);
    assert_eq!(described(&vault, "kv/planned").await, Err(ProviderError::Denied));
}

#[tokio::test]
async fn revoke_deletes_only_named_version() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    bao.ok("sys/mounts/old", r#"{"type":"kv","options":{"version":"1"}}"#);
    for value in ["one", "two", "three"] {
        bao.ok("kv/data/a", &format!(r#"{{"data":{{"f":"{value}"}}}}"#));
    }
    bao.ok("kv/metadata/planned", r#"{"delete_version_after":"60s"}"#);
    bao.ok("kv/data/planned", r#"{"data":{"f":"v"}}"#);
    let delete = r#"path "kv/delete/*" { capabilities = ["update"] }"#;
    let metadata = r#"path "kv/metadata/*" { capabilities = ["read"] }"#;
    let vault = with_policy(&bao, &files, &format!("{delete}\n{metadata}"));
    let revoke = async |vault: &Vault, reference: &str, version: &str| {
        vault.revoke(&Reference::new(reference), &Version::parse(version).unwrap()).await
    };
    let root = as_root(&bao, &files, &[]);
    assert_eq!(revoke(&vault, "kv/a#f", "2").await, Ok(()));
    let deleted = Err(ProviderError::VersionGone(AbsenceReason::Deleted));
    assert_eq!(
        (exactly(&root, "kv/a#f", "1").await, exactly(&root, "kv/a#f", "2").await),
        (pair("one", "1"), deleted.clone())
    );
    assert_eq!(revoke(&vault, "kv/a#f", "2").await, Ok(()), "already deleted");
    assert_eq!(current(&root, "kv/a#f").await, pair("three", "3"));
    assert_eq!(revoke(&vault, "kv/a#f", "3").await, Ok(()));
    assert_eq!(current(&root, "kv/a#f").await, deleted);
    assert_eq!(revoke(&vault, "kv/planned", "1").await, Ok(()), "before the planned deletion");
    assert_eq!(described(&root, "kv/planned").await, Err(ProviderError::VersionGone(AbsenceReason::Deleted)));

    // The server itself accepts any of these.
    for (reference, version) in [("kv/a", "4"), ("kv/a", "0"), ("kv/a", "01"), ("kv/a", "x"), ("kv/absent", "1")] {
        assert_eq!(revoke(&vault, reference, version).await, Err(ProviderError::NotFound), "{reference} {version}");
    }
    assert_eq!(revoke(&root, "old/a", "1").await, Err(ProviderError::Unsupported));

    let vault = with_policy(&bao, &files, delete);
    assert_eq!(revoke(&vault, "kv/a", "1").await, Ok(()), "without reading metadata");
    assert_eq!(exactly(&root, "kv/a#f", "1").await, Err(ProviderError::VersionGone(AbsenceReason::Deleted)));
    bao.ok("kv/data/a", r#"{"data":{"f":"four"}}"#);
    let vault = with_policy(&bao, &files, metadata);
    assert_eq!(revoke(&vault, "kv/a", "4").await, Err(ProviderError::Denied));
    assert_eq!(current(&root, "kv/a#f").await, pair("four", "4"));
}

#[tokio::test]
async fn sealed_and_stopped_server_differ() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    bao.ok("kv/data/a", r#"{"data":{"f":"v"}}"#);
    let vault = as_root(&bao, &files, &[]);
    assert!(get(&vault, "kv/a").await.is_ok());
    bao.ok("sys/seal", "{}");
    assert_eq!(get(&vault, "kv/a").await.err(), Some(ProviderError::Sealed));
    assert_eq!(vault.list_secrets().await, Err(ProviderError::Sealed));
    drop(bao);
    let error = get(&vault, "kv/a").await.err().unwrap();
    assert!(matches!(error, ProviderError::Unavailable | ProviderError::Sealed), "{error}");
}

#[tokio::test]
async fn thousand_reads_share_one_request() {
    let Some(bao) = Bao::start() else { return };
    let files = Files::new();
    bao.ok("kv/data/a", r#"{"data":{"f":"v"}}"#);
    let vault = Arc::new(as_root(&bao, &files, &[]));
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let vault = vault.clone();
        all.spawn(async move { current(&vault, "kv/a#f").await });
    }
    while let Some(ended) = all.join_next().await {
        assert_eq!(ended.unwrap(), pair("v", "1"));
    }
    assert_eq!((vault.metrics().attempts(), vault.metrics().shared()), (1, 999));
}
