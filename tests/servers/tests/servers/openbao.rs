//! Tests of OpenBao: installation, start, state and shutdown.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a missing value fails the test")]

use std::net::TcpStream;

use far_servers::{OpenBao, or_skip};
use serde_json::{Value, json};

fn write_and_read(bao: &OpenBao, mount: &str) {
    bao.api("POST", &format!("{mount}/data/db"), &json!({ "data": { "password": "pa55" } })).unwrap();
    let read = bao.api("GET", &format!("{mount}/data/db"), &Value::Null).unwrap();
    assert_eq!(read["data"]["data"], json!({ "password": "pa55" }));
}

#[test]
fn dev_server_stores_until_dropped() {
    let Some(bao) = or_skip(OpenBao::dev()) else { return };
    write_and_read(&bao, "secret");
    let refused = bao.api("GET", "secret/data/absent", &Value::Null).unwrap_err();
    assert!(refused.what().starts_with("OpenBao answered GET /v1/secret/data/absent with 404"), "{refused}");
    let socket = bao.socket();
    drop(bao);
    assert!(TcpStream::connect(socket).is_err());
}

#[test]
fn concurrent_servers_are_separate() {
    let Some(one) = or_skip(OpenBao::dev()) else { return };
    let two = OpenBao::dev().unwrap();
    assert_ne!((one.address(), one.root_token()), (two.address(), two.root_token()));
    write_and_read(&one, "secret");
    assert!(two.api("GET", "secret/data/db", &Value::Null).is_err());
}

#[test]
fn disk_server_survives_kill() {
    let Some(mut bao) = or_skip(OpenBao::on_disk()) else { return };
    bao.mount_kv("kv").unwrap();
    write_and_read(&bao, "kv");
    let audited = |line: &str| serde_json::from_str::<Value>(line).unwrap()["request"]["path"] == "kv/data/db";
    assert!(bao.audit_log().lines().any(audited));
    bao.kill_and_restart().unwrap();
    assert!(bao.api("GET", "kv/data/db", &Value::Null).unwrap_err().what().contains("503"));
    bao.unseal().unwrap();
    assert_eq!(bao.api("GET", "kv/data/db", &Value::Null).unwrap()["data"]["data"]["password"], "pa55");
}
